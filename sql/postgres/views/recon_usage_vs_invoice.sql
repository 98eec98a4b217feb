-- Does the usage add up to the lines that charge it? Left: sum of billing_pre_tax_total of billed_usage. Right: sum of
-- subtotal of the usage lines of billed_reconciliation: those with a meter, credits to the customer left out, for these
-- have no usage. One row per invoice, currency, subscription, product, SKU and availability: the join that Microsoft
-- names, letter case apart. Both sides are added up first, because tiers and E5 halves make several lines of one group.
-- Whether an invoice agrees (_agreements, which the schedule goes by) is read from this view.
--   matched, within_tolerance  no more apart than recon_tolerance() allows for the lines of the group
--   partial                    further apart, but the usage was last read before the 15th of the month after: it settles
--   mismatch                   further apart, and the usage is settled
--   left_only, right_only      the same where no line charges the usage, or no usage is behind the line
--   not_checked                one side is not loaded; or was loaded as basic, which has no availability_id (usage) and
--                              no meter (lines): then one row per currency has what is there; or nothing is usage; or
--                              the currency is unknown
-- Source: domain.md section C3, 2, its tolerances and calendar; api-contract.md sections 8.5 and 8.6. Columns are only
-- ever added at the end.
CREATE OR REPLACE VIEW {{dataset}}.recon_usage_vs_invoice AS
WITH amounts AS NOT MATERIALIZED (
  -- By the ids as they are written, so that few of them need lower().
  SELECT
    t.invoice_number, t.subscription_id, t.product_id, t.sku_id, t.availability_id, t.billing_currency AS currency,
    min(t.customer_id COLLATE "C") AS customer_id, min(t.customer_name COLLATE "C") AS customer_name, min(t.product_name COLLATE "C") AS product_name,
    sum(t.billing_pre_tax_total) AS left_sum,
    count(*) AS rows_left,
    CAST(NULL AS numeric) AS right_sum, CAST(0 AS bigint) AS rows_right
  FROM {{dataset}}.billed_usage t
  GROUP BY t.invoice_number, t.subscription_id, t.product_id, t.sku_id, t.availability_id, t.billing_currency
  UNION ALL
  SELECT
    t.invoice_number, t.subscription_id, t.product_id, t.sku_id, t.availability_id, t.currency,
    min(t.customer_id COLLATE "C"), min(t.customer_name COLLATE "C"), min(t.product_name COLLATE "C"),
    NULL, 0,
    sum(t.subtotal), count(*)
  FROM {{dataset}}.billed_reconciliation t
  WHERE t.meter_description IS NOT NULL AND lower(coalesce(t.charge_type, '')) <> 'customercredit'
  GROUP BY t.invoice_number, t.subscription_id, t.product_id, t.sku_id, t.availability_id, t.currency
),
keyed AS NOT MATERIALIZED (
  SELECT
    i.*,
    i.usage_attribute_set = 'full' AND i.lines_attribute_set = 'full' AS is_comparable,
    coalesce(upper(a.currency), i.listed_currency) AS currency,
    a.subscription_id, a.product_id, a.sku_id, a.availability_id, a.customer_id, a.customer_name, a.product_name,
    a.left_sum, a.rows_left, a.right_sum, a.rows_right
  FROM {{dataset}}._recon_invoices i
  LEFT JOIN amounts a ON a.invoice_number = i.invoice_number
),
grouped AS NOT MATERIALIZED (
  SELECT
    invoice_number, currency, billing_month, usage_load_id, usage_attribute_set, lines_load_id, lines_attribute_set,
    usage_read_at, is_usage_young, is_comparable,
    CASE WHEN is_comparable THEN min(customer_id COLLATE "C") END AS customer_id,
    CASE WHEN is_comparable THEN min(customer_name COLLATE "C") END AS customer_name,
    CASE WHEN is_comparable THEN min(subscription_id COLLATE "C") END AS subscription_id,
    CASE WHEN is_comparable THEN min(product_id COLLATE "C") END AS product_id,
    CASE WHEN is_comparable THEN min(sku_id COLLATE "C") END AS sku_id,
    CASE WHEN is_comparable THEN min(availability_id COLLATE "C") END AS availability_id,
    CASE WHEN is_comparable THEN min(product_name COLLATE "C") END AS product_name,
    sum(left_sum) AS left_amount,
    sum(right_sum) AS right_amount,
    CAST(coalesce(sum(rows_left), 0) AS bigint) AS rows_left,
    CAST(coalesce(sum(rows_right), 0) AS bigint) AS rows_right,
    coalesce(sum(right_sum), 0) - coalesce(sum(left_sum), 0) AS apart
  FROM keyed
  GROUP BY
    invoice_number, currency, billing_month, usage_load_id, usage_attribute_set, lines_load_id, lines_attribute_set,
    usage_read_at, is_usage_young, is_comparable,
    CASE WHEN is_comparable THEN lower(subscription_id) END,
    CASE WHEN is_comparable THEN lower(product_id) END,
    CASE WHEN is_comparable THEN lower(sku_id) END,
    CASE WHEN is_comparable THEN lower(availability_id) END
),
checked AS NOT MATERIALIZED (
  SELECT
    g.*,
    CASE WHEN is_comparable THEN apart END AS difference,
    CASE WHEN is_comparable THEN {{dataset}}.recon_tolerance('usage_vs_invoice', currency, rows_right) END AS tolerance,
    CASE
      WHEN usage_load_id IS NULL AND lines_load_id IS NULL THEN 'neither the usage nor the lines of the invoice are loaded'
      WHEN usage_load_id IS NULL THEN 'the usage of the invoice is not loaded'
      WHEN lines_load_id IS NULL THEN 'the lines of the invoice are not loaded'
      WHEN usage_attribute_set <> 'full'
        THEN 'the usage was loaded as basic, which has no availability_id to join it by: it takes full'
      WHEN lines_attribute_set <> 'full'
        THEN 'the lines were loaded as basic, which does not say which of them charge usage: it takes full'
      WHEN rows_left = 0 AND rows_right = 0 THEN 'there is no usage, and no line that charges any'
      WHEN {{dataset}}.money_unit(currency) IS NULL THEN 'the smallest unit of the currency is not known'
    END AS not_checked
  FROM grouped g
)
SELECT
  invoice_number, currency, customer_id, customer_name, subscription_id, product_id, sku_id, availability_id,
  CASE
    WHEN not_checked IS NOT NULL THEN 'not_checked'
    WHEN difference = 0 AND rows_left > 0 AND rows_right > 0 THEN 'matched'
    WHEN abs(difference) <= tolerance THEN 'within_tolerance'
    WHEN is_usage_young THEN 'partial'
    WHEN rows_left = 0 THEN 'right_only'
    WHEN rows_right = 0 THEN 'left_only'
    ELSE 'mismatch'
  END AS status,
  left_amount, right_amount, difference, tolerance, rows_left, rows_right,
  CASE
    WHEN not_checked IS NOT NULL THEN not_checked
    WHEN difference = 0 AND rows_left > 0 AND rows_right > 0 THEN NULL
    WHEN abs(difference) <= tolerance AND rows_right = 0 THEN 'no line charges this usage, and it costs nothing'
    WHEN abs(difference) <= tolerance AND rows_left = 0 THEN 'no usage is behind the line, and it charges next to nothing'
    WHEN abs(difference) <= tolerance THEN 'usage has more decimals than the lines: apart by no more than is allowed for them'
    WHEN is_usage_young
      THEN 'the usage was last read before the 15th of the month after: it may still change until then'
    WHEN rows_left = 0 THEN 'a line charges usage, and no usage is there'
    WHEN rows_right = 0 THEN 'usage is there, and no line charges it'
    ELSE 'usage and lines are further apart than is allowed for the lines'
  END AS reason,
  nullif(concat_ws(',', usage_load_id, lines_load_id), '') AS snapshot_ids,
  product_name,
  billing_month,
  usage_read_at
FROM checked;
