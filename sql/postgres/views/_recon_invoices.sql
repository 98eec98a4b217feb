-- A step of the checks, for them only: every invoice that is known (listed and exportable, or ever asked for), with what
-- is published of its usage and of its lines. billing_month is the list's, else that of what is published. read_at is
-- when Graph last answered that the published snapshot is what it has. Usage is young while it was last read before the
-- 15th of the month after the billed one: it settles until then (domain.md section C3, calendar). Null: not known.
-- Notes have no usage and mostly no data, so they are here only where somebody asked for them.
CREATE OR REPLACE VIEW {{dataset}}._recon_invoices AS
SELECT
  k.invoice_number,
  coalesce(i.billing_month, u.billing_month, l.billing_month) AS billing_month,
  i.invoice_number IS NOT NULL AS is_listed,
  i.document_type,
  i.status AS document_status,
  upper(i.currency) AS listed_currency,
  u.load_id AS usage_load_id,
  u.attribute_set AS usage_attribute_set,
  u.read_at AS usage_read_at,
  u.records_rejected AS usage_rejected,
  l.load_id AS lines_load_id,
  l.attribute_set AS lines_attribute_set,
  l.read_at AS lines_read_at,
  l.records_rejected AS lines_rejected,
  u.read_at < coalesce(i.billing_month, u.billing_month, l.billing_month) + INTERVAL '1 month' + INTERVAL '14 days'
    AS is_usage_young
FROM (
  SELECT invoice_number
  FROM {{dataset}}.invoices
  WHERE invoice_number LIKE 'G%' AND coalesce(document_type, '') NOT LIKE '%note'
  UNION
  SELECT scope
  FROM {{dataset}}._scopes
  WHERE stream IN ('billed_usage', 'billed_reconciliation')
) k
LEFT JOIN {{dataset}}.invoices i ON i.invoice_number = k.invoice_number
LEFT JOIN (
  SELECT
    c.scope, s.load_id, s.attribute_set, s.billing_month, s.records_rejected,
    greatest(s.published_at, c.last_checked_at) AS read_at
  FROM {{dataset}}._scopes c
  JOIN {{dataset}}._snapshots s ON s.load_id = c.load_id
  WHERE c.stream = 'billed_usage'
) u ON u.scope = k.invoice_number
LEFT JOIN (
  SELECT
    c.scope, s.load_id, s.attribute_set, s.billing_month, s.records_rejected,
    greatest(s.published_at, c.last_checked_at) AS read_at
  FROM {{dataset}}._scopes c
  JOIN {{dataset}}._snapshots s ON s.load_id = c.load_id
  WHERE c.stream = 'billed_reconciliation'
) l ON l.scope = k.invoice_number;
