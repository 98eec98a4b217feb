-- Invoices that published snapshots have rows of: the month that each bills, as the invoice list says it, else as the
-- exports did (null where neither does), and per stream the current snapshots (load ids) with their attribute set; of an
-- invoice whose rows came with several exports, basic where one of them is. A step of the reports.
-- Source: architecture.md section 3 (streams). Columns are only ever added at the end.
CREATE OR REPLACE VIEW {{dataset}}._invoice_snapshots AS
SELECT
  p.invoice_number,
  coalesce(max(i.billing_month), max(p.billing_month)) AS billing_month,
  min(p.attribute_set) FILTER (WHERE p.stream = 'billed_reconciliation') AS lines_attribute_set,
  string_agg(p.load_id, ',' ORDER BY p.load_id)
    FILTER (WHERE p.stream = 'billed_reconciliation') AS lines_snapshot_ids,
  min(p.attribute_set) FILTER (WHERE p.stream = 'billed_usage') AS usage_attribute_set,
  string_agg(p.load_id, ',' ORDER BY p.load_id)
    FILTER (WHERE p.stream = 'billed_usage') AS usage_snapshot_ids
FROM (
  SELECT
    s.stream, s.load_id, s.billing_month, s.attribute_set,
    unnest(CAST(s.invoice_numbers AS VARCHAR[])) AS invoice_number
  FROM {{dataset}}._scopes c
  JOIN {{dataset}}._snapshots s ON s.load_id = c.load_id
  WHERE c.stream IN ('billed_usage', 'billed_reconciliation')
) p
LEFT JOIN {{dataset}}.invoices i ON i.invoice_number = p.invoice_number
GROUP BY p.invoice_number;
