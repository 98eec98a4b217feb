import {
  COLUMN_BYTES_AT,
  COLUMN_LENGTH,
  COLUMN_ROOM,
  COLUMN_TEXT,
  COLUMN_USED,
  NO_TEXT,
} from '../decoder-layout';
import { skipNumber } from './json-number';
import { outOfRoom, unescape, unescapedEnd } from './escape';

/*
 * Values of text columns: copied to the column's bytes behind those of the rows before, unescaped.
 */

const QUOTE: u32 = 0x22;
const BACKSLASH: u32 = 0x5c;

/**
 * Reads the JSON string whose first character is at `start` into a text column. Returns the address behind it; 0 where it is
 * none that the fast way knows, or does not fit (`outOfRoom` says so).
 */
export function readString(start: usize, column: usize): usize {
  const quote = i8x16.splat(0x22);
  const backslash = i8x16.splat(0x5c);
  const space = i8x16.splat(0x20);
  const text: usize = <usize>load<u32>(column, COLUMN_BYTES_AT) + <usize>load<u32>(column, COLUMN_USED);
  const limit: usize = <usize>load<u32>(column, COLUMN_BYTES_AT) + <usize>load<u32>(column, COLUMN_ROOM);
  let p = start;
  let o = text;
  for (;;) {
    // 16 bytes are copied, and then looked at for a quote, a backslash or a control character.
    const bytes = v128.load(p);
    v128.store(o, bytes);
    const marks = i8x16.bitmask(
      v128.or(v128.or(i8x16.eq(bytes, quote), i8x16.eq(bytes, backslash)), i8x16.lt_u(bytes, space)),
    );
    if (marks == 0) {
      p += 16;
      o += 16;
      if (o > limit) return outOfRoom(column);
      continue;
    }
    const plain: usize = ctz(marks);
    p += plain;
    o += plain;
    const mark = <u32>load<u8>(p);
    if (mark == QUOTE) break;
    if (mark != BACKSLASH) return 0;
    o = unescape(p, o);
    if (o == 0) return 0;
    p = unescapedEnd;
    if (o > limit) return outOfRoom(column);
  }
  if (o > limit) return outOfRoom(column);
  keep(column, text, <u32>(o - text));
  return p + 1;
}

/** The same for a JSON number, which text columns keep as its token; 0 for anything else. */
export function readToken(start: usize, column: usize): usize {
  const end = skipNumber(start);
  if (end == 0) return 0;
  const text: usize = <usize>load<u32>(column, COLUMN_BYTES_AT) + <usize>load<u32>(column, COLUMN_USED);
  const length = end - start;
  if (<usize>load<u32>(column, COLUMN_USED) + length > <usize>load<u32>(column, COLUMN_ROOM))
    return outOfRoom(column);
  memory.copy(text, start, length);
  keep(column, text, <u32>length);
  return end;
}

/** Blank text is null: nothing but tab, LF, VT, FF, CR and blanks. */
function keep(column: usize, text: usize, length: u32): void {
  if (length == 0 || (<u32>load<u8>(text) <= 0x20 && isBlank(text, length))) {
    store<u32>(column, NO_TEXT, COLUMN_LENGTH);
    return;
  }
  store<u32>(column, <u32>text, COLUMN_TEXT);
  store<u32>(column, length, COLUMN_LENGTH);
}

function isBlank(text: usize, length: u32): bool {
  for (let i: u32 = 0; i < length; i++) {
    const byte = <u32>load<u8>(text + i);
    if (byte != 0x20 && byte - 9 > 4) return false;
  }
  return true;
}
