-- A step of the checks: usage (left) and the lines that charge it (right) by invoice, currency, subscription, product, SKU
-- and availability, the join that Microsoft names, letter case apart; whatever is published of the two. Of the lines
-- those that have a meter charge usage; credits to the customer do not. Whether an invoice agrees (_agreements) and
-- recon_usage_vs_invoice both are read from here, so that they cannot disagree: a group agrees where abs(apart) is at
-- most recon_tolerance('usage_vs_invoice', currency, rows_right).
-- Source: domain.md section C3, 2; api-contract.md section 8.5.
CREATE OR REPLACE VIEW {{dataset}}._recon_usage_groups AS
WITH amounts AS (
  -- By the ids as they are written, so that few of them need lower(). Whole amounts and fractions apart, because
  -- DECIMAL(38, 22) holds a sum below 10^16 only, and a publish must not fail by a larger one.
  SELECT
    t.invoice_number, t.subscription_id, t.product_id, t.sku_id, t.availability_id, t.billing_currency AS currency,
    min(t.customer_id) AS customer_id, min(t.customer_name) AS customer_name, min(t.product_name) AS product_name,
    sum(CAST(trunc(t.billing_pre_tax_total) AS HUGEINT)) AS left_whole,
    sum(t.billing_pre_tax_total - trunc(t.billing_pre_tax_total)) AS left_fraction,
    count(*) AS rows_left,
    CAST(NULL AS HUGEINT) AS right_whole, CAST(NULL AS DECIMAL(38, 22)) AS right_fraction, 0 AS rows_right
  FROM {{dataset}}.billed_usage t
  GROUP BY t.invoice_number, t.subscription_id, t.product_id, t.sku_id, t.availability_id, t.billing_currency
  UNION ALL
  SELECT
    t.invoice_number, t.subscription_id, t.product_id, t.sku_id, t.availability_id, t.currency,
    min(t.customer_id), min(t.customer_name), min(t.product_name),
    NULL, NULL, 0,
    sum(CAST(trunc(t.subtotal) AS HUGEINT)), sum(t.subtotal - trunc(t.subtotal)), count(*)
  FROM {{dataset}}.billed_reconciliation t
  WHERE t.meter_description IS NOT NULL AND lower(coalesce(t.charge_type, '')) <> 'customercredit'
  GROUP BY t.invoice_number, t.subscription_id, t.product_id, t.sku_id, t.availability_id, t.currency
)
SELECT
  invoice_number, upper(currency) AS currency,
  min(customer_id) AS customer_id, min(customer_name) AS customer_name,
  min(subscription_id) AS subscription_id, min(product_id) AS product_id, min(sku_id) AS sku_id,
  min(availability_id) AS availability_id, min(product_name) AS product_name,
  TRY_CAST(sum(left_whole) AS DECIMAL(38, 22)) + sum(left_fraction) AS left_amount,
  TRY_CAST(sum(right_whole) AS DECIMAL(38, 22)) + sum(right_fraction) AS right_amount,
  TRY_CAST(coalesce(sum(right_whole), 0) - coalesce(sum(left_whole), 0) AS DECIMAL(38, 22))
    + coalesce(sum(right_fraction), 0) - coalesce(sum(left_fraction), 0) AS apart,
  CAST(sum(rows_left) AS BIGINT) AS rows_left,
  CAST(sum(rows_right) AS BIGINT) AS rows_right
FROM amounts
GROUP BY
  invoice_number, upper(currency), lower(subscription_id), lower(product_id), lower(sku_id), lower(availability_id);
