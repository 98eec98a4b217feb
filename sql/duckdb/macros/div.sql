-- a / b exactly, rounded once, half to even, to ten decimals; null where one is null or b is zero: there is no quotient.
-- Both are below 10^12 and the quotient below 10^16 in magnitude: beyond that an error, never another number. The type
-- is DECIMAL(38, 22). DuckDB's own quotient of two decimals is a DOUBLE.
-- Source: api-contract.md section 4.1 (prices have up to 22 decimals), section 8.1 (prices prorated by days).
-- Long division: the digits of each step are guessed in floating point and what they leave is computed exactly; the
-- last remainder decides the rounding.
CREATE OR REPLACE MACRO {{dataset}}.div(a, b) AS list_transform(list_transform(list_transform(list_transform(list_transform(
list_transform(
  [{'a': {{dataset}}._exact(a), 'b': {{dataset}}._exact(b)}],
  lambda n: {
    'rest': CASE
      WHEN abs(n.a) >= 1000000000000 THEN error('div: ' || n.a || ' is not below 10^12')
      WHEN n.b <> 0 THEN CAST(sign(n.b) AS HUGEINT) * {{dataset}}._unscaled(n.a)
    END,
    'divisor': CASE
      WHEN abs(n.b) >= 1000000000000 THEN error('div: ' || n.b || ' is not below 10^12')
      WHEN n.b <> 0 THEN abs({{dataset}}._unscaled(n.b))
    END
  }),
  lambda n: CASE
    WHEN abs(n.rest / CAST(n.divisor AS DOUBLE)) > 1.1e16 THEN error('div: the result is not below 10^16')
    ELSE {
      'quotient': CAST(n.rest / CAST(n.divisor AS DOUBLE) AS HUGEINT),
      'rest': n.rest - CAST(n.rest / CAST(n.divisor AS DOUBLE) AS HUGEINT) * n.divisor,
      'divisor': n.divisor
    }
  END),
  lambda n: {
    'quotient': n.quotient + CAST(n.rest / CAST(n.divisor AS DOUBLE) AS HUGEINT),
    'rest': (n.rest - CAST(n.rest / CAST(n.divisor AS DOUBLE) AS HUGEINT) * n.divisor) * 10000,
    'divisor': n.divisor
  }),
  lambda n: {
    'quotient': n.quotient * 10000 + CAST(n.rest / CAST(n.divisor AS DOUBLE) AS HUGEINT),
    'rest': (n.rest - CAST(n.rest / CAST(n.divisor AS DOUBLE) AS HUGEINT) * n.divisor) * 1000,
    'divisor': n.divisor
  }),
  lambda n: {
    'quotient': n.quotient * 1000 + CAST(n.rest / CAST(n.divisor AS DOUBLE) AS HUGEINT),
    'rest': (n.rest - CAST(n.rest / CAST(n.divisor AS DOUBLE) AS HUGEINT) * n.divisor) * 1000,
    'divisor': n.divisor
  }),
  lambda n: {{dataset}}._rounded(
    n.quotient * 1000 + CAST(n.rest / CAST(n.divisor AS DOUBLE) AS HUGEINT),
    n.rest - CAST(n.rest / CAST(n.divisor AS DOUBLE) AS HUGEINT) * n.divisor,
    n.divisor,
    'div'
  )
)[1];
