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
SELECT
  l.invoice_number,
  l.currency,
  l.customer_id,
  l.customer_name,
  l.subscription_id,
  l.product_id,
  l.sku_id,
  l.charge_type,
  l.line_item_key,
  l.line_item_occurrence,
  CASE
    WHEN o.obstacle IS NOT NULL OR r.tolerance IS NULL THEN 'not_checked'
    WHEN n.nearest_amount = l.subtotal THEN 'matched'
    WHEN abs(l.subtotal - n.nearest_amount) <= r.tolerance THEN 'within_tolerance'
    ELSE 'mismatch'
  END AS status,
  n.nearest_amount AS left_amount,
  l.subtotal AS right_amount,
  l.subtotal - n.nearest_amount AS difference,
  r.tolerance,
  CASE WHEN n.nearest_amount IS NULL THEN 0 ELSE 1 END AS rows_left,
  1 AS rows_right,
  CASE
    WHEN o.obstacle IS NOT NULL THEN o.obstacle
    WHEN r.tolerance IS NULL THEN 'no tolerance is known for the line'
    WHEN n.nearest_amount = l.subtotal THEN NULL
    WHEN abs(l.subtotal - n.nearest_amount) <= r.tolerance
      THEN 'neither recipe gives the subtotal; the nearer one is off by no more than the tolerance'
    ELSE 'neither recipe gives the subtotal: it is not what its price, quantity and exchange rate make'
  END AS reason,
  l.snapshot_ids,
  CASE
    WHEN n.nearest_amount IS NULL THEN NULL
    WHEN r.product_amount = l.subtotal THEN 'product'
    WHEN r.unit_amount = l.subtotal THEN 'unit'
    ELSE 'none'
  END AS matched_recipe,
  r.product_amount,
  r.unit_amount,
  l.price AS effective_unit_price,
  l.quantity AS billable_quantity,
  l.pricing_currency,
  l.rate AS exchange_rate,
  l.sku_name
FROM (
  SELECT
    t.invoice_number, upper(t.currency) AS currency, t.customer_id, t.customer_name, t.subscription_id, t.product_id,
    t.sku_id, t.charge_type, t.line_item_key, t.line_item_occurrence, t.sku_name, t.subtotal,
    t.effective_unit_price AS price, t.billable_quantity AS quantity, upper(t.pricing_currency) AS pricing_currency,
    CASE
      WHEN t.pc_to_bc_exchange_rate IS NULL AND upper(t.pricing_currency) = upper(t.currency) THEN 1
      ELSE t.pc_to_bc_exchange_rate
    END AS rate,
    t.meter_description IS NOT NULL AS is_usage,
    coalesce(k.lines_load_id, t._load_id) AS snapshot_ids
  FROM {{dataset}}.billed_reconciliation t
  LEFT JOIN {{dataset}}._recon_invoices k ON k.invoice_number = t.invoice_number
) l
-- OFFSET 0 keeps each step a step: without it Postgres would compute a recipe again wherever its result is named.
CROSS JOIN LATERAL (
  SELECT CASE
    WHEN l.price IS NULL THEN 'the line has no EffectiveUnitPrice'
    WHEN l.quantity IS NULL THEN 'the line has no BillableQuantity'
    WHEN {{dataset}}.money_unit(l.currency) IS NULL
      THEN 'the smallest unit of the billing currency is not known'
    WHEN l.pricing_currency IS NULL THEN 'the line has no PricingCurrency'
    WHEN {{dataset}}.money_unit(l.pricing_currency) IS NULL
      THEN 'the smallest unit of the pricing currency is not known'
    WHEN l.rate IS NULL THEN 'the line has no PCToBCExchangeRate'
    WHEN greatest(abs(l.price), abs(l.quantity), abs(l.rate)) >= 1000000000000
      OR abs(l.subtotal) >= 1000000000000
      OR abs(l.price * l.quantity) >= 100000000000
      OR abs(l.price * l.rate) >= 100000000000
      OR abs(l.price * l.quantity * l.rate) >= 1000000000000
      THEN 'the line has numbers too large to be multiplied exactly'
  END AS obstacle
  OFFSET 0
) o
CROSS JOIN LATERAL (
  SELECT
    CASE WHEN o.obstacle IS NULL THEN {{dataset}}.trunc_money({{dataset}}.mul(
      {{dataset}}.trunc_money({{dataset}}.mul(l.price, l.quantity), l.pricing_currency), l.rate
    ), l.currency) END AS product_amount,
    CASE WHEN o.obstacle IS NULL THEN {{dataset}}.mul(
      {{dataset}}.trunc_money({{dataset}}.mul(l.price, l.rate), l.currency), l.quantity
    ) END AS unit_amount,
    CASE WHEN o.obstacle IS NULL THEN {{dataset}}.recon_tolerance('line_recalc', l.currency, CASE
      WHEN l.is_usage THEN 1 + {{dataset}}.mul(
        abs(l.rate), CASE {{dataset}}.minor_units(l.currency) - {{dataset}}.minor_units(l.pricing_currency)
          WHEN 0 THEN 1 WHEN -2 THEN 0.01 WHEN 2 THEN 100 WHEN 1 THEN 10 WHEN -1 THEN 0.1 WHEN 3 THEN 1000 WHEN -3 THEN 0.001
          WHEN 4 THEN 10000 WHEN -4 THEN 0.0001
        END
      )
      ELSE greatest(abs(l.quantity), 1)
    END) END AS tolerance
  OFFSET 0
) r
CROSS JOIN LATERAL (
  SELECT CASE
    WHEN abs(l.subtotal - r.product_amount) <= abs(l.subtotal - r.unit_amount) THEN r.product_amount
    ELSE r.unit_amount
  END AS nearest_amount
  OFFSET 0
) n
UNION ALL
SELECT
  k.invoice_number,
  k.listed_currency AS currency,
  CAST(NULL AS text) AS customer_id,
  CAST(NULL AS text) AS customer_name,
  CAST(NULL AS text) AS subscription_id,
  CAST(NULL AS text) AS product_id,
  CAST(NULL AS text) AS sku_id,
  CAST(NULL AS text) AS charge_type,
  CAST(NULL AS uuid) AS line_item_key,
  CAST(NULL AS integer) AS line_item_occurrence,
  'not_checked' AS status,
  CAST(NULL AS numeric) AS left_amount,
  CAST(NULL AS numeric) AS right_amount,
  CAST(NULL AS numeric) AS difference,
  CAST(NULL AS numeric) AS tolerance,
  0 AS rows_left,
  0 AS rows_right,
  'the invoice has no lines here' AS reason,
  k.lines_load_id AS snapshot_ids,
  CAST(NULL AS text) AS matched_recipe,
  CAST(NULL AS numeric) AS product_amount,
  CAST(NULL AS numeric) AS unit_amount,
  CAST(NULL AS numeric) AS effective_unit_price,
  CAST(NULL AS numeric) AS billable_quantity,
  CAST(NULL AS text) AS pricing_currency,
  CAST(NULL AS numeric) AS exchange_rate,
  CAST(NULL AS text) AS sku_name
FROM {{dataset}}._recon_invoices k
WHERE NOT EXISTS (
  SELECT 1 FROM {{dataset}}.billed_reconciliation t WHERE t.invoice_number = k.invoice_number
);
