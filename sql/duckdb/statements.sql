-- What people state of invoices; connector/load/invoice-statements.ts runs these.

-- name: has statements
SELECT count(*) AS records
FROM duckdb_tables()
WHERE database_name = current_database() AND schema_name = $1 AND table_name = 'invoice_statements';

-- name: keep statement
INSERT INTO {{dataset}}.invoice_statements (statement_id, invoice_number, currency, pre_tax, tax, stated_by, stated_at)
VALUES ($1, $2, $3, CAST($4 AS DECIMAL(38, 22)), CAST($5 AS DECIMAL(38, 22)), $6, CAST($7 AS TIMESTAMP));

-- name: statements
-- The one stated last of each invoice.
SELECT s.invoice_number, s.currency, s.pre_tax, s.tax, s.stated_by, s.stated_at
FROM {{dataset}}.invoice_statements s
WHERE NOT EXISTS (
  SELECT 1 FROM {{dataset}}.invoice_statements n
  WHERE n.invoice_number = s.invoice_number AND (n.stated_at, n.statement_id) > (s.stated_at, s.statement_id)
)
ORDER BY s.invoice_number;
