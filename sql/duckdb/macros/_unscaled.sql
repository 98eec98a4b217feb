-- The integer that a DECIMAL(38, 22) is stored as: the number times 10^22, as HUGEINT, which no cast gives. It is read
-- from the sort key (a byte, then the integer, its sign bit turned) and proven by making the decimal anew, so that a
-- version of DuckDB whose sort keys are others gives an error. Dividing by 10^22, as a cast does, takes twenty times as
-- long.
CREATE OR REPLACE MACRO {{dataset}}._unscaled(number) AS list_transform(
  [{
    'number': number,
    'unscaled': CASE WHEN number IS NOT NULL THEN xor(
      CAST(CAST(create_sort_key(number, 'ASC NULLS LAST')[2:17] AS BIT) AS HUGEINT),
      CAST('-170141183460469231731687303715884105728' AS HUGEINT)
    ) END
  }],
  lambda n: CASE
    WHEN CAST(n.unscaled AS DECIMAL(38, 0)) * CAST(0.0000000000000000000001 AS DECIMAL(22, 22)) <> n.number
      THEN error('this version of DuckDB stores decimals in another way than exact sums need')
    ELSE n.unscaled
  END
)[1];
