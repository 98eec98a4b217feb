-- Every reconciliation line that gives money back, beside the charges that it belongs to. kind: credit (charge type
-- customerCredit, with its credit_reason_code) or refund (any other line below zero: the leg of a change or an upgrade, a
-- cancellation). Charges are lines of the same customer and currency, on whatever invoice, that are not below zero and
-- no credits. They belong to a line by its reference_id (paired_by: reference); to a credit without such a charge by
-- product, SKU, availability and order date (paired_by: product). Of several lines the quantities are added, for a change
-- may have several legs on each side (E5 has two lines), and a price is looked for among all of the charges.
-- pair_status:
--   offset: as many units are charged as given back, and a charge has exactly the opposite unit price;
--   quantity_differs: the unit price is offset, the quantity is not: of a refund a change of seats, which gives back all
--     old seats and charges all new ones; of a credit a part of the charge;
--   price_differs: the quantities are equal, no unit price is offset: an upgrade, or another proration;
--   both_differ; unpaired: no charge is loaded that it could belong to; not_checked: a quantity or price is missing.
-- reason says it in words, null only for offset. Amounts are those of the lines; nothing is recomputed.
-- Source: domain.md section C3, 8, and section C1 (legs by ReferenceId); api-contract.md section 6.4 and section 8.5
-- (Azure credit). Columns are only ever added at the end.
CREATE OR REPLACE VIEW {{dataset}}.rpt_credits_and_refunds AS
WITH lines AS NOT MATERIALIZED (
  SELECT
    r.*,
    CASE
      WHEN lower(r.charge_type) = 'customercredit' THEN 'credit'
      WHEN r.subtotal < 0 THEN 'refund'
      ELSE 'charge'
    END AS kind
  FROM {{dataset}}.billed_reconciliation r
),
-- Lines that belong together, for each invoice that gives something back among them: by the invoice, so that a condition
-- on it reaches the tables. Customers are compared twice: rows can be hashed by = only.
by_reference AS (
  SELECT
    n.invoice_number, n.customer, n.currency, n.reference,
    count(*) FILTER (WHERE l.kind = 'charge') AS charges,
    sum(l.subtotal) FILTER (WHERE l.kind = 'charge') AS amount,
    sum(l.billable_quantity) FILTER (WHERE l.kind = 'charge') AS quantity,
    sum(l.billable_quantity) FILTER (WHERE l.kind = 'refund') AS refunded,
    sum(l.billable_quantity) FILTER (WHERE l.kind = 'credit') AS credited,
    count(*) - count(l.billable_quantity) AS without_quantity,
    array_agg(l.effective_unit_price)
      FILTER (WHERE l.kind = 'charge' AND l.effective_unit_price IS NOT NULL) AS prices,
    string_agg(DISTINCT l.invoice_number COLLATE "C", ',' ORDER BY l.invoice_number COLLATE "C")
      FILTER (WHERE l.kind = 'charge') AS invoices
  FROM (
    SELECT DISTINCT
      invoice_number, lower(customer_id) AS customer, upper(currency) AS currency, lower(reference_id) AS reference
    FROM lines
    WHERE kind <> 'charge' AND reference_id IS NOT NULL
  ) n
  JOIN lines l
    ON lower(l.reference_id) = n.reference AND upper(l.currency) = n.currency
    AND lower(l.customer_id) IS NOT DISTINCT FROM n.customer
    AND coalesce(lower(l.customer_id), '') = coalesce(n.customer, '')
  GROUP BY n.invoice_number, n.customer, n.currency, n.reference
),
by_product AS (
  SELECT
    n.invoice_number, n.customer, n.currency, n.product, n.sku, n.availability, n.order_date,
    count(*) FILTER (WHERE l.kind = 'charge') AS charges,
    sum(l.subtotal) FILTER (WHERE l.kind = 'charge') AS amount,
    sum(l.billable_quantity) FILTER (WHERE l.kind = 'charge') AS quantity,
    sum(l.billable_quantity) FILTER (WHERE l.kind = 'credit') AS credited,
    count(*) - count(l.billable_quantity) AS without_quantity,
    array_agg(l.effective_unit_price)
      FILTER (WHERE l.kind = 'charge' AND l.effective_unit_price IS NOT NULL) AS prices,
    string_agg(DISTINCT l.invoice_number COLLATE "C", ',' ORDER BY l.invoice_number COLLATE "C")
      FILTER (WHERE l.kind = 'charge') AS invoices
  FROM (
    SELECT DISTINCT
      invoice_number, lower(customer_id) AS customer, upper(currency) AS currency, lower(product_id) AS product,
      lower(sku_id) AS sku, lower(availability_id) AS availability, order_date
    FROM lines
    WHERE kind = 'credit' AND order_date IS NOT NULL
  ) n
  JOIN lines l
    ON l.order_date = n.order_date AND upper(l.currency) = n.currency AND lower(l.product_id) = n.product
    AND lower(l.sku_id) IS NOT DISTINCT FROM n.sku AND lower(l.availability_id) IS NOT DISTINCT FROM n.availability
    AND lower(l.customer_id) IS NOT DISTINCT FROM n.customer
    AND coalesce(lower(l.customer_id), '') = coalesce(n.customer, '')
  WHERE l.kind IN ('charge', 'credit')
  GROUP BY n.invoice_number, n.customer, n.currency, n.product, n.sku, n.availability, n.order_date
),
paired AS (
  SELECT
    n.*,
    CASE WHEN f.charges > 0 THEN 'reference' WHEN p.charges > 0 THEN 'product' END AS paired_by,
    coalesce(CASE WHEN f.charges > 0 THEN f.charges ELSE p.charges END, 0) AS pair_lines,
    CASE WHEN f.charges > 0 THEN f.quantity ELSE p.quantity END AS pair_quantity,
    CASE WHEN f.charges > 0 THEN f.amount ELSE p.amount END AS pair_pre_tax,
    CASE WHEN f.charges > 0 THEN f.invoices ELSE p.invoices END AS pair_invoices,
    CASE
      WHEN f.charges > 0 AND f.without_quantity > 0 THEN NULL
      WHEN f.charges > 0 THEN f.quantity = CASE WHEN n.kind = 'credit' THEN f.credited ELSE f.refunded END
      WHEN p.without_quantity = 0 THEN p.quantity = p.credited
    END AS quantities_match,
    CASE
      WHEN n.effective_unit_price IS NULL THEN NULL
      WHEN f.charges > 0 THEN -n.effective_unit_price = ANY (f.prices)
      ELSE -n.effective_unit_price = ANY (p.prices)
    END AS unit_prices_offset
  FROM lines n
  LEFT JOIN by_reference f
    ON f.invoice_number = n.invoice_number AND f.reference = lower(n.reference_id) AND f.currency = upper(n.currency)
    AND f.customer IS NOT DISTINCT FROM lower(n.customer_id)
  LEFT JOIN by_product p
    ON p.invoice_number = n.invoice_number AND p.order_date = CASE WHEN n.kind = 'credit' THEN n.order_date END
    AND p.currency = upper(n.currency)
    AND p.product = lower(n.product_id) AND p.sku IS NOT DISTINCT FROM lower(n.sku_id)
    AND p.availability IS NOT DISTINCT FROM lower(n.availability_id)
    AND p.customer IS NOT DISTINCT FROM lower(n.customer_id)
    AND coalesce(p.customer, '') = coalesce(lower(n.customer_id), '')
  WHERE n.kind <> 'charge'
)
SELECT
  n.invoice_number,
  s.billing_month,
  upper(n.currency) AS currency,
  lower(n.customer_id) AS customer_id,
  n.customer_name,
  n.kind,
  lower(n.charge_type) AS charge_type,
  n.credit_reason_code,
  n.reference_id,
  n.subscription_id,
  n.product_id,
  n.sku_id,
  n.availability_id,
  n.product_name,
  n.sku_name,
  n.order_date,
  n.charge_start_date,
  n.charge_end_date,
  n.billable_quantity,
  n.effective_unit_price,
  n.subtotal AS pre_tax,
  n.tax_total AS tax,
  n.total,
  CASE
    WHEN n.paired_by IS NULL THEN 'unpaired'
    WHEN n.quantities_match IS NULL OR n.unit_prices_offset IS NULL THEN 'not_checked'
    WHEN n.quantities_match AND n.unit_prices_offset THEN 'offset'
    WHEN n.unit_prices_offset THEN 'quantity_differs'
    WHEN n.quantities_match THEN 'price_differs'
    ELSE 'both_differ'
  END AS pair_status,
  n.paired_by,
  n.pair_lines,
  n.pair_quantity,
  n.pair_pre_tax,
  n.pair_invoices,
  CASE WHEN n.paired_by IS NOT NULL THEN n.quantities_match END AS quantities_match,
  CASE WHEN n.paired_by IS NOT NULL THEN n.unit_prices_offset END AS unit_prices_offset,
  CASE
    WHEN n.paired_by IS NULL AND lower(n.charge_type) = 'cancelimmediate'
      THEN 'no charge of this reference is loaded; a cancellation can stand alone'
    WHEN n.paired_by IS NULL AND n.kind = 'refund' AND n.reference_id IS NULL
      THEN 'the line has no reference by which its charge could be found'
    WHEN n.paired_by IS NULL AND n.kind = 'refund' THEN 'no charge of this reference is loaded'
    WHEN n.paired_by IS NULL THEN 'no charge of this reference, or of this product and order date, is loaded'
    WHEN n.quantities_match IS NULL OR n.unit_prices_offset IS NULL
      THEN 'a line has no billable quantity, or this one no effective unit price'
    WHEN n.quantities_match AND n.unit_prices_offset THEN NULL
    WHEN n.unit_prices_offset AND n.kind = 'refund'
      THEN 'the unit price is offset, another quantity is charged: a change of seats'
    WHEN n.unit_prices_offset THEN 'the unit price is offset, the quantity is not that of the charge'
    WHEN n.quantities_match THEN 'the quantities are equal, no charge has the opposite unit price'
    ELSE 'neither quantity nor unit price is that of the charge'
  END AS reason,
  n.line_item_key,
  n.line_item_occurrence,
  n._load_id AS load_id
FROM paired n
LEFT JOIN {{dataset}}._invoice_snapshots s ON s.invoice_number = n.invoice_number;
