-- Comparing an invoice's usage with the lines that charge it; connector/load/compare-invoice.ts runs these.

-- name: published streams
SELECT c.stream, s.attribute_set
FROM {{dataset}}._scopes c
JOIN {{dataset}}._snapshots s ON s.load_id = c.load_id
WHERE c.scope = $1 AND c.stream IN ('billed_usage', 'billed_reconciliation');

-- name: compare
SELECT
  count(*) AS compared,
  count(*) FILTER (WHERE coalesce(abs(difference) > lines * 0.01, true)) AS differing,
  coalesce(sum(lines), 0) AS usage_lines
FROM (
  SELECT
    sum(amount) AS difference,
    sum(lines) AS lines
  FROM (
    SELECT
      lower(subscription_id) AS subscription, lower(product_id) AS product, lower(sku_id) AS sku,
      lower(availability_id) AS availability, upper(billing_currency) AS currency,
      billing_pre_tax_total AS amount, 0 AS lines
    FROM {{dataset}}.billed_usage
    WHERE invoice_number = $1
    UNION ALL
    SELECT
      lower(subscription_id), lower(product_id), lower(sku_id),
      lower(availability_id), upper(currency),
      -subtotal, 1
    FROM {{dataset}}.billed_reconciliation
    WHERE invoice_number = $1 AND meter_description IS NOT NULL
      AND lower(coalesce(charge_type, '')) <> 'customercredit'
  ) amounts
  GROUP BY subscription, product, sku, availability, currency
) groups;

-- name: keep agreement
INSERT INTO {{dataset}}._agreements
  (invoice_number, compared_at, agrees, groups_compared, groups_differing, usage_lines)
VALUES ($1, CAST($2 AS timestamp), CAST($3 AS BOOLEAN), $4, $5, $6)
ON CONFLICT (invoice_number) DO UPDATE SET
  compared_at = excluded.compared_at,
  agrees = excluded.agrees,
  groups_compared = excluded.groups_compared,
  groups_differing = excluded.groups_differing,
  usage_lines = excluded.usage_lines;
