import {
  COLUMN_BYTES,
  COLUMN_BYTES_AT,
  COLUMN_KIND,
  COLUMN_LENGTH,
  COLUMN_NULLS,
  COLUMN_ROOM,
  COLUMN_TEXT,
  COLUMN_USED,
  COLUMN_VALIDITY,
  COLUMN_VALUES,
  DECIMAL,
  ENTRY_COUNT,
  ENTRY_FOLDED,
  ENTRY_FOLDED_LENGTH,
  ENTRY_NAME,
  ENTRY_NAME_LENGTH,
  ENTRY_TOKEN,
  ENTRY_TOKEN_LENGTH,
  NO_TEXT,
  RUN_BYTES_USED,
  RUN_COLUMN_COUNT,
  RUN_COLUMNS,
  RUN_EXTRA,
  RUN_FIXED_BYTES,
  RUN_HASHED,
  RUN_HASHES,
  RUN_IDENTITY,
  RUN_IDENTITY_COUNT,
  RUN_KEYS,
  RUN_LINE_NUMBER,
  RUN_LINE_NUMBERS,
  RUN_REQUIRED,
  RUN_REQUIRED_COUNT,
  RUN_ROWS,
  RUN_UNKNOWN,
  RUN_UNKNOWN_COUNT,
  TEXT,
  TIMESTAMP,
} from '../decoder-layout';
import { outOfRoom } from './escape';
import { run } from './run';
import { storeHash } from './xxh3';

/*
 * What makes a row of the values that were read: validity, offsets, `_extra`, the two hashes. Until then nothing of a line
 * counts, so that an odd line leaves nothing behind.
 */

/** Whether every column without which a record is rejected has a value. */
export function hasRequired(): bool {
  const list = <usize>load<u32>(run, RUN_REQUIRED);
  const end = list + <usize>load<u32>(run, RUN_REQUIRED_COUNT) * 4;
  for (let at = list; at < end; at += 4) {
    if (load<u32>(<usize>load<u32>(at), COLUMN_LENGTH) == NO_TEXT) return false;
  }
  return true;
}

/** Takes the values of the current line into the batch. False where `_extra` does not fit: nothing was taken then. */
export function commitRow(): bool {
  if (!putExtra()) return false;
  const row = load<u32>(run, RUN_ROWS);
  hashIdentity(row);
  const hashed = <usize>load<u32>(run, RUN_HASHED);
  const columns = <usize>load<u32>(run, RUN_COLUMNS);
  const end = columns + <usize>load<u32>(run, RUN_COLUMN_COUNT) * COLUMN_BYTES;
  let bytes = load<u32>(run, RUN_FIXED_BYTES);
  let o = hashed;
  for (let column = columns; column < end; column += COLUMN_BYTES) {
    const length = load<u32>(column, COLUMN_LENGTH);
    store<u32>(o, length);
    o += 4;
    if (length == NO_TEXT) {
      commitNull(column, row);
      continue;
    }
    commitValue(column, row);
    if (load<u32>(column, COLUMN_KIND) == TEXT) bytes += length;
    const text = <usize>load<u32>(column, COLUMN_TEXT);
    const behind = o + length;
    for (let from = text; o < behind; from += 16, o += 16) v128.store(o, v128.load(from));
    o = behind;
  }
  o = appendUnknown(o);
  storeHash(hashed, <u32>(o - hashed), <usize>load<u32>(run, RUN_HASHES) + row * 16);
  bytes += commitExtra(load<u32>(run, RUN_EXTRA), row);
  store<u32>(<usize>load<u32>(run, RUN_LINE_NUMBERS) + row * 4, load<u32>(run, RUN_LINE_NUMBER));
  store<u32>(run, row + 1, RUN_ROWS);
  store<u32>(run, load<u32>(run, RUN_BYTES_USED) + bytes, RUN_BYTES_USED);
  return true;
}

/** Forgets the values of the current line. */
export function forgetRow(): void {
  const columns = <usize>load<u32>(run, RUN_COLUMNS);
  const end = columns + <usize>load<u32>(run, RUN_COLUMN_COUNT) * COLUMN_BYTES;
  for (let column = columns; column < end; column += COLUMN_BYTES) store<u32>(column, NO_TEXT, COLUMN_LENGTH);
  const list = <usize>load<u32>(run, RUN_UNKNOWN);
  const last = list + <usize>load<u32>(run, RUN_UNKNOWN_COUNT) * 4;
  for (let at = list; at < last; at += 4) store<u32>(<usize>load<u32>(at), 0, ENTRY_TOKEN_LENGTH);
  store<u32>(<usize>load<u32>(run, RUN_EXTRA), NO_TEXT, COLUMN_LENGTH);
}

function hashIdentity(row: u32): void {
  const hashed = <usize>load<u32>(run, RUN_HASHED);
  const list = <usize>load<u32>(run, RUN_IDENTITY);
  const end = list + <usize>load<u32>(run, RUN_IDENTITY_COUNT) * 4;
  let o = hashed;
  for (let at = list; at < end; at += 4) {
    const column = <usize>load<u32>(at);
    o = appendText(o, load<u32>(column, COLUMN_TEXT), load<u32>(column, COLUMN_LENGTH));
  }
  storeHash(hashed, <u32>(o - hashed), <usize>load<u32>(run, RUN_KEYS) + row * 16);
}

/** Appends a text behind its length to what is hashed; may write 15 bytes over. Returns the address behind it. */
function appendText(o: usize, text: usize, length: u32): usize {
  store<u32>(o, length);
  o += 4;
  if (length == NO_TEXT) return o;
  const end = o + length;
  while (o < end) {
    v128.store(o, v128.load(text));
    o += 16;
    text += 16;
  }
  return end;
}

/** Appends the unknown fields, in the order of their folded names, as pairs of name and token. */
function appendUnknown(o: usize): usize {
  const list = <usize>load<u32>(run, RUN_UNKNOWN);
  const end = list + <usize>load<u32>(run, RUN_UNKNOWN_COUNT) * 4;
  for (let at = list; at < end; at += 4) {
    const entry = <usize>load<u32>(at);
    const length = load<u32>(entry, ENTRY_TOKEN_LENGTH);
    if (length == 0) continue;
    o = appendText(o, load<u32>(entry, ENTRY_FOLDED), load<u32>(entry, ENTRY_FOLDED_LENGTH));
    o = appendText(o, load<u32>(entry, ENTRY_TOKEN), length);
    store<u32>(entry, load<u32>(entry, ENTRY_COUNT) + 1, ENTRY_COUNT);
    store<u32>(entry, 0, ENTRY_TOKEN_LENGTH);
  }
  return o;
}

/** Makes a value part of the batch. */
function commitValue(column: usize, row: u32): void {
  const bits = <usize>load<u32>(column, COLUMN_VALIDITY) + (row >> 3);
  store<u8>(bits, (<u32>load<u8>(bits)) | (1 << (row & 7)));
  if (load<u32>(column, COLUMN_KIND) == TEXT) {
    const used = load<u32>(column, COLUMN_USED) + load<u32>(column, COLUMN_LENGTH);
    store<u32>(column, used, COLUMN_USED);
    store<u32>(<usize>load<u32>(column, COLUMN_VALUES) + row * 4, used, 4);
  }
  store<u32>(column, NO_TEXT, COLUMN_LENGTH);
}

/** Makes a null part of the batch: under it stands a zero, or no text. */
function commitNull(column: usize, row: u32): void {
  const kind = load<u32>(column, COLUMN_KIND);
  const values = <usize>load<u32>(column, COLUMN_VALUES);
  store<u32>(column, load<u32>(column, COLUMN_NULLS) + 1, COLUMN_NULLS);
  if (kind == TEXT) store<u32>(values + row * 4, load<u32>(column, COLUMN_USED), 4);
  else if (kind == DECIMAL) v128.store(values + row * 16, i64x2.splat(0));
  else if (kind == TIMESTAMP) store<u64>(values + row * 8, 0);
  else store<u32>(values + row * 4, 0);
}

/** Makes `_extra` part of the batch; returns how many bytes of text it has. */
function commitExtra(column: usize, row: u32): u32 {
  const length = load<u32>(column, COLUMN_LENGTH);
  if (length == NO_TEXT) {
    commitNull(column, row);
    return 0;
  }
  commitValue(column, row);
  return length;
}

/** Writes `_extra`, the unknown fields as one JSON object, into its column. */
function putExtra(): bool {
  const count = load<u32>(run, RUN_UNKNOWN_COUNT);
  if (count == 0) return true;
  const column = <usize>load<u32>(run, RUN_EXTRA);
  const text = <usize>load<u32>(column, COLUMN_BYTES_AT) + <usize>load<u32>(column, COLUMN_USED);
  const limit = <usize>load<u32>(column, COLUMN_BYTES_AT) + <usize>load<u32>(column, COLUMN_ROOM);
  const list = <usize>load<u32>(run, RUN_UNKNOWN);
  let o = text;
  for (let at = list; at < list + <usize>count * 4; at += 4) {
    const entry = <usize>load<u32>(at);
    const token = load<u32>(entry, ENTRY_TOKEN_LENGTH);
    if (token == 0) continue;
    const name = load<u32>(entry, ENTRY_NAME_LENGTH);
    if (o + name + token + 2 > limit) return outOfRoom(column) != 0;
    // `{` or `,`
    store<u8>(o, o == text ? 0x7b : 0x2c);
    o++;
    memory.copy(o, load<u32>(entry, ENTRY_NAME), name);
    memory.copy(o + name, load<u32>(entry, ENTRY_TOKEN), token);
    o += name + token;
  }
  if (o == text) return true;
  store<u8>(o++, 0x7d);
  store<u32>(column, <u32>text, COLUMN_TEXT);
  store<u32>(column, <u32>(o - text), COLUMN_LENGTH);
  return true;
}
