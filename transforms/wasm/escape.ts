import { RUN_FULL_COLUMN } from '../decoder-layout';
import { run } from './run';

/** After `unescape`: the address behind the escape. */
export let unescapedEnd: usize = 0;

/** Whether a text did not fit into its column since this was set to false. */
export let isOutOfRoom: bool = false;

/** Notes the column whose text does not fit; returns 0. */
export function outOfRoom(column: usize): usize {
  isOutOfRoom = true;
  store<u32>(run, <u32>column, RUN_FULL_COLUMN);
  return 0;
}

/** Forgets that a text did not fit. */
export function clearOutOfRoom(): void {
  isOutOfRoom = false;
}

/**
 * Writes what the escape at `p` (a backslash) means to `o` as UTF-8, at most 4 bytes. Returns the address behind what was
 * written; 0 for an escape that JSON does not have, half of a surrogate pair, and the NUL character.
 */
export function unescape(p: usize, o: usize): usize {
  const letter = <u32>load<u8>(p, 1);
  unescapedEnd = p + 2;
  if (letter == 0x75) return unescapeUnit(p + 2, o);
  let byte: u32;
  if (letter == 0x22 || letter == 0x5c || letter == 0x2f) byte = letter;
  else if (letter == 0x6e) byte = 0x0a;
  else if (letter == 0x74) byte = 0x09;
  else if (letter == 0x72) byte = 0x0d;
  else if (letter == 0x62) byte = 0x08;
  else if (letter == 0x66) byte = 0x0c;
  else return 0;
  store<u8>(o, byte);
  return o + 1;
}

/** The four hex digits at `p`, and where they are the first half of a surrogate pair the second half behind them. */
function unescapeUnit(p: usize, o: usize): usize {
  let unit = hex4(p);
  unescapedEnd = p + 4;
  if (unit <= 0) return 0;
  if (unit >= 0xd800 && unit < 0xe000) {
    if (unit >= 0xdc00 || load<u16>(p, 4) != 0x755c) return 0;
    const second = hex4(p + 6);
    if (second < 0xdc00 || second >= 0xe000) return 0;
    unit = 0x10000 + ((unit - 0xd800) << 10) + (second - 0xdc00);
    unescapedEnd = p + 10;
  }
  return writeUtf8(<u32>unit, o);
}

function writeUtf8(point: u32, o: usize): usize {
  if (point < 0x80) {
    store<u8>(o, point);
    return o + 1;
  }
  if (point < 0x800) {
    store<u8>(o, 0xc0 | (point >> 6));
    store<u8>(o, 0x80 | (point & 0x3f), 1);
    return o + 2;
  }
  if (point < 0x10000) {
    store<u8>(o, 0xe0 | (point >> 12));
    store<u8>(o, 0x80 | ((point >> 6) & 0x3f), 1);
    store<u8>(o, 0x80 | (point & 0x3f), 2);
    return o + 3;
  }
  store<u8>(o, 0xf0 | (point >> 18));
  store<u8>(o, 0x80 | ((point >> 12) & 0x3f), 1);
  store<u8>(o, 0x80 | ((point >> 6) & 0x3f), 2);
  store<u8>(o, 0x80 | (point & 0x3f), 3);
  return o + 4;
}

/** The number that four hex digits are; -1 where they are none. */
function hex4(p: usize): i32 {
  const a = hex1(load<u8>(p));
  const b = hex1(load<u8>(p, 1));
  const c = hex1(load<u8>(p, 2));
  const d = hex1(load<u8>(p, 3));
  return (a | b | c | d) < 0 ? -1 : (a << 12) | (b << 8) | (c << 4) | d;
}

function hex1(byte: u32): i32 {
  if (byte - 0x30 < 10) return <i32>(byte - 0x30);
  const letter = (byte | 0x20) - 0x61;
  return letter < 6 ? <i32>(letter + 10) : -1;
}
