-- The loads whose snapshots were published at an instant (UTC), or when a load was published; an error where that cannot
-- be told. Used by <table>_as_of.
CREATE OR REPLACE FUNCTION {{dataset}}._loads_as_of(of_stream text, at_instant timestamp, at_load text)
RETURNS SETOF text LANGUAGE plpgsql STABLE AS $$
DECLARE
  point_at timestamp := at_instant;
  purged timestamp;
BEGIN
  IF (at_instant IS NULL) = (at_load IS NULL) THEN
    RAISE EXCEPTION 'give one of instant (a timestamp in UTC) and of_load (a load_id of _snapshots)';
  END IF;
  IF at_load IS NOT NULL THEN
    SELECT s.published_at INTO point_at
    FROM {{dataset}}._snapshots s
    WHERE s.load_id = at_load AND s.outcome = 'published';
    IF NOT FOUND THEN
      RAISE EXCEPTION 'no snapshot was published by load %', at_load;
    END IF;
  END IF;
  SELECT max(r.purged_until) INTO purged
  FROM {{dataset}}._retention r
  WHERE r.stream = of_stream AND (
    r.purged_until > at_instant
    OR (r.purged_until, r.purged_load_id COLLATE "C") > (point_at, at_load COLLATE "C")
  );
  IF purged IS NOT NULL THEN
    RAISE EXCEPTION 'the history of % was purged (retention): what it held before % UTC cannot be told any more',
      of_stream, purged;
  END IF;
  RETURN QUERY
  SELECT s.load_id
  FROM {{dataset}}._snapshots s
  WHERE s.outcome = 'published' AND (
    s.published_at <= at_instant OR (s.published_at, s.load_id COLLATE "C") <= (point_at, at_load COLLATE "C")
  );
END
$$;
