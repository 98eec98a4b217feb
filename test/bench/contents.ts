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
  const sums = sumsAs('text');
  const { rows } = await client.query<Record<string, string | null>>(
    `SELECT count(*)::text AS records, ${sums} FROM ${from}`,
  );
  return contentsOf(rows[0] ?? {});
}

/** The sums that are looked at, as a list of SQL. */
export function sumsAs(type: 'text' | 'VARCHAR'): string {
  return NUMBERS.map((name) => `sum("${name}")::${type} AS "${name}"`).join(', ');
}

/** What a row of the two statements says: `records`, and a sum by the name of its column. */
export function contentsOf(row: Readonly<Record<string, unknown>>): Contents {
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
