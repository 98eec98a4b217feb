import { describe, expect, it } from 'vitest';
import { canonicalDecimal, decimalText } from '../../schemas/decimal-text.js';

describe('the canonical text of a decimal', () => {
  it.each([
    [0n, '0'],
    [1n, '0.0000000000000000000001'],
    [-1n, '-0.0000000000000000000001'],
    [10n ** 22n, '1'],
    [-15n * 10n ** 21n, '-1.5'],
    [10n ** 38n - 1n, '9999999999999999.9999999999999999999999'],
    [1999968000511991808131n, '0.1999968000511991808131'],
  ])('of the scaled integer %s is %s', (unscaled, expected) => {
    expect(decimalText(unscaled)).toBe(expected);
  });

  it.each([
    ['1.10', '1.1'],
    ['-0.00', '0'],
    ['007', '7'],
    ['000.50', '0.5'],
    ['-12.3400', '-12.34'],
    ['100', '100'],
    ['0.0000000000000000000001', '0.0000000000000000000001'],
  ])('of %s, as a database prints it, is %s', (text, expected) => {
    expect(canonicalDecimal(text)).toBe(expected);
  });

  it.each(['', '1e5', '+1', '.5', '5.', '1,5', 'NaN', ' 1'])('of %j does not exist', (text) => {
    expect(() => canonicalDecimal(text)).toThrow(RangeError);
  });
});
