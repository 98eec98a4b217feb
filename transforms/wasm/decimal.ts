import { COLUMN_LENGTH, COLUMN_SCRATCH, COLUMN_TEXT, COLUMN_VALUES, NO_TEXT } from '../decoder-layout';
import { isDigit } from './json-number';
import { POWERS, putScaled } from './scaled';

/*
 * Decimal columns: digits to a scaled integer (times 10^22), exactly. What is rare is left to the reference decoder:
 * more than 22 fractional digits (they are rounded), more than 16 whole ones (rejected), leading zeros in a string.
 */

const QUOTE: u32 = 0x22;
const MINUS: u32 = 0x2d;
const POINT: u32 = 0x2e;
const ZERO: u32 = 0x30;
const SCALE: i32 = 22;
const WHOLE_DIGITS: i32 = 16;
/** This many digits fit into a u64. */
const WORD_DIGITS: i32 = 19;

/**
 * Reads the JSON number at `p`, or the one in the string there (an empty string is null), into a row of a decimal column.
 * Returns the address behind it; 0 where it is anything else.
 */
export function readDecimal(p: usize, column: usize, row: u32): usize {
  if (load<u8>(p) != QUOTE) return readNumber(p, column, row);
  if (load<u8>(p, 1) == QUOTE) {
    store<u32>(column, NO_TEXT, COLUMN_LENGTH);
    return p + 2;
  }
  const end = readNumber(p + 1, column, row);
  return end == 0 || load<u8>(end) != QUOTE ? 0 : end + 1;
}

function readNumber(start: usize, column: usize, row: u32): usize {
  let p = start;
  let byte = <u32>load<u8>(p);
  const isNegative = byte == MINUS;
  if (isNegative) byte = load<u8>(++p);
  let head: u64 = 0; // the first 19 significant digits
  let digits: i32 = 0; // how many they are
  if (byte == ZERO) {
    byte = load<u8>(++p);
    if (isDigit(byte)) return 0;
  } else {
    while (isDigit(byte)) {
      head = head * 10 + (byte - ZERO);
      digits++;
      byte = load<u8>(++p);
      if (digits > WHOLE_DIGITS) return 0;
    }
    if (digits == 0) return 0;
  }
  let fraction: i32 = 0; // digits behind the point
  let tail: u64 = 0; // what follows the head
  let tailDigits: i32 = 0;
  if (byte == POINT) {
    const point = p;
    byte = load<u8>(++p);
    while (isDigit(byte) && digits < WORD_DIGITS) {
      head = head * 10 + (byte - ZERO);
      if (head != 0) digits++;
      byte = load<u8>(++p);
    }
    while (isDigit(byte)) {
      tail = tail * 10 + (byte - ZERO);
      tailDigits++;
      byte = load<u8>(++p);
      if (tailDigits > WORD_DIGITS) return 0;
    }
    fraction = <i32>(p - point) - 1;
    if (fraction == 0) return 0;
  }
  if ((byte | 0x20) == 0x65) {
    if (tailDigits != 0) return 0;
    return readExponent(p + 1, column, row, isNegative, head, fraction);
  }
  if (fraction > SCALE) return 0;
  putScaled(column, row, isNegative, head, SCALE - fraction + tailDigits, tail, SCALE - fraction);
  keepToken(column, start, p, isNegative, fraction != 0, (head | tail) == 0);
  return p;
}

/** The canonical text is the token without the zeros that end its fraction, and without the sign of a zero. */
function keepToken(
  column: usize,
  start: usize,
  end: usize,
  isNegative: bool,
  hasFraction: bool,
  isZero: bool,
): void {
  if (hasFraction) {
    while (load<u8>(end - 1) == ZERO) end--;
    if (load<u8>(end - 1) == POINT) end--;
  }
  if (isNegative && isZero) start++;
  store<u32>(column, <u32>start, COLUMN_TEXT);
  store<u32>(column, <u32>(end - start), COLUMN_LENGTH);
}

/** The rest of a number whose exponent begins at `p`: `head` times 10^(exponent - fraction). */
function readExponent(p: usize, column: usize, row: u32, isNegative: bool, head: u64, fraction: i32): usize {
  let byte = <u32>load<u8>(p);
  const isDown = byte == MINUS;
  if (isDown || byte == 0x2b) byte = load<u8>(++p);
  if (!isDigit(byte)) return 0;
  let exponent: i32 = 0;
  while (isDigit(byte)) {
    exponent = exponent * 10 + <i32>(byte - ZERO);
    if (exponent > 100) return 0;
    byte = load<u8>(++p);
  }
  fraction += isDown ? exponent : -exponent;
  if (head == 0) fraction = 0;
  while (head != 0 && head % 10 == 0) {
    head /= 10;
    fraction--;
  }
  const digits = digitsOf(head);
  if (fraction > SCALE || digits - fraction > WHOLE_DIGITS) return 0;
  if (fraction < 0) {
    head *= load<u64>(POWERS + -fraction * 16);
    fraction = 0;
  }
  putScaled(column, row, isNegative, head, SCALE - fraction, 0, 0);
  keepPlain(column, isNegative && head != 0, head, fraction);
  return p;
}

/** Writes `head` times 10^-fraction in plain notation; it ends in no zero behind a point. */
function keepPlain(column: usize, isNegative: bool, head: u64, fraction: i32): void {
  const text = <usize>load<u32>(column, COLUMN_SCRATCH);
  let o = text;
  if (isNegative) store<u8>(o++, MINUS);
  const digits = digitsOf(head);
  const whole = digits - fraction;
  // Zeros in front, so that one digit stands before the point at least.
  const count = whole < 1 ? fraction + 1 : digits;
  const end = o + count + (fraction > 0 ? 1 : 0);
  let at = end;
  for (let i = 0; i < count; i++) {
    if (i == fraction && fraction > 0) store<u8>(--at, POINT);
    store<u8>(--at, ZERO + <u32>(head % 10));
    head /= 10;
  }
  store<u32>(column, <u32>text, COLUMN_TEXT);
  store<u32>(column, <u32>(end - text), COLUMN_LENGTH);
}

/** How many digits a number has; 1 for 0. */
function digitsOf(value: u64): i32 {
  let digits: i32 = 1;
  while (digits < WORD_DIGITS && value >= load<u64>(POWERS + digits * 16)) digits++;
  if (digits == WORD_DIGITS && value >= 10000000000000000000) digits++;
  return digits;
}

/** Puts a zero where a row of a decimal column is null. */
export function putNoDecimal(column: usize, row: u32): void {
  v128.store(<usize>load<u32>(column, COLUMN_VALUES) + row * 16, i64x2.splat(0));
}
