-- The rows of billed_reconciliation as they were at an instant (a timestamp in UTC), or when a load was published:
-- FROM billed_reconciliation_as_of(TIMESTAMP '2026-11-15 00:00:00'), FROM billed_reconciliation_as_of(of_load := '...').
-- What cannot be told any more, because its history was purged, is an error.
CREATE OR REPLACE FUNCTION {{dataset}}.billed_reconciliation_as_of(instant timestamp DEFAULT NULL, of_load text DEFAULT NULL)
RETURNS TABLE ({{reconciliation_definitions}}) LANGUAGE sql STABLE AS $$
SELECT {{reconciliation_row}}
FROM {{dataset}}.billed_reconciliation t
WHERE t._load_id IN (SELECT l.load_id FROM {{dataset}}._loads_as_of('billed_reconciliation', instant, of_load) AS l (load_id))
UNION ALL
SELECT {{reconciliation_row}}
FROM {{dataset}}.billed_reconciliation_history t
WHERE t._load_id IN (SELECT l.load_id FROM {{dataset}}._loads_as_of('billed_reconciliation', instant, of_load) AS l (load_id))
  AND t._replaced_by_load_id NOT IN (
    SELECT l.load_id FROM {{dataset}}._loads_as_of('billed_reconciliation', instant, of_load) AS l (load_id)
  )
UNION ALL
-- No row: it only makes sure that what cannot be told is an error, whatever the rows above are filtered by.
SELECT {{reconciliation_row}}
FROM {{dataset}}._loads_as_of('billed_reconciliation', instant, of_load) AS l (load_id)
CROSS JOIN LATERAL json_populate_record(
  CAST(NULL AS {{dataset}}.billed_reconciliation), json_build_object('_load_id', l.load_id)
) t
WHERE l.load_id IS NULL
$$;
