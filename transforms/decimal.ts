import { DECIMAL_PRECISION, DECIMAL_SCALE } from '../schemas/column-type.js';

/** A number read from text: its scaled integer, and whether digits were lost; or why it is none. */
export type ParsedDecimal =
  | {
      /** The value times 10^22. */
      readonly unscaled: bigint;
      /** Whether digits other than zero lay beyond the 22nd fractional one. */
      readonly rounded: boolean;
    }
  | { readonly rejected: string };

/** Digits before the point that a column holds. */
const WHOLE_DIGITS = DECIMAL_PRECISION - DECIMAL_SCALE;
/** The first scaled integer that is too large. */
const LIMIT = 10n ** BigInt(DECIMAL_PRECISION);
const TOO_LARGE = { rejected: `the value has more than ${WHOLE_DIGITS} digits before the decimal point` };
const FORM = /^(-?)(\d+)(?:\.(\d+))?(?:[eE]([+-]?)(\d+))?$/;
/** No line is long enough to hold a mantissa that an exponent of more digits could bring back into range. */
const EXPONENT_DIGITS = 12;

/**
 * Reads a number exactly from its text: a JSON number, or the same in a string (`14.4`, `-0.5`, `1E-05`, `1E+3`;
 * leading zeros are allowed). Never passes through a JavaScript number. Digits beyond the 22nd fractional one are
 * rounded half to even. Rejected: text that is no number in this notation (thousands marks, a decimal comma,
 * blanks, `NaN`), and a value that needs more than 16 digits before the point. The work is linear in the length of
 * the text, whatever its exponent says.
 */
export function parseDecimal(text: string): ParsedDecimal {
  const match = FORM.exec(text);
  if (match === null) return { rejected: 'the value is no number' };
  const [, sign = '', whole = '', fraction = '', exponentSign = '', exponent = '0'] = match;
  const digits = withoutOuterZeros(whole + fraction);
  if (digits.text === '') return { unscaled: 0n, rounded: false };
  const wholeDigits = whole.length - digits.leading + shift(exponentSign, exponent);
  if (wholeDigits > WHOLE_DIGITS) return TOO_LARGE;
  const { unscaled, rounded } = atScale(digits.text, wholeDigits + DECIMAL_SCALE);
  // Rounding can carry into one digit more: 9999999999999999.99999999999999999999999.
  if (unscaled >= LIMIT) return TOO_LARGE;
  return { unscaled: sign === '-' ? -unscaled : unscaled, rounded };
}

/** The digits without zeros at either end, and how many zeros led them. */
function withoutOuterZeros(digits: string): { text: string; leading: number } {
  let start = 0;
  while (digits[start] === '0') start += 1;
  let end = digits.length;
  while (end > start && digits[end - 1] === '0') end -= 1;
  return { text: digits.slice(start, end), leading: start };
}

function shift(sign: string, exponent: string): number {
  const { length } = exponent;
  let start = 0;
  while (start < length - 1 && exponent[start] === '0') start += 1;
  const size = length - start > EXPONENT_DIGITS ? Infinity : Number(exponent.slice(start));
  return sign === '-' ? -size : size;
}

/** The integer made of the first `kept` digits, padded with zeros or rounded half to even by the digits after them. */
function atScale(digits: string, kept: number): { unscaled: bigint; rounded: boolean } {
  if (kept >= digits.length) return { unscaled: BigInt(digits.padEnd(kept, '0')), rounded: false };
  if (kept < 0) return { unscaled: 0n, rounded: true };
  const head = BigInt(digits.slice(0, kept) || '0');
  const next = digits.charAt(kept);
  // No zero ends the digits, so anything after the next one makes it more than half.
  const half = next === '5' && digits.length === kept + 1;
  const up = half ? head % 2n === 1n : next >= '5';
  return { unscaled: up ? head + 1n : head, rounded: true };
}
