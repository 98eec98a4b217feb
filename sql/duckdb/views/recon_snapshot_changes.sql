-- What Microsoft restated: every line that a snapshot of an invoice added, removed or changed against the one before it,
-- with the money that moved. Amounts are the stream's own, billing_pre_tax_total or subtotal: the old one left, the new
-- one right. What the connector made different itself (history says reloaded: a repair, another attribute set) is not in
-- it, nor is what was replaced before the history was purged.
-- Source: domain.md section C3, 16. Columns are only ever added at the end.
CREATE OR REPLACE VIEW {{dataset}}.recon_snapshot_changes AS
WITH snapshots AS (
  SELECT
    s.stream, s.scope, s.load_id, s.etag, s.attribute_set, s.published_at, s.invoice_numbers,
    coalesce((s.proof ->> 'reload') = 'true', false) AS is_reload,
    lag(s.load_id) OVER earlier AS from_load_id,
    lag(s.etag) OVER earlier AS from_etag,
    lag(s.attribute_set) OVER earlier AS from_attribute_set,
    lag(s.published_at) OVER earlier AS from_published_at
  FROM {{dataset}}._snapshots s
  WHERE s.outcome = 'published' AND s.stream IN ('billed_usage', 'billed_reconciliation')
  WINDOW earlier AS (PARTITION BY s.stream, s.scope ORDER BY s.published_at, s.load_id)
),
restated AS (
  SELECT s.*
  FROM snapshots s
  LEFT JOIN {{dataset}}._retention r ON r.stream = s.stream AND r.scope = s.scope
  WHERE s.etag <> s.from_etag AND s.attribute_set = s.from_attribute_set AND NOT s.is_reload
    AND (r.stream IS NULL OR (s.published_at, s.load_id) > (r.purged_until, r.purged_load_id))
    AND NOT EXISTS (
      SELECT 1 FROM {{dataset}}.billed_usage_history h
      WHERE h._replaced_by_load_id = s.load_id AND h._change = 'reloaded'
    )
    AND NOT EXISTS (
      SELECT 1 FROM {{dataset}}.billed_reconciliation_history h
      WHERE h._replaced_by_load_id = s.load_id AND h._change = 'reloaded'
    )
),
usage_added AS (
  SELECT
    _load_id, _first_load_id, line_item_key, line_item_occurrence, invoice_number, billing_currency AS currency,
    customer_id, customer_name, subscription_id, product_id, sku_id, charge_type, billing_pre_tax_total AS amount
  FROM {{dataset}}.billed_usage
  WHERE _first_load_id = _load_id
  UNION ALL
  SELECT
    _load_id, _first_load_id, line_item_key, line_item_occurrence, invoice_number, billing_currency AS currency,
    customer_id, customer_name, subscription_id, product_id, sku_id, charge_type, billing_pre_tax_total AS amount
  FROM {{dataset}}.billed_usage_history
  WHERE _first_load_id = _load_id
),
usage_changed AS (
  -- A changed row was there before.
  SELECT
    _load_id, _first_load_id, line_item_key, line_item_occurrence, invoice_number, billing_currency AS currency,
    customer_id, customer_name, subscription_id, product_id, sku_id, charge_type, billing_pre_tax_total AS amount
  FROM {{dataset}}.billed_usage
  WHERE _first_load_id <> _load_id
  UNION ALL
  SELECT
    _load_id, _first_load_id, line_item_key, line_item_occurrence, invoice_number, billing_currency AS currency,
    customer_id, customer_name, subscription_id, product_id, sku_id, charge_type, billing_pre_tax_total AS amount
  FROM {{dataset}}.billed_usage_history
  WHERE _first_load_id <> _load_id
),
lines_added AS (
  SELECT
    _load_id, _first_load_id, line_item_key, line_item_occurrence, invoice_number, currency AS currency,
    customer_id, customer_name, subscription_id, product_id, sku_id, charge_type, subtotal AS amount
  FROM {{dataset}}.billed_reconciliation
  WHERE _first_load_id = _load_id
  UNION ALL
  SELECT
    _load_id, _first_load_id, line_item_key, line_item_occurrence, invoice_number, currency AS currency,
    customer_id, customer_name, subscription_id, product_id, sku_id, charge_type, subtotal AS amount
  FROM {{dataset}}.billed_reconciliation_history
  WHERE _first_load_id = _load_id
),
lines_changed AS (
  -- A changed row was there before.
  SELECT
    _load_id, _first_load_id, line_item_key, line_item_occurrence, invoice_number, currency AS currency,
    customer_id, customer_name, subscription_id, product_id, sku_id, charge_type, subtotal AS amount
  FROM {{dataset}}.billed_reconciliation
  WHERE _first_load_id <> _load_id
  UNION ALL
  SELECT
    _load_id, _first_load_id, line_item_key, line_item_occurrence, invoice_number, currency AS currency,
    customer_id, customer_name, subscription_id, product_id, sku_id, charge_type, subtotal AS amount
  FROM {{dataset}}.billed_reconciliation_history
  WHERE _first_load_id <> _load_id
),
changes AS (
  SELECT
    r.stream, r.scope, r.from_load_id, r.load_id AS to_load_id, r.from_etag, r.etag AS to_etag,
    r.from_published_at, r.published_at AS to_published_at,
    'added' AS change, t.line_item_key, t.line_item_occurrence, t.invoice_number, t.currency,
    t.customer_id, t.customer_name, t.subscription_id, t.product_id, t.sku_id, t.charge_type,
    CAST(NULL AS DECIMAL(38, 22)) AS left_amount, t.amount AS right_amount
  FROM restated r
  JOIN usage_added t ON t._load_id = r.load_id
  WHERE r.stream = 'billed_usage'
  UNION ALL
  SELECT
    r.stream, r.scope, r.from_load_id, r.load_id AS to_load_id, r.from_etag, r.etag AS to_etag,
    r.from_published_at, r.published_at AS to_published_at,
    h._change AS change, h.line_item_key, h.line_item_occurrence,
    coalesce(t.invoice_number, h.invoice_number) AS invoice_number,
    coalesce(t.currency, h.billing_currency) AS currency,
    coalesce(t.customer_id, h.customer_id) AS customer_id,
    coalesce(t.customer_name, h.customer_name) AS customer_name,
    coalesce(t.subscription_id, h.subscription_id) AS subscription_id,
    coalesce(t.product_id, h.product_id) AS product_id,
    coalesce(t.sku_id, h.sku_id) AS sku_id,
    coalesce(t.charge_type, h.charge_type) AS charge_type,
    h.billing_pre_tax_total AS left_amount, t.amount AS right_amount
  FROM restated r
  JOIN (
    -- A key of their own for those that changed: DuckDB would compare all with all for a condition on the left side of a
    -- left join.
    SELECT *, CASE WHEN _change = 'changed' THEN line_item_key END AS changed_key FROM {{dataset}}.billed_usage_history
  ) h ON h._replaced_by_load_id = r.load_id
  LEFT JOIN usage_changed t ON t._load_id = h._replaced_by_load_id AND t.line_item_key = h.changed_key
    AND t.line_item_occurrence = h.line_item_occurrence
  WHERE r.stream = 'billed_usage' AND h._change IN ('changed', 'removed')
  UNION ALL
  SELECT
    r.stream, r.scope, r.from_load_id, r.load_id AS to_load_id, r.from_etag, r.etag AS to_etag,
    r.from_published_at, r.published_at AS to_published_at,
    'added' AS change, t.line_item_key, t.line_item_occurrence, t.invoice_number, t.currency,
    t.customer_id, t.customer_name, t.subscription_id, t.product_id, t.sku_id, t.charge_type,
    CAST(NULL AS DECIMAL(38, 22)) AS left_amount, t.amount AS right_amount
  FROM restated r
  JOIN lines_added t ON t._load_id = r.load_id
  WHERE r.stream = 'billed_reconciliation'
  UNION ALL
  SELECT
    r.stream, r.scope, r.from_load_id, r.load_id AS to_load_id, r.from_etag, r.etag AS to_etag,
    r.from_published_at, r.published_at AS to_published_at,
    h._change AS change, h.line_item_key, h.line_item_occurrence,
    coalesce(t.invoice_number, h.invoice_number) AS invoice_number,
    coalesce(t.currency, h.currency) AS currency,
    coalesce(t.customer_id, h.customer_id) AS customer_id,
    coalesce(t.customer_name, h.customer_name) AS customer_name,
    coalesce(t.subscription_id, h.subscription_id) AS subscription_id,
    coalesce(t.product_id, h.product_id) AS product_id,
    coalesce(t.sku_id, h.sku_id) AS sku_id,
    coalesce(t.charge_type, h.charge_type) AS charge_type,
    h.subtotal AS left_amount, t.amount AS right_amount
  FROM restated r
  JOIN (
    SELECT *, CASE WHEN _change = 'changed' THEN line_item_key END AS changed_key FROM {{dataset}}.billed_reconciliation_history
  ) h ON h._replaced_by_load_id = r.load_id
  LEFT JOIN lines_changed t ON t._load_id = h._replaced_by_load_id AND t.line_item_key = h.changed_key
    AND t.line_item_occurrence = h.line_item_occurrence
  WHERE r.stream = 'billed_reconciliation' AND h._change IN ('changed', 'removed')
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
  CAST(0 AS DECIMAL(38, 22)) AS tolerance,
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
