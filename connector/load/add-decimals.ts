import { canonicalDecimal, decimalText } from '../../schemas/decimal-text.js';

/**
 * The exact sum of two decimals in plain notation, at any length, as canonical text.
 * @throws RangeError when one is no decimal in plain notation
 */
export function addDecimals(a: string, b: string): string {
  const [left, right] = [canonicalDecimal(a), canonicalDecimal(b)];
  const scale = Math.max(fractionOf(left).length, fractionOf(right).length);
  return decimalText(scaled(left, scale) + scaled(right, scale), scale);
}

function scaled(canonical: string, scale: number): bigint {
  const fraction = fractionOf(canonical);
  const whole = fraction === '' ? canonical : canonical.slice(0, -fraction.length - 1);
  return BigInt(whole + fraction.padEnd(scale, '0'));
}

function fractionOf(canonical: string): string {
  return canonical.split('.')[1] ?? '';
}
