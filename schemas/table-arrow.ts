import {
  DateDay,
  Decimal,
  Field,
  FixedSizeBinary,
  Int32,
  Schema,
  TimestampMicrosecond,
  Utf8,
  type DataType,
} from 'apache-arrow';
import { DECIMAL_PRECISION, DECIMAL_SCALE, type ColumnType } from './column-type.js';
import type { Table } from './table.js';

/** The Arrow type of a declared column. Decimals are Decimal128(38, 22); timestamps have no zone. */
export function arrowType(type: ColumnType): DataType {
  switch (type) {
    case 'text':
      return new Utf8();
    case 'decimal':
      return new Decimal(DECIMAL_SCALE, DECIMAL_PRECISION, 128);
    case 'date':
      return new DateDay();
    case 'timestamp':
      return new TimestampMicrosecond(null);
  }
}

/** Columns of every batch after the declared ones, with what they hold. */
export const LINEAGE_FIELDS = {
  /** XXH3-128 of the identity columns, 16 bytes, big endian. */
  line_item_key: new FixedSizeBinary(16),
  /** XXH3-128 of all stored values and of `_extra`, 16 bytes, big endian. */
  _row_hash: new FixedSizeBinary(16),
  /** Number of the line in its blob, from 1; blank lines count. */
  _line_number: new Int32(),
  /** JSON object of fields that no column holds, keys sorted, each value its raw token; null where there are none. */
  _extra: new Utf8(),
} as const;

/** The Arrow schema of a table's batches: the declared columns in order, then {@link LINEAGE_FIELDS}. */
export function arrowSchema(table: Table): Schema {
  const declared = table.columns.map((column) => new Field(column.name, arrowType(column.type), true));
  const lineage = Object.entries(LINEAGE_FIELDS).map(
    ([name, type]) => new Field(name, type, name === '_extra'),
  );
  return new Schema(
    [...declared, ...lineage],
    new Map([
      ['table', table.name],
      ['version', String(table.version)],
    ]),
  );
}

/** The schema of batches whose records are encoded: of their columns only what every load reads, the key and the row hash. */
export function hashSchema(table: Table): Schema {
  const { fields, metadata } = arrowSchema(table);
  return new Schema(
    HASH_FIELDS.flatMap((name) => fields.filter((field) => field.name === name)),
    metadata,
  );
}

const HASH_FIELDS: readonly (keyof typeof LINEAGE_FIELDS)[] = ['line_item_key', '_row_hash'];
