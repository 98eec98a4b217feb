-- a / b exactly, rounded once, half to even, to ten decimals; null where one is null or b is zero: there is no quotient.
-- Both are below 10^12 and the quotient below 10^16 in magnitude: beyond that an error, never another number.
-- It is called with its schema: div without one is Postgres' own, which gives a whole number.
-- Source: api-contract.md section 4.1 (prices have up to 22 decimals), section 8.1 (prices prorated by days).
CREATE OR REPLACE FUNCTION {{dataset}}.div(a numeric, b numeric) RETURNS numeric
LANGUAGE plpgsql IMMUTABLE PARALLEL SAFE STRICT SET search_path = pg_catalog AS $$
DECLARE
  quotient numeric;
  twice numeric;
BEGIN
  IF abs(a) >= 1000000000000 OR abs(b) >= 1000000000000 OR a <> trunc(a, 22) OR b <> trunc(b, 22) THEN
    RAISE EXCEPTION 'div: % and % are not both below 10^12 with at most 22 fractional digits', a, b
      USING ERRCODE = 'numeric_value_out_of_range';
  END IF;
  IF b = 0 THEN
    RETURN NULL;
  END IF;
  -- Counted in units of 10^-10, and what they leave.
  quotient := pg_catalog.div(abs(a) * 10000000000, abs(b));
  twice := 2 * (abs(a) * 10000000000 - quotient * abs(b));
  IF twice > abs(b) OR (twice = abs(b) AND quotient % 2 = 1) THEN
    quotient := quotient + 1;
  END IF;
  IF quotient >= 100000000000000000000000000 THEN
    RAISE EXCEPTION 'div: the result is not below 10^16' USING ERRCODE = 'numeric_value_out_of_range';
  END IF;
  RETURN sign(a) * sign(b) * quotient * 0.0000000001;
END
$$;
