/**
 * DuckDB's vectors, written below its documented API: the only place in the connector that does. The calls copy memory
 * without asking, so every length is asserted here. What is written is the layout that DuckDB's public C API documents;
 * `vector-self-test.ts` proves at start that this build of it has that layout.
 */
import duckdb, { type Value, type Vector } from '@duckdb/node-bindings';
import type { DuckDBDataChunk } from '@duckdb/node-api';
import { SystemError } from '../../../schemas/errors.js';

/** Rows that one vector of DuckDB holds at most. */
export const VECTOR_ROWS = 2048;

/** Bytes of one `duckdb_string_t`: length, then twelve bytes of text, or its first four and a pointer. */
export const STRING_VIEW_BYTES = 16;

/** Texts up to this many bytes stand in their view and need no pointer. */
export const INLINE_BYTES = 12;

/** Where bytes are in this process's memory, as the two halves of an address, each unsigned. */
export interface Address {
  readonly low: number;
  readonly high: number;
}

const NO_VIEW = new ArrayBuffer(STRING_VIEW_BYTES);
const MASK = new Uint8Array(VECTOR_ROWS / 8);

/**
 * The vector of a column of a chunk, to be written before the chunk is used or reset.
 * @throws SystemError when there is no such column, or DuckDB's vectors have another length than the one written here
 */
export function vectorOf(chunk: DuckDBDataChunk, column: number): Vector {
  if (duckdb.vector_size() !== VECTOR_ROWS) throw outOfBounds('a vector', duckdb.vector_size());
  if (column >= chunk.columnCount) throw outOfBounds('a column', column);
  return duckdb.data_chunk_get_vector(chunk.chunk, column);
}

/**
 * Copies values of a fixed width into a vector, from its first row.
 * @param bytes at least `rows * width` of them; the rest is not read
 * @throws SystemError when the vector, or `bytes`, is shorter
 */
export function copyValues(vector: Vector, bytes: ArrayBufferView, rows: number, width: number): void {
  const length = rows * width;
  if (rows < 0 || rows > VECTOR_ROWS || length > bytes.byteLength) throw outOfBounds('values', length);
  duckdb.copy_data_to_vector(vector, 0, memoryOf(bytes), bytes.byteOffset, length);
}

/**
 * Copies the validity of rows, one bit each, the lowest first, 1 for a value that is there.
 * @param bits whole bytes, at least one bit a row
 * @throws SystemError when the vector, or `bits`, is shorter
 */
export function copyValidity(vector: Vector, bits: Uint8Array, rows: number): void {
  const length = (rows + 7) >> 3;
  if (rows < 0 || rows > VECTOR_ROWS || length > bits.byteLength) throw outOfBounds('validity', length);
  // DuckDB reads words of 64 bits: what follows the last row is set, not left to chance.
  MASK.fill(0, length);
  MASK.set(length === bits.length ? bits : bits.subarray(0, length));
  duckdb.vector_ensure_validity_writable(vector);
  duckdb.copy_data_to_vector_validity(vector, 0, MASK.buffer, 0, Math.ceil(rows / 64) * 8);
}

/**
 * Gives the bytes of many texts to the vector, which keeps them as long as it keeps its values, and returns where they
 * are. The first row's value is overwritten: views of all rows are to be copied next.
 * @param bytes valid UTF-8 as a whole, more than {@link INLINE_BYTES}
 * @throws SystemError when DuckDB did not take them: without that, views would point anywhere
 */
export function keepBytes(vector: Vector, bytes: Uint8Array): Address {
  if (bytes.byteLength <= INLINE_BYTES) throw outOfBounds('texts', bytes.byteLength);
  // What an earlier chunk left in the first row must not be taken for the answer.
  duckdb.copy_data_to_vector(vector, 0, NO_VIEW, 0, STRING_VIEW_BYTES);
  duckdb.vector_assign_string_element_len(vector, 0, bytes);
  const copy = duckdb.vector_get_data(vector, STRING_VIEW_BYTES);
  const view = new DataView(copy.buffer, copy.byteOffset, copy.byteLength);
  const address = { low: view.getUint32(8, true), high: view.getUint32(12, true) };
  const prefix = new DataView(bytes.buffer, bytes.byteOffset, 4).getUint32(0, true);
  const taken = view.getUint32(0, true) === bytes.byteLength && view.getUint32(4, true) === prefix;
  if (!taken || (address.low === 0 && address.high === 0)) {
    throw new SystemError({
      message: `DuckDB did not take ${bytes.byteLength} bytes of text`,
      hint: 'this is a defect of the connector: a batch holds text that is no UTF-8',
    });
  }
  return address;
}

/** Makes one value the value of all rows of a vector, whatever its chunk's length. Its type is the vector's. */
export function repeatValue(vector: Vector, value: Value): void {
  duckdb.vector_reference_value(vector, value);
}

/** A text, for {@link repeatValue}. */
export function textValue(text: string): Value {
  return duckdb.create_varchar(text);
}

/** A whole number of 32 bits, for {@link repeatValue}. */
export function integerValue(number: number): Value {
  return duckdb.create_int32(number);
}

/** A date as days since 1970, for {@link repeatValue}. */
export function dateValue(days: number): Value {
  return duckdb.create_date({ days });
}

function memoryOf(bytes: ArrayBufferView): ArrayBuffer {
  if (bytes.buffer instanceof ArrayBuffer) return bytes.buffer;
  throw outOfBounds('shared memory', bytes.byteLength);
}

function outOfBounds(what: string, length: number): SystemError {
  return new SystemError({
    message: `${what} of ${length} do not fit a vector of DuckDB`,
    hint: 'this is a defect of the connector',
  });
}
