import fc from 'fast-check';
import { expect, test } from 'vitest';
import { addDecimals } from '../../../connector/load/add-decimals.js';
import { decimalText } from '../../../schemas/decimal-text.js';

test('sums are exact at any length and canonical', () => {
  expect(addDecimals('0.1', '0.2')).toBe('0.3');
  expect(addDecimals('-0.5', '0.50')).toBe('0');
  expect(addDecimals('99999999999999999999', '0.0000000000000000000001')).toBe(
    '99999999999999999999.0000000000000000000001',
  );
});

test('the sum of any two decimals is the sum of their integers', () => {
  fc.assert(
    fc.property(fc.bigInt(), fc.bigInt(), (a, b) => {
      expect(addDecimals(decimalText(a), decimalText(b))).toBe(decimalText(a + b));
    }),
  );
});

test('what is no plain decimal is refused', () => {
  expect(() => addDecimals('1e3', '1')).toThrow(RangeError);
});
