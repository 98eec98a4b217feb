import type { Vector } from '@duckdb/node-bindings';
import type { Data } from 'apache-arrow';
import { SystemError } from '../../../schemas/errors.js';
import type { ColumnReading } from './staged-columns.js';
import { READ_AHEAD_BYTES, writeStringViews } from './string-views.js';
import {
  copyValidity,
  copyValues,
  INLINE_BYTES,
  keepBytes,
  STRING_VIEW_BYTES,
  VECTOR_ROWS,
  type Address,
} from './vector-memory.js';

/** Bytes of a value in DuckDB's vectors; Arrow's are as wide, and but for texts and UUIDs the same bytes. */
const WIDTHS: Readonly<Record<ColumnReading, number>> = {
  text: STRING_VIEW_BYTES,
  decimal: 16,
  date: 4,
  timestamp: 8,
  uuid: 16,
  integer: 4,
};

const NOWHERE: Address = { low: 0, high: 0 };
const NONE = new Uint8Array(VECTOR_ROWS / 8);
const BITS = new Uint8Array(VECTOR_ROWS / 8);
const SCRATCH = new Int32Array((VECTOR_ROWS * 16) / 4);

/**
 * Copies `rows` values of an Arrow column, from row `from` on, into a fresh vector: whole columns at a time, no value
 * becomes one of JavaScript.
 * @throws SystemError when the column's buffers are too short for that
 */
export function fillVector(
  vector: Vector,
  reading: ColumnReading,
  data: Data,
  from: number,
  rows: number,
): void {
  if (from < 0 || from + rows > data.length) throw shortColumn(data.length, from + rows);
  const bits = data.nullCount > 0 ? validityOf(data, from, rows) : undefined;
  // Of values that are not there nothing is read.
  if (bits !== NONE) fillValues(vector, reading, data, from, rows);
  if (bits !== undefined) copyValidity(vector, bits, rows);
}

function fillValues(vector: Vector, reading: ColumnReading, data: Data, from: number, rows: number): void {
  if (reading === 'text') return fillTexts(vector, data, from, rows);
  const width = WIDTHS[reading];
  const { buffer, byteOffset, byteLength } = data.values as Uint8Array;
  if ((from + rows) * width > byteLength) throw shortColumn(byteLength, (from + rows) * width);
  const values = new DataView(buffer, byteOffset + from * width, rows * width);
  if (reading === 'uuid') return fillUuids(vector, values, rows);
  copyValues(vector, values, rows, width);
}

/** Sixteen bytes, the highest first, become a signed number of 128 bits, the lowest byte first, its sign turned over. */
function fillUuids(vector: Vector, values: DataView, rows: number): void {
  for (let at = 0; at < rows * 4; at += 4) {
    SCRATCH[at] = values.getInt32(at * 4 + 12);
    SCRATCH[at + 1] = values.getInt32(at * 4 + 8);
    SCRATCH[at + 2] = values.getInt32(at * 4 + 4);
    SCRATCH[at + 3] = values.getInt32(at * 4) ^ 0x8000_0000;
  }
  copyValues(vector, SCRATCH, rows, WIDTHS.uuid);
}

function fillTexts(vector: Vector, data: Data, from: number, rows: number): void {
  const offsets = data.valueOffsets as Int32Array;
  const values = data.values as Uint8Array;
  const start = offsets[from] ?? Infinity;
  const end = offsets[from + rows] ?? Infinity;
  if (start < 0 || start > end || end > values.byteLength) throw shortColumn(values.byteLength, end);
  assertAscending(offsets, from, rows);
  const bytes = values.subarray(start, end);
  const address = bytes.byteLength > INLINE_BYTES ? keepBytes(vector, bytes) : NOWHERE;
  writeStringViews(offsets, from, rows, readableAhead(bytes), address, SCRATCH);
  copyValues(vector, SCRATCH, rows, WIDTHS.text);
}

/** A length below zero would make a text of four gigabytes. */
function assertAscending(offsets: Int32Array, from: number, rows: number): void {
  let fallen = 0;
  for (let row = from; row < from + rows; row += 1) {
    fallen |= (offsets[row + 1] as number) - (offsets[row] as number);
  }
  if (fallen < 0) throw shortColumn(from, from + rows);
}

/** The bytes with as many readable after them as views are read ahead: the batch's own, or a copy's zeros. */
function readableAhead(bytes: Uint8Array): DataView {
  const needed = bytes.byteLength + READ_AHEAD_BYTES;
  if (bytes.byteOffset + needed <= bytes.buffer.byteLength) {
    return new DataView(bytes.buffer, bytes.byteOffset, needed);
  }
  const copy = new Uint8Array(needed);
  copy.set(bytes);
  return new DataView(copy.buffer);
}

/** The bits of rows from the lowest of the first byte; {@link NONE} where none is set, undefined where all are. */
function validityOf(data: Data, from: number, rows: number): Uint8Array | undefined {
  const bitmap = data.nullBitmap;
  const first = data.offset + from;
  const length = (rows + 7) >> 3;
  if (bitmap === undefined || bitmap === null || bitmap.byteLength * 8 < first + rows) {
    throw shortColumn((bitmap?.byteLength ?? 0) * 8, first + rows);
  }
  const shift = first & 7;
  const start = first >> 3;
  for (let byte = 0; byte < length; byte += 1) {
    const low = (bitmap[start + byte] as number) >> shift;
    BITS[byte] = shift === 0 ? low : low | ((bitmap[start + byte + 1] ?? 0) << (8 - shift));
  }
  if ((rows & 7) !== 0) BITS[length - 1] = (BITS[length - 1] as number) & ((1 << (rows & 7)) - 1);
  return settled(BITS, rows);
}

function settled(bits: Uint8Array, rows: number): Uint8Array | undefined {
  const length = (rows + 7) >> 3;
  const last = (rows & 7) === 0 ? 0xff : (1 << (rows & 7)) - 1;
  let some = 0;
  let missing = (bits[length - 1] as number) ^ last;
  for (let byte = 0; byte < length; byte += 1) some |= bits[byte] as number;
  for (let byte = 0; byte < length - 1; byte += 1) missing |= (bits[byte] as number) ^ 0xff;
  if (some === 0) return NONE;
  return missing === 0 ? undefined : bits;
}

function shortColumn(found: number, needed: number): SystemError {
  return new SystemError({
    message: `a column of an Arrow batch holds ${found} elements where ${needed} are needed`,
    hint: 'this is a defect of the connector: a batch was built wrongly',
  });
}
