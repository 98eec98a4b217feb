-- Records on their way into a relation: connector/load/duckdb/batch-stager.ts.

-- name: columns
-- For their types.
SELECT {{columns}} FROM {{relation}} LIMIT 0;

-- name: insert
-- The batches' columns stand in the order of the names; other columns of the relation get their default.
INSERT INTO {{relation}} ({{columns}}) SELECT * FROM {{batches}}();
