-- A rate of partner earned credit, or of any credit, as a fraction, whichever way it came: above 1 it is a percentage, so
-- 15 and 0.15 are both 0.15, 100 and 1 are both 1. A percentage is exact to ten decimals of the fraction. Null where raw
-- is null or no rate: below 0 or above 100.
-- Source: domain.md section C1 (greater than 1 means percent); api-contract.md sections 5.1 and 5.3.
CREATE OR REPLACE FUNCTION {{dataset}}.pec_rate(raw numeric) RETURNS numeric
LANGUAGE plpgsql IMMUTABLE PARALLEL SAFE STRICT SET search_path = pg_catalog AS $$
BEGIN
  IF raw <> trunc(raw, 22) THEN
    RAISE EXCEPTION 'pec_rate: % has more than 22 fractional digits', raw
      USING ERRCODE = 'numeric_value_out_of_range';
  END IF;
  RETURN CASE
    WHEN raw < 0 OR raw > 100 THEN NULL
    WHEN raw <= 1 THEN raw
    ELSE {{dataset}}.mul(raw, 0.01)
  END;
END
$$;
