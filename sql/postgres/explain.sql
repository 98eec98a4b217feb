-- Why a line of an invoice is what it is; connector/load/explained-line.ts runs these, read-only.

-- name: lines
-- The lines that are meant, largest first. $2 customer, $3 amount (subtotal or total), $4 key: null does not matter.
SELECT {{columns}}, count(*) OVER () AS found
FROM {{dataset}}.billed_reconciliation t
WHERE t.invoice_number = $1
  AND (CAST($2 AS text) IS NULL OR lower(t.customer_id) = lower(CAST($2 AS text)))
  AND (
    CAST($3 AS text) IS NULL
    OR t.subtotal = CAST(CAST($3 AS text) AS numeric) OR t.total = CAST(CAST($3 AS text) AS numeric)
  )
  AND (CAST($4 AS text) IS NULL OR CAST(t.line_item_key AS text) = lower(CAST($4 AS text)))
ORDER BY abs(t.subtotal) DESC NULLS LAST, t.line_item_key, t.line_item_occurrence
LIMIT {{most}};

-- name: nearest
-- The lines whose subtotal or total is nearest to $3.
SELECT
  t.line_item_key, t.line_item_occurrence, t.customer_id, t.customer_name, t.sku_name, t.charge_type,
  upper(t.currency) AS currency, t.subtotal, t.total
FROM {{dataset}}.billed_reconciliation t
WHERE t.invoice_number = $1
  AND (CAST($2 AS text) IS NULL OR lower(t.customer_id) = lower(CAST($2 AS text)))
ORDER BY
  least(
    abs(t.subtotal - CAST(CAST($3 AS text) AS numeric)),
    abs(coalesce(t.total, t.subtotal) - CAST(CAST($3 AS text) AS numeric))
  ),
  t.line_item_key, t.line_item_occurrence
LIMIT 5;

-- name: sums
-- What else the amount could be: sums of lines that are exactly it.
WITH lines AS (
  SELECT t.*, upper(t.currency) AS code
  FROM {{dataset}}.billed_reconciliation t
  WHERE t.invoice_number = $1
    AND (CAST($2 AS text) IS NULL OR lower(t.customer_id) = lower(CAST($2 AS text)))
),
sums AS (
  SELECT 'all lines' AS what, CAST(NULL AS text) AS customer_id, CAST(NULL AS text) AS customer_name,
    CAST(NULL AS text) AS subscription_id, CAST(NULL AS text) AS product_id,
    code AS currency, count(*) AS lines, sum(subtotal) AS subtotal, sum(total) AS total
  FROM lines GROUP BY code
  UNION ALL
  SELECT 'a customer', customer_id, max(customer_name), NULL, NULL, code, count(*), sum(subtotal), sum(total)
  FROM lines GROUP BY customer_id, code
  UNION ALL
  SELECT 'a subscription', customer_id, max(customer_name), subscription_id, NULL, code, count(*), sum(subtotal), sum(total)
  FROM lines GROUP BY customer_id, subscription_id, code
  UNION ALL
  SELECT 'a product of a subscription', customer_id, max(customer_name), subscription_id, product_id, code, count(*),
    sum(subtotal), sum(total)
  FROM lines GROUP BY customer_id, subscription_id, product_id, code
)
SELECT s.*
FROM sums s
WHERE s.lines > 1 AND (
  s.subtotal = CAST(CAST($3 AS text) AS numeric) OR s.total = CAST(CAST($3 AS text) AS numeric)
)
ORDER BY s.lines DESC, s.customer_id, s.subscription_id, s.product_id
LIMIT 5;

-- name: recipe
-- One macro a step: a macro writes its argument down several times.
WITH line AS (
  SELECT
    r.status, r.reason, r.left_amount, r.right_amount, r.difference, r.tolerance, r.matched_recipe, r.currency,
    r.pricing_currency, r.effective_unit_price, r.billable_quantity, r.exchange_rate, r.product_amount, r.unit_amount,
    CASE WHEN r.matched_recipe IS NOT NULL THEN {{dataset}}.mul(r.effective_unit_price, r.billable_quantity) END
      AS price_by_quantity,
    CASE WHEN r.matched_recipe IS NOT NULL THEN {{dataset}}.mul(r.effective_unit_price, r.exchange_rate) END AS price_by_rate
  FROM {{dataset}}.recon_line_recalc r
  WHERE r.invoice_number = $1 AND r.line_item_key = CAST($2 AS uuid) AND r.line_item_occurrence = CAST($3 AS integer)
),
cut AS (
  SELECT
    l.*,
    {{dataset}}.trunc_money(l.price_by_quantity, l.pricing_currency) AS price_by_quantity_cut,
    {{dataset}}.trunc_money(l.price_by_rate, l.currency) AS price_by_rate_cut
  FROM line l
)
SELECT c.*, {{dataset}}.mul(c.price_by_quantity_cut, c.exchange_rate) AS converted FROM cut c;

-- name: usage
-- $2 to $6: subscription, product, SKU, availability, currency: the join that Microsoft names.
SELECT
  u.usage_date, u.effective_unit_price, u.partner_earned_credit_percentage, u.credit_type, u.unit_type,
  u.pricing_currency, u.pc_to_bc_exchange_rate,
  count(*) AS records, sum(u.quantity) AS quantity, sum(u.billing_pre_tax_total) AS amount
FROM {{dataset}}.billed_usage u
WHERE {{joined}}
GROUP BY 1, 2, 3, 4, 5, 6, 7
ORDER BY 1, 2, 3, 4, 5, 6, 7
LIMIT {{most}};

-- name: usage sum
-- The usage behind the line, and all the lines that charge it.
SELECT
  count(*) AS records, count(DISTINCT u.usage_date) AS days, sum(u.quantity) AS quantity,
  sum(u.billing_pre_tax_total) AS amount,
  count(DISTINCT concat_ws(' ', u.usage_date, u.effective_unit_price, u.partner_earned_credit_percentage, u.credit_type,
    u.unit_type, u.pricing_currency, u.pc_to_bc_exchange_rate)) AS shown
FROM {{dataset}}.billed_usage u
WHERE {{joined}};

-- name: lines of usage
SELECT count(*) AS records, sum(u.billable_quantity) AS quantity, sum(u.subtotal) AS amount
FROM {{dataset}}.billed_reconciliation u
WHERE {{joined_lines}} AND u.meter_description IS NOT NULL AND lower(coalesce(u.charge_type, '')) <> 'customercredit';

-- name: joined
u.invoice_number = $1 AND lower(u.subscription_id) = lower(CAST($2 AS text))
  AND lower(u.product_id) = lower(CAST($3 AS text)) AND lower(u.sku_id) = lower(CAST($4 AS text))
  AND lower(u.availability_id) = lower(CAST($5 AS text)) AND upper(u.{{currency}}) = upper(CAST($6 AS text))

-- name: streams
-- How the two billed streams of the invoice are published.
SELECT c.stream, s.attribute_set
FROM {{dataset}}._scopes c
JOIN {{dataset}}._snapshots s ON s.load_id = c.load_id
WHERE c.scope = $1 AND c.stream IN ('billed_usage', 'billed_reconciliation');

-- name: related
-- Other lines of the same event, and credits to the same customer for the same product. $1 to $3: the line itself.
SELECT
  t.invoice_number, t.charge_type, t.credit_reason_code, t.order_date, t.charge_start_date, t.charge_end_date, t.sku_name,
  t.effective_unit_price, t.billable_quantity, t.subtotal, upper(t.currency) AS currency, t.line_item_key,
  t.line_item_occurrence,
  CASE WHEN t.reference_id = CAST($4 AS text) THEN 'same event' ELSE 'credit' END AS why
FROM {{dataset}}.billed_reconciliation t
WHERE NOT (
    t.invoice_number = $1 AND t.line_item_key = CAST($2 AS uuid) AND t.line_item_occurrence = CAST($3 AS integer)
  )
  AND (
    t.reference_id = CAST($4 AS text)
    OR (
      lower(t.charge_type) = 'customercredit' AND lower(t.customer_id) = lower(CAST($5 AS text))
      AND lower(t.subscription_id) = lower(CAST($6 AS text)) AND lower(t.product_id) = lower(CAST($7 AS text))
      AND lower(t.sku_id) = lower(CAST($8 AS text))
    )
  )
ORDER BY t.order_date, t.invoice_number, t.line_item_key, t.line_item_occurrence
LIMIT {{most}};

-- name: restatements of line
SELECT
  c.change, c.from_etag, c.to_etag, c.to_published_at, c.left_amount, c.right_amount, c.difference, c.currency
FROM {{dataset}}.recon_snapshot_changes c
WHERE c.stream = 'billed_reconciliation' AND c.invoice_number = $1 AND c.line_item_key = CAST($2 AS uuid)
  AND c.line_item_occurrence = CAST($3 AS integer)
ORDER BY c.to_published_at;

-- name: restatements of usage
SELECT
  c.change, c.to_etag, c.to_published_at, count(*) AS records, sum(c.difference) AS difference, c.currency
FROM {{dataset}}.recon_snapshot_changes c
WHERE c.stream = 'billed_usage' AND c.invoice_number = $1 AND lower(c.subscription_id) = lower(CAST($2 AS text))
  AND lower(c.product_id) = lower(CAST($3 AS text)) AND lower(c.sku_id) = lower(CAST($4 AS text))
GROUP BY c.change, c.to_etag, c.to_published_at, c.currency
ORDER BY c.to_published_at, c.change;

-- name: source
-- The load that last changed the line: its blob and line number are of it.
SELECT
  s.load_id, s.scope, s.etag, s.attribute_set, s.published_at, s.manifest_id, s.manifest_created_at, s.root_directory,
  b.sha256, b.bytes
FROM {{dataset}}._snapshots s
LEFT JOIN {{dataset}}._blobs b ON b.load_id = s.load_id AND b.blob_name = $2
WHERE s.load_id = $1;
