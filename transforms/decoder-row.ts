import type { ColumnType } from '../schemas/column-type.js';
import type { BatchRecord } from './batch-builder.js';
import * as layout from './decoder-layout.js';
import type { DecoderColumns } from './decoder-columns.js';
import { fixedBytes } from './decoder-columns.js';
import { wrongValue, type StoredValue } from './stored-value.js';

/** A UTF-16 unit becomes at most three bytes of UTF-8. */
const BYTES_PER_UNIT = 3;

/** Appends a record that the reference decoder read to the batch, which must not be full. */
export function putRow(columns: DecoderColumns, record: BatchRecord): void {
  const { memory, table } = columns;
  const row = memory.state(layout.RUN_ROWS);
  let bytes = fixedBytes(table);
  table.columns.forEach(({ type }, index) => {
    bytes += putValue(columns, columns.declared[index] ?? 0, type, row, record.values[index] ?? null);
  });
  bytes += putValue(columns, columns.extra, 'text', row, record.extra);
  memory.bytes.set(record.hashes.lineItemKey, columns.keys + row * 16);
  memory.bytes.set(record.hashes.rowHash, columns.hashes + row * 16);
  memory.setWord(columns.lineNumbers + row * 4, record.lineNumber);
  memory.setState(layout.RUN_ROWS, row + 1);
  memory.setState(layout.RUN_BYTES_USED, memory.state(layout.RUN_BYTES_USED) + bytes);
}

/** Whether a row of the batch is, in every bit, the record that the reference decoder read. */
export function isRow(columns: DecoderColumns, row: number, record: BatchRecord): boolean {
  const { memory, table } = columns;
  const sixteen = (address: number): Uint8Array =>
    memory.bytes.subarray(address + row * 16, address + row * 16 + 16);
  return (
    table.columns.every(({ type }, index) => {
      return isValue(columns, columns.declared[index] ?? 0, type, row, record.values[index] ?? null);
    }) &&
    isValue(columns, columns.extra, 'text', row, record.extra) &&
    Buffer.compare(sixteen(columns.keys), record.hashes.lineItemKey) === 0 &&
    Buffer.compare(sixteen(columns.hashes), record.hashes.rowHash) === 0 &&
    memory.word(columns.lineNumbers + row * 4) === record.lineNumber
  );
}

/** Returns how many bytes of text were written. */
function putValue(
  columns: DecoderColumns,
  column: number,
  type: ColumnType,
  row: number,
  value: StoredValue,
): number {
  const { memory } = columns;
  const bytes = type === 'text' ? putText(columns, column, row, value) : 0;
  const values = memory.word(column + layout.COLUMN_VALUES);
  if (type === 'decimal') {
    const unscaled = bigintOf(type, value);
    memory.setLong(values + row * 16, unscaled);
    memory.setLong(values + row * 16 + 8, unscaled >> 64n);
  } else if (type === 'timestamp') {
    memory.setLong(values + row * 8, bigintOf(type, value));
  } else if (type === 'date') {
    if (value !== null && typeof value !== 'number') throw wrongValue(type, value);
    memory.setWord(values + row * 4, value ?? 0);
  }
  if (value === null) {
    memory.setWord(column + layout.COLUMN_NULLS, memory.word(column + layout.COLUMN_NULLS) + 1);
  } else {
    const bits = memory.word(column + layout.COLUMN_VALIDITY) + (row >> 3);
    memory.bytes[bits] = (memory.bytes[bits] ?? 0) | (1 << (row & 7));
  }
  return bytes;
}

function putText(columns: DecoderColumns, column: number, row: number, value: StoredValue): number {
  if (value !== null && typeof value !== 'string') throw wrongValue('text', value);
  const text = value ?? '';
  columns.makeRoom(column, text.length * BYTES_PER_UNIT);
  const { memory } = columns;
  const used = memory.word(column + layout.COLUMN_USED);
  const at = memory.word(column + layout.COLUMN_BYTES_AT) + used;
  const written = Buffer.from(memory.bytes.buffer).write(text, at);
  memory.setWord(column + layout.COLUMN_USED, used + written);
  memory.setWord(memory.word(column + layout.COLUMN_VALUES) + (row + 1) * 4, used + written);
  return written;
}

function isValue(
  columns: DecoderColumns,
  column: number,
  type: ColumnType,
  row: number,
  value: StoredValue,
): boolean {
  const { memory } = columns;
  const bits = memory.bytes[memory.word(column + layout.COLUMN_VALIDITY) + (row >> 3)] ?? 0;
  const isNull = (bits & (1 << (row & 7))) === 0;
  if (isNull || value === null) return isNull && value === null;
  const values = memory.word(column + layout.COLUMN_VALUES);
  switch (type) {
    case 'text': {
      const bytes = memory.word(column + layout.COLUMN_BYTES_AT);
      const start = bytes + memory.word(values + row * 4);
      const end = bytes + memory.word(values + row * 4 + 4);
      return Buffer.from(String(value)).equals(memory.bytes.subarray(start, end));
    }
    case 'decimal': {
      const low = BigInt.asUintN(64, memory.long(values + row * 16));
      return (memory.long(values + row * 16 + 8) << 64n) + low === value;
    }
    case 'timestamp':
      return memory.long(values + row * 8) === value;
    case 'date':
      return (memory.word(values + row * 4) | 0) === value;
  }
}

function bigintOf(type: ColumnType, value: StoredValue): bigint {
  if (value !== null && typeof value !== 'bigint') throw wrongValue(type, value);
  return value ?? 0n;
}
