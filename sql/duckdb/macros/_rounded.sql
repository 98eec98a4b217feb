-- quotient + rest / divisor, counted in units of 10^-10, rounded half to even: the result of mul and div as
-- DECIMAL(38, 22). rest is little more than half of the divisor at most, which is positive. An error from 10^16 on.
CREATE OR REPLACE MACRO {{dataset}}._rounded(quotient, rest, divisor, of_macro) AS list_transform(list_transform(
  [{'quotient': quotient, 'twice': 2 * rest, 'divisor': divisor}],
  lambda r: r.quotient + CASE
    WHEN r.twice > r.divisor THEN 1
    WHEN r.twice < -r.divisor THEN -1
    WHEN r.twice = r.divisor THEN r.quotient & 1
    WHEN r.twice = -r.divisor THEN -(r.quotient & 1)
    ELSE 0
  END),
  lambda r: CASE
    WHEN abs(r) >= 100000000000000000000000000 THEN error(of_macro || ': the result is not below 10^16')
    ELSE CAST(r * 1000000000000 AS DECIMAL(38, 0)) * CAST(0.0000000000000000000001 AS DECIMAL(22, 22))
  END
)[1];
