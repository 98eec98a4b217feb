-- Closing the months that are billed; connector/load/close-months.ts runs these.

-- name: open scopes
SELECT stream, scope
FROM {{dataset}}._scopes
WHERE stream IN ('unbilled_usage', 'unbilled_reconciliation') AND state <> 'superseded'
ORDER BY stream, scope;

-- name: billed scopes
SELECT
  c.stream, c.scope, c.state,
  CASE WHEN s.load_id IS NULL THEN 0 ELSE 1 END AS published,
  coalesce(i.billing_month, s.billing_month) AS billing_month,
  i.currency, s.sums
FROM {{dataset}}._scopes c
LEFT JOIN {{dataset}}._snapshots s ON s.load_id = c.load_id
LEFT JOIN {{dataset}}.invoices i ON i.invoice_number = c.scope
WHERE c.stream IN ('billed_usage', 'billed_reconciliation')
ORDER BY c.stream, c.scope;

-- name: listed documents
-- Legacy documents (D...) have no data in Graph: api-contract.md section 11.
SELECT invoice_number, billing_month, currency, document_type, status
FROM {{dataset}}.invoices
WHERE invoice_number LIKE 'G%'
ORDER BY invoice_number;

-- name: supersede
UPDATE {{dataset}}._scopes SET state = 'superseded', next_check_at = NULL WHERE stream = $1 AND scope = $2;
