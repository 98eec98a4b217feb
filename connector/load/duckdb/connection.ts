import {
  BIGINT,
  BOOLEAN,
  DuckDBTimestampValue,
  HUGEINT,
  SQLNULL,
  VARCHAR,
  type DuckDBMaterializedResult,
  type DuckDBType,
  type DuckDBValue,
} from '@duckdb/node-api';
import type { Batch } from '../../../schemas/batch.js';
import { SystemError } from '../../../schemas/errors.js';
import type { SqlConnection, SqlReading, SqlTransaction, SqlValue, TextRow } from '../destination.js';
import type { StagingTarget } from '../staging-target.js';
import { statement } from '../sql-text.js';
import { BatchStager, type MakeFilling } from './batch-stager.js';
import type { OpenDatabase } from './database.js';
import { duckdbError } from './duckdb-error.js';
import { fillingWithValues } from './fill-with-values.js';
import { RowReader } from './row-reader.js';
import { valueText } from './value-text.js';

/**
 * The driver's connection over an open database. Transactions run one after the other, in the order in which they
 * were begun, so one must not be begun inside of another; `close` closes the file.
 * @param path the database file, for messages
 * @param makeFilling how staged batches are written into DuckDB's chunks
 */
export function duckdbConnection(
  database: OpenDatabase,
  path: string,
  makeFilling: MakeFilling = fillingWithValues,
): SqlConnection {
  let last: Promise<unknown> = Promise.resolve();
  const stager = new BatchStager(database, makeFilling);
  return {
    dialect: 'duckdb',
    transaction: (work) => {
      const mine = last.then(() => inTransaction(database, stager, path, work));
      last = mine.catch(() => undefined);
      return mine.catch((error: unknown) => {
        throw duckdbError(error, { doing: 'loading', path });
      });
    },
    reading: (work) => {
      const mine = last.then(() => inTransaction(database, stager, path, work));
      last = mine.catch(() => undefined);
      return mine.catch((error: unknown) => {
        throw duckdbError(error, { doing: 'reading', path });
      });
    },
    close: () => {
      database.close();
      return Promise.resolve();
    },
  };
}

async function inTransaction<T>(
  database: OpenDatabase,
  stager: BatchStager,
  path: string,
  work: (transaction: SqlTransaction & SqlReading) => Promise<T>,
): Promise<T> {
  const { connection } = database;
  await connection.run(session('begin'));
  const transaction = new DuckdbTransaction(database, stager, path);
  try {
    const result = await work(transaction);
    transaction.assertStaged();
    database.assertInPlace();
    await connection.run(session('commit'));
    // Whoever moved the file away took this with it.
    database.assertInPlace();
    return result;
  } catch (error) {
    await stager.abandon();
    await connection.run(session('roll back')).catch(() => undefined); // gone already after a failed COMMIT
    throw error;
  }
}

class DuckdbTransaction implements SqlTransaction, SqlReading {
  readonly dialect = 'duckdb';
  readonly #database: OpenDatabase;
  readonly #path: string;
  readonly #stager: BatchStager;
  readonly #open = new Set<StagingTarget>();

  constructor(database: OpenDatabase, stager: BatchStager, path: string) {
    this.#database = database;
    this.#stager = stager;
    this.#path = path;
  }

  async rows(sql: string, parameters?: readonly SqlValue[]): Promise<TextRow[]> {
    const result = await this.#execute(sql, parameters);
    const names = result.columnNames();
    const rows = await result.convertRows(storedText);
    return rows.map((row) => Object.fromEntries(names.map((name, column) => [name, row[column] ?? null])));
  }

  async *stream(
    sql: string,
    parameters: readonly SqlValue[],
    rows: number,
  ): AsyncGenerator<readonly (string | null)[]> {
    const { connection } = this.#database;
    let reader: RowReader | undefined;
    try {
      await this.#stager.settle();
      const values: DuckDBValue[] = [...parameters];
      reader = new RowReader(await connection.stream(sql, values, parameters.map(typeOf)), rows);
      yield* reader.read();
    } catch (error) {
      throw duckdbError(error, { doing: 'reading', path: this.#path });
    } finally {
      await reader?.end(connection);
    }
  }

  async run(sql: string, parameters?: readonly SqlValue[]): Promise<number> {
    return (await this.#execute(sql, parameters)).rowsChanged;
  }

  rowEncoding(): null {
    return null;
  }

  async stage(target: StagingTarget, batch: Batch): Promise<void> {
    this.#open.add(target);
    try {
      await this.#stager.stage(target, batch);
    } catch (error) {
      throw duckdbError(error, { doing: `staging ${batch.blobName}`, path: this.#path });
    }
  }

  async endStaging(target: StagingTarget): Promise<void> {
    this.#open.delete(target);
    try {
      await this.#stager.end();
    } catch (error) {
      throw duckdbError(error, { doing: 'staging', path: this.#path });
    }
  }

  /** @throws SystemError when a relation was filled and `endStaging` was forgotten. */
  assertStaged(): void {
    const [open] = this.#open;
    if (open === undefined) return;
    throw new SystemError({
      message: `staging into ${open.name} was not ended before the commit`,
      hint: 'this is a defect of the connector',
    });
  }

  async #execute(sql: string, parameters: readonly SqlValue[] = []): Promise<DuckDBMaterializedResult> {
    try {
      const { connection } = this.#database;
      await this.#stager.settle();
      if (parameters.length === 0) return await connection.run(sql);
      return await connection.run(sql, [...parameters] satisfies DuckDBValue[], parameters.map(typeOf));
    } catch (error) {
      throw duckdbError(error, { doing: 'loading', path: this.#path });
    }
  }
}

/** As {@link valueText}, but timestamps as both databases print them: a blank between date and time. */
function storedText(value: DuckDBValue, type: DuckDBType): string | null {
  const text = valueText(value, type);
  return value instanceof DuckDBTimestampValue ? (text?.replace('T', ' ') ?? null) : text;
}

/** The type that a parameter is bound with. @throws SystemError for a number with a fraction: money is bound as text. */
function typeOf(value: SqlValue): DuckDBType {
  if (value === null) return SQLNULL;
  if (typeof value === 'string') return VARCHAR;
  if (typeof value === 'boolean') return BOOLEAN;
  if (typeof value === 'bigint') return BigInt.asIntN(64, value) === value ? BIGINT : HUGEINT;
  if (Number.isSafeInteger(value)) return BIGINT;
  throw new SystemError({
    message: 'a number with a fraction was bound to a statement',
    hint: 'bind decimals as text; this is a defect of the connector',
  });
}

function session(name: string): string {
  return statement('duckdb', 'session', name);
}
