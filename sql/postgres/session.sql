-- Locks of a run, the checks of `partner-billing check`, and read-only queries; connector/load/postgres runs these.

-- name: try lock
SELECT pg_try_advisory_lock(hashtextextended('partner-billing run ' || $1, 0)) AS taken;

-- name: lock holder
-- A key of 64 bits shows in pg_locks as two halves.
SELECT
  a.application_name AS holder,
  to_char(a.backend_start AT TIME ZONE 'UTC', 'YYYY-MM-DD"T"HH24:MI:SS"Z"') AS since,
  l.pid AS backend
FROM pg_locks l
LEFT JOIN pg_stat_activity a ON a.pid = l.pid
WHERE l.locktype = 'advisory' AND l.granted AND l.objsubid = 1
  AND l.database = (SELECT oid FROM pg_database WHERE datname = current_database())
  AND (CAST(l.classid AS bigint) << 32 | CAST(l.objid AS bigint))
    = hashtextextended('partner-billing run ' || $1, 0);

-- name: keeps lock
-- Whether the lock of a run is there for the process that answers now.
SELECT EXISTS (
  SELECT 1
  FROM pg_locks
  WHERE locktype = 'advisory' AND granted AND objsubid = 1 AND pid = pg_backend_pid()
    AND (CAST(classid AS bigint) << 32 | CAST(objid AS bigint))
      = hashtextextended('partner-billing run ' || $1, 0)
) AS kept;

-- name: unlock
-- A pooler may keep the server's connection after ours has ended.
SELECT pg_advisory_unlock(hashtextextended('partner-billing run ' || $1, 0));

-- name: begin probe
-- The name changes nothing, and the lock has a key that nobody else asks for: a proxy that pins a client to one
-- connection once it sees either does so here, as it would for a run.
SELECT
  set_config('application_name', current_setting('application_name'), false),
  pg_try_advisory_lock(hashtextextended('partner-billing probe ' || $1, 0)),
  pg_backend_pid() AS pid;

-- name: probe
SELECT
  pg_backend_pid() AS pid,
  EXISTS (
    SELECT 1
    FROM pg_locks
    WHERE locktype = 'advisory' AND granted AND objsubid = 1 AND pid = pg_backend_pid()
      AND (CAST(classid AS bigint) << 32 | CAST(objid AS bigint))
        = hashtextextended('partner-billing probe ' || $1, 0)
  ) AS kept;

-- name: end probe
SELECT pg_advisory_unlock(hashtextextended('partner-billing probe ' || $1, 0));

-- name: server
SELECT
  CAST(current_setting('server_version_num') AS integer) / 10000 AS major,
  current_setting('server_version') AS version,
  current_user AS username,
  current_database() AS database,
  pg_is_in_recovery() AS standby,
  current_setting('server_encoding') AS encoding;

-- name: rights
SELECT
  EXISTS (SELECT 1 FROM pg_namespace WHERE nspname = $1) AS dataset_exists,
  coalesce((SELECT has_schema_privilege(oid, 'USAGE') FROM pg_namespace WHERE nspname = $1), false) AS dataset_usable,
  coalesce((SELECT has_schema_privilege(oid, 'CREATE') FROM pg_namespace WHERE nspname = $1), false) AS may_create_tables,
  has_database_privilege(current_database(), 'CREATE') AS may_create_dataset,
  has_database_privilege(current_database(), 'TEMPORARY') AS may_create_temporary;

-- name: tables without rights
-- Ours, as far as they exist.
SELECT c.relname AS name
FROM pg_class c
JOIN pg_namespace n ON n.oid = c.relnamespace
WHERE n.nspname = $1 AND c.relkind IN ('r', 'p') AND c.relname = ANY (string_to_array($2, ','))
  AND NOT (
    has_table_privilege(c.oid, 'SELECT') AND has_table_privilege(c.oid, 'INSERT')
    AND has_table_privilege(c.oid, 'UPDATE') AND has_table_privilege(c.oid, 'DELETE')
  )
ORDER BY c.relname;

-- name: begin query
BEGIN ISOLATION LEVEL REPEATABLE READ READ ONLY;

-- name: fix read only
-- The first query fixes the transaction's mode; nothing can make it writable after that.
SELECT pg_has_role(current_user, 'pg_read_server_files', 'USAGE')
  OR pg_has_role(current_user, 'pg_write_server_files', 'USAGE')
  OR pg_has_role(current_user, 'pg_execute_server_program', 'USAGE') AS reaches_files;

-- name: lower rights
-- A role that may read every table and nothing else: no files, no programs, no other sessions.
SET LOCAL ROLE pg_read_all_data;

-- name: dataset first
SELECT set_config('search_path', quote_ident($1) || ', public', true);

-- name: fetch
FETCH FORWARD 1000 FROM partner_billing_query;

-- name: declare rows
DECLARE partner_billing_rows NO SCROLL CURSOR FOR

-- name: fetch rows
FETCH FORWARD 1000 FROM partner_billing_rows;

-- name: close rows
CLOSE partner_billing_rows;

-- name: end query
ROLLBACK;
