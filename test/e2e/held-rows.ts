import { DuckDBInstance } from '@duckdb/node-api';
import pg from 'pg';
import type { ScopeName } from '../../connector/sandbox/data-scope.js';
import { STREAMS } from '../../schemas/streams.js';
import { BETWEEN, comparable } from './expected-rows.js';

/** A database as a stranger opens it: by its own client, with no code of the connector. */
export interface PlainReader {
  /** The rows of one statement; every column must be text. */
  rows(sql: string): Promise<(string | null)[][]>;
  close(): Promise<void>;
}

/** Opens a Postgres database. */
export async function readPostgres(url: string): Promise<PlainReader> {
  const client = new pg.Client({ connectionString: url });
  await client.connect();
  return {
    rows: async (sql) => (await client.query<(string | null)[]>({ text: sql, rowMode: 'array' })).rows,
    close: () => client.end(),
  };
}

/** Opens a DuckDB file that nobody writes. */
export async function readDuckdb(path: string): Promise<PlainReader> {
  const instance = await DuckDBInstance.create(path, { access_mode: 'READ_ONLY', threads: '1' });
  const connection = await instance.connect();
  return {
    rows: async (sql) => (await connection.runAndReadAll(sql)).getRowsJson() as (string | null)[][],
    close: () => {
      connection.closeSync();
      instance.closeSync();
      return Promise.resolve();
    },
  };
}

/** A row of a table: its key, and every column as text in the form of {@link ExpectedRows}. */
export interface HeldRow {
  readonly key: string;
  readonly occurrence: string;
  readonly hash: string;
  /** What no column holds; null where there is nothing. */
  readonly extra: string | null;
  readonly line: string;
}

/** What a table holds of a scope, sorted by line and key. */
export async function heldRows(reader: PlainReader, scope: ScopeName): Promise<HeldRow[]> {
  const { table } = STREAMS[scope.stream];
  const month = scope.month === undefined ? [] : [{ name: 'billing_month', type: 'date' } as const];
  const columns = [...month, ...table.columns];
  const own = ['line_item_key', 'line_item_occurrence', '_row_hash', '_extra'];
  const texts = [...own, ...columns.map(({ name }) => name)].map((name) => `CAST(${name} AS varchar)`);
  const where =
    scope.month === undefined
      ? `invoice_number = '${scope.invoice ?? ''}'`
      : `billing_month = DATE '${scope.month}-01' AND ${table.currency} = '${scope.currency ?? ''}'`;
  const rows = await reader.rows(`SELECT ${texts.join(', ')} FROM csp.${table.name} WHERE ${where}`);
  return rows
    .map(([key, occurrence, hash, extra, ...values]) => ({
      key: key ?? '',
      occurrence: occurrence ?? '',
      hash: hash ?? '',
      extra: extra ?? null,
      line: values
        .map((value, index) => (value === null ? '' : comparable(columns[index] ?? { type: 'text' }, value)))
        .join(BETWEEN),
    }))
    .sort((one, other) => compare(one.line, other.line) || compare(one.key, other.key));
}

/** Statements that find nothing where the records of a dataset agree with one another; each says what it found. */
export const DISAGREEMENTS = [
  // The state of a scope is its last published snapshot.
  `SELECT 'state of ' || s.stream || ' ' || s.scope || ' is ' || s.state FROM csp._scopes s
   WHERE s.load_id IS NOT NULL AND (s.state <> 'published' OR s.load_id <> (
     SELECT max(n.load_id) FROM csp._snapshots n
     WHERE n.stream = s.stream AND n.scope = s.scope AND n.outcome = 'published'))`,
  // What snapshots brought and took is what is there.
  `SELECT 'rows of ' || n.stream || ' ' || n.scope || ' do not add up' FROM (
     SELECT max(load_id) AS load_id, sum(rows_inserted) - sum(rows_deleted) AS remaining
     FROM csp._snapshots WHERE outcome = 'published' GROUP BY stream, scope) brought
   JOIN csp._snapshots n ON n.load_id = brought.load_id WHERE brought.remaining <> n.records_staged`,
  // Every row belongs to a published snapshot.
  ...['billed_usage', 'billed_reconciliation', 'unbilled_usage', 'unbilled_reconciliation'].map(
    (table) =>
      `SELECT '${table} has a row of ' || _load_id FROM csp.${table} WHERE _load_id NOT IN (
        SELECT load_id FROM csp._snapshots WHERE outcome = 'published')`,
  ),
  // Each row that a snapshot replaced or took is in the history, once.
  ...['billed_usage', 'billed_reconciliation'].map(
    (table) =>
      `SELECT 'history of ${table} at ' || n.load_id FROM csp._snapshots n
       LEFT JOIN (SELECT _replaced_by_load_id AS load_id, count(*) AS replaced FROM csp.${table}_history GROUP BY 1) h
       ON h.load_id = n.load_id WHERE n.stream = '${table}' AND n.outcome = 'published'
       AND coalesce(h.replaced, 0) <> n.rows_updated + n.rows_deleted`,
  ),
];

/** The tables of a dataset, and any table outside of it, by name. */
export const TABLES = `SELECT table_schema || '.' || table_name FROM information_schema.tables
  WHERE table_type <> 'VIEW' AND table_schema NOT IN ('information_schema', 'pg_catalog') ORDER BY 1`;

function compare(one: string, other: string): number {
  return one < other ? -1 : one > other ? 1 : 0;
}
