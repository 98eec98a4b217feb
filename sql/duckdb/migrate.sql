-- Applying migrations; connector/load/migrate.ts runs these.

-- name: lock
-- The file has one owner.
SELECT $1 IS NOT NULL AS locked;

-- name: has dataset
SELECT count(*) AS records FROM information_schema.schemata WHERE catalog_name = current_database() AND schema_name = $1;

-- name: create dataset
CREATE SCHEMA {{dataset}};

-- name: has migrations
SELECT count(*) AS records
FROM duckdb_tables()
WHERE database_name = current_database() AND schema_name = $1 AND table_name = '_migrations';

-- name: applied
SELECT number, name, checksum FROM {{dataset}}._migrations ORDER BY number;

-- name: keep migration
INSERT INTO {{dataset}}._migrations (number, name, checksum, applied_at, connector_version)
VALUES ($1, $2, $3, CAST($4 AS TIMESTAMP), $5);

-- name: taken names
-- information_schema would bind every view to tell its columns, which takes longer the more views there are.
SELECT name
FROM (
  SELECT table_name AS name FROM duckdb_tables() WHERE database_name = current_database() AND schema_name = $1
  UNION
  SELECT view_name FROM duckdb_views() WHERE database_name = current_database() AND schema_name = $1
)
WHERE list_contains(string_split($2, ','), name)
ORDER BY name;

-- name: taken functions
SELECT DISTINCT function_name AS name
FROM duckdb_functions()
WHERE database_name = current_database() AND schema_name = $1 AND list_contains(string_split($2, ','), function_name)
ORDER BY function_name;

-- name: has views
-- A user's own table of that name has other columns.
SELECT count(*) AS records
FROM duckdb_tables()
WHERE database_name = current_database() AND schema_name = $1 AND table_name = '_views'
  AND contains("sql", 'checksum') AND contains("sql", 'applied_at');

-- name: applied views
SELECT name, checksum FROM {{dataset}}._views ORDER BY name;

-- name: keep views
INSERT INTO {{dataset}}._views (name, checksum, applied_at)
SELECT unnest(string_split($1, ',')), unnest(string_split($2, ',')), CAST($3 AS TIMESTAMP)
ON CONFLICT (name) DO UPDATE SET checksum = excluded.checksum, applied_at = excluded.applied_at;
