-- What a session of the connector begins with: connector/load/duckdb.

-- name: in utc
SET TimeZone = 'UTC';

-- name: lock settings
-- From here on no statement can change what the database may use or reach.
SET lock_configuration = true;

-- name: has dataset
SELECT count(*) AS found
FROM information_schema.schemata
WHERE catalog_name = current_database() AND schema_name = $1;

-- name: dataset first
-- Names without a schema mean our tables first, then those that a user keeps beside them.
SET search_path = '{{dataset}},main';

-- name: begin
BEGIN TRANSACTION;

-- name: commit
COMMIT;

-- name: roll back
ROLLBACK;

-- name: checkpoint
CHECKPOINT;

-- name: holds anything
SELECT count(*) AS records FROM information_schema.tables WHERE table_catalog = current_database();

-- name: version
SELECT version() AS version;

-- name: keep result
CREATE TEMPORARY TABLE partner_billing_query AS

-- name: kept result
FROM temp.partner_billing_query;
