import type { DuckDBConnection } from '@duckdb/node-api';
import type pg from 'pg';

/** Rows of a query as texts, with the names of its columns. */
export interface TextRows {
  readonly names: readonly string[];
  readonly rows: readonly (readonly (string | null)[])[];
}

/** Reads all rows of a relation of the dataset, or the columns that are named. */
export type RunQuery = (relation: string, where: string, columns?: string) => Promise<TextRows>;

/** Of a DuckDB connection. */
export function duckdbQuery(connection: DuckDBConnection): RunQuery {
  return async (relation, where, columns = 'COLUMNS(*)') => {
    const found = await connection.runAndReadAll(
      `SELECT CAST(${columns} AS VARCHAR) FROM csp.${relation} WHERE ${where}`,
    );
    return { names: found.columnNames(), rows: found.getRows() as (string | null)[][] };
  };
}

const BOOLEAN = 16;
const TEXTS: pg.CustomTypesConfig = {
  getTypeParser: (oid: number) => (text: string) =>
    oid === BOOLEAN ? (text === 't' ? 'true' : 'false') : text,
};

/** Of a Postgres connection. */
export function postgresQuery(client: pg.Client): RunQuery {
  return async (relation, where, columns = '*') => {
    const text = `SELECT ${columns} FROM csp.${relation} WHERE ${where}`;
    const { fields, rows } = await client.query<(string | null)[]>({ text, types: TEXTS, rowMode: 'array' });
    return { names: fields.map(({ name }) => name), rows };
  };
}
