-- Does the usage add up to the lines that charge it? Left: sum of billing_pre_tax_total of billed_usage. Right: sum of
-- subtotal of the usage lines of billed_reconciliation: those with a meter, credits to the customer left out, for these
-- have no usage. One row per invoice, currency, subscription, product, SKU and availability: the join that Microsoft
-- names, letter case apart. Both sides are added up first, because tiers and E5 halves make several lines of one group.
-- Whether an invoice agrees (_agreements, which the schedule goes by) is read from the same groups and tolerance.
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
WITH grouped AS NOT MATERIALIZED (
  -- Where the groups cannot be told, one row per currency.
  SELECT
    i.invoice_number, coalesce(g.currency, i.listed_currency) AS currency, i.billing_month, i.usage_load_id,
    i.usage_attribute_set, i.lines_load_id, i.lines_attribute_set, i.usage_read_at, i.is_usage_young, i.is_comparable,
    min(CASE WHEN i.is_comparable THEN g.customer_id END COLLATE "C") AS customer_id,
    min(CASE WHEN i.is_comparable THEN g.customer_name END COLLATE "C") AS customer_name,
    min(CASE WHEN i.is_comparable THEN g.subscription_id END COLLATE "C") AS subscription_id,
    min(CASE WHEN i.is_comparable THEN g.product_id END COLLATE "C") AS product_id,
    min(CASE WHEN i.is_comparable THEN g.sku_id END COLLATE "C") AS sku_id,
    min(CASE WHEN i.is_comparable THEN g.availability_id END COLLATE "C") AS availability_id,
    min(CASE WHEN i.is_comparable THEN g.product_name END COLLATE "C") AS product_name,
    sum(g.left_amount) AS left_amount,
    sum(g.right_amount) AS right_amount,
    min(CASE WHEN i.is_comparable THEN g.apart END) AS apart,
    CAST(coalesce(sum(g.rows_left), 0) AS bigint) AS rows_left,
    CAST(coalesce(sum(g.rows_right), 0) AS bigint) AS rows_right
  FROM (
    SELECT *, coalesce(usage_attribute_set = 'full' AND lines_attribute_set = 'full', false) AS is_comparable
    FROM {{dataset}}._recon_invoices
  ) i
  LEFT JOIN {{dataset}}._recon_usage_groups g ON g.invoice_number = i.invoice_number
  GROUP BY
    i.invoice_number, coalesce(g.currency, i.listed_currency), i.billing_month, i.usage_load_id,
    i.usage_attribute_set, i.lines_load_id, i.lines_attribute_set, i.usage_read_at, i.is_usage_young, i.is_comparable,
    CASE WHEN i.is_comparable THEN lower(g.subscription_id) END,
    CASE WHEN i.is_comparable THEN lower(g.product_id) END,
    CASE WHEN i.is_comparable THEN lower(g.sku_id) END,
    CASE WHEN i.is_comparable THEN lower(g.availability_id) END
),
checked AS NOT MATERIALIZED (
  SELECT
    g.*,
    CASE WHEN rows_left + rows_right > 0 THEN apart END AS difference,
    t.tolerance,
    CASE
      WHEN usage_load_id IS NULL AND lines_load_id IS NULL THEN 'neither the usage nor the lines of the invoice are loaded'
      WHEN usage_load_id IS NULL THEN 'the usage of the invoice is not loaded'
      WHEN lines_load_id IS NULL THEN 'the lines of the invoice are not loaded'
      WHEN usage_attribute_set <> 'full'
        THEN 'the usage was loaded as basic, which has no availability_id to join it by: it takes full'
      WHEN lines_attribute_set <> 'full'
        THEN 'the lines were loaded as basic, which does not say which of them charge usage: it takes full'
      WHEN rows_left = 0 AND rows_right = 0 THEN 'there is no usage, and no line that charges any'
      WHEN t.money_unit IS NULL THEN 'the smallest unit of the currency is not known'
    END AS not_checked
  FROM grouped g
  -- OFFSET 0: once a row, not once for each time that it is used below.
  CROSS JOIN LATERAL (
    SELECT
      CASE WHEN g.is_comparable THEN {{dataset}}.recon_tolerance('usage_vs_invoice', g.currency, g.rows_right) END
        AS tolerance,
      {{dataset}}.money_unit(g.currency) AS money_unit
    OFFSET 0
  ) t
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
