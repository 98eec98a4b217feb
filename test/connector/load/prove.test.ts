import { expect, test } from 'vitest';
import { withinLimit } from '../../../connector/load/prove.js';

test.each([
  [0, 0, 0, true],
  [1, 100, 0, false],
  [5, 100, 5, true],
  [6, 100, 5, false],
  [0, 0, '0%', true],
  [1, 1000, '0.1%', true],
  [2, 1999, '0.1%', false],
  [2, 2000, '0.1%', true],
  [1, 3, '33.333333%', false],
  [1, 3, '33.333334%', true],
  [7, 7, '100%', true],
  // A share of 0.1% in binary is a little more than 0.1%.
  [9_007_199_254_740, 9_007_199_254_740_991, '0.1%', true],
  [9_007_199_254_741, 9_007_199_254_740_991, '0.1%', false],
])('%i rejected of %i read with the limit %s: %s', (rejected, read, limit, allowed) => {
  expect(withinLimit(rejected, read, limit)).toBe(allowed);
});
