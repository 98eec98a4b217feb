import {
  makeData,
  type Data,
  type DataType,
  type Decimal,
  type FixedSizeBinary,
  type Utf8,
} from 'apache-arrow';
import type { DateDay, Int32, TimestampMicrosecond } from 'apache-arrow';
import type { ColumnType } from '../schemas/column-type.js';
import { wrongValue, type StoredValue } from './stored-value.js';
import { Utf8Buffer } from './utf8-buffer.js';

/**
 * Collects the values of one column and hands them over as Arrow data. The buffers are filled by hand: Arrow's own
 * builders take no bigint for a decimal, and are many times slower for text.
 */
export interface ColumnBuilder<Value> {
  /** Puts a value into row `row`; rows are filled in order from 0. Returns the bytes that it takes. */
  set(row: number, value: Value): number;
  /** The first `rows` rows as Arrow data with buffers of its own; the builder can be filled again from row 0. */
  take(rows: number): Data;
}

/** The builder of a declared column, for at most `capacity` rows. */
export function columnBuilder(
  type: ColumnType,
  arrow: DataType,
  capacity: number,
): ColumnBuilder<StoredValue> {
  switch (type) {
    case 'text':
      return new TextBuilder(arrow as Utf8, capacity);
    case 'decimal':
      return new DecimalBuilder(arrow as Decimal, capacity);
    case 'date':
      return new DateBuilder(arrow as DateDay, capacity);
    case 'timestamp':
      return new TimestampBuilder(arrow as TimestampMicrosecond, capacity);
  }
}

/** One bit a row, the least significant first; 1 is a value, 0 is null. */
class Validity {
  private readonly bits: Uint8Array;
  private nulls = 0;

  constructor(capacity: number) {
    this.bits = new Uint8Array(Math.ceil(capacity / 8));
  }

  set(row: number, valid: boolean): void {
    const byte = row >> 3;
    const bit = 1 << (row & 7);
    this.bits[byte] = valid ? (this.bits[byte] ?? 0) | bit : (this.bits[byte] ?? 0) & ~bit;
    if (!valid) this.nulls += 1;
  }

  /** What `makeData` needs of it; a column without nulls has no bitmap, as Arrow's IPC format has it too. */
  take(rows: number): { nullCount: number; nullBitmap: Uint8Array | null } {
    const nullCount = this.nulls;
    this.nulls = 0;
    return { nullCount, nullBitmap: nullCount === 0 ? null : this.bits.slice(0, Math.ceil(rows / 8)) };
  }
}

/** Builds a text column. */
export class TextBuilder implements ColumnBuilder<StoredValue> {
  private readonly validity: Validity;
  private readonly offsets: Int32Array;
  private readonly bytes = new Utf8Buffer(16 * 1024);

  constructor(
    private readonly type: Utf8,
    capacity: number,
  ) {
    this.validity = new Validity(capacity);
    this.offsets = new Int32Array(capacity + 1);
  }

  set(row: number, value: StoredValue): number {
    if (value !== null && typeof value !== 'string') throw wrongValue('text', value);
    const written = value === null ? 0 : this.bytes.appendText(value);
    this.offsets[row + 1] = this.bytes.length;
    this.validity.set(row, value !== null);
    return written + Int32Array.BYTES_PER_ELEMENT;
  }

  take(rows: number): Data {
    const valueOffsets = this.offsets.slice(0, rows + 1);
    const data = Uint8Array.from(this.bytes.view());
    this.bytes.clear();
    return makeData({ type: this.type, length: rows, ...this.validity.take(rows), valueOffsets, data });
  }
}

class DecimalBuilder implements ColumnBuilder<StoredValue> {
  private readonly validity: Validity;
  /** Two's complement in two words of 64 bits, the lower first. */
  private readonly words: BigInt64Array;

  constructor(
    private readonly type: Decimal,
    capacity: number,
  ) {
    this.validity = new Validity(capacity);
    this.words = new BigInt64Array(2 * capacity);
  }

  set(row: number, value: StoredValue): number {
    if (value !== null && typeof value !== 'bigint') throw wrongValue('decimal', value);
    const unscaled = value ?? 0n;
    this.words[2 * row] = BigInt.asIntN(64, unscaled);
    this.words[2 * row + 1] = unscaled >> 64n;
    this.validity.set(row, value !== null);
    return 2 * BigInt64Array.BYTES_PER_ELEMENT;
  }

  take(rows: number): Data {
    const data = new Uint32Array(this.words.slice(0, 2 * rows).buffer);
    return makeData({ type: this.type, length: rows, ...this.validity.take(rows), data });
  }
}

class DateBuilder implements ColumnBuilder<StoredValue> {
  private readonly validity: Validity;
  private readonly days: Int32Array;

  constructor(
    private readonly type: DateDay,
    capacity: number,
  ) {
    this.validity = new Validity(capacity);
    this.days = new Int32Array(capacity);
  }

  set(row: number, value: StoredValue): number {
    if (value !== null && typeof value !== 'number') throw wrongValue('date', value);
    this.days[row] = value ?? 0;
    this.validity.set(row, value !== null);
    return Int32Array.BYTES_PER_ELEMENT;
  }

  take(rows: number): Data {
    const data = this.days.slice(0, rows);
    return makeData({ type: this.type, length: rows, ...this.validity.take(rows), data });
  }
}

class TimestampBuilder implements ColumnBuilder<StoredValue> {
  private readonly validity: Validity;
  private readonly micros: BigInt64Array;

  constructor(
    private readonly type: TimestampMicrosecond,
    capacity: number,
  ) {
    this.validity = new Validity(capacity);
    this.micros = new BigInt64Array(capacity);
  }

  set(row: number, value: StoredValue): number {
    if (value !== null && typeof value !== 'bigint') throw wrongValue('timestamp', value);
    this.micros[row] = value ?? 0n;
    this.validity.set(row, value !== null);
    return BigInt64Array.BYTES_PER_ELEMENT;
  }

  take(rows: number): Data {
    const data = this.micros.slice(0, rows);
    return makeData({ type: this.type, length: rows, ...this.validity.take(rows), data });
  }
}

/** Builds a column of 16-byte hashes without nulls. */
export class HashBuilder implements ColumnBuilder<Uint8Array> {
  private readonly bytes: Uint8Array;

  constructor(
    private readonly type: FixedSizeBinary,
    capacity: number,
  ) {
    this.bytes = new Uint8Array(16 * capacity);
  }

  set(row: number, value: Uint8Array): number {
    this.bytes.set(value, 16 * row);
    return 16;
  }

  take(rows: number): Data {
    return makeData({ type: this.type, length: rows, nullCount: 0, data: this.bytes.slice(0, 16 * rows) });
  }
}

/** Builds a column of line numbers without nulls. */
export class LineNumberBuilder implements ColumnBuilder<number> {
  private readonly numbers: Int32Array;

  constructor(
    private readonly type: Int32,
    capacity: number,
  ) {
    this.numbers = new Int32Array(capacity);
  }

  set(row: number, value: number): number {
    this.numbers[row] = value;
    return Int32Array.BYTES_PER_ELEMENT;
  }

  take(rows: number): Data {
    return makeData({ type: this.type, length: rows, nullCount: 0, data: this.numbers.slice(0, rows) });
  }
}
