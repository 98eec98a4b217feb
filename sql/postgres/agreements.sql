-- Comparing an invoice's usage with the lines that charge it; connector/load/compare-invoice.ts runs these.

-- name: published streams
SELECT c.stream, s.attribute_set
FROM {{dataset}}._scopes c
JOIN {{dataset}}._snapshots s ON s.load_id = c.load_id
WHERE c.scope = $1 AND c.stream IN ('billed_usage', 'billed_reconciliation');

-- name: compare
-- Read from the view that shows it, so that the two can never disagree. A row without rows stands for an invoice that
-- charges no usage.
SELECT
  count(*) FILTER (WHERE rows_left + rows_right > 0) AS compared,
  count(*) FILTER (WHERE rows_left + rows_right > 0 AND status NOT IN ('matched', 'within_tolerance')) AS differing,
  coalesce(sum(rows_right), 0) AS usage_lines
FROM {{dataset}}.recon_usage_vs_invoice
WHERE invoice_number = $1;

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
