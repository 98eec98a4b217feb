-- The loads whose snapshots were published at an instant (UTC), or when a load was published; an error where that cannot
-- be told. Used by <table>_as_of.
CREATE OR REPLACE MACRO {{dataset}}._loads_as_of(of_stream, at_instant, at_load) AS TABLE
WITH point AS (
  SELECT CASE
    WHEN (at_instant IS NULL) = (at_load IS NULL)
      THEN error('give one of instant (a timestamp in UTC) and of_load (a load_id of _snapshots)')
    WHEN typeof(at_instant) = 'TIMESTAMP WITH TIME ZONE'
      THEN error('instant is a timestamp without time zone, in UTC')
    WHEN at_load IS NOT NULL AND NOT EXISTS (
      SELECT 1 FROM {{dataset}}._snapshots s WHERE s.load_id = at_load AND s.outcome = 'published'
    ) THEN error('no snapshot was published by load ' || CAST(at_load AS VARCHAR))
    WHEN EXISTS (
      SELECT 1
      FROM {{dataset}}._retention r
      LEFT JOIN {{dataset}}._snapshots s ON s.load_id = at_load
      WHERE r.stream = of_stream AND (
        r.purged_until > CAST(at_instant AS TIMESTAMP)
        OR (r.purged_until, r.purged_load_id) > (s.published_at, s.load_id)
      )
    ) THEN error('the history of ' || of_stream || ' was purged (retention): what it held before ' || (
      SELECT CAST(max(r.purged_until) AS VARCHAR) FROM {{dataset}}._retention r WHERE r.stream = of_stream
    ) || ' UTC cannot be told any more')
    ELSE true
  END AS can_be_told
)
SELECT s.load_id
FROM {{dataset}}._snapshots s, point
WHERE point.can_be_told AND s.outcome = 'published' AND (
  s.published_at <= CAST(at_instant AS TIMESTAMP)
  OR (s.published_at, s.load_id) <= (
    SELECT (l.published_at, l.load_id) FROM {{dataset}}._snapshots l WHERE l.load_id = at_load
  )
);
