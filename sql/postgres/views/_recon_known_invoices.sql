-- A step of the checks: every invoice that is known, from the list of invoices or because it was asked for, with the
-- snapshots that are published of it (null where none is), their attribute sets and how its scopes stand.
CREATE OR REPLACE VIEW {{dataset}}._recon_known_invoices AS
SELECT
  k.invoice_number,
  max(k.currency) AS currency,
  max(CASE WHEN k.stream = 'billed_reconciliation' THEN k.load_id END) AS lines_load_id,
  max(CASE WHEN k.stream = 'billed_reconciliation' THEN k.attribute_set END) AS lines_attribute_set,
  max(CASE WHEN k.stream = 'billed_reconciliation' THEN k.state END) AS lines_state,
  max(CASE WHEN k.stream = 'billed_usage' THEN k.load_id END) AS usage_load_id,
  max(CASE WHEN k.stream = 'billed_usage' THEN k.attribute_set END) AS usage_attribute_set,
  max(CASE WHEN k.stream = 'billed_usage' THEN k.state END) AS usage_state
FROM (
  SELECT
    i.invoice_number, upper(i.currency) AS currency,
    CAST(NULL AS text) AS stream, CAST(NULL AS text) AS load_id,
    CAST(NULL AS text) AS attribute_set, CAST(NULL AS text) AS state
  FROM {{dataset}}.invoices i
  UNION ALL
  SELECT c.scope, CAST(NULL AS text), c.stream, c.load_id, s.attribute_set, c.state
  FROM {{dataset}}._scopes c
  LEFT JOIN {{dataset}}._snapshots s ON s.load_id = c.load_id
  WHERE c.stream IN ('billed_usage', 'billed_reconciliation')
) k
GROUP BY k.invoice_number;
