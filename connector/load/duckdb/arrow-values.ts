import { isAscii } from 'node:buffer';
import {
  DuckDBDateValue,
  DuckDBDecimalValue,
  DuckDBTimestampValue,
  DuckDBUUIDValue,
  type DuckDBValue,
} from '@duckdb/node-api';
import type { Data } from 'apache-arrow';
import { DECIMAL_PRECISION, DECIMAL_SCALE } from '../../../schemas/column-type.js';
import { SystemError } from '../../../schemas/errors.js';
import type { ColumnReading } from './staged-columns.js';

/** Writes the values `from` (inclusive) to `to` (exclusive) of a column into `into`, from its index 0. */
export type ValueReader = (data: Data, from: number, to: number, into: DuckDBValue[]) => void;

/**
 * Reads Arrow buffers as DuckDB values. Buffers, never `Vector.get`: it gives decimals without their scale and
 * timestamps as rounded milliseconds.
 */
export const VALUE_READERS: Readonly<Record<ColumnReading, ValueReader>> = {
  text: readTexts,
  decimal: readDecimals,
  date: (data, from, to, into) => {
    const days = bufferOf<Int32Array>(data, 1);
    readEach(data, from, to, into, (index) => new DuckDBDateValue(days[index] ?? 0));
  },
  timestamp: (data, from, to, into) => {
    const micros = bufferOf<BigInt64Array>(data, 1);
    readEach(data, from, to, into, (index) => new DuckDBTimestampValue(micros[index] ?? 0n));
  },
  uuid: readUuids,
  integer: (data, from, to, into) => {
    const numbers = bufferOf<Int32Array>(data, 1);
    readEach(data, from, to, into, (index) => numbers[index] ?? 0);
  },
};

function readTexts(data: Data, from: number, to: number, into: DuckDBValue[]): void {
  const offsets = data.valueOffsets as Int32Array;
  const values = bufferOf<Uint8Array>(data, 1);
  const start = offsets[from] ?? 0;
  const bytes = Buffer.from(values.buffer, values.byteOffset + start, (offsets[to] ?? start) - start);
  // One decoding for all rows where a byte is a character; slices of it cost next to nothing.
  const ascii = isAscii(bytes) ? bytes.toString('latin1') : undefined;
  readEach(data, from, to, into, (index) => {
    const begin = (offsets[index] ?? 0) - start;
    const end = (offsets[index + 1] ?? 0) - start;
    return ascii === undefined ? bytes.toString('utf8', begin, end) : ascii.slice(begin, end);
  });
}

/** Decimal128: four 32-bit words, the lowest first, two's complement. */
function readDecimals(data: Data, from: number, to: number, into: DuckDBValue[]): void {
  const words = bufferOf<Uint32Array>(data, 4);
  const view = new DataView(words.buffer, words.byteOffset, words.byteLength);
  readEach(data, from, to, into, (index) => {
    const unscaled = (view.getBigInt64(index * 16 + 8, true) << 64n) | view.getBigUint64(index * 16, true);
    return new DuckDBDecimalValue(unscaled, DECIMAL_PRECISION, DECIMAL_SCALE);
  });
}

const SIGN_BIT = -(2n ** 63n);

/** Sixteen bytes, the highest first. DuckDB keeps them as a signed number with the first bit turned over. */
function readUuids(data: Data, from: number, to: number, into: DuckDBValue[]): void {
  const bytes = bufferOf<Uint8Array>(data, 16);
  const view = new DataView(bytes.buffer, bytes.byteOffset, bytes.byteLength);
  readEach(data, from, to, into, (index) => {
    const high = view.getBigInt64(index * 16) ^ SIGN_BIT;
    return DuckDBUUIDValue.fromStoredHugeInt((high << 64n) | view.getBigUint64(index * 16 + 8));
  });
}

function readEach(
  data: Data,
  from: number,
  to: number,
  into: DuckDBValue[],
  valueAt: (index: number) => DuckDBValue,
): void {
  const validity = data.nullCount > 0 ? data.nullBitmap : undefined;
  if (validity === undefined) {
    for (let index = from; index < to; index += 1) into[index - from] = valueAt(index);
    return;
  }
  for (let index = from; index < to; index += 1) {
    const bit = data.offset + index;
    const valid = ((validity[bit >> 3] ?? 0) >> (bit & 7)) & 1;
    into[index - from] = valid === 1 ? valueAt(index) : null;
  }
}

/** The values of a column; a batch whose buffers are short must not be read as zeros. */
function bufferOf<T extends ArrayBufferView & { readonly length: number }>(data: Data, perRow: number): T {
  const values = data.values as T;
  const offsets = data.valueOffsets as Int32Array | undefined;
  const needed = offsets === undefined ? data.length * perRow : (offsets[data.length] ?? Infinity);
  if (values.length < needed) {
    throw new SystemError({
      message: `a column of an Arrow batch holds ${values.length} elements where ${needed} are needed`,
      hint: 'this is a defect of the connector: a batch was built wrongly',
    });
  }
  return values;
}
