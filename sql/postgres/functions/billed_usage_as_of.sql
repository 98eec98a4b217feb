-- The rows of billed_usage as they were at an instant (a timestamp in UTC), or when a load was published:
-- FROM billed_usage_as_of(TIMESTAMP '2026-11-15 00:00:00'), FROM billed_usage_as_of(of_load := '...').
-- What cannot be told any more, because its history was purged, is an error.
CREATE OR REPLACE FUNCTION {{dataset}}.billed_usage_as_of(instant timestamp DEFAULT NULL, of_load text DEFAULT NULL)
RETURNS TABLE ({{usage_definitions}}) LANGUAGE sql STABLE AS $$
SELECT {{usage_row}}
FROM {{dataset}}.billed_usage t
WHERE t._load_id IN (SELECT l.load_id FROM {{dataset}}._loads_as_of('billed_usage', instant, of_load) AS l (load_id))
UNION ALL
SELECT {{usage_row}}
FROM {{dataset}}.billed_usage_history t
WHERE t._load_id IN (SELECT l.load_id FROM {{dataset}}._loads_as_of('billed_usage', instant, of_load) AS l (load_id))
  AND t._replaced_by_load_id NOT IN (
    SELECT l.load_id FROM {{dataset}}._loads_as_of('billed_usage', instant, of_load) AS l (load_id)
  )
UNION ALL
-- No row: it only makes sure that what cannot be told is an error, whatever the rows above are filtered by.
SELECT {{usage_row}}
FROM {{dataset}}._loads_as_of('billed_usage', instant, of_load) AS l (load_id)
CROSS JOIN LATERAL json_populate_record(
  CAST(NULL AS {{dataset}}.billed_usage), json_build_object('_load_id', l.load_id)
) t
WHERE l.load_id IS NULL
$$;
