-- What Microsoft restated: every line that a snapshot of an invoice added, removed or changed against the one before it,
-- with the money that moved. Amounts are the stream's own, billing_pre_tax_total or subtotal: the old one left, the new
-- one right. What the connector made different itself (history says reloaded: a repair, another attribute set) is not in
-- it, nor is what was replaced before the history was purged.
-- Source: domain.md section C3, 16. Columns are only ever added at the end.
-- Rows are not materialized and are found by the invoices of their snapshot, so that a condition on the invoice reaches the
-- tables.
CREATE OR REPLACE VIEW {{dataset}}.recon_snapshot_changes AS
WITH snapshots AS NOT MATERIALIZED (
  SELECT
    s.stream, s.scope, s.load_id, s.etag, s.attribute_set, s.published_at, s.invoice_numbers,
    coalesce((s.proof ->> 'reload') = 'true', false) AS is_reload,
    lag(s.load_id) OVER earlier AS from_load_id,
    lag(s.etag) OVER earlier AS from_etag,
    lag(s.attribute_set) OVER earlier AS from_attribute_set,
    lag(s.published_at) OVER earlier AS from_published_at
  FROM {{dataset}}._snapshots s
  WHERE s.outcome = 'published' AND s.stream IN ('billed_usage', 'billed_reconciliation')
  WINDOW earlier AS (PARTITION BY s.stream, s.scope ORDER BY s.published_at, s.load_id COLLATE "C")
),
-- Few, and looked up once: whether a load was a repair takes a look at all rows that it replaced.
restated AS MATERIALIZED (
  SELECT s.*
  FROM snapshots s
  LEFT JOIN {{dataset}}._retention r ON r.stream = s.stream AND r.scope = s.scope
  WHERE s.etag <> s.from_etag AND s.attribute_set = s.from_attribute_set AND NOT s.is_reload
    AND (r.stream IS NULL OR (s.published_at, s.load_id COLLATE "C") > (r.purged_until, r.purged_load_id COLLATE "C"))
    AND NOT EXISTS (
      SELECT 1 FROM {{dataset}}.billed_usage_history h
      WHERE h._replaced_by_load_id = s.load_id AND h._change = 'reloaded'
    )
    AND NOT EXISTS (
      SELECT 1 FROM {{dataset}}.billed_reconciliation_history h
      WHERE h._replaced_by_load_id = s.load_id AND h._change = 'reloaded'
    )
),
usage_versions AS NOT MATERIALIZED (
  SELECT
    _load_id, _first_load_id, line_item_key, line_item_occurrence, invoice_number, billing_currency AS currency,
    customer_id, customer_name, subscription_id, product_id, sku_id, charge_type, billing_pre_tax_total AS amount
  FROM {{dataset}}.billed_usage
  UNION ALL
  SELECT
    _load_id, _first_load_id, line_item_key, line_item_occurrence, invoice_number, billing_currency AS currency,
    customer_id, customer_name, subscription_id, product_id, sku_id, charge_type, billing_pre_tax_total AS amount
  FROM {{dataset}}.billed_usage_history
),
lines_versions AS NOT MATERIALIZED (
  SELECT
    _load_id, _first_load_id, line_item_key, line_item_occurrence, invoice_number, currency AS currency,
    customer_id, customer_name, subscription_id, product_id, sku_id, charge_type, subtotal AS amount
  FROM {{dataset}}.billed_reconciliation
  UNION ALL
  SELECT
    _load_id, _first_load_id, line_item_key, line_item_occurrence, invoice_number, currency AS currency,
    customer_id, customer_name, subscription_id, product_id, sku_id, charge_type, subtotal AS amount
  FROM {{dataset}}.billed_reconciliation_history
),
changes AS NOT MATERIALIZED (
  SELECT
    r.stream, r.scope, r.from_load_id, r.load_id AS to_load_id, r.from_etag, r.etag AS to_etag,
    r.from_published_at, r.published_at AS to_published_at,
    'added' AS change, t.line_item_key, t.line_item_occurrence, t.invoice_number, t.currency,
    t.customer_id, t.customer_name, t.subscription_id, t.product_id, t.sku_id, t.charge_type,
    CAST(NULL AS numeric) AS left_amount, t.amount AS right_amount
  FROM restated r
  CROSS JOIN LATERAL json_array_elements_text(CAST(r.invoice_numbers AS json)) AS n (invoice_number)
  JOIN usage_versions t ON t.invoice_number = n.invoice_number AND t._load_id = r.load_id AND t._first_load_id = r.load_id
  WHERE r.stream = 'billed_usage'
  UNION ALL
  SELECT
    r.stream, r.scope, r.from_load_id, r.load_id AS to_load_id, r.from_etag, r.etag AS to_etag,
    r.from_published_at, r.published_at AS to_published_at,
    'changed' AS change, h.line_item_key, h.line_item_occurrence, t.invoice_number, t.currency,
    coalesce(t.customer_id, h.customer_id) AS customer_id,
    coalesce(t.customer_name, h.customer_name) AS customer_name,
    coalesce(t.subscription_id, h.subscription_id) AS subscription_id,
    coalesce(t.product_id, h.product_id) AS product_id,
    coalesce(t.sku_id, h.sku_id) AS sku_id,
    coalesce(t.charge_type, h.charge_type) AS charge_type,
    h.billing_pre_tax_total AS left_amount, t.amount AS right_amount
  FROM restated r
  CROSS JOIN LATERAL json_array_elements_text(CAST(r.invoice_numbers AS json)) AS n (invoice_number)
  JOIN usage_versions t ON t.invoice_number = n.invoice_number AND t._load_id = r.load_id
  JOIN {{dataset}}.billed_usage_history h
    ON h._replaced_by_load_id = r.load_id AND h._change = 'changed'
    AND h.line_item_key = t.line_item_key AND h.line_item_occurrence = t.line_item_occurrence
  WHERE r.stream = 'billed_usage'
  UNION ALL
  SELECT
    r.stream, r.scope, r.from_load_id, r.load_id AS to_load_id, r.from_etag, r.etag AS to_etag,
    r.from_published_at, r.published_at AS to_published_at,
    h._change AS change, h.line_item_key, h.line_item_occurrence, h.invoice_number, h.billing_currency AS currency,
    h.customer_id, h.customer_name, h.subscription_id, h.product_id, h.sku_id, h.charge_type,
    h.billing_pre_tax_total AS left_amount, CAST(NULL AS numeric) AS right_amount
  FROM restated r
  JOIN {{dataset}}.billed_usage_history h ON h._replaced_by_load_id = r.load_id
  -- What changed and is nowhere now would be shown as well.
  WHERE r.stream = 'billed_usage' AND (h._change = 'removed' OR (h._change = 'changed' AND NOT EXISTS (
    SELECT 1
    FROM json_array_elements_text(CAST(r.invoice_numbers AS json)) AS n (invoice_number)
    JOIN usage_versions t ON t.invoice_number = n.invoice_number
    WHERE t._load_id = r.load_id
      AND t.line_item_key = h.line_item_key AND t.line_item_occurrence = h.line_item_occurrence
  )))
  UNION ALL
  SELECT
    r.stream, r.scope, r.from_load_id, r.load_id AS to_load_id, r.from_etag, r.etag AS to_etag,
    r.from_published_at, r.published_at AS to_published_at,
    'added' AS change, t.line_item_key, t.line_item_occurrence, t.invoice_number, t.currency,
    t.customer_id, t.customer_name, t.subscription_id, t.product_id, t.sku_id, t.charge_type,
    CAST(NULL AS numeric) AS left_amount, t.amount AS right_amount
  FROM restated r
  CROSS JOIN LATERAL json_array_elements_text(CAST(r.invoice_numbers AS json)) AS n (invoice_number)
  JOIN lines_versions t ON t.invoice_number = n.invoice_number AND t._load_id = r.load_id AND t._first_load_id = r.load_id
  WHERE r.stream = 'billed_reconciliation'
  UNION ALL
  SELECT
    r.stream, r.scope, r.from_load_id, r.load_id AS to_load_id, r.from_etag, r.etag AS to_etag,
    r.from_published_at, r.published_at AS to_published_at,
    'changed' AS change, h.line_item_key, h.line_item_occurrence, t.invoice_number, t.currency,
    coalesce(t.customer_id, h.customer_id) AS customer_id,
    coalesce(t.customer_name, h.customer_name) AS customer_name,
    coalesce(t.subscription_id, h.subscription_id) AS subscription_id,
    coalesce(t.product_id, h.product_id) AS product_id,
    coalesce(t.sku_id, h.sku_id) AS sku_id,
    coalesce(t.charge_type, h.charge_type) AS charge_type,
    h.subtotal AS left_amount, t.amount AS right_amount
  FROM restated r
  CROSS JOIN LATERAL json_array_elements_text(CAST(r.invoice_numbers AS json)) AS n (invoice_number)
  JOIN lines_versions t ON t.invoice_number = n.invoice_number AND t._load_id = r.load_id
  JOIN {{dataset}}.billed_reconciliation_history h
    ON h._replaced_by_load_id = r.load_id AND h._change = 'changed'
    AND h.line_item_key = t.line_item_key AND h.line_item_occurrence = t.line_item_occurrence
  WHERE r.stream = 'billed_reconciliation'
  UNION ALL
  SELECT
    r.stream, r.scope, r.from_load_id, r.load_id AS to_load_id, r.from_etag, r.etag AS to_etag,
    r.from_published_at, r.published_at AS to_published_at,
    h._change AS change, h.line_item_key, h.line_item_occurrence, h.invoice_number, h.currency AS currency,
    h.customer_id, h.customer_name, h.subscription_id, h.product_id, h.sku_id, h.charge_type,
    h.subtotal AS left_amount, CAST(NULL AS numeric) AS right_amount
  FROM restated r
  JOIN {{dataset}}.billed_reconciliation_history h ON h._replaced_by_load_id = r.load_id
  -- What changed and is nowhere now would be shown as well.
  WHERE r.stream = 'billed_reconciliation' AND (h._change = 'removed' OR (h._change = 'changed' AND NOT EXISTS (
    SELECT 1
    FROM json_array_elements_text(CAST(r.invoice_numbers AS json)) AS n (invoice_number)
    JOIN lines_versions t ON t.invoice_number = n.invoice_number
    WHERE t._load_id = r.load_id
      AND t.line_item_key = h.line_item_key AND t.line_item_occurrence = h.line_item_occurrence
  )))
)
SELECT
  c.stream, c.scope, c.invoice_number, upper(c.currency) AS currency, c.customer_id, c.customer_name,
  CASE
    WHEN c.change = 'added' THEN 'right_only'
    WHEN c.change = 'removed' THEN 'left_only'
    WHEN c.left_amount = c.right_amount THEN 'matched'
    ELSE 'mismatch'
  END AS status,
  c.left_amount,
  c.right_amount,
  coalesce(c.right_amount, 0) - coalesce(c.left_amount, 0) AS difference,
  CAST(0 AS numeric) AS tolerance,
  CASE WHEN c.change = 'added' THEN 0 ELSE 1 END AS rows_left,
  CASE WHEN c.change = 'removed' THEN 0 ELSE 1 END AS rows_right,
  c.change || ' by Microsoft between eTag ' || c.from_etag || ' and eTag ' || c.to_etag AS reason,
  c.from_load_id || ',' || c.to_load_id AS snapshot_ids,
  c.change,
  c.from_load_id,
  c.to_load_id,
  c.from_etag,
  c.to_etag,
  c.from_published_at,
  c.to_published_at,
  c.subscription_id,
  c.product_id,
  c.sku_id,
  c.charge_type,
  c.line_item_key,
  c.line_item_occurrence
FROM changes c;
