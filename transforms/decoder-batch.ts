import { makeData, RecordBatch, Struct, type Data, type Schema } from 'apache-arrow';
import type { ColumnType } from '../schemas/column-type.js';
import { arrowSchema, arrowType, hashSchema, LINEAGE_FIELDS } from '../schemas/table-arrow.js';
import type { Table } from '../schemas/table.js';
import * as layout from './decoder-layout.js';
import type { DecoderColumns } from './decoder-columns.js';

const ALIGNMENT = 64;
/** Bytes behind the last value that may be read, so that whoever copies texts may take 16 bytes at a time. */
const OVERRUN = 64;

/** Copies batches out of a decoder's memory, each into one buffer of its own. */
export class DecoderBatches {
  private readonly schema: Schema;
  private readonly hashes: Schema;

  constructor(table: Table) {
    this.schema = arrowSchema(table);
    this.hashes = hashSchema(table);
  }

  /** The rows since the last batch, in one new buffer that can be transferred; null for none. Begins the next batch. */
  take(columns: DecoderColumns): RecordBatch | null {
    const length = columns.memory.state(layout.RUN_ROWS);
    if (length === 0) return null;
    const copy = new Copy(columns, length);
    const children = [
      ...columns.table.columns.map(({ type }, index) => copy.column(columns.declared[index] ?? 0, type)),
      copy.sixteens(columns.keys, 'line_item_key'),
      copy.sixteens(columns.hashes, '_row_hash'),
      copy.lineNumbers(),
      copy.column(columns.extra, 'text'),
    ];
    const records = copy.run(children, this.schema);
    columns.begin();
    return records;
  }

  /** The same with key and row hash alone, for rows that were encoded. */
  takeHashes(columns: DecoderColumns): RecordBatch | null {
    const length = columns.memory.state(layout.RUN_ROWS);
    if (length === 0) return null;
    const copy = new Copy(columns, length);
    const children = [
      copy.sixteens(columns.keys, 'line_item_key'),
      copy.sixteens(columns.hashes, '_row_hash'),
    ];
    const records = copy.run(children, this.hashes);
    columns.begin();
    return records;
  }
}

/** One part of the buffer: where it comes from and where it goes to. */
interface Piece {
  readonly from: number;
  readonly to: number;
  readonly size: number;
}

/** How a child of the batch is made, once its buffer is there. */
type Child = (buffer: ArrayBuffer) => Data;

class Copy {
  private readonly pieces: Piece[] = [];
  private size = 0;

  constructor(
    private readonly columns: DecoderColumns,
    private readonly length: number,
  ) {}

  column(column: number, type: ColumnType): Child {
    const { length } = this;
    const { memory } = this.columns;
    const arrow = arrowType(type);
    const nullCount = memory.word(column + layout.COLUMN_NULLS);
    const bitmap = nullCount === 0 ? null : this.piece(column, layout.COLUMN_VALIDITY, Math.ceil(length / 8));
    const common = (buffer: ArrayBuffer) => ({
      ...{ type: arrow, length, nullCount },
      nullBitmap: bitmap === null ? null : new Uint8Array(buffer, bitmap.to, bitmap.size),
    });
    switch (type) {
      case 'text': {
        const offsets = this.piece(column, layout.COLUMN_VALUES, (length + 1) * 4);
        const bytes = this.piece(column, layout.COLUMN_BYTES_AT, memory.word(column + layout.COLUMN_USED));
        return (buffer) =>
          makeData({
            ...common(buffer),
            valueOffsets: new Int32Array(buffer, offsets.to, length + 1),
            data: new Uint8Array(buffer, bytes.to, bytes.size),
          } as never);
      }
      case 'decimal': {
        const values = this.piece(column, layout.COLUMN_VALUES, length * 16);
        return (buffer) =>
          makeData({ ...common(buffer), data: new Uint32Array(buffer, values.to, length * 4) } as never);
      }
      case 'timestamp': {
        const values = this.piece(column, layout.COLUMN_VALUES, length * 8);
        return (buffer) =>
          makeData({ ...common(buffer), data: new BigInt64Array(buffer, values.to, length) } as never);
      }
      case 'date': {
        const values = this.piece(column, layout.COLUMN_VALUES, length * 4);
        return (buffer) =>
          makeData({ ...common(buffer), data: new Int32Array(buffer, values.to, length) } as never);
      }
    }
  }

  sixteens(address: number, name: 'line_item_key' | '_row_hash'): Child {
    const { length } = this;
    const { to, size } = this.add(address, length * 16);
    const type = LINEAGE_FIELDS[name];
    return (buffer) => makeData({ type, length, nullCount: 0, data: new Uint8Array(buffer, to, size) });
  }

  lineNumbers(): Child {
    const { length } = this;
    const { to } = this.add(this.columns.lineNumbers, length * 4);
    const type = LINEAGE_FIELDS._line_number;
    return (buffer) => makeData({ type, length, nullCount: 0, data: new Int32Array(buffer, to, length) });
  }

  run(children: readonly Child[], schema: Schema): RecordBatch {
    const { length } = this;
    const source = this.columns.memory.bytes;
    // Not zeroed first: that took as long as the copy. Bytes between the pieces mean nothing, and go nowhere.
    const target = Buffer.allocUnsafeSlow(this.size + OVERRUN);
    for (const { from, to, size } of this.pieces) target.set(source.subarray(from, from + size), to);
    const made = children.map((child) => child(target.buffer));
    const type = new Struct(schema.fields);
    return new RecordBatch(schema, makeData({ type, length, nullCount: 0, children: made }));
  }

  private piece(column: number, offset: number, size: number): Piece {
    return this.add(this.columns.memory.word(column + offset), size);
  }

  private add(from: number, size: number): Piece {
    const piece = { from, to: this.size, size };
    this.pieces.push(piece);
    this.size = Math.ceil((this.size + size) / ALIGNMENT) * ALIGNMENT;
    return piece;
  }
}
