-- Which customers and subscriptions are in one stream of an invoice and not in the other? Left: billed usage. Right: the
-- invoice's lines. One row for each customer and subscription and kind of line: 'usage' (lines with a meter_description)
-- stands against the subscription's usage; 'credit', 'reservation', 'savings plan' and 'other' (licences, software,
-- marketplace) have no daily usage. Amounts are shown and not compared: recon_usage_vs_invoice does that.
-- left_only: usage and no line that charges it. right_only: a line that charges usage and none. orphan says whether the
-- whole customer is missing on the other side ('customer') or the subscription only ('subscription'). matched: in both.
-- not_checked with is_expected: no other side is expected, namely usage of a line that is not 'usage', and a line of usage
-- that costs nothing (reservations and savings plans cover it). not_checked otherwise: the invoice has no usage or no lines
-- here, or its lines are basic, which do not say whether they charge usage.
-- Source: domain.md section C3, 11; api-contract.md sections 6.6 (kinds), 8.5 (SubscriptionId joins) and 8.6.
-- Columns are only ever added at the end.
CREATE OR REPLACE VIEW {{dataset}}.recon_orphans AS
WITH usage_side AS (
  SELECT
    t.invoice_number, t.billing_currency AS currency, t.customer_id, t.subscription_id, 'usage' AS line_kind,
    count(*) AS usage_rows,
    count(*) FILTER (WHERE t.billing_pre_tax_total <> 0) AS charged_rows,
    sum(t.billing_pre_tax_total) AS usage_amount,
    max(t.customer_name COLLATE "C") AS customer_name
  FROM {{dataset}}.billed_usage t
  -- The last is of a type that cannot be sorted: Postgres would sort a million rows else.
  GROUP BY t.invoice_number, t.billing_currency, t.customer_id, t.subscription_id, CAST('0' AS xid)
),
lines_side AS (
  SELECT
    t.invoice_number, t.currency, t.customer_id, t.subscription_id,
    CASE
      WHEN lower(t.charge_type) = 'customercredit' THEN 'credit'
      WHEN t.meter_description IS NOT NULL THEN 'usage'
      WHEN replace(lower(concat(t.term_and_billing_cycle, '/', t.product_category)), ' ', '') LIKE '%savingsplan%'
        THEN 'savings plan'
      WHEN lower(concat(t.term_and_billing_cycle, '/', t.product_category)) LIKE '%reservation%' THEN 'reservation'
      ELSE 'other'
    END AS line_kind,
    count(*) AS line_rows,
    sum(t.subtotal) AS line_amount,
    max(t.customer_name COLLATE "C") AS customer_name
  FROM {{dataset}}.billed_reconciliation t
  GROUP BY t.invoice_number, t.currency, t.customer_id, t.subscription_id, line_kind
),
sides AS (
  SELECT
    s.invoice_number, upper(s.currency) AS currency, lower(s.customer_id) AS customer_id,
    lower(s.subscription_id) AS subscription_id, s.line_kind,
    max(s.customer_name COLLATE "C") AS customer_name,
    CAST(sum(s.usage_rows) AS bigint) AS usage_rows,
    CAST(sum(s.charged_rows) AS bigint) AS charged_rows,
    CAST(sum(s.line_rows) AS bigint) AS line_rows,
    sum(s.usage_amount) AS usage_amount,
    sum(s.line_amount) AS line_amount
  FROM (
    SELECT
      u.invoice_number, u.currency, u.customer_id, u.subscription_id, u.line_kind, u.customer_name,
      u.usage_rows, u.charged_rows, 0 AS line_rows,
      u.usage_amount, CAST(NULL AS numeric) AS line_amount
    FROM usage_side u
    UNION ALL
    SELECT
      l.invoice_number, l.currency, l.customer_id, l.subscription_id, l.line_kind, l.customer_name,
      0, 0, l.line_rows,
      CAST(NULL AS numeric), l.line_amount
    FROM lines_side l
  ) s
  GROUP BY
    s.invoice_number, upper(s.currency), lower(s.customer_id), lower(s.subscription_id), s.line_kind
),
around AS (
  SELECT
    s.*,
    sum(s.usage_rows) OVER (PARTITION BY s.invoice_number) AS invoice_usage,
    sum(s.line_rows) OVER (PARTITION BY s.invoice_number) AS invoice_lines,
    sum(s.usage_rows) OVER (PARTITION BY s.invoice_number, s.customer_id) AS customer_usage,
    sum(s.line_rows) OVER (PARTITION BY s.invoice_number, s.customer_id) AS customer_lines,
    sum(s.line_rows) OVER (PARTITION BY s.invoice_number, s.customer_id, s.subscription_id) AS subscription_lines
  FROM sides s
),
judged AS (
  SELECT
    a.*, k.usage_load_id, k.lines_load_id,
    CASE
      WHEN a.invoice_lines = 0 THEN 'the invoice has no lines here'
      WHEN coalesce(k.lines_attribute_set = 'basic', false) AND a.subscription_lines > 0
        THEN 'the lines are basic, which do not say whether they charge usage'
      WHEN a.line_kind = 'credit' THEN 'no usage is expected: credits can be computed for the whole period'
      WHEN a.line_kind = 'reservation' THEN 'no usage is expected: usage that a reservation covers costs nothing'
      WHEN a.line_kind = 'savings plan' THEN 'no usage is expected: usage that a savings plan covers costs nothing'
      WHEN a.line_kind = 'other'
        THEN 'no usage is expected: licences, software and marketplace purchases have no daily usage'
      WHEN a.invoice_usage = 0 THEN 'the invoice has no usage here'
      WHEN a.line_rows = 0 AND a.charged_rows = 0 THEN 'no line is expected: the usage costs nothing'
    END AS obstacle
  FROM around a
  LEFT JOIN {{dataset}}._recon_invoices k ON k.invoice_number = a.invoice_number
)
SELECT
  j.invoice_number,
  j.currency,
  j.customer_id,
  j.customer_name,
  j.subscription_id,
  j.line_kind,
  CASE
    WHEN j.obstacle IS NOT NULL THEN 'not_checked'
    WHEN j.line_rows = 0 THEN 'left_only'
    WHEN j.usage_rows = 0 THEN 'right_only'
    ELSE 'matched'
  END AS status,
  j.usage_amount AS left_amount,
  j.line_amount AS right_amount,
  coalesce(j.line_amount, 0) - coalesce(j.usage_amount, 0) AS difference,
  CAST(NULL AS numeric) AS tolerance,
  j.usage_rows AS rows_left,
  j.line_rows AS rows_right,
  CASE
    WHEN j.obstacle IS NOT NULL THEN j.obstacle
    WHEN j.line_rows = 0 AND j.customer_lines = 0 THEN 'the customer has usage and no line on the invoice'
    WHEN j.line_rows = 0 THEN 'the subscription has usage and no line that charges it'
    WHEN j.usage_rows = 0 AND j.customer_usage = 0 THEN 'the customer is charged for usage and has none'
    WHEN j.usage_rows = 0 THEN 'the subscription is charged for usage and has none'
  END AS reason,
  nullif(concat_ws(',', j.usage_load_id, j.lines_load_id), '') AS snapshot_ids,
  CASE
    WHEN j.obstacle IS NOT NULL THEN NULL
    WHEN j.line_rows = 0 THEN CASE WHEN j.customer_lines = 0 THEN 'customer' ELSE 'subscription' END
    WHEN j.usage_rows = 0 THEN CASE WHEN j.customer_usage = 0 THEN 'customer' ELSE 'subscription' END
  END AS orphan,
  coalesce(j.obstacle LIKE 'no % is expected: %', false) AS is_expected
FROM judged j
UNION ALL
SELECT
  k.invoice_number,
  k.listed_currency AS currency,
  CAST(NULL AS text) AS customer_id,
  CAST(NULL AS text) AS customer_name,
  CAST(NULL AS text) AS subscription_id,
  CAST(NULL AS text) AS line_kind,
  'not_checked' AS status,
  CAST(NULL AS numeric) AS left_amount,
  CAST(NULL AS numeric) AS right_amount,
  CAST(NULL AS numeric) AS difference,
  CAST(NULL AS numeric) AS tolerance,
  CAST(0 AS bigint) AS rows_left,
  CAST(0 AS bigint) AS rows_right,
  'the invoice has neither usage nor lines here' AS reason,
  nullif(concat_ws(',', k.usage_load_id, k.lines_load_id), '') AS snapshot_ids,
  CAST(NULL AS text) AS orphan,
  false AS is_expected
FROM {{dataset}}._recon_invoices k
WHERE NOT EXISTS (SELECT 1 FROM {{dataset}}.billed_usage t WHERE t.invoice_number = k.invoice_number)
  AND NOT EXISTS (SELECT 1 FROM {{dataset}}.billed_reconciliation t WHERE t.invoice_number = k.invoice_number);
