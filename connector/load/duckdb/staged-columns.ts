import {
  DATE,
  DECIMAL,
  INTEGER,
  TIMESTAMP,
  UUID,
  VARCHAR,
  type DuckDBDataChunk,
  type DuckDBType,
} from '@duckdb/node-api';
import { DataType, type Data } from 'apache-arrow';
import type { Batch } from '../../../schemas/batch.js';
import { DECIMAL_PRECISION, DECIMAL_SCALE } from '../../../schemas/column-type.js';
import { SystemError } from '../../../schemas/errors.js';
import { arrowSchema } from '../../../schemas/table-arrow.js';
import type { ConstantColumn } from '../../../schemas/row-encoding.js';
import type { StagingTarget } from '../staging-target.js';

/** How the values of a column of a batch are read: by what the relation makes of them. */
export type ColumnReading = 'text' | 'decimal' | 'date' | 'timestamp' | 'uuid' | 'integer';

/** Where a column of a relation has its values from: a field of the batch, the blob's name, or one value for all. */
export type ColumnSource =
  | { readonly from: 'field'; readonly index: number; readonly reading: ColumnReading }
  | { readonly from: 'blob name' }
  | { readonly from: 'constant'; readonly constant: ConstantColumn };

/** A column of a relation that batches are staged into. */
export interface StagedColumn {
  readonly name: string;
  /** The type that it must have: values are written without a conversion. */
  readonly type: DuckDBType;
  readonly source: ColumnSource;
}

/** Writes rows of batches into data chunks of the columns that it was made for. */
export interface ChunkFilling {
  /**
   * Writes the rows `from` to `from + rows` of a batch into every column of a chunk that has that many rows and holds
   * nothing yet. A column left out would crash the process.
   */
  fill(chunk: DuckDBDataChunk, batch: Batch, from: number, rows: number): void;
}

const TYPES: Readonly<Record<ColumnReading, DuckDBType>> = {
  text: VARCHAR,
  decimal: DECIMAL(DECIMAL_PRECISION, DECIMAL_SCALE),
  date: DATE,
  timestamp: TIMESTAMP,
  uuid: UUID,
  integer: INTEGER,
};

/**
 * The columns of a target in its order, each with its source.
 * @throws SystemError when a column is none of the batch's, the blob's name or a constant
 */
export function stagedColumns({ table, columns, constants }: StagingTarget): StagedColumn[] {
  const sources = new Map<string, ColumnSource>();
  arrowSchema(table).fields.forEach(({ name, type }, index) =>
    sources.set(name, { from: 'field', index, reading: readingOf(type as DataType) }),
  );
  sources.set('_blob_name', { from: 'blob name' });
  for (const constant of constants) sources.set(constant.name, { from: 'constant', constant });
  return columns.map((name) => {
    const source = sources.get(name);
    if (source === undefined) throw wrongColumn(name, 'nothing to fill it with');
    return { name, type: typeOf(source), source };
  });
}

/** @throws SystemError when a relation's types are not the ones that values are written in: they would be other values */
export function assertTypes(columns: readonly StagedColumn[], types: readonly DuckDBType[]): void {
  columns.forEach(({ name, type }, column) => {
    const found = String(types[column]);
    if (found !== String(type)) throw wrongColumn(name, `the type ${found} instead of ${String(type)}`);
  });
}

/** The column of a batch. @throws SystemError when the batch does not have that many */
export function fieldOf({ records }: Batch, index: number): Data {
  const data = records.data.children[index];
  if (data !== undefined) return data;
  throw wrongColumn(String(index + 1), `a batch of ${records.data.children.length} columns`);
}

function readingOf(type: DataType): ColumnReading {
  if (DataType.isDecimal(type)) return 'decimal';
  if (DataType.isDate(type)) return 'date';
  if (DataType.isTimestamp(type)) return 'timestamp';
  if (DataType.isFixedSizeBinary(type)) return 'uuid';
  return DataType.isInt(type) ? 'integer' : 'text';
}

function typeOf(source: ColumnSource): DuckDBType {
  switch (source.from) {
    case 'field':
      return TYPES[source.reading];
    case 'blob name':
      return VARCHAR;
    case 'constant':
      return TYPES[source.constant.type];
  }
}

function wrongColumn(name: string, has: string): SystemError {
  return new SystemError({
    message: `staging column ${name} has ${has}`,
    hint: 'this is a defect of the connector: mend sql/duckdb/types.sql or the migrations',
  });
}
