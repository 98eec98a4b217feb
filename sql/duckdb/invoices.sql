-- Keeping Partner Center's invoice list; connector/load/invoice-list.ts runs these.

-- name: recorded invoices
SELECT invoice_number, amends_of, invoice_date, billing_month, _row_hash, _first_load_id
FROM {{dataset}}.invoices
ORDER BY invoice_number;

-- name: keep invoice
-- Columns that a user added keep their values.
INSERT INTO {{dataset}}.invoices (
  invoice_number, amends_of, document_type, invoice_type, status, invoice_date, billing_period_start,
  billing_period_end, total_charges, paid_amount, currency, currency_symbol, invoice_details, billing_month,
  _row_hash, _load_id, _first_load_id, _extra
) VALUES (
  $1, $2, $3, $4, $5, CAST($6 AS TIMESTAMP), CAST($7 AS TIMESTAMP), CAST($8 AS TIMESTAMP),
  CAST($9 AS DECIMAL(38, 22)), CAST($10 AS DECIMAL(38, 22)), $11, $12, $13, CAST($14 AS DATE), CAST($15 AS UUID),
  $16, $17, CAST($18 AS JSON)
)
ON CONFLICT (invoice_number) DO UPDATE SET
  amends_of = excluded.amends_of,
  document_type = excluded.document_type,
  invoice_type = excluded.invoice_type,
  status = excluded.status,
  invoice_date = excluded.invoice_date,
  billing_period_start = excluded.billing_period_start,
  billing_period_end = excluded.billing_period_end,
  total_charges = excluded.total_charges,
  paid_amount = excluded.paid_amount,
  currency = excluded.currency,
  currency_symbol = excluded.currency_symbol,
  invoice_details = excluded.invoice_details,
  billing_month = excluded.billing_month,
  _row_hash = excluded._row_hash,
  _load_id = excluded._load_id,
  _first_load_id = excluded._first_load_id,
  _extra = excluded._extra;

-- name: keep invoice history
INSERT INTO {{dataset}}.invoices_history (
  invoice_number, amends_of, document_type, invoice_type, status, invoice_date, billing_period_start,
  billing_period_end, total_charges, paid_amount, currency, currency_symbol, invoice_details, billing_month,
  _row_hash, _load_id, _first_load_id, _extra,
  _replaced_by_load_id, _change
)
SELECT
  invoice_number, amends_of, document_type, invoice_type, status, invoice_date, billing_period_start,
  billing_period_end, total_charges, paid_amount, currency, currency_symbol, invoice_details, billing_month,
  _row_hash, _load_id, _first_load_id, _extra,
  $2, $3
FROM {{dataset}}.invoices
WHERE invoice_number = $1;

-- name: delete invoice
DELETE FROM {{dataset}}.invoices WHERE invoice_number = $1;

-- name: keep reading
INSERT INTO {{dataset}}._invoice_lists (
  load_id, run_id, read_at, since,
  documents, documents_inserted, documents_updated, documents_deleted, documents_unchanged, correlation_id
) VALUES ($1, $2, CAST($3 AS TIMESTAMP), $4, $5, $6, $7, $8, $9, $10);
