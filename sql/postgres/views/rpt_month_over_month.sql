-- What changed since the month before: reconciliation lines summed by billing month of their invoices, currency,
-- customer, product (product and SKU) and charge type, each month beside the calendar month before it.
-- change: new (not in the month before), gone, changed, unchanged, or not_compared: no invoice of the month before in
-- that currency is loaded, so that nothing is called new; a month that is not loaded has no rows at all.
-- difference = volume_effect + price_effect + exchange_rate_effect + not_split, exactly:
--   volume_effect: the quantities changed; what the change comes to at the average price and rate of the month before;
--     all of it for what is new or gone;
--   price_effect: the average effective price in the pricing currency changed, proration and discounts included, at the
--     exchange rate of the month before;
--   exchange_rate_effect: the remainder; exactly 0 where both months have one rate;
--   not_split: the whole difference where the three cannot be told apart (they are null then, and reason says why).
-- Quantities are billable quantities, negative on lines below zero. not_loaded: invoices and notes of the two months that
-- Partner Center lists and whose lines are not loaded: the comparison is incomplete then.
-- Source: domain.md section C3, 7, and section C1 (the sign is on the price); api-contract.md sections 6.1 and 8.1.
-- Columns are only ever added at the end.
CREATE OR REPLACE VIEW {{dataset}}.rpt_month_over_month AS
WITH monthly AS (
  SELECT
    s.billing_month, l.currency, l.customer_id, l.product, l.sku, l.charge_type,
    max(l.product_id) AS product_id, max(l.sku_id) AS sku_id,
    max(l.customer_name) AS customer_name, max(l.product_name) AS product_name, max(l.sku_name) AS sku_name,
    sum(l.amount) AS amount,
    CASE WHEN count(l.quantity) = count(*) THEN sum(l.quantity) END AS quantity,
    CASE WHEN count(l.rate) = count(*) AND min(l.rate) = max(l.rate) THEN max(l.rate) END AS rate,
    CASE
      WHEN count(l.pricing_currency) = count(*) AND min(l.pricing_currency) = max(l.pricing_currency)
        THEN max(l.pricing_currency)
    END AS pricing_currency,
    CAST(sum(l.lines) AS bigint) AS lines
  FROM (
    SELECT
      r.invoice_number, upper(r.currency) AS currency, lower(r.customer_id) AS customer_id,
      lower(r.product_id) AS product, lower(r.sku_id) AS sku, lower(r.charge_type) AS charge_type,
      max(r.product_id COLLATE "C") AS product_id, max(r.sku_id COLLATE "C") AS sku_id,
      max(r.customer_name COLLATE "C") AS customer_name,
      max(r.product_name COLLATE "C") AS product_name, max(r.sku_name COLLATE "C") AS sku_name,
      sum(r.subtotal) AS amount,
      CASE
        WHEN count(r.billable_quantity) = count(*)
          THEN sum(CASE WHEN r.subtotal < 0 THEN -r.billable_quantity ELSE r.billable_quantity END)
      END AS quantity,
      r.pc_to_bc_exchange_rate AS rate, upper(r.pricing_currency) COLLATE "C" AS pricing_currency, count(*) AS lines
    FROM {{dataset}}.billed_reconciliation r
    GROUP BY
      r.invoice_number, upper(r.currency), lower(r.customer_id), lower(r.product_id), lower(r.sku_id),
      lower(r.charge_type), r.pc_to_bc_exchange_rate, upper(r.pricing_currency) COLLATE "C"
  ) l
  JOIN {{dataset}}._invoice_snapshots s ON s.invoice_number = l.invoice_number
  WHERE s.billing_month IS NOT NULL
  GROUP BY s.billing_month, l.currency, l.customer_id, l.product, l.sku, l.charge_type
),
loaded AS (
  SELECT DISTINCT billing_month, currency FROM monthly
),
absent AS (
  SELECT
    i.billing_month, upper(i.currency) AS currency,
    string_agg(i.invoice_number, ',' ORDER BY i.invoice_number COLLATE "C") AS ids
  FROM {{dataset}}.invoices i
  LEFT JOIN {{dataset}}._scopes c ON c.stream = 'billed_reconciliation' AND c.scope = i.invoice_number
  WHERE i.billing_month IS NOT NULL AND c.load_id IS NULL AND coalesce(c.state, '') <> 'no data'
    AND lower(coalesce(i.status, '')) <> 'void' AND lower(coalesce(i.document_type, '')) <> 'void_note'
  GROUP BY i.billing_month, upper(i.currency)
),
sides AS (
  SELECT
    billing_month, currency, customer_id, product, sku, charge_type,
    product_id, sku_id, customer_name, product_name, sku_name,
    true AS is_now, amount, quantity, rate, pricing_currency, lines
  FROM monthly
  UNION ALL
  SELECT
    CAST(billing_month + INTERVAL '1 month' AS date) AS billing_month, currency, customer_id, product, sku,
    charge_type,
    product_id, sku_id, customer_name, product_name, sku_name,
    false AS is_now, amount, quantity, rate, pricing_currency, lines
  FROM monthly
),
pairs AS (
  SELECT
    billing_month, CAST(billing_month - INTERVAL '1 month' AS date) AS previous_month,
    currency, customer_id, charge_type,
    coalesce(max(product_id) FILTER (WHERE is_now), max(product_id)) AS product_id,
    coalesce(max(sku_id) FILTER (WHERE is_now), max(sku_id)) AS sku_id,
    coalesce(max(customer_name) FILTER (WHERE is_now), max(customer_name)) AS customer_name,
    coalesce(max(product_name) FILTER (WHERE is_now), max(product_name)) AS product_name,
    coalesce(max(sku_name) FILTER (WHERE is_now), max(sku_name)) AS sku_name,
    max(amount) FILTER (WHERE is_now) AS amount, max(amount) FILTER (WHERE NOT is_now) AS previous_amount,
    max(quantity) FILTER (WHERE is_now) AS quantity, max(quantity) FILTER (WHERE NOT is_now) AS previous_quantity,
    max(rate) FILTER (WHERE is_now) AS rate, max(rate) FILTER (WHERE NOT is_now) AS previous_rate,
    max(pricing_currency) FILTER (WHERE is_now) AS pricing_currency,
    max(pricing_currency) FILTER (WHERE NOT is_now) AS previous_pricing_currency,
    coalesce(max(lines) FILTER (WHERE is_now), 0) AS lines,
    coalesce(max(lines) FILTER (WHERE NOT is_now), 0) AS previous_lines
  FROM sides
  GROUP BY billing_month, currency, customer_id, product, sku, charge_type
),
compared AS (
  SELECT
    p.*,
    CASE
      WHEN b.billing_month IS NULL THEN 'not_compared'
      WHEN p.previous_lines = 0 THEN 'new'
      WHEN p.lines = 0 THEN 'gone'
      WHEN p.amount = p.previous_amount THEN 'unchanged'
      ELSE 'changed'
    END AS change,
    CASE
      WHEN b.billing_month IS NULL
        THEN 'no invoice of ' || to_char(CAST(p.previous_month AS timestamp), 'YYYY-MM') || ' in ' || p.currency
          || ' is loaded'
      WHEN p.lines = 0 OR p.previous_lines = 0 THEN NULL
      WHEN p.quantity IS NULL OR p.previous_quantity IS NULL THEN 'a line has no billable quantity'
      WHEN p.pricing_currency IS NULL OR p.previous_pricing_currency IS NULL
        OR p.pricing_currency <> p.previous_pricing_currency
        THEN 'the lines have several pricing currencies, or one has none'
      WHEN p.rate IS NULL OR p.previous_rate IS NULL
        THEN 'the lines of one month have several exchange rates, or one has none'
      WHEN NOT ((p.quantity > 0 AND p.previous_quantity > 0) OR (p.quantity < 0 AND p.previous_quantity < 0))
        THEN 'the quantities of the two months are zero or of different sign'
      WHEN p.rate < 0.001 OR p.rate >= 1000000 OR p.previous_rate < 0.001 OR p.previous_rate >= 1000000
        OR abs(p.amount) >= 1000000000000 OR abs(p.previous_amount) >= 1000000000000
        OR abs(p.quantity) >= 1000000000000 OR abs(p.previous_quantity) >= 1000000000000
        THEN 'an amount, a quantity or an exchange rate is too large or too small to be split'
      WHEN abs(p.quantity) > 10000 * abs(p.previous_quantity) OR p.previous_rate > 1000 * p.rate
        OR (abs(p.amount) >= 1000000000 AND p.rate < 1)
        THEN 'the two months are too far apart to be split'
    END AS reason,
    nullif(concat_ws(',', a.ids, b_absent.ids), '') AS not_loaded
  FROM pairs p
  JOIN loaded n ON n.billing_month = p.billing_month AND n.currency = p.currency
  LEFT JOIN loaded b ON b.billing_month = p.previous_month AND b.currency = p.currency
  LEFT JOIN absent a ON a.billing_month = p.billing_month AND a.currency = p.currency
  LEFT JOIN absent b_absent ON b_absent.billing_month = p.previous_month AND b_absent.currency = p.currency
),
-- Of a unit's price and the share by which the quantity changed, the one that ten decimals round less.
steps AS (
  SELECT
    c.*,
    CASE WHEN c.change <> 'not_compared' THEN coalesce(c.amount, 0) - coalesce(c.previous_amount, 0) END AS difference,
    c.reason IS NULL AND c.change IN ('changed', 'unchanged') AS is_split,
    abs(c.previous_quantity) >= 1 AND abs(c.quantity - c.previous_quantity) <= abs(c.previous_amount) AS is_by_unit
  FROM compared c
),
quotients AS (
  SELECT
    s.*,
    CASE
      WHEN s.is_split
        THEN {{dataset}}.div(CASE WHEN s.is_by_unit THEN s.previous_amount ELSE s.quantity END, s.previous_quantity)
    END AS quotient,
    CASE WHEN s.is_split AND s.rate <> s.previous_rate THEN {{dataset}}.div(s.amount, s.rate) END AS priced_amount
  FROM steps s
),
split AS (
  SELECT
    q.*,
    CASE
      WHEN q.is_split
        THEN {{dataset}}.mul(
          CASE WHEN q.is_by_unit THEN q.quantity - q.previous_quantity ELSE q.previous_amount END,
          CASE WHEN q.is_by_unit THEN q.quotient ELSE q.quotient - 1 END
        )
      WHEN q.reason IS NULL THEN q.difference
    END AS volume_effect,
    CASE
      WHEN q.is_split AND q.rate = q.previous_rate THEN q.amount
      WHEN q.is_split THEN {{dataset}}.mul(q.priced_amount, q.previous_rate)
    END AS amount_at_previous_rate
  FROM quotients q
)
SELECT
  billing_month,
  previous_month,
  currency,
  customer_id,
  customer_name,
  product_id,
  sku_id,
  product_name,
  sku_name,
  charge_type,
  change,
  previous_amount,
  amount,
  difference,
  volume_effect,
  CASE
    WHEN is_split THEN amount_at_previous_rate - previous_amount - volume_effect
    WHEN reason IS NULL THEN 0
  END AS price_effect,
  CASE
    WHEN is_split THEN amount - amount_at_previous_rate
    WHEN reason IS NULL THEN 0
  END AS exchange_rate_effect,
  CASE WHEN change <> 'not_compared' THEN CASE WHEN reason IS NULL THEN 0 ELSE difference END END AS not_split,
  previous_quantity,
  quantity,
  previous_rate AS previous_exchange_rate,
  rate AS exchange_rate,
  previous_lines,
  lines,
  reason,
  not_loaded
FROM split;
