-- Is the usage of an invoice complete yet? One row per invoice and currency: days of the billed month that have usage
-- against the days that the month has, and the sum so far against the lines that charge usage. Left: sum of
-- billing_pre_tax_total. Right: sum of subtotal of the lines with a meter, credits to the customer left out. It ties when
-- they are no more apart than recon_tolerance() allows for all of the lines together.
--   matched, within_tolerance  it ties; where days have no usage all the same, within_tolerance says so
--   partial                    it does not tie, and the usage was last read before the 15th of the month after; or it is
--                              settled and no day is missing: recon_usage_vs_invoice shows where they are apart
--   mismatch                   it does not tie, it is settled, and days of the month have no usage: missing_days
--   left_only, right_only      it is settled, and the other side has nothing at all
--   not_checked                one side is not loaded; the lines were loaded as basic, which has no meter (usage may be
--                              basic); nothing is usage; the currency is unknown
-- Source: domain.md section C3, 3, and its calendar; api-contract.md sections 5.4 and 8.6. Columns are only ever added at
-- the end.
CREATE OR REPLACE VIEW {{dataset}}.recon_usage_completeness AS
WITH sides AS (
  SELECT
    t.invoice_number, upper(t.billing_currency) AS currency, t.usage_date AS day,
    sum(t.billing_pre_tax_total) AS left_sum, count(*) AS rows_left,
    CAST(NULL AS DECIMAL(38, 22)) AS right_sum, CAST(0 AS BIGINT) AS rows_right
  FROM {{dataset}}.billed_usage t
  GROUP BY t.invoice_number, upper(t.billing_currency), t.usage_date
  UNION ALL
  SELECT
    t.invoice_number, upper(t.currency), NULL, NULL, 0, sum(t.subtotal), count(*)
  FROM {{dataset}}.billed_reconciliation t
  WHERE t.meter_description IS NOT NULL AND lower(coalesce(t.charge_type, '')) <> 'customercredit'
  GROUP BY t.invoice_number, upper(t.currency)
),
sums AS (
  SELECT
    i.invoice_number, coalesce(s.currency, i.listed_currency) AS currency, i.usage_load_id, i.lines_load_id,
    i.lines_attribute_set, i.usage_read_at, i.is_usage_young,
    coalesce(i.billing_month, CAST(date_trunc('month', CAST(max(s.day) AS TIMESTAMP)) AS DATE)) AS billing_month,
    sum(s.left_sum) AS left_amount,
    sum(s.right_sum) AS right_amount,
    CAST(coalesce(sum(s.rows_left), 0) AS BIGINT) AS rows_left,
    CAST(coalesce(sum(s.rows_right), 0) AS BIGINT) AS rows_right,
    list(DISTINCT s.day) AS days,
    min(s.day) AS first_usage_day,
    max(s.day) AS last_usage_day
  FROM {{dataset}}._recon_invoices i
  LEFT JOIN sides s ON s.invoice_number = i.invoice_number
  GROUP BY
    i.invoice_number, coalesce(s.currency, i.listed_currency), i.usage_load_id, i.lines_load_id,
    i.lines_attribute_set, i.usage_read_at, i.is_usage_young, i.billing_month
),
counted AS (
  SELECT
    s.*,
    date_diff('day', s.billing_month, CAST(s.billing_month + INTERVAL 1 MONTH AS DATE)) AS days_in_period,
    list_transform(
      list_filter(
        range(CAST(s.billing_month AS TIMESTAMP), s.billing_month + INTERVAL 1 MONTH, INTERVAL 1 DAY),
        lambda day: NOT list_contains(coalesce(s.days, []), CAST(day AS DATE))
      ),
      lambda day: strftime(day, '%Y-%m-%d')
    ) AS missing
  FROM sums s
),
checked AS (
  SELECT
    c.*,
    len(c.missing) AS days_missing,
    nullif(array_to_string(c.missing, ', '), '') AS missing_days,
    CASE WHEN usage_load_id IS NOT NULL AND lines_attribute_set = 'full' AND rows_left + rows_right > 0
      THEN coalesce(right_amount, 0) - coalesce(left_amount, 0)
    END AS difference,
    {{dataset}}.recon_tolerance('usage_completeness', currency, rows_right) AS tolerance,
    CASE
      WHEN usage_load_id IS NULL AND lines_load_id IS NULL THEN 'neither the usage nor the lines of the invoice are loaded'
      WHEN usage_load_id IS NULL THEN 'the usage of the invoice is not loaded'
      WHEN lines_load_id IS NULL THEN 'the lines of the invoice are not loaded'
      WHEN lines_attribute_set <> 'full'
        THEN 'the lines were loaded as basic, which does not say which of them charge usage: it takes full'
      WHEN rows_left = 0 AND rows_right = 0 THEN 'there is no usage, and no line that charges any'
      WHEN {{dataset}}.money_unit(currency) IS NULL THEN 'the smallest unit of the currency is not known'
    END AS not_checked
  FROM counted c
)
SELECT
  invoice_number, currency,
  CASE
    WHEN not_checked IS NOT NULL THEN 'not_checked'
    WHEN abs(difference) <= tolerance THEN
      CASE WHEN difference = 0 AND rows_left > 0 AND rows_right > 0 AND missing_days IS NULL
        THEN 'matched' ELSE 'within_tolerance'
      END
    WHEN is_usage_young THEN 'partial'
    WHEN rows_left = 0 THEN 'right_only'
    WHEN rows_right = 0 THEN 'left_only'
    WHEN missing_days IS NOT NULL THEN 'mismatch'
    ELSE 'partial'
  END AS status,
  left_amount, right_amount, difference, tolerance, rows_left, rows_right,
  CASE
    WHEN not_checked IS NOT NULL THEN not_checked
    WHEN abs(difference) <= tolerance THEN
      CASE
        WHEN rows_right = 0 THEN 'no line charges the usage, and it costs nothing'
        WHEN rows_left = 0 THEN 'there is no usage, and the lines charge next to nothing'
        WHEN missing_days IS NOT NULL THEN 'it ties with the lines, though days of the month have no usage'
        WHEN difference <> 0 THEN 'usage has more decimals than the lines: apart by no more than is allowed for them'
      END
    WHEN is_usage_young
      THEN 'the usage was last read before the 15th of the month after: it may still change until then'
    WHEN rows_left = 0 THEN 'lines charge usage, and no usage is there'
    WHEN rows_right = 0 THEN 'usage is there, and no line charges any'
    WHEN missing_days IS NOT NULL THEN 'days of the month have no usage, and it does not tie with the lines'
    ELSE 'every day has usage, and it does not tie with the lines: recon_usage_vs_invoice shows where'
  END AS reason,
  nullif(concat_ws(',', usage_load_id, lines_load_id), '') AS snapshot_ids,
  billing_month, days_in_period, days_in_period - days_missing AS days_present, days_missing, missing_days,
  first_usage_day, last_usage_day, usage_read_at
FROM checked;
