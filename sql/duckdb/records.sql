-- What is recorded beside the data; connector/load/records.ts runs these.

-- name: is migrated
SELECT count(*) AS records
FROM information_schema.tables
WHERE table_catalog = current_database() AND table_schema = $1 AND table_name IN ('_dataset', '_scopes', '_runs', '_snapshots');

-- name: tenant
SELECT tenant_id FROM {{dataset}}._dataset;

-- name: scopes
SELECT
  c.stream, c.scope, c.state, c.last_asked_at, c.last_answer, c.next_check_at,
  s.load_id, s.etag, s.attribute_set, s.published_at, s.manifest_created_at, s.sums,
  s.blobs, s.records_read, s.records_staged, s.records_rejected,
  s.rows_inserted, s.rows_updated, s.rows_deleted, s.rows_unchanged, s.numbers_rounded
FROM {{dataset}}._scopes c
LEFT JOIN {{dataset}}._snapshots s ON s.load_id = c.load_id
ORDER BY c.stream, c.scope;

-- name: last run
SELECT run_id, started_at, finished_at, connector_version, outcome, exit_code, counts
FROM {{dataset}}._runs
ORDER BY started_at DESC, run_id DESC
LIMIT 1;

-- name: keep answer
-- A null state leaves the recorded one; a scope never heard of before is pending.
INSERT INTO {{dataset}}._scopes AS c (stream, scope, state, last_asked_at, last_answer)
VALUES ($1, $2, coalesce($3, 'pending'), CAST($4 AS TIMESTAMP), $5)
ON CONFLICT (stream, scope) DO UPDATE SET
  state = coalesce($3, c.state),
  last_asked_at = excluded.last_asked_at,
  last_answer = excluded.last_answer;

-- name: keep run
INSERT INTO {{dataset}}._runs (run_id, started_at, finished_at, connector_version, outcome, exit_code, counts)
VALUES ($1, CAST($2 AS TIMESTAMP), CAST($3 AS TIMESTAMP), $4, $5, $6, CAST($7 AS JSON))
ON CONFLICT (run_id) DO UPDATE SET
  finished_at = excluded.finished_at,
  outcome = excluded.outcome,
  exit_code = excluded.exit_code,
  counts = excluded.counts;

-- name: forget refusal
DELETE FROM {{dataset}}._snapshots WHERE load_id = $1 AND outcome = 'refused';
