-- What was billed through each reseller: the sums of an invoice's reconciliation lines by reseller of record
-- (tier2_mpn_id, as it came), per currency. reseller is what that number says: reseller (the MPN id of one), direct (0:
-- sold without a reseller), removed (-1: the reseller was removed) or unknown (blank: not stated). These are four
-- different answers and never added into one another. tax and total are null where a line does not state them.
-- Source: domain.md section C3, 14, and section C1 (three values and blank); api-contract.md section 6.1.
-- Columns are only ever added at the end.
CREATE OR REPLACE VIEW {{dataset}}.rpt_reseller_split AS
SELECT
  l.invoice_number,
  s.billing_month,
  l.currency,
  CASE
    WHEN l.reseller_mpn_id IS NULL THEN 'unknown'
    WHEN l.reseller_mpn_id = '0' THEN 'direct'
    WHEN l.reseller_mpn_id = '-1' THEN 'removed'
    ELSE 'reseller'
  END AS reseller,
  l.reseller_mpn_id,
  l.pre_tax,
  l.tax,
  l.total,
  l.customers,
  l.lines,
  s.lines_snapshot_ids AS snapshot_ids
FROM (
  SELECT
    r.invoice_number,
    upper(r.currency) AS currency,
    r.tier2_mpn_id AS reseller_mpn_id,
    sum(r.subtotal) AS pre_tax,
    CASE WHEN count(r.tax_total) = count(*) THEN sum(r.tax_total) END AS tax,
    CASE WHEN count(r.total) = count(*) THEN sum(r.total) END AS total,
    count(DISTINCT lower(r.customer_id)) AS customers,
    count(*) AS lines
  FROM {{dataset}}.billed_reconciliation r
  GROUP BY r.invoice_number, upper(r.currency), r.tier2_mpn_id
) l
LEFT JOIN {{dataset}}._invoice_snapshots s ON s.invoice_number = l.invoice_number;
