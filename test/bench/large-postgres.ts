import { createReadStream, existsSync } from 'node:fs';
import { rm, writeFile } from 'node:fs/promises';
import { join } from 'node:path';
import { pipeline } from 'node:stream/promises';
import type { DuckDBConnection } from '@duckdb/node-api';
import pg from 'pg';
import { from as copyFrom } from 'pg-copy-streams';
import { startPostgres, type PostgresProcess } from '../postgres-process.js';
import { inDuckdb, migrateWarehouse } from './large-duckdb.js';

const BY_INVOICE = [
  'billed_usage',
  'billed_usage_history',
  'billed_reconciliation',
  'billed_reconciliation_history',
];
const SMALL = ['invoices', '_snapshots', '_blobs', '_scopes'];

/**
 * A server with what the DuckDB warehouse holds, row by row; its data are made once and kept in the folder. The rows are
 * written invoice by invoice, then vacuumed and analyzed, as autovacuum does a minute after a load.
 */
export async function postgresWarehouse(folder: string, duckdb: string): Promise<PostgresProcess> {
  const whole = join(folder, 'postgres-is-whole');
  const data = join(folder, 'postgres');
  if (!existsSync(whole)) await rm(data, { recursive: true, force: true });
  const server = await startPostgres(undefined, [], data);
  try {
    await migrateWarehouse({ type: 'postgres', url: server.url });
    if (!existsSync(whole)) {
      await copyAll(folder, duckdb, server.url);
      await writeFile(whole, '');
    }
    return server;
  } catch (error) {
    await server.stop();
    throw error;
  }
}

async function copyAll(folder: string, duckdb: string, url: string): Promise<void> {
  await inDuckdb(duckdb, async (connection) => {
    await inPostgres(url, async (client) => {
      const invoices = await connection.runAndReadAll('SELECT DISTINCT scope FROM csp._snapshots ORDER BY 1');
      for (const [invoice] of invoices.getRows()) {
        const condition = `invoice_number = '${String(invoice)}'`;
        for (const table of BY_INVOICE) await copyTable(connection, client, { folder, table, condition });
      }
      for (const table of SMALL) await copyTable(connection, client, { folder, table, condition: 'true' });
      await client.query('VACUUM (ANALYZE)');
    });
  });
}

interface Part {
  readonly folder: string;
  readonly table: string;
  readonly condition: string;
}

/** Decimals as the connector writes them: without zeros at their end. */
async function copyTable(
  connection: DuckDBConnection,
  client: pg.Client,
  { folder, table, condition }: Part,
): Promise<void> {
  const columns = await connection.runAndReadAll(
    `SELECT column_name, data_type FROM duckdb_columns() WHERE schema_name = 'csp' AND table_name = '${table}'
      ORDER BY column_index`,
  );
  const named = columns.getRows().map(([name, type]) => ({ name: `"${String(name)}"`, type: String(type) }));
  const list = named.map(({ name, type }) =>
    type.startsWith('DECIMAL') ? `rtrim(rtrim(CAST(${name} AS VARCHAR), '0'), '.') AS ${name}` : name,
  );
  const file = join(folder, 'part.csv');
  await connection.run(
    `COPY (SELECT ${list.join(', ')} FROM csp.${table} WHERE ${condition}) TO '${file.replaceAll("'", "''")}'
      (FORMAT csv, HEADER false, NULLSTR '\\N')`,
  );
  const names = named.map(({ name }) => name).join(', ');
  await pipeline(
    createReadStream(file, { highWaterMark: 2 ** 20 }),
    client.query(copyFrom(`COPY csp.${table} (${names}) FROM STDIN (FORMAT csv, NULL '\\N')`)),
  );
  await rm(file);
}

/** A connection to a Postgres server, as a user has one. */
export async function inPostgres<T>(url: string, use: (client: pg.Client) => Promise<T>): Promise<T> {
  const client = new pg.Client({ connectionString: url });
  await client.connect();
  try {
    return await use(client);
  } finally {
    await client.end();
  }
}
