-- Comparing an invoice's usage with the lines that charge it; connector/load/compare-invoice.ts runs these.

-- name: published streams
SELECT c.stream, s.attribute_set
FROM {{dataset}}._scopes c
JOIN {{dataset}}._snapshots s ON s.load_id = c.load_id
WHERE c.scope = $1 AND c.stream IN ('billed_usage', 'billed_reconciliation');

-- name: compare
-- By the groups and the tolerance that recon_usage_vs_invoice shows.
SELECT
  count(*) AS compared,
  count(*) FILTER (
    WHERE coalesce(abs(apart) > {{dataset}}.recon_tolerance('usage_vs_invoice', currency, rows_right), true)
  ) AS differing,
  coalesce(sum(rows_right), 0) AS usage_lines
FROM {{dataset}}._recon_usage_groups
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
