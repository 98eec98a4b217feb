-- Was the estimate right? Every snapshot of estimates that was published of a month and currency, against what the month's
-- invoices then charged: the last one (is_last) and, for how good the estimates were when, the ones before it. Left: sum of
-- the estimates, billing_pre_tax_total or subtotal by stream. Right: the same of the published invoices of the month, void
-- ones and notes left out. By customer, subscription and product the same estimates are in unbilled_totals.
-- share_of_billed is left divided by right. Sums are those that were proven when each snapshot was published.
-- Estimates of lines (unbilled_reconciliation) may leave out Azure usage, which the invoice has lines for.
--   matched, within_tolerance  apart by no more than recon_tolerance() allows for the lines of the invoices
--   partial                    further apart, but Microsoft made the estimate before the 15th of the month after, so it
--                              was not final; or an invoice of the month is not loaded yet, so the right side is not
--   mismatch                   further apart, though usage was settled when the estimate was made
--   not_checked                no estimate, an empty one, or no invoice of the month is loaded; the currency is unknown
-- left_only and right_only do not occur: what has one side only is not_checked.
-- Source: domain.md section C3, 15, and its calendar; api-contract.md sections 5.5 and 6.7. Columns are only ever added at
-- the end.
CREATE OR REPLACE VIEW {{dataset}}.recon_unbilled_vs_billed AS
WITH estimates AS (
  SELECT
    s.stream, s.billing_month, substr(s.scope, 9) AS currency, s.load_id, s.records_staged,
    CAST(s.sums ->> substr(s.scope, 9) AS DECIMAL(38, 22)) AS amount,
    coalesce(s.manifest_created_at, s.published_at) AS estimated_at,
    row_number() OVER (PARTITION BY s.stream, s.scope ORDER BY s.published_at DESC, s.load_id DESC) = 1 AS is_last
  FROM {{dataset}}._snapshots s
  WHERE s.outcome = 'published' AND s.stream IN ('unbilled_usage', 'unbilled_reconciliation')
),
invoices AS (
  SELECT
    e.stream, i.invoice_number, i.billing_month, i.listed_currency, c.load_id,
    c.load_id IS NULL AND coalesce(c.state, 'pending') <> 'no data' AS is_missing
  FROM {{dataset}}._recon_invoices i
  CROSS JOIN (
    SELECT 'unbilled_usage' AS stream, 'billed_usage' AS billed_by
    UNION ALL
    SELECT 'unbilled_reconciliation', 'billed_reconciliation'
  ) e
  LEFT JOIN {{dataset}}._scopes c ON c.stream = e.billed_by AND c.scope = i.invoice_number
  WHERE coalesce(i.document_status, '') NOT LIKE 'void%' AND coalesce(i.document_type, '') NOT LIKE '%note'
),
billed AS (
  SELECT
    p.stream, p.billing_month, p.currency,
    sum(CAST(p.sums ->> p.currency AS DECIMAL(38, 22))) AS amount,
    CAST(sum(p.records_staged) AS BIGINT) AS records,
    string_agg(p.load_id, ',' ORDER BY p.invoice_number) AS load_ids,
    string_agg(p.invoice_number, ',' ORDER BY p.invoice_number) AS invoice_numbers
  FROM (
    SELECT i.stream, i.billing_month, i.invoice_number, s.load_id, s.records_staged, s.sums, unnest(json_keys(s.sums)) AS currency
    FROM invoices i
    JOIN {{dataset}}._snapshots s ON s.load_id = i.load_id
    WHERE i.billing_month IS NOT NULL
  ) p
  GROUP BY p.stream, p.billing_month, p.currency
),
months AS (
  SELECT stream, billing_month, currency FROM estimates
  UNION
  SELECT stream, billing_month, currency FROM billed
),
compared AS (
  SELECT
    m.stream, m.billing_month, m.currency, e.load_id, e.estimated_at, e.is_last, e.records_staged,
    e.amount AS left_amount, b.amount AS right_amount, b.amount - e.amount AS difference,
    b.records, b.load_ids, b.invoice_numbers,
    {{dataset}}.recon_tolerance('unbilled_vs_billed', m.currency, b.records) AS tolerance,
    e.estimated_at < m.billing_month + INTERVAL 1 MONTH + INTERVAL 14 DAY AS is_young,
    EXISTS (
      SELECT 1 FROM invoices i
      WHERE i.is_missing AND i.stream = m.stream AND i.billing_month = m.billing_month
        AND coalesce(i.listed_currency, m.currency) = m.currency
    ) AS is_invoice_missing
  FROM months m
  LEFT JOIN estimates e ON e.stream = m.stream AND e.billing_month = m.billing_month AND e.currency = m.currency
  LEFT JOIN billed b ON b.stream = m.stream AND b.billing_month = m.billing_month AND b.currency = m.currency
),
checked AS (
  SELECT
    c.*,
    CASE
      WHEN c.load_id IS NULL THEN 'no estimate of the month was ever loaded'
      WHEN c.load_ids IS NULL THEN 'no invoice of the month is loaded'
      WHEN c.records_staged = 0 THEN 'the estimate had no records'
      WHEN {{dataset}}.money_unit(c.currency) IS NULL THEN 'the smallest unit of the currency is not known'
    END AS not_checked
  FROM compared c
)
SELECT
  billing_month, currency, stream,
  CASE
    WHEN not_checked IS NOT NULL THEN 'not_checked'
    WHEN is_invoice_missing THEN 'partial'
    WHEN difference = 0 THEN 'matched'
    WHEN abs(difference) <= tolerance THEN 'within_tolerance'
    WHEN is_young THEN 'partial'
    ELSE 'mismatch'
  END AS status,
  left_amount, right_amount, difference, tolerance,
  coalesce(records_staged, 0) AS rows_left,
  coalesce(records, 0) AS rows_right,
  CASE
    WHEN not_checked IS NOT NULL THEN not_checked
    WHEN is_invoice_missing THEN 'an invoice of the month is not loaded yet'
    WHEN difference = 0 THEN NULL
    WHEN abs(difference) <= tolerance THEN 'apart by no more than is allowed for the lines of the invoices'
    WHEN is_young THEN 'an estimate of before the 15th of the month after, when it was not final yet'
    ELSE 'the month was settled when the estimate was made, and the invoices charge another amount'
  END AS reason,
  nullif(concat_ws(',', load_id, load_ids), '') AS snapshot_ids,
  is_last, estimated_at, invoice_numbers,
  CASE WHEN abs(left_amount) < 1000000000000 AND abs(right_amount) < 1000000000000 AND abs(right_amount) >= 0.01
    THEN {{dataset}}.div(left_amount, right_amount)
  END AS share_of_billed
FROM checked;
