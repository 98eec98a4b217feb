import {
  COLUMN_LENGTH,
  DATE,
  DECIMAL,
  ENTRY_BLOCKS,
  ENTRY_BYTES,
  ENTRY_COLUMN,
  ENTRY_FIRST,
  ENTRY_FIRST_BLOCKS,
  ENTRY_FIRST_LENGTH,
  ENTRY_KIND,
  ENTRY_PATTERN,
  ENTRY_PATTERN_LENGTH,
  ENTRY_TOKEN,
  ENTRY_TOKEN_LENGTH,
  NO_TEXT,
  RUN_ENTRIES,
  RUN_ENTRY_COUNT,
  RUN_ROWS,
  RUN_SUFFIX,
  RUN_SUFFIX_LENGTH,
  TEXT,
  TIMESTAMP,
  UNKNOWN,
} from '../decoder-layout';
import { readDecimal } from './decimal';
import { readDate, readTimestamp } from './instant';
import { skipNumber } from './json-number';
import { run } from './run';
import { readString, readToken } from './text';

/*
 * The fields of one line, in the order that was learnt. A field may be missing; one in another place, or one that was not
 * there when the order was learnt, makes the line an odd one.
 */

const LF: u32 = 0x0a;
const CR: u32 = 0x0d;
const QUOTE: u32 = 0x22;
const BACKSLASH: u32 = 0x5c;
const LETTER_N: u32 = 0x6e;

/** Whether the last line was odd because of its fields, not because of a value. */
export let hasOddFields: bool = false;
/** The address behind the last line's LF, and its length without its end. */
export let nextLine: usize = 0;
/** See {@link nextLine}. */
export let lineLength: u32 = 0;

/** Reads the fields of the line at `start` into the columns. False where the line is odd. */
export function readFields(start: usize): bool {
  const row = load<u32>(run, RUN_ROWS);
  const end = <usize>load<u32>(run, RUN_ENTRIES) + <usize>load<u32>(run, RUN_ENTRY_COUNT) * ENTRY_BYTES;
  let entry = firstEntry(start, end);
  hasOddFields = entry == end;
  if (hasOddFields) return false;
  let p = start + load<u32>(entry, ENTRY_FIRST_LENGTH);
  while (entry < end) {
    p = readValue(p, entry, row);
    if (p == 0) return false;
    // The next field that is there; those between are missing in this line.
    do {
      entry += ENTRY_BYTES;
    } while (entry < end && !isAt(p, load<u32>(entry, ENTRY_PATTERN), load<u32>(entry, ENTRY_BLOCKS)));
    if (entry < end) p += load<u32>(entry, ENTRY_PATTERN_LENGTH);
  }
  return readEnd(p, start);
}

/** The entry of the line's first field; `end` where it is none that is known. */
function firstEntry(start: usize, end: usize): usize {
  let entry = <usize>load<u32>(run, RUN_ENTRIES);
  while (entry < end && !isAt(start, load<u32>(entry, ENTRY_FIRST), load<u32>(entry, ENTRY_FIRST_BLOCKS))) {
    entry += ENTRY_BYTES;
  }
  return entry;
}

/** Whether the bytes at `p` are a pattern's. */
function isAt(p: usize, pattern: usize, blocks: u32): bool {
  let differences = v128.and(v128.xor(v128.load(p), v128.load(pattern)), v128.load(pattern, 16));
  while (--blocks != 0) {
    p += 16;
    pattern += 32;
    const more = v128.and(v128.xor(v128.load(p), v128.load(pattern)), v128.load(pattern, 16));
    differences = v128.or(differences, more);
  }
  return !v128.any_true(differences);
}

/** Whether the line ends at `p`, as it does since its fields were learnt. */
function readEnd(p: usize, start: usize): bool {
  hasOddFields = true;
  if (!isAt(p, load<u32>(run, RUN_SUFFIX), 1)) return false;
  p += load<u32>(run, RUN_SUFFIX_LENGTH);
  lineLength = <u32>(p - start);
  if (load<u8>(p) == CR) p++;
  if (load<u8>(p) != LF) return false;
  nextLine = p + 1;
  hasOddFields = false;
  return true;
}

function readValue(p: usize, entry: usize, row: u32): usize {
  const kind = load<u32>(entry, ENTRY_KIND);
  const column = <usize>load<u32>(entry, ENTRY_COLUMN);
  if (kind == TEXT && load<u8>(p) == QUOTE) return readString(p + 1, column);
  if (kind == DECIMAL && load<u8>(p) != LETTER_N) return readDecimal(p, column, row);
  if (kind == UNKNOWN) return readUnknown(p, entry);
  // `null`
  if (load<u32>(p) == 0x6c6c756e) {
    store<u32>(column, NO_TEXT, COLUMN_LENGTH);
    return p + 4;
  }
  if (kind == TIMESTAMP) return readTimestamp(p, column, row);
  if (kind == DATE) return readDate(p, column, row);
  return kind == TEXT ? readToken(p, column) : 0;
}

function readUnknown(p: usize, entry: usize): usize {
  const end = skipToken(p);
  store<u32>(entry, <u32>p, ENTRY_TOKEN);
  store<u32>(entry, end == 0 ? 0 : <u32>(end - p), ENTRY_TOKEN_LENGTH);
  return end;
}

/** The address behind a number, a literal, or a string without escapes; 0 for anything else. */
function skipToken(p: usize): usize {
  if (load<u8>(p) == QUOTE) return skipString(p + 1);
  const word = load<u32>(p);
  // `null`, `true`, `false`
  if (word == 0x6c6c756e || word == 0x65757274) return p + 4;
  if (word == 0x736c6166 && load<u8>(p, 4) == 0x65) return p + 5;
  return skipNumber(p);
}

function skipString(p: usize): usize {
  let byte = <u32>load<u8>(p);
  while (byte != QUOTE) {
    if (byte == BACKSLASH || byte < 0x20) return 0;
    byte = load<u8>(++p);
  }
  return p + 1;
}
