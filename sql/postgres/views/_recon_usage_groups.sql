-- A step of the checks: usage (left) and the lines that charge it (right) by invoice, currency, subscription, product, SKU
-- and availability, the join that Microsoft names, letter case apart; whatever is published of the two. Of the lines
-- those that have a meter charge usage; credits to the customer do not. Whether an invoice agrees (_agreements) and
-- recon_usage_vs_invoice both are read from here, so that they cannot disagree: a group agrees where abs(apart) is at
-- most recon_tolerance('usage_vs_invoice', currency, rows_right).
-- Source: domain.md section C3, 2; api-contract.md section 8.5.
CREATE OR REPLACE VIEW {{dataset}}._recon_usage_groups AS
WITH amounts AS NOT MATERIALIZED (
  -- By the ids as they are written, so that few of them need lower(); in "C", which compares them fastest.
  SELECT
    t.invoice_number, t.subscription_id COLLATE "C" AS subscription_id, t.product_id COLLATE "C" AS product_id,
    t.sku_id COLLATE "C" AS sku_id, t.availability_id COLLATE "C" AS availability_id,
    t.billing_currency COLLATE "C" AS currency,
    min(t.customer_id COLLATE "C") AS customer_id, min(t.customer_name COLLATE "C") AS customer_name,
    min(t.product_name COLLATE "C") AS product_name,
    sum(t.billing_pre_tax_total) AS left_sum,
    count(*) AS rows_left,
    CAST(NULL AS numeric) AS right_sum, CAST(0 AS bigint) AS rows_right
  FROM {{dataset}}.billed_usage t
  GROUP BY
    t.invoice_number, t.subscription_id COLLATE "C", t.product_id COLLATE "C", t.sku_id COLLATE "C",
    t.availability_id COLLATE "C", t.billing_currency COLLATE "C",
    -- Of a type that cannot be sorted: Postgres expects more groups than there are, and would sort a million rows for them.
    CAST('0' AS xid)
  UNION ALL
  SELECT
    t.invoice_number, t.subscription_id COLLATE "C", t.product_id COLLATE "C", t.sku_id COLLATE "C",
    t.availability_id COLLATE "C", t.currency COLLATE "C",
    min(t.customer_id COLLATE "C"), min(t.customer_name COLLATE "C"), min(t.product_name COLLATE "C"),
    NULL, 0,
    sum(t.subtotal), count(*)
  FROM {{dataset}}.billed_reconciliation t
  WHERE t.meter_description IS NOT NULL AND lower(coalesce(t.charge_type, '')) <> 'customercredit'
  GROUP BY
    t.invoice_number, t.subscription_id COLLATE "C", t.product_id COLLATE "C", t.sku_id COLLATE "C",
    t.availability_id COLLATE "C", t.currency COLLATE "C"
)
SELECT
  invoice_number, upper(currency) AS currency,
  min(customer_id COLLATE "C") AS customer_id, min(customer_name COLLATE "C") AS customer_name,
  min(subscription_id) AS subscription_id, min(product_id) AS product_id,
  min(sku_id) AS sku_id,
  min(availability_id) AS availability_id, min(product_name COLLATE "C") AS product_name,
  sum(left_sum) AS left_amount,
  sum(right_sum) AS right_amount,
  coalesce(sum(right_sum), 0) - coalesce(sum(left_sum), 0) AS apart,
  CAST(sum(rows_left) AS bigint) AS rows_left,
  CAST(sum(rows_right) AS bigint) AS rows_right
FROM amounts
GROUP BY
  invoice_number, upper(currency), lower(subscription_id), lower(product_id), lower(sku_id), lower(availability_id);
