import { DuckDBInstance, type DuckDBConnection } from '@duckdb/node-api';
import type pg from 'pg';
import { canonicalDecimal } from '../../schemas/decimal-text.js';
import { STREAMS } from '../../schemas/streams.js';
import type { Contents } from './measure.js';

/** The columns that are summed: every number of billed usage. */
export const NUMBERS = STREAMS.billed_usage.table.columns.flatMap(({ name, type }) =>
  type === 'decimal' ? [name] : [],
);

/** The amount of billed usage. */
export const AMOUNT = STREAMS.billed_usage.table.amount;

/** The memory and threads that DuckDB is given on both sides. */
export const DUCKDB_LIMITS = { memory_limit: '1GiB', threads: 2 } as const;

/** The settings that both sides open a DuckDB file with. */
export interface DuckdbPlace {
  readonly path: string;
  /** As DuckDB writes it, such as `1GiB`; null: its own default, most of the machine's memory. */
  readonly memoryLimit: string | null;
}

/** A connection to a DuckDB file, as a user opens it with two threads. */
export async function withDuckdb<T>(
  { path, memoryLimit }: DuckdbPlace,
  use: (connection: DuckDBConnection) => Promise<T>,
): Promise<T> {
  const limit = memoryLimit === null ? {} : { memory_limit: memoryLimit };
  const instance = await DuckDBInstance.create(path, { threads: String(DUCKDB_LIMITS.threads), ...limit });
  const connection = await instance.connect();
  try {
    await connection.run("SET TimeZone = 'UTC'");
    return await use(connection);
  } finally {
    connection.closeSync();
    instance.closeSync();
  }
}

/** Rows and sums of a relation of DuckDB. @param from what stands behind FROM */
export async function duckdbContents(connection: DuckDBConnection, from: string): Promise<Contents> {
  const sums = NUMBERS.map((name) => `sum("${name}")::VARCHAR AS "${name}"`).join(', ');
  const reader = await connection.runAndReadAll(`SELECT count(*)::VARCHAR AS records, ${sums} FROM ${from}`);
  return contentsOf(reader.getRowObjectsJson()[0] ?? {});
}

/** Our table in the dataset that is configured where none is. */
export const OUR_TABLE = 'csp.billed_usage';
const VANISHED = `(SELECT ${NUMBERS.join(', ')} FROM ${OUR_TABLE}
  UNION ALL SELECT ${NUMBERS.join(', ')} FROM ${OUR_TABLE}_history WHERE _change = 'removed') AS either`;

/** Rows and sums of our table and its history. @param contents of what stands behind FROM */
export async function ourContents(contents: (from: string) => Promise<Contents>): Promise<Contents> {
  const { rows: history } = await contents(`${OUR_TABLE}_history`);
  return { ...(await contents(OUR_TABLE)), history, withVanished: await contents(VANISHED) };
}

/** Rows and sums of a relation of Postgres. @param from what stands behind FROM */
export async function postgresContents(client: pg.Client, from: string): Promise<Contents> {
  const sums = NUMBERS.map((name) => `sum("${name}")::text AS "${name}"`).join(', ');
  const { rows } = await client.query<Record<string, string | null>>(
    `SELECT count(*)::text AS records, ${sums} FROM ${from}`,
  );
  return contentsOf(rows[0] ?? {});
}

function contentsOf(row: Readonly<Record<string, unknown>>): Contents {
  const text = (name: string): string => {
    const value = row[name];
    return typeof value === 'string' ? canonical(value) : '0';
  };
  return {
    rows: Number(text('records')),
    sums: Object.fromEntries(NUMBERS.map((name) => [name, text(name)])),
  };
}

/** Exact sums in the one form that texts are compared in; a double's exponent form stays as it is. */
function canonical(text: string): string {
  return /e/i.test(text) ? text : canonicalDecimal(text);
}
