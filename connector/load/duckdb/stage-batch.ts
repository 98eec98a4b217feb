import {
  DATE,
  DECIMAL,
  DuckDBDataChunk,
  INTEGER,
  TIMESTAMP,
  UUID,
  VARCHAR,
  type DuckDBAppender,
  type DuckDBType,
  type DuckDBValue,
} from '@duckdb/node-api';
import { DataType, type Data } from 'apache-arrow';
import type { Batch } from '../../../schemas/batch.js';
import { DECIMAL_PRECISION, DECIMAL_SCALE } from '../../../schemas/column-type.js';
import { SystemError } from '../../../schemas/errors.js';
import type { Table } from '../../../schemas/table.js';
import { arrowSchema } from '../../../schemas/table-arrow.js';
import { VALUE_READERS, type ColumnReading, type ValueReader } from './arrow-values.js';

/** Rows that one DuckDB data chunk holds at most. */
const CHUNK_ROWS = 2048;

/**
 * Rows that the appender gathers before they go to the staging table. What it has gathered is outside of DuckDB's
 * memory limit and cannot be spilled, so this is what keeps memory flat.
 */
const FLUSH_ROWS = 4 * CHUNK_ROWS;

/**
 * Appends batches to a staging table: the columns of the table's Arrow schema in order, then the blob's name.
 * It goes through the documented data chunks, 2,048 rows at a time, with every column filled: a column left out
 * would crash the process.
 */
export class StageAppender {
  readonly #appender: DuckDBAppender;
  readonly #chunk: DuckDBDataChunk;
  readonly #readers: readonly ValueReader[];
  #unflushed = 0;

  /** @throws SystemError when the staging table does not have the columns that batches of the table have */
  constructor(appender: DuckDBAppender, table: Table) {
    const types = Array.from({ length: appender.columnCount }, (_, column) => appender.columnType(column));
    this.#appender = appender;
    this.#readers = readersFor(types, table);
    this.#chunk = DuckDBDataChunk.create(types);
  }

  /** Appends all records of a batch, in order. */
  async append(batch: Batch): Promise<void> {
    const { records, blobName } = batch;
    const { children } = records.data;
    if (children.length !== this.#readers.length) throw wrongColumns(children.length, this.#readers.length);
    for (let from = 0; from < records.numRows; from += CHUNK_ROWS) {
      const to = Math.min(from + CHUNK_ROWS, records.numRows);
      this.#appendRows(children, blobName, from, to);
      this.#unflushed += to - from;
      if (this.#unflushed >= FLUSH_ROWS) {
        this.#flush();
        await nextTurn();
      }
    }
  }

  /** Hands over what was gathered and closes the appender. */
  end(): void {
    this.#flush();
    this.#appender.closeSync();
  }

  /** Drops what was gathered, on the way out of a transaction that failed. Never throws. */
  abandon(): void {
    try {
      this.#appender.clear();
      this.#appender.closeSync();
    } catch {
      // The transaction is rolled back whatever the appender says.
    }
  }

  #appendRows(columns: readonly Data[], blobName: string, from: number, to: number): void {
    const chunk = this.#chunk;
    chunk.reset();
    chunk.rowCount = to - from;
    const values: DuckDBValue[] = new Array<DuckDBValue>(to - from).fill(null);
    this.#readers.forEach((read, column) => {
      const data = columns[column];
      if (data === undefined) throw wrongColumns(columns.length, this.#readers.length);
      read(data, from, to, values);
      chunk.setColumnValues(column, values);
    });
    chunk.setColumnValues(this.#readers.length, values.fill(blobName));
    this.#appender.appendDataChunk(chunk);
  }

  #flush(): void {
    this.#appender.flushSync();
    this.#unflushed = 0;
  }
}

const DECIMAL_TYPE = DECIMAL(DECIMAL_PRECISION, DECIMAL_SCALE);

/** How a column of a batch is read, and the type that its staging column must have, as DuckDB spells it. */
function readingOf(type: DataType): { readonly reading: ColumnReading; readonly staged: string } {
  if (DataType.isDecimal(type)) return { reading: 'decimal', staged: DECIMAL_TYPE.toString() };
  if (DataType.isDate(type)) return { reading: 'date', staged: DATE.toString() };
  if (DataType.isTimestamp(type)) return { reading: 'timestamp', staged: TIMESTAMP.toString() };
  if (DataType.isFixedSizeBinary(type)) return { reading: 'uuid', staged: UUID.toString() };
  if (DataType.isInt(type)) return { reading: 'integer', staged: INTEGER.toString() };
  return { reading: 'text', staged: VARCHAR.toString() };
}

function readersFor(types: readonly DuckDBType[], table: Table): ValueReader[] {
  const { fields } = arrowSchema(table);
  if (types.length !== fields.length + 1) throw wrongColumns(types.length - 1, fields.length);
  return fields.map((field, column) => {
    const { reading, staged } = readingOf(field.type as DataType);
    // Values are written without a conversion: in another type, or with another scale, they would be other values.
    if (types[column]?.toString() === staged) return VALUE_READERS[reading];
    throw new SystemError({
      message: `staging column ${field.name} has the type ${String(types[column])} instead of ${staged}`,
      hint: 'this is a defect of the connector: mend sql/duckdb/types.sql',
    });
  });
}

/** Appending is synchronous: between flushes the event loop has its turn, so that other scopes go on. */
function nextTurn(): Promise<void> {
  return new Promise((resolve) => setImmediate(resolve));
}

function wrongColumns(found: number, expected: number): SystemError {
  return new SystemError({
    message: `a batch or staging table has ${found} columns where ${expected} are declared`,
    hint: 'this is a defect of the connector',
  });
}
