import {
  COLUMN_BYTES_AT,
  COLUMN_NULLS,
  COLUMN_VALIDITY,
  COLUMN_VALUES,
  DATE,
  DECIMAL,
  FIELD_AT,
  FIELD_BYTES,
  FIELD_CONSTANT,
  FIELD_INTEGER,
  FIELD_KIND,
  FIELD_LENGTH,
  FIELD_SIXTEEN,
  TEXT,
} from '../decoder-layout';

/*
 * Rows of the batch in Postgres' binary COPY format: a field count, then each field as its length (-1 for null) and its
 * bytes, all numbers big endian. How a type looks inside is what its receive function reads (`numeric_recv` and the
 * like in Postgres' source).
 */

const NULL_LENGTH: u32 = 0xffffffff;
/** Days from 1970-01-01 to 2000-01-01, from which Postgres counts. */
const EPOCH_DAYS: i32 = 10957;
const EPOCH_MICROS: i64 = 946684800000000;
const NEGATIVE: u32 = 0x4000;

/** A numeric has groups of four digits: four of the whole part (16 digits), then six of the fraction (22 digits, and two zeros). */
const WHOLE_GROUPS: u32 = 4;
const GROUPS: usize = memory.data(64, 16);
/** Eight digits: two groups. */
const TWO_GROUPS: u64 = 100000000;

/**
 * Encodes the rows 0 to `rows` of the batch to `out`, and writes where each ends, counted from `out`, to `ends` (u32).
 * Returns how many bytes they are. There must be room: see FIELD_ROOM.
 */
export function encodeRows(fields: usize, count: u32, rows: u32, out: usize, ends: usize): u32 {
  const fieldsEnd = fields + <usize>count * FIELD_BYTES;
  let o = out;
  for (let row: u32 = 0; row < rows; row++) {
    store<u16>(o, bswap<u16>(<u16>count));
    o += 2;
    for (let field = fields; field < fieldsEnd; field += FIELD_BYTES) o = putField(o, field, row);
    store<u32>(ends + <usize>row * 4, <u32>(o - out));
  }
  return <u32>(o - out);
}

function putField(o: usize, field: usize, row: u32): usize {
  const kind = load<u32>(field, FIELD_KIND);
  const at = <usize>load<u32>(field, FIELD_AT);
  if (kind == FIELD_CONSTANT) return putBytes(o, at, load<u32>(field, FIELD_LENGTH));
  if (kind == FIELD_SIXTEEN) {
    store<u32>(o, bswap<u32>(16));
    v128.store(o, v128.load(at + row * 16), 4);
    return o + 20;
  }
  if (kind == FIELD_INTEGER) return putInteger(o, load<i32>(at + row * 4));
  if (isNull(at, row)) {
    store<u32>(o, NULL_LENGTH);
    return o + 4;
  }
  const values = <usize>load<u32>(at, COLUMN_VALUES);
  if (kind == TEXT) {
    const start = load<u32>(values + row * 4);
    const length = load<u32>(values + row * 4, 4) - start;
    store<u32>(o, bswap<u32>(length));
    return putBytes(o + 4, <usize>load<u32>(at, COLUMN_BYTES_AT) + start, length);
  }
  if (kind == DECIMAL) return putNumeric(o, values + row * 16);
  if (kind == DATE) return putInteger(o, load<i32>(values + row * 4) - EPOCH_DAYS);
  store<u32>(o, bswap<u32>(8));
  store<u64>(o, bswap<u64>(load<i64>(values + row * 8) - EPOCH_MICROS), 4);
  return o + 12;
}

function isNull(column: usize, row: u32): bool {
  if (load<u32>(column, COLUMN_NULLS) == 0) return false;
  const bits = <u32>load<u8>(<usize>load<u32>(column, COLUMN_VALIDITY) + (row >> 3));
  return (bits & (1 << (row & 7))) == 0;
}

/** May write 15 bytes over. */
function putBytes(o: usize, bytes: usize, length: u32): usize {
  const end = o + length;
  while (o < end) {
    v128.store(o, v128.load(bytes));
    o += 16;
    bytes += 16;
  }
  return end;
}

function putInteger(o: usize, value: i32): usize {
  store<u32>(o, bswap<u32>(4));
  store<u32>(o, bswap<u32>(<u32>value), 4);
  return o + 8;
}

/**
 * A decimal (times 10^22) as a numeric that prints as its canonical text: its digits without the groups of zeros at both
 * ends, the weight of the first group, the sign, and how many digits it shows behind the point.
 */
function putNumeric(o: usize, value: usize): usize {
  let low = load<u64>(value);
  let high = load<u64>(value, 8);
  if ((low | high) == 0) {
    store<u32>(o, bswap<u32>(8));
    store<u64>(o, 0, 4);
    return o + 12;
  }
  const isNegative = <i64>high < 0;
  if (isNegative) {
    low = ~low + 1;
    high = ~high + (low == 0 ? 1 : 0);
  }
  splitGroups(low, high);
  const zero = i16x8.splat(0);
  const groups =
    i16x8.bitmask(i16x8.ne(v128.load(GROUPS), zero)) |
    (i16x8.bitmask(i16x8.ne(v128.load(GROUPS, 16), zero)) << 8);
  const first = <u32>ctz(groups);
  const last = 31 - <u32>clz(groups);
  const count = last - first + 1;
  store<u32>(o, bswap<u32>(8 + count * 2));
  putShort(o + 4, count);
  putShort(o + 6, WHOLE_GROUPS - 1 - first);
  putShort(o + 8, isNegative ? NEGATIVE : 0);
  putShort(o + 10, fractionDigits(last));
  v128.store(o, v128.load(GROUPS + first * 2), 12);
  v128.store(o, v128.load(GROUPS + first * 2, 16), 28);
  return o + 12 + count * 2;
}

/** How many digits stand behind the point, when the group `last` is the last one that is not zero. */
function fractionDigits(last: u32): u32 {
  if (last < WHOLE_GROUPS) return 0;
  let digits = (last - WHOLE_GROUPS + 1) * 4;
  let group = <u32>bswap<u16>(load<u16>(GROUPS + last * 2));
  while (group % 10 == 0) {
    group /= 10;
    digits--;
  }
  return digits;
}

function putShort(o: usize, value: u32): void {
  store<u16>(o, bswap<u16>(<u16>value));
}

/** The number that is divided, in words of 32 bits, the lowest one first. */
let word0: u64 = 0;
let word1: u64 = 0;
let word2: u64 = 0;
let word3: u64 = 0;
let word4: u64 = 0;

/** Writes the groups of digits of a number without a sign, below 10^38, to GROUPS: big endian, the highest one first. */
function splitGroups(low: u64, high: u64): void {
  // Times 100, so that the 22 fractional digits become whole groups.
  word0 = (low & 0xffffffff) * 100;
  word1 = (low >> 32) * 100 + (word0 >> 32);
  word2 = (high & 0xffffffff) * 100 + (word1 >> 32);
  word3 = (high >> 32) * 100 + (word2 >> 32);
  word4 = word3 >> 32;
  word0 &= 0xffffffff;
  word1 &= 0xffffffff;
  word2 &= 0xffffffff;
  word3 &= 0xffffffff;
  putTwoGroups(8, takeEightDigits());
  putTwoGroups(6, takeEightDigits());
  putTwoGroups(4, takeEightDigits());
  const whole = (word1 << 32) | word0;
  putTwoGroups(2, whole % TWO_GROUPS);
  putTwoGroups(0, whole / TWO_GROUPS);
}

/** Divides the number by 10^8 and returns the remainder. */
function takeEightDigits(): u64 {
  let rest: u64 = 0;
  if ((word4 | word3) != 0) {
    rest = word4 % TWO_GROUPS;
    word4 /= TWO_GROUPS;
    const three = (rest << 32) | word3;
    word3 = three / TWO_GROUPS;
    rest = three - word3 * TWO_GROUPS;
  }
  const two = (rest << 32) | word2;
  word2 = two / TWO_GROUPS;
  rest = two - word2 * TWO_GROUPS;
  const one = (rest << 32) | word1;
  word1 = one / TWO_GROUPS;
  rest = one - word1 * TWO_GROUPS;
  const zero = (rest << 32) | word0;
  word0 = zero / TWO_GROUPS;
  return zero - word0 * TWO_GROUPS;
}

function putTwoGroups(group: usize, digits: u64): void {
  const both = <u32>digits;
  const upper = both / 10000;
  putShort(GROUPS + group * 2, upper);
  putShort(GROUPS + group * 2 + 2, both - upper * 10000);
}
