import {
  DATE,
  DECIMAL,
  DuckDBDataChunk,
  DuckDBDateValue,
  INTEGER,
  TIMESTAMP,
  UUID,
  VARCHAR,
  type DuckDBAppender,
  type DuckDBType,
  type DuckDBValue,
} from '@duckdb/node-api';
import { DataType } from 'apache-arrow';
import type { Batch } from '../../../schemas/batch.js';
import { DECIMAL_PRECISION, DECIMAL_SCALE } from '../../../schemas/column-type.js';
import { SystemError } from '../../../schemas/errors.js';
import { arrowSchema } from '../../../schemas/table-arrow.js';
import type { ConstantColumn, StagingTarget } from '../staging-target.js';
import { VALUE_READERS, type ColumnReading } from './arrow-values.js';

/** Rows that one DuckDB data chunk holds at most. */
const CHUNK_ROWS = 2048;

/**
 * Rows that the appender gathers before they go to the relation. What it has gathered is outside of DuckDB's
 * memory limit and cannot be spilled, so this is what keeps memory flat.
 */
const FLUSH_ROWS = 4 * CHUNK_ROWS;

/**
 * Appends batches to a target, with every column of its relation filled: a column left out would crash the process. It
 * goes through the documented data chunks, 2,048 rows at a time.
 */
export class StageAppender {
  readonly #appender: DuckDBAppender;
  readonly #chunk: DuckDBDataChunk;
  readonly #fills: readonly Fill[];
  readonly #fields: number;
  #unflushed = 0;

  /** @throws SystemError when the relation does not have the columns of the target, in their order and types */
  constructor(appender: DuckDBAppender, target: StagingTarget) {
    const types = Array.from({ length: appender.columnCount }, (_, column) => appender.columnType(column));
    this.#appender = appender;
    this.#fills = fillsFor(types, target);
    this.#fields = arrowSchema(target.table).fields.length;
    this.#chunk = DuckDBDataChunk.create(types);
  }

  /** Appends all records of a batch, in order. */
  async append(batch: Batch): Promise<void> {
    const { records } = batch;
    const { children } = records.data;
    if (children.length !== this.#fields) throw wrongColumns(children.length, this.#fields);
    for (let from = 0; from < records.numRows; from += CHUNK_ROWS) {
      const to = Math.min(from + CHUNK_ROWS, records.numRows);
      this.#appendRows(batch, from, to);
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

  #appendRows(batch: Batch, from: number, to: number): void {
    const chunk = this.#chunk;
    chunk.reset();
    chunk.rowCount = to - from;
    const values: DuckDBValue[] = new Array<DuckDBValue>(to - from).fill(null);
    this.#fills.forEach((fill, column) => {
      fill(batch, from, to, values);
      chunk.setColumnValues(column, values);
    });
    this.#appender.appendDataChunk(chunk);
  }

  #flush(): void {
    this.#appender.flushSync();
    this.#unflushed = 0;
  }
}

const DECIMAL_TYPE = DECIMAL(DECIMAL_PRECISION, DECIMAL_SCALE);

/** Puts the values of the rows `from` to `to` (not included) of one column into `values`. */
type Fill = (batch: Batch, from: number, to: number, values: DuckDBValue[]) => void;

/** How a column is filled, and the type that it must have, as DuckDB spells it. */
interface FilledColumn {
  readonly type: string;
  readonly fill: Fill;
}

/** How a column of a batch is read, and the type that its staging column must have, as DuckDB spells it. */
function readingOf(type: DataType): { readonly reading: ColumnReading; readonly staged: string } {
  if (DataType.isDecimal(type)) return { reading: 'decimal', staged: DECIMAL_TYPE.toString() };
  if (DataType.isDate(type)) return { reading: 'date', staged: DATE.toString() };
  if (DataType.isTimestamp(type)) return { reading: 'timestamp', staged: TIMESTAMP.toString() };
  if (DataType.isFixedSizeBinary(type)) return { reading: 'uuid', staged: UUID.toString() };
  if (DataType.isInt(type)) return { reading: 'integer', staged: INTEGER.toString() };
  return { reading: 'text', staged: VARCHAR.toString() };
}

function fillsFor(types: readonly DuckDBType[], target: StagingTarget): Fill[] {
  const { columns } = target;
  if (types.length !== columns.length) throw wrongColumns(types.length, columns.length);
  const filled = filledColumns(target);
  return columns.map((name, column) => {
    const known = filled.get(name);
    // Values are written without a conversion: in another type, or with another scale, they would be other values.
    if (known !== undefined && String(types[column]) === known.type) return known.fill;
    throw new SystemError({
      message: `staging column ${name} has the type ${String(types[column])} instead of ${known?.type ?? 'none'}`,
      hint: 'this is a defect of the connector: mend sql/duckdb/types.sql',
    });
  });
}

function filledColumns({ table, constants }: StagingTarget): Map<string, FilledColumn> {
  const filled = new Map<string, FilledColumn>();
  arrowSchema(table).fields.forEach((field, index) => {
    const { reading, staged } = readingOf(field.type as DataType);
    const read = VALUE_READERS[reading];
    filled.set(field.name, {
      type: staged,
      fill: ({ records }, from, to, values) => {
        const data = records.data.children[index];
        if (data === undefined) throw wrongColumns(records.data.children.length, index + 1);
        read(data, from, to, values);
      },
    });
  });
  const blobName: Fill = (batch, _from, _to, values) => values.fill(batch.blobName);
  filled.set('_blob_name', { type: VARCHAR.toString(), fill: blobName });
  for (const constant of constants) {
    const value = constantValue(constant);
    filled.set(constant.name, {
      type: CONSTANTS[constant.type],
      fill: (_batch, _from, _to, values) => values.fill(value),
    });
  }
  return filled;
}

const CONSTANTS = { text: VARCHAR.toString(), date: DATE.toString(), integer: INTEGER.toString() };

function constantValue({ type, value }: ConstantColumn): DuckDBValue {
  if (type !== 'date') return value;
  const [year = 0, month = 0, day = 0] = value.split('-').map(Number);
  return DuckDBDateValue.fromParts({ year, month, day });
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
