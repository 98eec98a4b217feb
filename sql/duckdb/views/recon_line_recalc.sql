-- Can each line of an invoice be computed again from its own price, quantity and exchange rate? Both of Microsoft's
-- recipes are tried, and matched_recipe names the one that gives the subtotal: 'product' is
-- truncate(truncate(EffectiveUnitPrice x BillableQuantity) x rate), 'unit' is truncate(EffectiveUnitPrice x rate) x
-- BillableQuantity, 'none' is neither; where both give it, it is called 'product'. Truncating cuts toward zero to the
-- currency's smallest unit, the inner product of 'product' to that of the pricing currency. Products are rounded to ten
-- decimals before they are cut, which makes up for a price that was divided by days and shown with sixteen.
-- Left: what the nearer recipe gives. Right: the subtotal as billed. One row a line.
-- matched: a recipe gives the subtotal to the cent. within_tolerance: the nearer one is off by no more than one smallest
-- unit for each licence (at least one), because a price may be shown with fewer decimals than were used; of a line that
-- charges usage (it has a meter_description, which basic lacks) by no more than one for each of the two cuts, the inner one
-- in the pricing currency. mismatch: beyond that. not_checked: something that the recipes need is missing, or the invoice
-- is known and has no lines here. Where a line shows no rate and is priced in the billing currency, none is needed.
-- Source: domain.md section C2; api-contract.md sections 8.1 and 8.3 (Microsoft's own worked lines).
-- Columns are only ever added at the end.
CREATE OR REPLACE VIEW {{dataset}}.recon_line_recalc AS
WITH lines AS (
  SELECT
    t.invoice_number, upper(t.currency) AS currency, t.customer_id, t.customer_name, t.subscription_id, t.product_id,
    t.sku_id, t.charge_type, t.line_item_key, t.line_item_occurrence, t.sku_name, t.subtotal,
    t.effective_unit_price AS price, t.billable_quantity AS quantity, upper(t.pricing_currency) AS pricing_currency,
    CASE
      WHEN t.pc_to_bc_exchange_rate IS NULL AND upper(t.pricing_currency) = upper(t.currency)
        THEN CAST(1 AS DECIMAL(38, 22))
      ELSE t.pc_to_bc_exchange_rate
    END AS rate,
    {{dataset}}.minor_units(t.currency) AS decimals,
    {{dataset}}.minor_units(t.pricing_currency) AS pricing_decimals,
    t.meter_description IS NOT NULL AS is_usage,
    coalesce(k.lines_load_id, t._load_id) AS snapshot_ids
  FROM {{dataset}}.billed_reconciliation t
  LEFT JOIN {{dataset}}._recon_invoices k ON k.invoice_number = t.invoice_number
),
obstacles AS (
  SELECT
    l.*,
    CASE
      WHEN l.price IS NULL THEN 'the line has no EffectiveUnitPrice'
      WHEN l.quantity IS NULL THEN 'the line has no BillableQuantity'
      WHEN l.decimals IS NULL
        THEN 'the smallest unit of the billing currency is not known'
      WHEN l.pricing_currency IS NULL THEN 'the line has no PricingCurrency'
      WHEN l.pricing_decimals IS NULL
        THEN 'the smallest unit of the pricing currency is not known'
      WHEN l.rate IS NULL THEN 'the line has no PCToBCExchangeRate'
      WHEN greatest(abs(l.price), abs(l.quantity), abs(l.rate)) >= 1000000000000
        OR abs(l.subtotal) >= 1000000000000
        OR abs(CAST(l.price AS DOUBLE) * CAST(l.quantity AS DOUBLE)) >= 1e11
        OR abs(CAST(l.price AS DOUBLE) * CAST(l.rate AS DOUBLE)) >= 1e11
        OR abs(CAST(l.price AS DOUBLE) * CAST(l.quantity AS DOUBLE) * CAST(l.rate AS DOUBLE)) >= 1e12
        THEN 'the line has numbers too large to be multiplied exactly'
    END AS obstacle
  FROM lines l
),
-- One macro a step: a macro writes its argument down several times, so that macros in macros grow without end.
products AS (
  SELECT
    o.*,
    CASE o.decimals - o.pricing_decimals
      WHEN 0 THEN 1 WHEN -2 THEN 0.01 WHEN 2 THEN 100 WHEN 1 THEN 10 WHEN -1 THEN 0.1 WHEN 3 THEN 1000 WHEN -3 THEN 0.001
      WHEN 4 THEN 10000 WHEN -4 THEN 0.0001
    END AS unit_ratio,
    CASE WHEN o.obstacle IS NULL THEN {{dataset}}.mul(o.price, o.quantity) END AS product_price,
    CASE WHEN o.obstacle IS NULL THEN {{dataset}}.mul(o.price, o.rate) END AS unit_price
  FROM obstacles o
),
cuts AS (
  SELECT
    p.*,
    {{dataset}}.trunc_money(p.product_price, p.pricing_currency) AS product_cut,
    {{dataset}}.trunc_money(p.unit_price, p.currency) AS unit_cut,
    CASE
      WHEN p.obstacle IS NOT NULL THEN NULL
      WHEN p.is_usage THEN 1 + {{dataset}}.mul(abs(p.rate), p.unit_ratio)
      ELSE greatest(abs(p.quantity), CAST(1 AS DECIMAL(38, 22)))
    END AS units
  FROM products p
),
converted AS (
  SELECT
    c.*,
    {{dataset}}.mul(c.product_cut, c.rate) AS product_converted,
    {{dataset}}.mul(c.unit_cut, c.quantity) AS unit_amount,
    {{dataset}}.recon_tolerance('line_recalc', c.currency, c.units) AS tolerance
  FROM cuts c
),
recipes AS (
  SELECT c.*, {{dataset}}.trunc_money(c.product_converted, c.currency) AS product_amount
  FROM converted c
),
nearest AS (
  SELECT
    r.*,
    CASE
      WHEN abs(r.subtotal - r.product_amount) <= abs(r.subtotal - r.unit_amount) THEN r.product_amount
      ELSE r.unit_amount
    END AS nearest_amount
  FROM recipes r
)
SELECT
  n.invoice_number,
  n.currency,
  n.customer_id,
  n.customer_name,
  n.subscription_id,
  n.product_id,
  n.sku_id,
  n.charge_type,
  n.line_item_key,
  n.line_item_occurrence,
  CASE
    WHEN n.obstacle IS NOT NULL OR n.tolerance IS NULL THEN 'not_checked'
    WHEN n.nearest_amount = n.subtotal THEN 'matched'
    WHEN abs(n.subtotal - n.nearest_amount) <= n.tolerance THEN 'within_tolerance'
    ELSE 'mismatch'
  END AS status,
  n.nearest_amount AS left_amount,
  n.subtotal AS right_amount,
  n.subtotal - n.nearest_amount AS difference,
  n.tolerance,
  CASE WHEN n.nearest_amount IS NULL THEN 0 ELSE 1 END AS rows_left,
  1 AS rows_right,
  CASE
    WHEN n.obstacle IS NOT NULL THEN n.obstacle
    WHEN n.tolerance IS NULL THEN 'no tolerance is known for the line'
    WHEN n.nearest_amount = n.subtotal THEN NULL
    WHEN abs(n.subtotal - n.nearest_amount) <= n.tolerance
      THEN 'neither recipe gives the subtotal; the nearer one is off by no more than the tolerance'
    ELSE 'neither recipe gives the subtotal: it is not what its price, quantity and exchange rate make'
  END AS reason,
  n.snapshot_ids,
  CASE
    WHEN n.nearest_amount IS NULL THEN NULL
    WHEN n.product_amount = n.subtotal THEN 'product'
    WHEN n.unit_amount = n.subtotal THEN 'unit'
    ELSE 'none'
  END AS matched_recipe,
  n.product_amount,
  n.unit_amount,
  n.price AS effective_unit_price,
  n.quantity AS billable_quantity,
  n.pricing_currency,
  n.rate AS exchange_rate,
  n.sku_name
FROM nearest n
UNION ALL
SELECT
  k.invoice_number,
  k.listed_currency AS currency,
  CAST(NULL AS VARCHAR) AS customer_id,
  CAST(NULL AS VARCHAR) AS customer_name,
  CAST(NULL AS VARCHAR) AS subscription_id,
  CAST(NULL AS VARCHAR) AS product_id,
  CAST(NULL AS VARCHAR) AS sku_id,
  CAST(NULL AS VARCHAR) AS charge_type,
  CAST(NULL AS UUID) AS line_item_key,
  CAST(NULL AS INTEGER) AS line_item_occurrence,
  'not_checked' AS status,
  CAST(NULL AS DECIMAL(38, 22)) AS left_amount,
  CAST(NULL AS DECIMAL(38, 22)) AS right_amount,
  CAST(NULL AS DECIMAL(38, 22)) AS difference,
  CAST(NULL AS DECIMAL(38, 22)) AS tolerance,
  0 AS rows_left,
  0 AS rows_right,
  'the invoice has no lines here' AS reason,
  k.lines_load_id AS snapshot_ids,
  CAST(NULL AS VARCHAR) AS matched_recipe,
  CAST(NULL AS DECIMAL(38, 22)) AS product_amount,
  CAST(NULL AS DECIMAL(38, 22)) AS unit_amount,
  CAST(NULL AS DECIMAL(38, 22)) AS effective_unit_price,
  CAST(NULL AS DECIMAL(38, 22)) AS billable_quantity,
  CAST(NULL AS VARCHAR) AS pricing_currency,
  CAST(NULL AS DECIMAL(38, 22)) AS exchange_rate,
  CAST(NULL AS VARCHAR) AS sku_name
FROM {{dataset}}._recon_invoices k
WHERE NOT EXISTS (
  SELECT 1 FROM {{dataset}}.billed_reconciliation t WHERE t.invoice_number = k.invoice_number
);
