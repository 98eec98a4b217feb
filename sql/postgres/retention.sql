-- Purging history (retention: in the configuration); connector/load/purge-history.ts runs these, in one transaction.

-- name: due
-- What earlier loads replaced, by the load that did.
SELECT s.stream, s.scope, s.load_id, s.published_at, count(*) AS records
FROM {{history}} h
JOIN {{dataset}}._snapshots s ON s.load_id = h._replaced_by_load_id
WHERE s.published_at < CAST($1 AS timestamp)
GROUP BY s.stream, s.scope, s.load_id, s.published_at
ORDER BY s.stream, s.scope, s.published_at, s.load_id COLLATE "C";

-- name: purge
DELETE FROM {{history}}
WHERE _replaced_by_load_id IN (
  SELECT s.load_id FROM {{dataset}}._snapshots s WHERE s.published_at < CAST($1 AS timestamp)
);

-- name: keep mark
INSERT INTO {{dataset}}._retention AS r (stream, scope, purged_until, purged_load_id, rows_removed, purged_at)
VALUES ($1, $2, CAST($3 AS timestamp), $4, $5, CAST($6 AS timestamp))
ON CONFLICT (stream, scope) DO UPDATE SET
  purged_until = excluded.purged_until,
  purged_load_id = excluded.purged_load_id,
  rows_removed = r.rows_removed + excluded.rows_removed,
  purged_at = excluded.purged_at;
