import { RecordBatch, Struct, makeData, type Schema } from 'apache-arrow';
import { LINEAGE_FIELDS, arrowSchema, arrowType } from '../schemas/table-arrow.js';
import type { Table } from '../schemas/table.js';
import {
  HashBuilder,
  LineNumberBuilder,
  TextBuilder,
  columnBuilder,
  type ColumnBuilder,
} from './column-builder.js';
import type { RecordHashes } from './line-item-key.js';
import type { StoredValue } from './stored-value.js';

/** A record as a batch holds it. */
export interface BatchRecord {
  readonly values: readonly StoredValue[];
  readonly hashes: RecordHashes;
  readonly lineNumber: number;
  /** The JSON text of `_extra`; null where there is nothing in it. */
  readonly extra: string | null;
}

/** Collects records and hands them over as Arrow record batches with the schema of `arrowSchema(table)`. */
export class BatchBuilder {
  private readonly schema: Schema;
  private readonly declared: readonly ColumnBuilder<StoredValue>[];
  private readonly keys: HashBuilder;
  private readonly rowHashes: HashBuilder;
  private readonly lineNumbers: LineNumberBuilder;
  private readonly extras: TextBuilder;
  private rows = 0;
  private bytes = 0;

  /**
   * @param maxRows a batch is full at this many records
   * @param maxBytes or when its values take this many bytes; the record that passes the bound is still in it
   */
  constructor(
    table: Table,
    private readonly maxRows: number,
    private readonly maxBytes: number,
  ) {
    this.schema = arrowSchema(table);
    this.declared = table.columns.map(({ type }) => columnBuilder(type, arrowType(type), maxRows));
    this.keys = new HashBuilder(LINEAGE_FIELDS.line_item_key, maxRows);
    this.rowHashes = new HashBuilder(LINEAGE_FIELDS._row_hash, maxRows);
    this.lineNumbers = new LineNumberBuilder(LINEAGE_FIELDS._line_number, maxRows);
    this.extras = new TextBuilder(LINEAGE_FIELDS._extra, maxRows);
  }

  /** Whether `take` must be called before the next `add`. */
  get isFull(): boolean {
    return this.rows >= this.maxRows || this.bytes >= this.maxBytes;
  }

  /** Adds a record; the batch must not be full. */
  add(record: BatchRecord): void {
    const { rows } = this;
    let bytes = 0;
    this.declared.forEach((builder, index) => {
      bytes += builder.set(rows, record.values[index] ?? null);
    });
    bytes += this.keys.set(rows, record.hashes.lineItemKey);
    bytes += this.rowHashes.set(rows, record.hashes.rowHash);
    bytes += this.lineNumbers.set(rows, record.lineNumber);
    bytes += this.extras.set(rows, record.extra);
    this.rows += 1;
    this.bytes += bytes;
  }

  /** What was added since the last call, as a batch with buffers of its own; null where there is nothing. */
  take(): RecordBatch | null {
    const length = this.rows;
    if (length === 0) return null;
    this.rows = 0;
    this.bytes = 0;
    const lineage = [this.keys, this.rowHashes, this.lineNumbers, this.extras];
    const children = [...this.declared, ...lineage].map((builder) => builder.take(length));
    const type = new Struct(this.schema.fields);
    return new RecordBatch(this.schema, makeData({ type, length, nullCount: 0, children }));
  }
}
