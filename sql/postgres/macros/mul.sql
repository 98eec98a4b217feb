-- a * b exactly, rounded once, half to even, to ten decimals; null where one is null. Each factor is below 10^12 and the
-- product below 10^16 in magnitude: beyond that an error, never another number.
-- Source: api-contract.md section 4.1 (prices have up to 22 decimals), section 8.2 (amounts show up to ten).
-- numeric multiplies exactly, but rounds half away from zero.
CREATE OR REPLACE FUNCTION {{dataset}}.mul(a numeric, b numeric) RETURNS numeric
LANGUAGE plpgsql IMMUTABLE PARALLEL SAFE STRICT SET search_path = pg_catalog AS $$
DECLARE
  product numeric := a * b;
  rounded numeric := round(product, 10);
BEGIN
  IF abs(a) >= 1000000000000 OR abs(b) >= 1000000000000 OR a <> trunc(a, 22) OR b <> trunc(b, 22) THEN
    RAISE EXCEPTION 'mul: % and % are not both below 10^12 with at most 22 fractional digits', a, b
      USING ERRCODE = 'numeric_value_out_of_range';
  END IF;
  IF abs(rounded - product) = 0.00000000005 AND rounded % 0.0000000002 <> 0 THEN
    rounded := rounded - sign(product) * 0.0000000001;
  END IF;
  IF abs(rounded) >= 10000000000000000 THEN
    RAISE EXCEPTION 'mul: the result is not below 10^16' USING ERRCODE = 'numeric_value_out_of_range';
  END IF;
  RETURN rounded;
END
$$;
