-- A number that exact sums can be made of, as it came; an error where DECIMAL(38, 22), DuckDB's type of every amount,
-- price, quantity and rate, could not hold it: more than 22 fractional digits, 16 or more digits before the point, no
-- number. That way both databases answer the same.
CREATE OR REPLACE FUNCTION {{dataset}}._exact(number numeric) RETURNS numeric
LANGUAGE plpgsql IMMUTABLE PARALLEL SAFE STRICT SET search_path = pg_catalog AS $$
BEGIN
  IF abs(number) >= 10000000000000000 OR number <> trunc(number, 22) THEN
    RAISE EXCEPTION 'exact sums are made of decimals of at most 22 fractional digits and below 10^16, not of %', number
      USING ERRCODE = 'numeric_value_out_of_range';
  END IF;
  RETURN number;
END
$$;
