import { createHash } from 'node:crypto';
import { existsSync } from 'node:fs';
import { mkdir, rename, rm } from 'node:fs/promises';
import { join } from 'node:path';
import { DuckDBInstance, type DuckDBConnection } from '@duckdb/node-api';
import { systemClock } from '../../connector/clock.js';
import { openDestination } from '../../connector/load/open-destination.js';
import { configSchema } from '../../schemas/config.js';
import { generateMonth, type MonthSize } from '../e2e/generated-month.js';
import { INVOICES } from './large-size.js';
import { fillInvoice, PLANT, WIDEN } from './large-statements.js';

/** The configuration of a warehouse of the benchmark, as a user would write it. */
export function warehouseConfig(destination: Readonly<Record<string, string>>): Record<string, unknown> {
  return {
    version: 1,
    source: { tenant_id: '0e195b37-4574-4539-bc42-0e539b9684c0', auth: { method: 'azure_cli' } },
    streams: { billed_usage: { invoices: 'discover' } },
    destination: { ...destination, dataset: 'csp' },
  };
}

/** Brings the tables and views of a warehouse to what this version makes of them. */
export async function migrateWarehouse(destination: Readonly<Record<string, string>>): Promise<void> {
  const opened = await openDestination(configSchema.parse(warehouseConfig(destination)), {
    ...{ path: (path: string) => path, report: () => undefined, clock: systemClock },
  });
  const session = await opened.open('write');
  await session.migrate().finally(() => session.close());
  await opened.close();
}

/** Names what is made: another text of its statements makes another warehouse. */
export function warehouseDigest(size: MonthSize): string {
  const statements = Array.from({ length: INVOICES }, (_, index) => fillInvoice(index));
  const text = JSON.stringify([size, PLANT, WIDEN, statements, generateMonth.toString()]);
  return createHash('sha256').update(text).digest('hex').slice(0, 12);
}

/** Makes the warehouse as a DuckDB file in the folder, once; a later call finds it. Its views are this version's. */
export async function duckdbWarehouse(folder: string, size: MonthSize): Promise<string> {
  const path = join(folder, 'warehouse.duckdb');
  if (!existsSync(path)) await makeWarehouse(folder, path, size);
  await migrateWarehouse({ type: 'duckdb', path });
  return path;
}

async function makeWarehouse(folder: string, path: string, size: MonthSize): Promise<void> {
  await mkdir(folder, { recursive: true });
  const [month, unfinished] = [join(folder, 'month.duckdb'), join(folder, 'unfinished.duckdb')];
  await rm(month, { force: true });
  await rm(unfinished, { force: true });
  for (const made of [month, unfinished]) await migrateWarehouse({ type: 'duckdb', path: made });
  await inDuckdb(month, async (connection) => {
    const run = async (sql: string): Promise<number> => (await connection.run(sql)).rowsChanged;
    await generateMonth({ run }, size);
    for (const statement of [...PLANT, ...WIDEN]) await connection.run(statement);
  });
  await inDuckdb(unfinished, async (connection) => {
    await connection.run(`ATTACH '${month.replaceAll("'", "''")}' AS source (READ_ONLY)`);
    for (let index = 0; index < INVOICES; index += 1) {
      for (const statement of fillInvoice(index)) await connection.run(statement);
    }
    await connection.run('CHECKPOINT');
  });
  await rm(month);
  await rename(unfinished, path);
}

/** A connection to a DuckDB file, with the limits that the connector has where none are configured. */
export async function inDuckdb<T>(
  path: string,
  use: (connection: DuckDBConnection) => Promise<T>,
): Promise<T> {
  const instance = await DuckDBInstance.create(path, { threads: '2', memory_limit: '1GiB' });
  const connection = await instance.connect();
  try {
    await connection.run("SET TimeZone = 'UTC'");
    return await use(connection);
  } finally {
    connection.closeSync();
    instance.closeSync();
  }
}
