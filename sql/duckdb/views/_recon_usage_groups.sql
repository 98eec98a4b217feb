-- A step of the checks: usage (left) and the lines that charge it (right) by invoice, currency, subscription, product, SKU
-- and availability, the join that Microsoft names, letter case apart; whatever is published of the two. Of the lines
-- those that have a meter charge usage; credits to the customer do not. Whether an invoice agrees (_agreements) and
-- recon_usage_vs_invoice both are read from here, so that they cannot disagree: a group agrees where abs(apart) is at
-- most recon_tolerance('usage_vs_invoice', currency, rows_right).
-- Source: domain.md section C3, 2; api-contract.md section 8.5.
CREATE OR REPLACE VIEW {{dataset}}._recon_usage_groups AS
WITH amounts AS (
  -- By the ids as they are written, so that few of them need lower(). DECIMAL(38, 22) holds a sum below 10^16 only, and a
  -- publish must not fail by a larger one: whole amounts and fractions are added up apart. Of a million rows that would
  -- take seconds, so it is done only to amounts from 10^6 on; a sum of smaller ones fits, for no group has 10^10 rows.
  SELECT
    t.invoice_number, t.subscription_id, t.product_id, t.sku_id, t.availability_id, t.billing_currency AS currency,
    min(t.customer_id) AS customer_id, min(t.customer_name) AS customer_name, min(t.product_name) AS product_name,
    sum(CASE WHEN t.billing_pre_tax_total > -1000000 AND t.billing_pre_tax_total < 1000000 THEN t.billing_pre_tax_total END)
      AS left_small,
    sum(CAST(trunc(CASE WHEN abs(t.billing_pre_tax_total) >= 1000000 THEN t.billing_pre_tax_total END) AS HUGEINT))
      AS left_whole,
    sum(CASE WHEN abs(t.billing_pre_tax_total) >= 1000000 THEN t.billing_pre_tax_total - trunc(t.billing_pre_tax_total) END)
      AS left_fraction,
    count(*) AS rows_left,
    CAST(NULL AS DECIMAL(38, 22)) AS right_small, CAST(NULL AS HUGEINT) AS right_whole,
    CAST(NULL AS DECIMAL(38, 22)) AS right_fraction,
    0 AS rows_right
  FROM {{dataset}}.billed_usage t
  GROUP BY t.invoice_number, t.subscription_id, t.product_id, t.sku_id, t.availability_id, t.billing_currency
  UNION ALL
  SELECT
    t.invoice_number, t.subscription_id, t.product_id, t.sku_id, t.availability_id, t.currency,
    min(t.customer_id), min(t.customer_name), min(t.product_name),
    NULL, NULL, NULL, 0,
    sum(CASE WHEN t.subtotal > -1000000 AND t.subtotal < 1000000 THEN t.subtotal END),
    sum(CAST(trunc(CASE WHEN abs(t.subtotal) >= 1000000 THEN t.subtotal END) AS HUGEINT)),
    sum(CASE WHEN abs(t.subtotal) >= 1000000 THEN t.subtotal - trunc(t.subtotal) END),
    count(*)
  FROM {{dataset}}.billed_reconciliation t
  WHERE t.meter_description IS NOT NULL AND lower(coalesce(t.charge_type, '')) <> 'customercredit'
  GROUP BY t.invoice_number, t.subscription_id, t.product_id, t.sku_id, t.availability_id, t.currency
),
added AS (
  SELECT
    invoice_number, upper(currency) AS currency,
    min(customer_id) AS customer_id, min(customer_name) AS customer_name,
    min(subscription_id) AS subscription_id, min(product_id) AS product_id, min(sku_id) AS sku_id,
    min(availability_id) AS availability_id, min(product_name) AS product_name,
    sum(left_small) IS NOT NULL OR sum(left_whole) IS NOT NULL AS has_left,
    coalesce(sum(left_whole), 0) + coalesce(CAST(trunc(sum(left_small)) AS HUGEINT), 0) AS left_whole,
    coalesce(sum(left_fraction), 0) + coalesce(sum(left_small) - trunc(sum(left_small)), 0)
      AS left_fraction,
    sum(right_small) IS NOT NULL OR sum(right_whole) IS NOT NULL AS has_right,
    coalesce(sum(right_whole), 0) + coalesce(CAST(trunc(sum(right_small)) AS HUGEINT), 0) AS right_whole,
    coalesce(sum(right_fraction), 0) + coalesce(sum(right_small) - trunc(sum(right_small)), 0)
      AS right_fraction,
    CAST(sum(rows_left) AS BIGINT) AS rows_left,
    CAST(sum(rows_right) AS BIGINT) AS rows_right
  FROM amounts
  GROUP BY
    invoice_number, upper(currency), lower(subscription_id), lower(product_id), lower(sku_id), lower(availability_id)
)
SELECT
  invoice_number, currency, customer_id, customer_name, subscription_id, product_id, sku_id, availability_id, product_name,
  CASE WHEN has_left THEN TRY_CAST(left_whole AS DECIMAL(38, 22)) + left_fraction END AS left_amount,
  CASE WHEN has_right THEN TRY_CAST(right_whole AS DECIMAL(38, 22)) + right_fraction END AS right_amount,
  TRY_CAST(right_whole - left_whole AS DECIMAL(38, 22)) + right_fraction - left_fraction AS apart,
  rows_left,
  rows_right
FROM added;
