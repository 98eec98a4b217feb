import { existsSync } from 'node:fs';
import {
  StatementType,
  type DuckDBConnection,
  type DuckDBPreparedStatement,
  type DuckDBResult,
} from '@duckdb/node-api';
import { ConfigError } from '../../../schemas/errors.js';
import type { QueryResult } from '../destination.js';
import { identifier, statement } from '../sql-text.js';
import { openFile, type DuckdbLimits } from './database.js';
import { duckdbError } from './duckdb-error.js';
import { valueText } from './value-text.js';
import { waitForFile, type FileWait } from './wait-for-file.js';

/** Statements that only return rows. `SHOW`, `DESCRIBE`, `SUMMARIZE`, `FROM`, `VALUES` are `SELECT` to DuckDB. */
const READING: ReadonlySet<StatementType> = new Set([StatementType.SELECT, StatementType.EXPLAIN]);

/** Where a query runs. */
export interface QueryPlace {
  readonly path: string;
  /** Names without a schema mean its tables first. */
  readonly dataset: string;
  readonly limits: DuckdbLimits;
  readonly wait: FileWait;
}

/**
 * Runs one statement of a person on a database file and hands its rows to `use`, read as they are asked for. The file
 * is opened read-only, files and extensions are out of reach of SQL, settings are locked, and only statements that
 * return rows are run. `rows()` can be iterated once, until `use` is done.
 * @throws ConfigError when there is no file, more or less than one statement, or one that does not only read
 * @throws LockedError when a load has the file for longer than `lockWaitMs`
 */
export async function queryFile<T>(
  place: QueryPlace,
  sql: string,
  use: (result: QueryResult) => Promise<T>,
): Promise<T> {
  const { path, dataset, limits, wait } = place;
  if (!existsSync(path)) {
    throw new ConfigError({
      message: `there is no database at ${path} yet`,
      hint: 'run `partner-billing sync` first, or check destination.path',
      facts: { path },
    });
  }
  const database = await waitForFile(() => openFile(path, 'query', limits), wait);
  const failed = (thrown: unknown): Error =>
    duckdbError(thrown, { doing: 'query', path, statementOf: 'person' });
  try {
    const result = await start(database.connection, dataset, sql).catch((error: unknown) => {
      throw failed(error);
    });
    return await use({ columns: columnsOf(result), rows: () => rowsOf(result, failed) });
  } finally {
    database.close();
  }
}

async function start(connection: DuckDBConnection, dataset: string, sql: string): Promise<DuckDBResult> {
  await putDatasetFirst(connection, dataset);
  const prepared = await prepareOne(connection, sql);
  try {
    if (!READING.has(prepared.statementType)) throw doesNotRead(prepared.statementType);
    if (prepared.parameterCount > 0)
      throw refused('the statement has parameters', 'write the values into it');
    return await prepared.stream();
  } finally {
    prepared.destroySync();
  }
}

async function putDatasetFirst(connection: DuckDBConnection, dataset: string): Promise<void> {
  const found = await connection.run(statement('duckdb', 'session', 'has dataset'), [dataset]);
  const [row] = await found.getRowsJson();
  if (row?.[0] === '0') return;
  await connection.run(statement('duckdb', 'session', 'dataset first', { dataset: identifier(dataset) }));
}

/** DuckDB itself tells how many statements a text holds; none of several is run. */
async function prepareOne(connection: DuckDBConnection, sql: string): Promise<DuckDBPreparedStatement> {
  if (isBlank(sql)) throw refused('there is no statement', 'give one, such as "SELECT 1"');
  const statements = await connection.extractStatements(sql);
  if (statements.count > 1) {
    const hint = 'give one statement; a PIVOT counts as several unless its values are listed with IN';
    throw refused(`the text has ${statements.count} statements`, hint);
  }
  return statements.prepare(0);
}

/** Whether nothing is left of the text without its comments; DuckDB fails on such a text without saying why. */
function isBlank(sql: string): boolean {
  return sql.replace(/--[^\n]*|\/\*[\s\S]*?\*\//g, '').replace(/[\s;]/g, '') === '';
}

function columnsOf(result: DuckDBResult): QueryResult['columns'] {
  return result.columnNames().map((name, column) => {
    const type = result.columnType(column);
    return { name, type: type.alias ?? type.toString() };
  });
}

async function* rowsOf(
  result: DuckDBResult,
  failed: (thrown: unknown) => Error,
): AsyncGenerator<readonly (string | null)[]> {
  for (;;) {
    const chunk = await result.fetchChunk().catch((error: unknown) => {
      throw failed(error);
    });
    if (chunk === null || chunk.rowCount === 0) return;
    yield* chunk.convertRows(valueText);
  }
}

function doesNotRead(type: StatementType): ConfigError {
  const what = StatementType[type].replaceAll('_', ' ');
  return refused(
    `${what} does not only read`,
    'query runs one SELECT (or EXPLAIN, SHOW, DESCRIBE, SUMMARIZE)',
  );
}

function refused(what: string, hint: string): ConfigError {
  return new ConfigError({ message: `query: ${what}`, hint });
}
