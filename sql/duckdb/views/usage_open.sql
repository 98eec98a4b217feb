-- Usage of every month once: what was billed, and the estimate of each month that is not superseded.
-- Source: architecture.md section 3 (streams), domain.md section C3 (calendar). Columns are only ever added at the end.
CREATE OR REPLACE VIEW {{dataset}}.usage_open AS
SELECT
  'billed_usage' AS stream,
  coalesce(i.billing_month, s.billing_month) AS billing_month,
  t.line_item_key,
  t.line_item_occurrence,
  t._load_id,
  {{usage_columns}}
FROM {{dataset}}.billed_usage t
LEFT JOIN {{dataset}}.invoices i ON i.invoice_number = t.invoice_number
LEFT JOIN {{dataset}}._snapshots s ON s.load_id = t._load_id
UNION ALL
SELECT
  'unbilled_usage' AS stream,
  t.billing_month,
  t.line_item_key,
  t.line_item_occurrence,
  t._load_id,
  {{usage_columns}}
FROM {{dataset}}.unbilled_usage t
WHERE NOT EXISTS (
  SELECT 1
  FROM {{dataset}}._scopes c
  WHERE c.stream = 'unbilled_usage' AND c.state = 'superseded'
    AND c.scope = strftime(t.billing_month, '%Y-%m') || '-' || upper(t.billing_currency)
);
