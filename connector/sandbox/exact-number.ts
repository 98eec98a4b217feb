import { decimalText } from '../../schemas/decimal-text.js';
import { SystemError } from '../../schemas/errors.js';

/** Scale of prices: 22 fractional digits, the most that Microsoft's own samples show. */
export const PRICE_SCALE = 22;
/** Scale of quantities: millionths. */
export const QUANTITY_SCALE = 6;
/** Scale of exchange rates. */
export const RATE_SCALE = 9;
/** Scale of amounts on their way: the 10 decimals that a daily rated amount shows (api-contract.md 8.2). */
export const AMOUNT_SCALE = 10;
const CENT = 10n ** 8n;

/**
 * The value of a plain decimal text times 10^scale, exactly.
 * @throws SystemError when the text is no plain decimal or has more fractional digits than the scale.
 */
export function scaled(text: string, scale: number): bigint {
  const match = /^(-?)(\d+)(?:\.(\d+))?$/.exec(text);
  const [, sign = '', whole = '', fraction = ''] = match ?? [];
  if (match === null || fraction.length > scale) {
    throw new SystemError({
      message: `sandbox: ${JSON.stringify(text)} does not fit a scale of ${scale}`,
      hint: 'mend the catalogue in connector/sandbox',
    });
  }
  const value = BigInt(whole + fraction.padEnd(scale, '0'));
  return sign === '-' ? -value : value;
}

/** An amount (scale 10) cut to two decimals toward zero, as invoice lines are (api-contract.md 8.1). */
export function truncatedToCents(amount: bigint): bigint {
  return (amount / CENT) * CENT;
}

/** Whole cents as an amount (scale 10). */
export function centsAsAmount(cents: bigint): bigint {
  return cents * CENT;
}

/**
 * A plain decimal as a JSON number token the way Spark writes doubles: an exponent below one thousandth
 * (`0.00001` becomes `1.0E-5`), otherwise plain. The value is the same, digit for digit.
 */
export function sparkNumber(plain: string): string {
  const match = /^(-?)0\.(000+)([1-9]\d*)$/.exec(plain);
  if (match === null) return plain;
  const [, sign = '', zeros = '', digits = ''] = match;
  return `${sign}${digits.charAt(0)}.${digits.slice(1) || '0'}E-${zeros.length + 1}`;
}

/** The plain text of a scaled value; the canonical one of `schemas/decimal-text.ts`. */
export function plainText(value: bigint, scale: number): string {
  return decimalText(value, scale);
}
