-- A currency's smallest unit: 0.01 for USD, 1 for JPY, 0.001 for KWD; null where minor_units() does not know it.
-- The lambda writes minor_units() down once: every copy of its lists of codes costs a statement's planning and start.
CREATE OR REPLACE MACRO {{dataset}}.money_unit(currency) AS list_transform(
  [{{dataset}}.minor_units(currency)],
  lambda decimals: CASE decimals
    WHEN 0 THEN CAST(1 AS DECIMAL(38, 22))
    WHEN 2 THEN CAST(0.01 AS DECIMAL(38, 22))
    WHEN 3 THEN CAST(0.001 AS DECIMAL(38, 22))
    WHEN 4 THEN CAST(0.0001 AS DECIMAL(38, 22))
  END
)[1];
