-- a * b exactly, rounded once, half to even, to ten decimals; null where one is null. Each factor is below 10^12 and the
-- product below 10^16 in magnitude: beyond that an error, never another number. The type is DECIMAL(38, 22).
-- DuckDB's own product of two DECIMAL(38, 22) is an error: it would need 44 fractional digits.
-- Source: api-contract.md section 4.1 (prices have up to 22 decimals), section 8.2 (amounts show up to ten).
-- Each integer is split at 10^19, so that no product needs more than 127 bits; the quotients are guessed in floating
-- point, what they leave is computed exactly, and the last one decides the rounding: any guess near by gives the same.
CREATE OR REPLACE MACRO {{dataset}}.mul(a, b) AS list_transform(list_transform(list_transform(list_transform(list_transform(
  [{'a': {{dataset}}._exact(a), 'b': {{dataset}}._exact(b)}],
  lambda n: {
    'a': CASE
      WHEN abs(n.a) >= 1000000000000 THEN error('mul: ' || n.a || ' is not below 10^12')
      ELSE {{dataset}}._unscaled(n.a)
    END,
    'b': CASE
      WHEN abs(n.b) >= 1000000000000 THEN error('mul: ' || n.b || ' is not below 10^12')
      ELSE {{dataset}}._unscaled(n.b)
    END
  }),
  lambda n: {
    'a1': CAST(n.a / 1e19 AS HUGEINT), 'a0': n.a - CAST(n.a / 1e19 AS HUGEINT) * 10000000000000000000,
    'b1': CAST(n.b / 1e19 AS HUGEINT), 'b0': n.b - CAST(n.b / 1e19 AS HUGEINT) * 10000000000000000000
  }),
  -- The product is high * 10^38 + middle * 10^19 + low; what follows divides it by 10^34.
  lambda n: {'high': n.a1 * n.b1, 'middle': n.a1 * n.b0 + n.a0 * n.b1, 'low': n.a0 * n.b0}),
  lambda n: {
    'quotient': n.high * 10000 + CAST(n.middle / 1e15 AS HUGEINT),
    'rest': (n.middle - CAST(n.middle / 1e15 AS HUGEINT) * 1000000000000000) * 10000000000000000000 + n.low
  }),
  lambda n: {{dataset}}._rounded(
    n.quotient + CAST(n.rest / 1e34 AS HUGEINT),
    n.rest - CAST(n.rest / 1e34 AS HUGEINT) * 10000000000000000000000000000000000,
    CAST(10000000000000000000000000000000000 AS HUGEINT),
    'mul'
  )
)[1];
