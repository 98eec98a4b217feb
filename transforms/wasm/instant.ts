import { COLUMN_LENGTH, COLUMN_SCRATCH, COLUMN_TEXT, COLUMN_VALUES, NO_TEXT } from '../decoder-layout';
import { isDigit } from './json-number';

/*
 * Date and timestamp columns: `2026-10-01`, `2026-10-01T00:00:00`, with a blank for the `T`, up to nine fractional digits
 * and a `Z`. Offsets, and years outside of 0002 to 9999, are left to the reference decoder.
 */

const QUOTE: u32 = 0x22;
const DASH: u32 = 0x2d;
const COLON: u32 = 0x3a;
const MICROS_OF_DAY: i64 = 86400000000;
const MICROS_OF_SECOND: i64 = 1000000;

/** Microseconds since midnight of the last time read. */
let micros: i64 = 0;

/** Reads the string at `p` into a row of a date column: its day. Returns the address behind it; 0 for anything else. */
export function readDate(p: usize, column: usize, row: u32): usize {
  const end = readInstant(p, column);
  if (end == 0 || load<u32>(column, COLUMN_LENGTH) == NO_TEXT) return end;
  store<i32>(<usize>load<u32>(column, COLUMN_VALUES) + row * 4, day);
  store<u32>(column, 10, COLUMN_LENGTH);
  return end;
}

/** The same for a timestamp column. */
export function readTimestamp(p: usize, column: usize, row: u32): usize {
  const end = readInstant(p, column);
  if (end == 0 || load<u32>(column, COLUMN_LENGTH) == NO_TEXT) return end;
  store<i64>(<usize>load<u32>(column, COLUMN_VALUES) + row * 8, <i64>day * MICROS_OF_DAY + micros);
  return end;
}

/** Days from 1970-01-01 to the last date read. */
let day: i32 = 0;

/** Reads day and time, and writes the canonical text, 26 bytes; an empty string and the year-0001 sentinel are null. */
function readInstant(p: usize, column: usize): usize {
  store<u32>(column, NO_TEXT, COLUMN_LENGTH);
  if (load<u8>(p) != QUOTE) return 0;
  p++;
  if (load<u8>(p) == QUOTE) return p + 1;
  const text = <usize>load<u32>(column, COLUMN_SCRATCH);
  const year = two(p) * 100 + two(p + 2);
  const month = two(p + 5);
  const dayOfMonth = two(p + 8);
  if (year < 0 || load<u8>(p, 4) != DASH || load<u8>(p, 7) != DASH) return 0;
  if (month < 1 || month > 12 || dayOfMonth < 1 || dayOfMonth > daysInMonth(year, month)) return 0;
  const isSentinel = year == 1 && month == 1 && dayOfMonth == 1;
  if (year < 2 && !isSentinel) return 0;
  day = daysOf(year, month, dayOfMonth);
  v128.store(text, v128.load(p));
  const end = readTime(p + 10, text + 10);
  if (end == 0 || load<u8>(end) != QUOTE) return 0;
  if (!isSentinel) {
    store<u32>(column, <u32>text, COLUMN_TEXT);
    store<u32>(column, 26, COLUMN_LENGTH);
  }
  return end + 1;
}

/** Reads the time at `p`, if there is one, and writes `T00:00:00.000000` to `o`. Returns the address behind it; 0 where it is none. */
function readTime(p: usize, o: usize): usize {
  // `.000000`, one byte after the other from the lowest
  store<u64>(o, 0x003030303030302e, 9);
  const mark = <u32>load<u8>(p);
  if (mark != 0x54 && mark != 0x74 && mark != 0x20) {
    // `T00:00:0`, then `0`
    store<u64>(o, 0x303a30303a303054);
    store<u8>(o, 0x30, 8);
    micros = 0;
    return p;
  }
  const hour = two(p + 1);
  const minute = two(p + 4);
  const second = two(p + 7);
  if ((hour | minute | second) < 0 || load<u8>(p, 3) != COLON || load<u8>(p, 6) != COLON) return 0;
  if (hour > 23 || minute > 59 || second > 59) return 0;
  store<u64>(o, load<u64>(p));
  store<u8>(o, load<u8>(p, 8), 8);
  store<u8>(o, 0x54);
  micros = <i64>(hour * 3600 + minute * 60 + second) * MICROS_OF_SECOND;
  p += 9;
  if (load<u8>(p) == 0x2e) {
    p = readFraction(p + 1, o + 10);
    if (p == 0) return 0;
  }
  return (load<u8>(p) | 0x20) == 0x7a ? p + 1 : p;
}

/** One to nine digits, of which six count. */
function readFraction(p: usize, o: usize): usize {
  const start = p;
  let worth: i64 = 100000;
  while (isDigit(load<u8>(p))) {
    if (p - start == 9) return 0;
    if (worth > 0) {
      micros += <i64>(load<u8>(p) - 0x30) * worth;
      store<u8>(o++, load<u8>(p));
      worth /= 10;
    }
    p++;
  }
  return p == start ? 0 : p;
}

/** The number that two digits are; far below zero where they are none. */
function two(p: usize): i32 {
  const tens = <u32>load<u8>(p) - 0x30;
  const ones = <u32>load<u8>(p, 1) - 0x30;
  return tens > 9 || ones > 9 ? -100000 : <i32>(tens * 10 + ones);
}

function daysInMonth(year: i32, month: i32): i32 {
  if (month == 2) return year % 4 == 0 && (year % 100 != 0 || year % 400 == 0) ? 29 : 28;
  return month == 4 || month == 6 || month == 9 || month == 11 ? 30 : 31;
}

/** Days since 1970-01-01; see `daysOf` in transforms/timestamp.ts. */
function daysOf(year: i32, month: i32, dayOfMonth: i32): i32 {
  const marchYear = month > 2 ? year : year - 1;
  const marchMonth = (month + 9) % 12;
  const ofYear = (153 * marchMonth + 2) / 5 + dayOfMonth - 1;
  return marchYear * 365 + marchYear / 4 - marchYear / 100 + marchYear / 400 + ofYear - 719468;
}
