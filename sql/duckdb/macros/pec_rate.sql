-- A rate of partner earned credit, or of any credit, as a fraction, whichever way it came: above 1 it is a percentage, so
-- 15 and 0.15 are both 0.15, 100 and 1 are both 1. A percentage is exact to ten decimals of the fraction. Null where raw
-- is null or no rate: below 0 or above 100. The type is DECIMAL(38, 22).
-- Source: domain.md section C1 (greater than 1 means percent); api-contract.md sections 5.1 and 5.3.
CREATE OR REPLACE MACRO {{dataset}}.pec_rate(raw) AS list_transform(
  [{{dataset}}._exact(raw)],
  lambda r: CASE
    WHEN r < 0 OR r > 100 THEN NULL
    WHEN r <= 1 THEN r
    WHEN r = 15 THEN CAST(0.15 AS DECIMAL(38, 22))
    ELSE {{dataset}}.mul(r, 0.01)
  END
)[1];
