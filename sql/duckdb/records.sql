-- What is recorded beside the data; connector/load/records.ts runs these.

-- name: is migrated
SELECT
  count(*) FILTER (WHERE table_name IN ('_dataset', '_scopes', '_runs', '_snapshots')) AS records,
  count(*) FILTER (WHERE table_name IN ('invoices', '_invoice_lists', '_agreements')) AS invoice_tables
FROM duckdb_tables()
WHERE database_name = current_database() AND schema_name = $1;

-- name: tenant
SELECT tenant_id FROM {{dataset}}._dataset;

-- name: bind tenant
INSERT INTO {{dataset}}._dataset (tenant_id, bound_at) VALUES ($1, CAST($2 AS TIMESTAMP));

-- name: scopes
SELECT
  c.stream, c.scope, c.state, c.first_asked_at, c.last_asked_at, c.last_checked_at, c.last_answer, c.next_check_at,
  c.allowed_empty_at,
  s.load_id, s.etag, s.attribute_set, s.published_at, s.manifest_created_at, s.billing_month, s.sums,
  s.blobs, s.records_read, s.records_staged, s.records_rejected,
  s.rows_inserted, s.rows_updated, s.rows_deleted, s.rows_unchanged, s.numbers_rounded,
  (
    SELECT min(f.manifest_created_at)
    FROM {{dataset}}._snapshots f
    WHERE f.stream = c.stream AND f.scope = c.scope AND f.outcome = 'published'
  ) AS first_manifest_at
FROM {{dataset}}._scopes c
LEFT JOIN {{dataset}}._snapshots s ON s.load_id = c.load_id
ORDER BY c.stream, c.scope;

-- name: scopes of release 0.1
-- What it did not record is what migration 4 makes of what it did.
SELECT
  c.stream, c.scope, c.state, c.last_asked_at, c.last_asked_at AS last_checked_at, c.last_answer, c.next_check_at,
  s.load_id, s.etag, s.attribute_set, s.published_at, s.manifest_created_at, s.billing_month, s.sums,
  s.blobs, s.records_read, s.records_staged, s.records_rejected,
  s.rows_inserted, s.rows_updated, s.rows_deleted, s.rows_unchanged, s.numbers_rounded,
  coalesce(
    (SELECT min(f.recorded_at) FROM {{dataset}}._snapshots f WHERE f.stream = c.stream AND f.scope = c.scope),
    c.last_asked_at
  ) AS first_asked_at,
  (
    SELECT min(f.manifest_created_at)
    FROM {{dataset}}._snapshots f
    WHERE f.stream = c.stream AND f.scope = c.scope AND f.outcome = 'published'
  ) AS first_manifest_at
FROM {{dataset}}._scopes c
LEFT JOIN {{dataset}}._snapshots s ON s.load_id = c.load_id
ORDER BY c.stream, c.scope;

-- name: invoices
SELECT
  invoice_number, amends_of, document_type, status, invoice_date, billing_month, currency, total_charges, _row_hash
FROM {{dataset}}.invoices
ORDER BY invoice_number;

-- name: invoice list read at
SELECT max(read_at) AS read_at FROM {{dataset}}._invoice_lists;

-- name: agreements
SELECT invoice_number, agrees, usage_lines FROM {{dataset}}._agreements ORDER BY invoice_number;

-- name: rejected records
SELECT blob_name, line_number, field, reason, line, line_bytes, line_sha256
FROM {{dataset}}._rejected_records
WHERE load_id = $1
ORDER BY blob_name, line_number;

-- name: last run
SELECT run_id, started_at, finished_at, connector_version, outcome, exit_code, counts
FROM {{dataset}}._runs
ORDER BY started_at DESC, run_id DESC
LIMIT 1;

-- name: keep answer
-- A null state leaves the recorded one; a scope never heard of before is pending. An error ($6 false) is no check.
-- What is superseded stays so: only a publish changes it.
INSERT INTO {{dataset}}._scopes AS c
  (stream, scope, state, first_asked_at, last_asked_at, last_answer, last_checked_at, allowed_empty_at)
VALUES (
  $1, $2, coalesce($3, 'pending'), CAST($4 AS TIMESTAMP), CAST($4 AS TIMESTAMP), $5,
  CASE WHEN CAST($6 AS BOOLEAN) THEN CAST($4 AS TIMESTAMP) END, CASE WHEN CAST($7 AS BOOLEAN) THEN CAST($4 AS TIMESTAMP) END
)
ON CONFLICT (stream, scope) DO UPDATE SET
  state = CASE WHEN c.state = 'superseded' THEN c.state ELSE coalesce($3, c.state) END,
  first_asked_at = coalesce(c.first_asked_at, excluded.first_asked_at),
  last_asked_at = excluded.last_asked_at,
  last_answer = excluded.last_answer,
  last_checked_at = coalesce(excluded.last_checked_at, c.last_checked_at),
  allowed_empty_at = coalesce(excluded.allowed_empty_at, c.allowed_empty_at);

-- name: keep next check
UPDATE {{dataset}}._scopes SET next_check_at = CAST($3 AS TIMESTAMP) WHERE stream = $1 AND scope = $2;

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
