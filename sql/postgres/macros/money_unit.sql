-- A currency's smallest unit: 0.01 for USD, 1 for JPY, 0.001 for KWD; null where minor_units() does not know it.
CREATE OR REPLACE FUNCTION {{dataset}}.money_unit(currency text) RETURNS numeric
LANGUAGE sql IMMUTABLE PARALLEL SAFE
RETURN CASE {{dataset}}.minor_units(currency)
  WHEN 0 THEN 1
  WHEN 2 THEN 0.01
  WHEN 3 THEN 0.001
  WHEN 4 THEN 0.0001
END;
