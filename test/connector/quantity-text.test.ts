import { describe, expect, it } from 'vitest';
import { bytesText, countText, durationText, elapsedText } from '../../connector/quantity-text.js';

describe('quantities', () => {
  it.each([
    [0, '0 B'],
    [999, '999 B'],
    [1000, '1.0 kB'],
    [999_499, '999 kB'],
    [999_501, '1.0 MB'],
    [41_234_567, '41.2 MB'],
    [5_000_000_000_000, '5.0 TB'],
    [7e15, '7000 TB'],
  ])('writes %d bytes as %s', (bytes, text) => {
    expect(bytesText(bytes)).toBe(text);
  });

  it.each([
    [0, '0.0 s'],
    [-5, '0.0 s'],
    [9949, '9.9 s'],
    [9951, '10 s'],
    [59_499, '59 s'],
    [59_500, '1 min 0 s'],
    [3_599_000, '59 min 59 s'],
    [7_800_000, '2 h 10 min'],
    [273_600_000, '3 d 4 h'],
  ])('writes %d ms as %s', (ms, text) => {
    expect(durationText(ms)).toBe(text);
  });

  it.each([
    [-5, '0 s'],
    [999, '0 s'],
    [9999, '9 s'],
    [59_999, '59 s'],
    [190_900, '3 min 10 s'],
  ])('writes %d ms that go on as %s', (ms, text) => {
    expect(elapsedText(ms)).toBe(text);
  });

  it('separates thousands', () => {
    expect([0, 999, 1000, 1234567].map(countText)).toEqual(['0', '999', '1,000', '1,234,567']);
  });
});
