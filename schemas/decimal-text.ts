import { DECIMAL_SCALE } from './column-type.js';

const PLAIN_DECIMAL = /^-?\d+(\.\d+)?$/;

/**
 * The canonical text of a decimal given as scaled integer (value times 10^22): plain notation, no trailing zeros,
 * no plus sign, no negative zero. `{@link DECIMAL_SCALE}` fractional digits at most.
 */
export function decimalText(unscaled: bigint, scale: number = DECIMAL_SCALE): string {
  const negative = unscaled < 0n;
  const digits = (negative ? -unscaled : unscaled).toString().padStart(scale + 1, '0');
  const whole = digits.slice(0, digits.length - scale);
  const fraction = digits.slice(digits.length - scale).replace(/0+$/, '');
  return `${negative ? '-' : ''}${whole}${fraction === '' ? '' : `.${fraction}`}`;
}

/**
 * The canonical text of a decimal in plain notation as a database prints it (`1.10`, `-0.00`): the form in which
 * we print and hash decimals everywhere. Exact at any length.
 * @throws RangeError when the text is not in plain notation; the message does not quote it.
 */
export function canonicalDecimal(text: string): string {
  if (!PLAIN_DECIMAL.test(text)) throw new RangeError('not a decimal in plain notation');
  const negative = text.startsWith('-');
  const [whole = '0', fraction = ''] = (negative ? text.slice(1) : text).split('.');
  const shortWhole = whole.replace(/^0+(?=\d)/, '');
  const shortFraction = fraction.replace(/0+$/, '');
  const plain = shortFraction === '' ? shortWhole : `${shortWhole}.${shortFraction}`;
  return negative && plain !== '0' ? `-${plain}` : plain;
}
