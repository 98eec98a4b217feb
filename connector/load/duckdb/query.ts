import { existsSync } from 'node:fs';
import { StatementType, type DuckDBConnection, type DuckDBPreparedStatement } from '@duckdb/node-api';
import { ConfigError } from '../../../schemas/errors.js';
import type { QueryResult } from '../destination.js';
import { identifier, statement } from '../sql-text.js';
import { openFile, type DuckdbLimits } from './database.js';
import { duckdbError } from './duckdb-error.js';
import { RowReader } from './row-reader.js';
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
 * Runs one statement of a person on a database file and hands its rows to `use`. The file is opened read-only, files
 * and extensions are out of reach of SQL, settings are locked, and only statements that return rows are run. The
 * result is complete before its first row is handed out: it is kept in a temporary table, which spills to disk when
 * it outgrows the memory limit. `rows()` can be iterated once, until `use` is done. `values` are bound to `$1`, `$2`, ...
 * @throws ConfigError when there is no file, more or less than one statement, or one that does not only read
 * @throws LockedError when a load has the file for longer than `lockWaitMs`
 */
export async function queryFile<T>(
  place: QueryPlace,
  sql: string,
  use: (result: QueryResult) => Promise<T>,
  values: readonly string[] = [],
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
  const { connection } = database;
  let answer: Answer | undefined;
  try {
    answer = await run(connection, dataset, sql, values).catch((error: unknown) => {
      throw duckdbError(error, { doing: 'query', path, statementOf: 'person' });
    });
    const { columns, rows } = answer;
    return await use({ columns, rows: () => rows.read() });
  } finally {
    await answer?.rows.end(connection);
    database.close();
  }
}

interface Answer {
  readonly columns: QueryResult['columns'];
  readonly rows: RowReader;
}

async function run(
  connection: DuckDBConnection,
  dataset: string,
  sql: string,
  values: readonly string[],
): Promise<Answer> {
  await putDatasetFirst(connection, dataset);
  const prepared = await prepareOne(connection, sql);
  try {
    if (!READING.has(prepared.statementType)) throw doesNotRead(prepared.statementType);
    if (prepared.parameterCount !== values.length)
      throw refused('the statement has parameters', 'write the values into it');
    const kept = await keepResult(connection, sql, values);
    if (kept !== undefined) return { columns: columnsOf(prepared), rows: kept };
    // EXPLAIN, SHOW, DESCRIBE, SUMMARIZE: nothing can be made of them, and their results are short.
    const result = await prepared.run();
    return { columns: columnsOf(prepared), rows: new RowReader(result, result.rowCount) };
  } finally {
    prepared.destroySync();
  }
}

/**
 * Keeps the whole result in a temporary table and streams that. A result streamed as it is made would just end where
 * an error occurs, with nothing to tell it from a complete one. Undefined for what is no query expression.
 */
async function keepResult(
  connection: DuckDBConnection,
  sql: string,
  values: readonly string[],
): Promise<RowReader | undefined> {
  const keep = `${statement('duckdb', 'session', 'keep result')}\n${sql}`;
  try {
    if ((await connection.extractStatements(keep)).count !== 1) return undefined;
  } catch {
    return undefined;
  }
  const [row] = await (await connection.run(keep, [...values])).getRowsJson();
  const rows = Number(row?.[0]);
  return new RowReader(await connection.stream(statement('duckdb', 'session', 'kept result')), rows);
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

function columnsOf(prepared: DuckDBPreparedStatement): QueryResult['columns'] {
  return Array.from({ length: prepared.columnCount }, (_, column) => {
    const type = prepared.columnType(column);
    return { name: prepared.columnName(column), type: type.alias ?? type.toString() };
  });
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
