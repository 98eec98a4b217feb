-- Who declared invoices right, and what became of these since; connector/load/sign-offs.ts runs these.

-- name: is known
-- Whether the dataset was migrated so far that it has the table as this version writes it.
SELECT count(*) AS migrations FROM {{dataset}}._migrations m WHERE m.name LIKE '%sign_off_despite';

-- name: last signed
-- Of each invoice what was signed last, a row a part.
SELECT
  o.invoice_number, o.signed_by, o.signed_at, o.stream, o.load_id, o.etag, o.records, o.amounts, o.rows_digest,
  o.proof_sha256, o.despite
FROM {{dataset}}.invoice_sign_offs o
WHERE NOT EXISTS (
  SELECT 1
  FROM {{dataset}}.invoice_sign_offs n
  WHERE n.invoice_number = o.invoice_number AND (n.signed_at, n.sign_off_id) > (o.signed_at, o.sign_off_id)
)
ORDER BY o.invoice_number, o.stream;

-- name: parts of signed
-- What the invoices that were ever signed are made of now.
SELECT p.* FROM ({{parts}}) p
WHERE p.invoice_number IN (SELECT o.invoice_number FROM {{dataset}}.invoice_sign_offs o)
ORDER BY p.invoice_number, p.stream;

-- name: parts of invoice
SELECT p.* FROM ({{parts}}) p WHERE p.invoice_number = $1 ORDER BY p.stream;

-- name: parts
SELECT
  c.scope AS invoice_number, c.stream, s.load_id, s.etag, s.records_staged AS records, s.sums AS amounts,
  s.rows_digest, s.proof_sha256, CAST(NULL AS VARCHAR) AS currency, CAST(NULL AS DECIMAL(38, 22)) AS total
FROM {{dataset}}._scopes c
JOIN {{dataset}}._snapshots s ON s.load_id = c.load_id
WHERE c.stream IN ('billed_usage', 'billed_reconciliation')
UNION ALL
SELECT
  i.invoice_number, 'invoices', i._load_id, NULL, 1, NULL, CAST(i._row_hash AS VARCHAR), NULL, i.currency, i.total_charges
FROM {{dataset}}.invoices i

-- name: amended since
-- Amendments of signed invoices that the list named for the first time after the last sign-off.
SELECT i.amends_of AS invoice_number, i.invoice_number AS amendment, i.currency, i.total_charges AS total
FROM {{dataset}}.invoices i
JOIN {{dataset}}._invoice_lists l ON l.load_id = i._first_load_id
WHERE l.read_at > (
  SELECT max(o.signed_at) FROM {{dataset}}.invoice_sign_offs o WHERE o.invoice_number = i.amends_of
)
ORDER BY 1, 2;

-- name: keep
INSERT INTO {{dataset}}.invoice_sign_offs (
  sign_off_id, invoice_number, signed_by, signed_at, stream, load_id, etag, records, amounts, rows_digest, proof_sha256,
  despite
)
VALUES ($1, $2, $3, CAST($4 AS TIMESTAMP), $5, $6, $7, $8, CAST($9 AS JSON), $10, $11, $12);
