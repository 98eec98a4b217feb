-- Keeping the tolerances of the configuration; connector/load/tolerances.ts runs these.

-- name: read
SELECT check_name, currency, per_unit, at_most FROM {{dataset}}._tolerances;

-- name: keep
INSERT INTO {{dataset}}._tolerances (check_name, currency, per_unit, at_most)
VALUES ($1, $2, CAST($3 AS DECIMAL(38, 22)), CAST($4 AS DECIMAL(38, 22)))
ON CONFLICT (check_name, currency) DO UPDATE SET per_unit = excluded.per_unit, at_most = excluded.at_most;

-- name: forget
DELETE FROM {{dataset}}._tolerances WHERE check_name = $1 AND currency = $2;
