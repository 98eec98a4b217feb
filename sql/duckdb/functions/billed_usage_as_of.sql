-- The rows of billed_usage as they were at an instant (a timestamp in UTC), or when a load was published:
-- FROM billed_usage_as_of(TIMESTAMP '2026-11-15 00:00:00'), FROM billed_usage_as_of(of_load := '...').
-- What cannot be told any more, because its history was purged, is an error.
CREATE OR REPLACE MACRO {{dataset}}.billed_usage_as_of(instant := NULL, of_load := NULL) AS TABLE
WITH loads AS MATERIALIZED (
  SELECT load_id FROM {{dataset}}._loads_as_of('billed_usage', instant, of_load)
)
SELECT {{usage_row}}
FROM {{dataset}}.billed_usage t
WHERE t._load_id IN (SELECT load_id FROM loads)
UNION ALL
SELECT {{usage_row}}
FROM {{dataset}}.billed_usage_history t
WHERE t._load_id IN (SELECT load_id FROM loads)
  AND t._replaced_by_load_id NOT IN (SELECT load_id FROM loads);
