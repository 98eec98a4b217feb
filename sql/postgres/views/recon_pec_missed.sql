-- Where was partner earned credit lost? Usage is rated with credit or without it day by day. Usage without it is looked at
-- where the same meter (product, SKU, availability) of the same Azure subscription had it on other days of the invoice, or
-- where that meter had it in other subscriptions and the subscription on other meters. Left out is what earns none: usage
-- that costs nothing, reservations, savings plans, spot, and publishers other than Microsoft. 15 and 0.15 are one rate.
-- Left: list price x quantity x exchange rate less the credit, of the usage without credit. Right: what was billed for it.
-- The difference is the credit that was lost. rows_left: rows of usage with credit; rows_right: rows without.
-- One row for each meter of an Azure subscription (entitlement_id).
-- matched: no usage without credit, or it cost no more than with it. within_tolerance: lost, but no more than is let pass.
-- mismatch: lost; days_without_credit says on how many days. not_checked: the meter or the subscription had no credit at all
-- on the invoice, so that it may earn none; rates or prices are missing (basic has no rates); the currency is unknown; or the
-- invoice is known and has no usage here.
-- Source: domain.md section C3, 5; api-contract.md sections 5.1 and 5.4 (credit is decided daily).
-- Columns are only ever added at the end.
CREATE OR REPLACE VIEW {{dataset}}.recon_pec_missed AS
WITH rated AS (
  SELECT
    t.invoice_number, t.billing_currency, t.customer_id, t.subscription_id, t.entitlement_id,
    t.product_id, t.sku_id, t.availability_id, t.partner_earned_credit_percentage AS rate, t.unit_price,
    CASE
      WHEN t.pc_to_bc_exchange_rate IS NULL AND upper(t.pricing_currency) = upper(t.billing_currency)
        THEN CAST(1 AS numeric)
      ELSE t.pc_to_bc_exchange_rate
    END AS exchange_rate,
    CASE WHEN t.partner_earned_credit_percentage = 0 THEN t.usage_date END AS missed_on,
    count(*) AS records,
    sum(t.quantity) AS quantity,
    count(*) - count(t.quantity) AS quantities_missing,
    sum(t.billing_pre_tax_total) AS billed,
    max(t.customer_name COLLATE "C") AS customer_name,
    max(t.entitlement_description COLLATE "C") AS entitlement_description,
    max(t.sku_name COLLATE "C") AS sku_name
  FROM {{dataset}}.billed_usage t
  WHERE t.billing_pre_tax_total <> 0
    AND (t.partner_earned_credit_percentage > 0 OR NOT (
      coalesce(replace(lower(t.benefit_type), ' ', '') = 'savingsplan', t.benefit_order_id IS NOT NULL)
      OR coalesce(t.additional_info ~ '(?i)"ReservationOrderId"\s*:\s*"[^"]', false)
      OR coalesce(lower(t.publisher_name) NOT LIKE 'microsoft%', false)
      OR concat(' ', lower(t.meter_name), ' ', lower(t.sku_name), ' ') LIKE '% spot %'
    ))
  GROUP BY
    t.invoice_number, t.billing_currency, t.customer_id, t.subscription_id, t.entitlement_id,
    t.product_id, t.sku_id, t.availability_id, t.partner_earned_credit_percentage, t.unit_price, exchange_rate, missed_on,
    -- Of a type that cannot be sorted: Postgres expects more groups than there are, and would sort a million rows for them.
    CAST('0' AS xid)
),
-- OFFSET 0 keeps each step a step: without it Postgres would compute a value again wherever it is named.
listed AS (
  SELECT r.*, p.list_amount, p.credit
  FROM rated r
  CROSS JOIN LATERAL (
    SELECT
      CASE
        WHEN r.rate = 0 AND r.quantities_missing = 0
          AND greatest(abs(r.unit_price), abs(r.quantity), abs(r.exchange_rate)) < 1000000000000
          AND abs(r.unit_price * r.quantity) < 100000000000
          AND abs(r.unit_price * r.quantity * r.exchange_rate) < 100000000000
          THEN {{dataset}}.mul({{dataset}}.mul(r.unit_price, r.quantity), r.exchange_rate)
      END AS list_amount,
      -- The two rates that there are cost no call each.
      CASE WHEN r.rate = 0 THEN 0 WHEN r.rate = 15 THEN 0.15 ELSE {{dataset}}.pec_rate(r.rate) END AS credit
    OFFSET 0
  ) p
),
meters AS (
  SELECT
    l.invoice_number, upper(l.billing_currency) AS currency, lower(l.customer_id) AS customer_id,
    lower(l.subscription_id) AS subscription_id, lower(l.entitlement_id) AS entitlement_id,
    lower(l.product_id) AS product_id, lower(l.sku_id) AS sku_id, lower(l.availability_id) AS availability_id,
    max(l.customer_name COLLATE "C") AS customer_name,
    max(l.entitlement_description COLLATE "C") AS entitlement_description,
    max(l.sku_name COLLATE "C") AS sku_name,
    max(l.credit) AS own_credit,
    CAST(coalesce(sum(l.records) FILTER (WHERE l.credit > 0), 0) AS bigint) AS with_credit,
    CAST(coalesce(sum(l.records) FILTER (WHERE l.credit = 0), 0) AS bigint) AS without_credit,
    CAST(coalesce(sum(l.records) FILTER (WHERE l.credit IS NULL), 0) AS bigint) AS without_rate,
    count(*) FILTER (WHERE l.credit = 0 AND l.list_amount IS NULL) AS without_price,
    sum(l.list_amount) FILTER (WHERE l.credit = 0) AS list_amount,
    sum(l.billed) FILTER (WHERE l.credit = 0) AS billed,
    count(DISTINCT l.missed_on) AS days,
    min(l.missed_on) AS first_day,
    max(l.missed_on) AS last_day
  FROM listed l
  GROUP BY 1, 2, 3, 4, 5, 6, 7, 8
),
elsewhere AS (
  SELECT
    m.*,
    max(m.own_credit) OVER (
      PARTITION BY m.invoice_number, m.currency, m.product_id, m.sku_id, m.availability_id
    ) AS meter_credit,
    max(m.own_credit) OVER (
      PARTITION BY m.invoice_number, m.currency, m.customer_id, m.subscription_id, m.entitlement_id
    ) AS subscription_credit
  FROM meters m
),
expected AS (
  SELECT
    e.*,
    CASE
      WHEN e.own_credit > 0 THEN e.own_credit
      WHEN e.meter_credit > 0 AND e.subscription_credit > 0 THEN e.meter_credit
    END AS credit,
    x.tolerance
  FROM elsewhere e
  -- Of the currency only, so that Postgres can remember it.
  CROSS JOIN LATERAL (SELECT {{dataset}}.recon_tolerance('pec_missed', e.currency, 1) AS tolerance OFFSET 0) x
),
compared AS (
  SELECT
    e.*,
    CASE
      WHEN e.without_rate > 0
        THEN 'the usage has no rate of partner earned credit, which only the attribute set full has'
      WHEN e.tolerance IS NULL THEN 'the smallest unit of the billing currency is not known'
      WHEN e.without_credit = 0 THEN NULL
      WHEN e.credit IS NULL AND e.subscription_credit > 0
        THEN 'the meter had no partner earned credit on the invoice, so that it may earn none'
      WHEN e.credit IS NULL
        THEN 'the Azure subscription had no partner earned credit on the invoice, so that it may earn none'
      WHEN e.without_price > 0
        THEN 'UnitPrice, Quantity or PCToBCExchangeRate is missing or too large where there is no credit'
    END AS obstacle,
    CASE
      WHEN e.without_credit = 0 THEN CAST(0 AS numeric)
      WHEN e.without_price = 0 AND abs(e.list_amount) < 1000000000000
        THEN {{dataset}}.mul(e.list_amount, 1 - e.credit)
    END AS with_credit_amount
  FROM expected e
),
results AS (
  SELECT c.*, x.left_amount, x.right_amount
  FROM compared c
  CROSS JOIN LATERAL (
    SELECT
      CASE WHEN c.obstacle IS NULL THEN c.with_credit_amount END AS left_amount,
      coalesce(c.billed, 0) AS right_amount
    OFFSET 0
  ) x
)
SELECT
  r.invoice_number,
  r.currency,
  r.customer_id,
  r.customer_name,
  r.subscription_id,
  r.entitlement_id,
  r.product_id,
  r.sku_id,
  r.availability_id,
  CASE
    WHEN r.left_amount IS NULL THEN 'not_checked'
    WHEN r.right_amount <= r.left_amount THEN 'matched'
    WHEN r.right_amount - r.left_amount <= r.tolerance THEN 'within_tolerance'
    ELSE 'mismatch'
  END AS status,
  r.left_amount,
  r.right_amount,
  r.right_amount - r.left_amount AS difference,
  r.tolerance,
  r.with_credit AS rows_left,
  r.without_credit AS rows_right,
  CASE
    WHEN r.obstacle IS NOT NULL THEN r.obstacle
    WHEN r.left_amount IS NULL THEN 'the amounts are too large to be multiplied exactly'
    WHEN r.right_amount <= r.left_amount THEN NULL
    WHEN r.right_amount - r.left_amount <= r.tolerance
      THEN 'usage without partner earned credit that the meter has at other times; no more than the tolerance was lost'
    ELSE 'usage without partner earned credit that the meter has at other times'
  END AS reason,
  k.usage_load_id AS snapshot_ids,
  r.credit AS credit_rate,
  r.days AS days_without_credit,
  r.first_day AS first_day_without_credit,
  r.last_day AS last_day_without_credit,
  r.entitlement_description,
  r.sku_name
FROM results r
LEFT JOIN {{dataset}}._recon_invoices k ON k.invoice_number = r.invoice_number
UNION ALL
SELECT
  k.invoice_number,
  k.listed_currency AS currency,
  CAST(NULL AS text) AS customer_id,
  CAST(NULL AS text) AS customer_name,
  CAST(NULL AS text) AS subscription_id,
  CAST(NULL AS text) AS entitlement_id,
  CAST(NULL AS text) AS product_id,
  CAST(NULL AS text) AS sku_id,
  CAST(NULL AS text) AS availability_id,
  'not_checked' AS status,
  CAST(NULL AS numeric) AS left_amount,
  CAST(NULL AS numeric) AS right_amount,
  CAST(NULL AS numeric) AS difference,
  CAST(NULL AS numeric) AS tolerance,
  CAST(0 AS bigint) AS rows_left,
  CAST(0 AS bigint) AS rows_right,
  'the invoice has no usage here' AS reason,
  k.usage_load_id AS snapshot_ids,
  CAST(NULL AS numeric) AS credit_rate,
  CAST(0 AS bigint) AS days_without_credit,
  CAST(NULL AS date) AS first_day_without_credit,
  CAST(NULL AS date) AS last_day_without_credit,
  CAST(NULL AS text) AS entitlement_description,
  CAST(NULL AS text) AS sku_name
FROM {{dataset}}._recon_invoices k
WHERE NOT EXISTS (SELECT 1 FROM {{dataset}}.billed_usage t WHERE t.invoice_number = k.invoice_number);
