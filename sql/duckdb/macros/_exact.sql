-- A number as DECIMAL(38, 22), the type of every amount, price, quantity and rate here; an error where that could lose a
-- digit: floating point, text, a type of more than 22 fractional digits, 16 or more digits before the point.
CREATE OR REPLACE MACRO {{dataset}}._exact(number) AS CASE
  WHEN regexp_full_match(typeof(number), '"NULL"|U?(TINY|SMALL|BIG|HUGE)INT|U?INTEGER|DECIMAL\(\d+,(\d|1\d|2[0-2])\)')
    THEN CAST(number AS DECIMAL(38, 22))
  ELSE error('exact sums are made of decimals of at most 22 fractional digits, not of ' || typeof(number))
END;
