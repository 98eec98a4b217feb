-- Applying migrations; connector/load/migrate.ts runs these.

-- name: lock
SELECT pg_advisory_xact_lock(hashtextextended('partner-billing migrate ' || $1, 0));

-- name: has dataset
SELECT count(*) AS records FROM information_schema.schemata WHERE schema_name = $1;

-- name: create dataset
CREATE SCHEMA {{dataset}};

-- name: has migrations
SELECT count(*) AS records
FROM information_schema.tables
WHERE table_schema = $1 AND table_name = '_migrations';

-- name: applied
SELECT number, name, checksum FROM {{dataset}}._migrations ORDER BY number;

-- name: keep migration
INSERT INTO {{dataset}}._migrations (number, name, checksum, applied_at, connector_version)
VALUES ($1, $2, $3, CAST($4 AS timestamp), $5);

-- name: taken names
-- Whoever owns them; a name is taken by an index or a sequence too.
SELECT c.relname AS name
FROM pg_class c
JOIN pg_namespace n ON n.oid = c.relnamespace
WHERE n.nspname = $1 AND c.relname = ANY (string_to_array($2, ','))
ORDER BY c.relname;

-- name: taken functions
SELECT DISTINCT p.proname AS name
FROM pg_proc p
JOIN pg_namespace n ON n.oid = p.pronamespace
WHERE n.nspname = $1 AND p.proname = ANY (string_to_array($2, ','))
ORDER BY p.proname;

-- name: has views
-- A user's own table of that name has other columns.
SELECT CASE WHEN count(*) = 3 THEN 1 ELSE 0 END AS records
FROM information_schema.columns
WHERE table_schema = $1 AND table_name = '_views' AND column_name IN ('name', 'checksum', 'applied_at');

-- name: applied views
SELECT name, checksum FROM {{dataset}}._views ORDER BY name;

-- name: keep views
INSERT INTO {{dataset}}._views (name, checksum, applied_at)
SELECT v.name, v.checksum, CAST($3 AS timestamp)
FROM unnest(string_to_array($1, ','), string_to_array($2, ',')) AS v (name, checksum)
ON CONFLICT (name) DO UPDATE SET checksum = excluded.checksum, applied_at = excluded.applied_at;
