import { DuckDBInstance, type DuckDBConnection } from '@duckdb/node-api';
import { contentsOf, DUCKDB_LIMITS, sumsAs } from './contents.js';
import type { Contents } from './measure.js';

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
  const sums = sumsAs('VARCHAR');
  const reader = await connection.runAndReadAll(`SELECT count(*)::VARCHAR AS records, ${sums} FROM ${from}`);
  return contentsOf(reader.getRowObjectsJson()[0] ?? {});
}
