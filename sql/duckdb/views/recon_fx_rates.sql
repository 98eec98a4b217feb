-- Is there one exchange rate for each pair of currencies and rate date of an invoice? A month has one rate, and usage and
-- lines show the same; credits of older charges rightly carry the rate of an older date, which is a row of its own.
-- One row for each pair of pricing and billing currency and rate date, over the usage and the lines of the invoice.
-- Left: the lowest rate. Right: the highest. rows_left and rows_right: on how many rows of both streams each stands.
-- Amounts here are rates, not money. Nothing is let pass: tolerance is 0.
-- matched: one rate, which is 1 where both currencies are the same. mismatch: several rates, or another than 1 for one
-- currency; rates lists them all with their rows. not_checked: no rate, no pricing currency, several rates without a rate
-- date (basic has none), or a known invoice that has neither usage nor lines here.
-- Source: domain.md sections C1 and C3, 13; api-contract.md section 8.4 (one rate a month).
-- Columns are only ever added at the end.
CREATE OR REPLACE VIEW {{dataset}}.recon_fx_rates AS
WITH stated AS (
  SELECT
    t.invoice_number, t.pricing_currency, t.billing_currency AS currency,
    CAST(t.pc_to_bc_exchange_rate_date AS DATE) AS rate_date, t.pc_to_bc_exchange_rate AS rate,
    count(*) AS usage_rows, 0 AS line_rows
  FROM {{dataset}}.billed_usage t
  GROUP BY ALL
  UNION ALL
  SELECT
    t.invoice_number, t.pricing_currency, t.currency,
    CAST(t.pc_to_bc_exchange_rate_date AS DATE) AS rate_date, t.pc_to_bc_exchange_rate AS rate,
    0 AS usage_rows, count(*) AS line_rows
  FROM {{dataset}}.billed_reconciliation t
  GROUP BY ALL
),
rates AS (
  SELECT
    s.invoice_number, upper(s.pricing_currency) AS pricing_currency, upper(s.currency) AS currency, s.rate_date, s.rate,
    CAST(sum(s.usage_rows) AS BIGINT) AS usage_rows,
    CAST(sum(s.line_rows) AS BIGINT) AS line_rows
  FROM stated s
  GROUP BY ALL
),
pairs AS (
  SELECT
    r.invoice_number, r.pricing_currency, r.currency, r.rate_date,
    count(r.rate) AS rate_count,
    min(r.rate) AS lowest,
    max(r.rate) AS highest,
    CAST(sum(r.usage_rows) AS BIGINT) AS usage_rows,
    CAST(sum(r.line_rows) AS BIGINT) AS line_rows,
    arg_min(r.usage_rows + r.line_rows, r.rate) AS rows_lowest,
    arg_max(r.usage_rows + r.line_rows, r.rate) AS rows_highest,
    string_agg(
      rtrim(rtrim(CAST(r.rate AS VARCHAR), '0'), '.') || ' (' || (r.usage_rows + r.line_rows) || ')', ', '
      ORDER BY r.rate
    ) AS rates
  FROM rates r
  GROUP BY r.invoice_number, r.pricing_currency, r.currency, r.rate_date
),
judged AS (
  SELECT
    p.*,
    CASE
      WHEN p.pricing_currency IS NULL THEN 'the rows have no PricingCurrency'
      WHEN p.rate_count = 0 THEN 'the rows have no PCToBCExchangeRate'
      WHEN p.rate_count > 1 AND p.rate_date IS NULL AND p.pricing_currency <> p.currency
        THEN 'several exchange rates, and no PCToBCExchangeRateDate to tell whether they are of one date'
    END AS obstacle
  FROM pairs p
)
SELECT
  j.invoice_number,
  j.currency,
  j.pricing_currency,
  j.rate_date,
  CASE
    WHEN j.obstacle IS NOT NULL THEN 'not_checked'
    WHEN j.rate_count > 1 OR (j.pricing_currency = j.currency AND j.lowest <> 1) THEN 'mismatch'
    ELSE 'matched'
  END AS status,
  j.lowest AS left_amount,
  j.highest AS right_amount,
  j.highest - j.lowest AS difference,
  CAST(0 AS DECIMAL(38, 22)) AS tolerance,
  coalesce(j.rows_lowest, 0) AS rows_left,
  coalesce(j.rows_highest, 0) AS rows_right,
  CASE
    WHEN j.obstacle IS NOT NULL THEN j.obstacle
    WHEN j.rate_count > 1 THEN 'several exchange rates for one pair of currencies and one date'
    WHEN j.pricing_currency = j.currency AND j.lowest <> 1
      THEN 'an exchange rate other than 1 between a currency and itself'
  END AS reason,
  nullif(concat_ws(
    ',',
    CASE WHEN j.usage_rows > 0 THEN k.usage_load_id END,
    CASE WHEN j.line_rows > 0 THEN k.lines_load_id END
  ), '') AS snapshot_ids,
  j.rate_count,
  j.rates,
  j.usage_rows,
  j.line_rows
FROM judged j
LEFT JOIN {{dataset}}._recon_invoices k ON k.invoice_number = j.invoice_number
UNION ALL
SELECT
  k.invoice_number,
  k.listed_currency AS currency,
  CAST(NULL AS VARCHAR) AS pricing_currency,
  CAST(NULL AS DATE) AS rate_date,
  'not_checked' AS status,
  CAST(NULL AS DECIMAL(38, 22)) AS left_amount,
  CAST(NULL AS DECIMAL(38, 22)) AS right_amount,
  CAST(NULL AS DECIMAL(38, 22)) AS difference,
  CAST(NULL AS DECIMAL(38, 22)) AS tolerance,
  CAST(0 AS BIGINT) AS rows_left,
  CAST(0 AS BIGINT) AS rows_right,
  'the invoice has neither usage nor lines here' AS reason,
  nullif(concat_ws(',', k.usage_load_id, k.lines_load_id), '') AS snapshot_ids,
  CAST(0 AS BIGINT) AS rate_count,
  CAST(NULL AS VARCHAR) AS rates,
  CAST(0 AS BIGINT) AS usage_rows,
  CAST(0 AS BIGINT) AS line_rows
FROM {{dataset}}._recon_invoices k
WHERE NOT EXISTS (SELECT 1 FROM {{dataset}}.billed_usage t WHERE t.invoice_number = k.invoice_number)
  AND NOT EXISTS (SELECT 1 FROM {{dataset}}.billed_reconciliation t WHERE t.invoice_number = k.invoice_number);
