-- Which lines and rows of usage of an invoice are there more than once, equal in every field? Identical lines are legal
-- and nothing in them tells which, so none is called a duplicate and none is ever deleted: every group of them is
-- not_checked, with the reason why it may be right. Whether the money ties is for recon_invoice_tieout and
-- recon_usage_vs_invoice to say. Left: the amount of one. Right: the amount of all. The difference is what would be too much
-- if the others were duplicates.
-- matched: all rows of the stream, invoice and currency that have no identical one, in one row (left and right are their
-- sum). not_checked: a group of identical ones, or a known invoice that has neither usage nor lines here.
-- Source: domain.md section C3, 12, and C1 (E5 halves); api-contract.md section 12 (no identity in a line; tiers).
-- Columns are only ever added at the end.
CREATE OR REPLACE VIEW {{dataset}}.recon_possible_duplicates AS
WITH
-- Equal rows have one key, which numbers its rows from 1: only keys that have a second row are looked at, by primary key.
usage_repeated AS NOT MATERIALIZED (
  SELECT
    t.invoice_number, t.billing_currency AS currency, t.line_item_key, t._row_hash,
    min(t.line_item_occurrence) AS line_item_occurrence, count(*) AS records, sum(t.billing_pre_tax_total) AS amount
  FROM (
    SELECT DISTINCT s.invoice_number, s.line_item_key
    FROM {{dataset}}.billed_usage s
    WHERE s.line_item_occurrence > 1
  ) k
  JOIN {{dataset}}.billed_usage t ON t.invoice_number = k.invoice_number AND t.line_item_key = k.line_item_key
  GROUP BY t.invoice_number, t.billing_currency, t.line_item_key, t._row_hash
  HAVING count(*) > 1
),
lines_repeated AS NOT MATERIALIZED (
  SELECT
    t.invoice_number, t.currency, t.line_item_key, t._row_hash,
    min(t.line_item_occurrence) AS line_item_occurrence, count(*) AS records, sum(t.subtotal) AS amount
  FROM (
    SELECT DISTINCT s.invoice_number, s.line_item_key
    FROM {{dataset}}.billed_reconciliation s
    WHERE s.line_item_occurrence > 1
  ) k
  JOIN {{dataset}}.billed_reconciliation t ON t.invoice_number = k.invoice_number AND t.line_item_key = k.line_item_key
  GROUP BY t.invoice_number, t.currency, t.line_item_key, t._row_hash
  HAVING count(*) > 1
),
groups AS (
  SELECT
    'billed_usage' AS stream, t.invoice_number, upper(t.billing_currency) AS currency,
    CAST(NULL AS uuid) AS line_item_key, CAST(NULL AS integer) AS line_item_occurrence,
    count(*) AS records, sum(t.billing_pre_tax_total) AS amount
  FROM {{dataset}}.billed_usage t
  LEFT JOIN usage_repeated r
    ON r.invoice_number = t.invoice_number AND r.line_item_key = t.line_item_key AND r._row_hash = t._row_hash
    AND r.currency = t.billing_currency
  WHERE r.records IS NULL
  GROUP BY t.invoice_number, upper(t.billing_currency)
  UNION ALL
  SELECT
    'billed_reconciliation', t.invoice_number, upper(t.currency),
    NULL, NULL,
    count(*), sum(t.subtotal)
  FROM {{dataset}}.billed_reconciliation t
  LEFT JOIN lines_repeated r
    ON r.invoice_number = t.invoice_number AND r.line_item_key = t.line_item_key AND r._row_hash = t._row_hash
    AND r.currency = t.currency
  WHERE r.records IS NULL
  GROUP BY t.invoice_number, upper(t.currency)
  UNION ALL
  SELECT 'billed_usage', r.invoice_number, upper(r.currency), r.line_item_key, r.line_item_occurrence, r.records, r.amount
  FROM usage_repeated r
  UNION ALL
  SELECT
    'billed_reconciliation', r.invoice_number, upper(r.currency), r.line_item_key, r.line_item_occurrence, r.records, r.amount
  FROM lines_repeated r
)
SELECT
  g.invoice_number,
  g.currency,
  coalesce(u.customer_id, l.customer_id) AS customer_id,
  coalesce(u.customer_name, l.customer_name) AS customer_name,
  g.stream,
  g.line_item_key,
  g.line_item_occurrence,
  CASE WHEN g.line_item_key IS NULL THEN 'matched' ELSE 'not_checked' END AS status,
  CASE
    WHEN g.line_item_key IS NULL THEN g.amount
    WHEN g.stream = 'billed_usage' THEN u.billing_pre_tax_total
    ELSE l.subtotal
  END AS left_amount,
  g.amount AS right_amount,
  CASE
    WHEN g.line_item_key IS NULL THEN 0
    WHEN g.stream = 'billed_usage' THEN g.amount - u.billing_pre_tax_total
    ELSE g.amount - l.subtotal
  END AS difference,
  CAST(0 AS numeric) AS tolerance,
  CASE WHEN g.line_item_key IS NULL THEN g.records ELSE 1 END AS rows_left,
  g.records AS rows_right,
  CASE
    WHEN g.line_item_key IS NULL THEN NULL
    WHEN coalesce(CASE WHEN g.stream = 'billed_usage' THEN k.usage_attribute_set ELSE k.lines_attribute_set END = 'basic', false)
      THEN 'identical in basic, which lacks fields that could tell them apart'
    WHEN g.stream = 'billed_usage' THEN 'a resource can be rated in several equal parts on one day'
    WHEN concat(' ', l.product_name, ' ', l.sku_name, ' ') LIKE '% E5 %'
      THEN 'Microsoft 365 E5 is charged in two lines of one product, with telephony and without'
    WHEN l.meter_description IS NOT NULL
      THEN 'a meter is charged in several lines, one for each price tier and for days with and without credit'
    WHEN l.reference_id IS NOT NULL THEN 'changes of seats on one day can look alike'
    ELSE 'two purchases can look alike'
  END AS reason,
  CASE WHEN g.stream = 'billed_usage' THEN k.usage_load_id ELSE k.lines_load_id END AS snapshot_ids,
  CASE WHEN g.line_item_key IS NOT NULL THEN g.records END AS occurrences,
  coalesce(u.subscription_id, l.subscription_id) AS subscription_id,
  coalesce(u.product_id, l.product_id) AS product_id,
  coalesce(u.sku_id, l.sku_id) AS sku_id,
  coalesce(u.sku_name, l.sku_name) AS sku_name,
  coalesce(u.charge_type, l.charge_type) AS charge_type,
  u.usage_date,
  u.resource_uri
FROM groups g
-- One look-up by primary key for each group; LIMIT keeps Postgres from hashing the whole invoice for it.
LEFT JOIN LATERAL (
  SELECT t.*
  FROM {{dataset}}.billed_usage t
  WHERE g.stream = 'billed_usage' AND t.invoice_number = g.invoice_number
    AND t.line_item_key = g.line_item_key AND t.line_item_occurrence = g.line_item_occurrence
  LIMIT 1
) u ON true
LEFT JOIN LATERAL (
  SELECT t.*
  FROM {{dataset}}.billed_reconciliation t
  WHERE g.stream = 'billed_reconciliation' AND t.invoice_number = g.invoice_number
    AND t.line_item_key = g.line_item_key AND t.line_item_occurrence = g.line_item_occurrence
  LIMIT 1
) l ON true
LEFT JOIN {{dataset}}._recon_invoices k ON k.invoice_number = g.invoice_number
UNION ALL
SELECT
  k.invoice_number,
  k.listed_currency AS currency,
  CAST(NULL AS text) AS customer_id,
  CAST(NULL AS text) AS customer_name,
  CAST(NULL AS text) AS stream,
  CAST(NULL AS uuid) AS line_item_key,
  CAST(NULL AS integer) AS line_item_occurrence,
  'not_checked' AS status,
  CAST(NULL AS numeric) AS left_amount,
  CAST(NULL AS numeric) AS right_amount,
  CAST(NULL AS numeric) AS difference,
  CAST(NULL AS numeric) AS tolerance,
  CAST(0 AS bigint) AS rows_left,
  CAST(0 AS bigint) AS rows_right,
  'the invoice has neither usage nor lines here' AS reason,
  nullif(concat_ws(',', k.usage_load_id, k.lines_load_id), '') AS snapshot_ids,
  CAST(NULL AS bigint) AS occurrences,
  CAST(NULL AS text) AS subscription_id,
  CAST(NULL AS text) AS product_id,
  CAST(NULL AS text) AS sku_id,
  CAST(NULL AS text) AS sku_name,
  CAST(NULL AS text) AS charge_type,
  CAST(NULL AS date) AS usage_date,
  CAST(NULL AS text) AS resource_uri
FROM {{dataset}}._recon_invoices k
WHERE NOT EXISTS (SELECT 1 FROM {{dataset}}.billed_usage t WHERE t.invoice_number = k.invoice_number)
  AND NOT EXISTS (SELECT 1 FROM {{dataset}}.billed_reconciliation t WHERE t.invoice_number = k.invoice_number);
