-- The rows of billed_reconciliation as they were at an instant (a timestamp in UTC), or when a load was published:
-- FROM billed_reconciliation_as_of(TIMESTAMP '2026-11-15 00:00:00'), FROM billed_reconciliation_as_of(of_load := '...').
-- What cannot be told any more, because its history was purged, is an error.
CREATE OR REPLACE MACRO {{dataset}}.billed_reconciliation_as_of(instant := NULL, of_load := NULL) AS TABLE
WITH loads AS MATERIALIZED (
  SELECT load_id FROM {{dataset}}._loads_as_of('billed_reconciliation', instant, of_load)
)
SELECT {{reconciliation_row}}
FROM {{dataset}}.billed_reconciliation t
WHERE t._load_id IN (SELECT load_id FROM loads)
UNION ALL
SELECT {{reconciliation_row}}
FROM {{dataset}}.billed_reconciliation_history t
WHERE t._load_id IN (SELECT load_id FROM loads)
  AND t._replaced_by_load_id NOT IN (SELECT load_id FROM loads);
