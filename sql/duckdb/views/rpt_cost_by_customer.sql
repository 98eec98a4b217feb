-- What each customer cost on each invoice: the sums of its reconciliation lines by what they charge, per currency.
-- usage: lines of metered usage, which are those that name a meter. credits: lines of charge type customerCredit.
-- purchases: all others, which are licences and their changes, reservations, savings plans, software and marketplace.
-- purchases + usage + credits = pre_tax, always. Exports of attribute set basic name no meter: purchases and usage are
-- null then, for they cannot be told apart. tax and total are null where a line does not state them; in some countries
-- lines say 0 though the invoice has tax. snapshot_ids: the loads whose lines these are.
-- Source: domain.md sections C1 and C3 (cost from the lines); api-contract.md sections 6.1, 6.4 and 8.5.
-- Columns are only ever added at the end.
CREATE OR REPLACE VIEW {{dataset}}.rpt_cost_by_customer AS
SELECT
  l.invoice_number,
  s.billing_month,
  l.currency,
  l.customer_id,
  l.customer_name,
  CASE WHEN s.lines_attribute_set = 'full' THEN l.purchases END AS purchases,
  CASE WHEN s.lines_attribute_set = 'full' THEN l.metered END AS usage,
  l.credits,
  l.pre_tax,
  l.tax,
  l.total,
  l.lines,
  s.lines_snapshot_ids AS snapshot_ids
FROM (
  SELECT
    r.invoice_number,
    upper(r.currency) AS currency,
    lower(r.customer_id) AS customer_id,
    max(r.customer_name) AS customer_name,
    coalesce(sum(r.subtotal) FILTER (
      WHERE lower(coalesce(r.charge_type, '')) <> 'customercredit' AND r.meter_description IS NULL
    ), 0) AS purchases,
    coalesce(sum(r.subtotal) FILTER (
      WHERE lower(coalesce(r.charge_type, '')) <> 'customercredit' AND r.meter_description IS NOT NULL
    ), 0) AS metered,
    coalesce(sum(r.subtotal) FILTER (WHERE lower(r.charge_type) = 'customercredit'), 0) AS credits,
    sum(r.subtotal) AS pre_tax,
    CASE WHEN count(r.tax_total) = count(*) THEN sum(r.tax_total) END AS tax,
    CASE WHEN count(r.total) = count(*) THEN sum(r.total) END AS total,
    count(*) AS lines
  FROM {{dataset}}.billed_reconciliation r
  GROUP BY r.invoice_number, upper(r.currency), lower(r.customer_id)
) l
LEFT JOIN {{dataset}}._invoice_snapshots s ON s.invoice_number = l.invoice_number;
