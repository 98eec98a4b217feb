import { createHash } from 'node:crypto';
import { existsSync } from 'node:fs';
import { join } from 'node:path';
import { startPostgres, type PostgresProcess } from '../postgres-process.js';
import { inTurns, noted, type BenchData } from './bench-data.js';
import type { BenchFiles } from './bench-files.js';
import type { BenchRun } from './bench-run.js';
import { CSV_COLUMNS } from './copy-side.js';
import { withPostgres } from './postgres-client.js';

/** A session that commits waits for the disk, on both sides; the server has what a small production server has. */
const SERVER = [
  'fsync=on',
  'synchronous_commit=on',
  'full_page_writes=on',
  'shared_buffers=512MB',
  'max_wal_size=8GB',
  'checkpoint_timeout=30min',
];

/** Rows that are upserted one by one, to be extrapolated. */
const SINGLE_ROWS = 20_000;
/** A server of the benchmark's own. */
export async function startServer(): Promise<PostgresProcess> {
  return await startPostgres(undefined, SERVER);
}

/** Ours into Postgres and what a user would do instead, a first load and then a restated one, side by side. */
export async function postgresCases(run: BenchRun, data: BenchData): Promise<void> {
  const server = await startServer();
  try {
    const csv = await csvFiles(run, data, server.url);
    await inTurns(data, () => postgresTurn(run, data, server.url, csv));
  } finally {
    await server.stop();
  }
}

/** The CSVs of the rival, one of the invoice and one of the same restated: made once, out of our table. */
async function csvFiles(
  run: BenchRun,
  { cache, first, restated }: BenchData,
  url: string,
): Promise<{ readonly first: string; readonly restated: string }> {
  const columns = createHash('sha256').update(CSV_COLUMNS.join()).digest('hex').slice(0, 12);
  const path = ({ key }: BenchFiles): string => join(cache, `${key}-${columns}.csv`);
  const csv = { first: path(first), restated: path(restated) };
  if (existsSync(csv.first) && existsSync(csv.restated)) return csv;
  await onDatabase(url, 'csv', async (database) => {
    const asked = { case: 'make csv', id: 'csv', url: database } as const;
    const made =
      (await run.measure({ ...asked, what: 'making it', files: await noted(run, first), csv: csv.first })) &&
      (await run.measure({
        ...{ ...asked, what: 'making it, restated' },
        ...{ files: await noted(run, restated), csv: csv.restated },
      }));
    if (!made) throw new Error('the CSVs could not be made');
  });
  return csv;
}

async function postgresTurn(
  run: BenchRun,
  data: BenchData,
  url: string,
  csv: { readonly first: string; readonly restated: string },
): Promise<void> {
  const first = await noted(run, data.first);
  const restated = await noted(run, data.restated);
  const rested = async (database: string): Promise<void> => {
    await sql(database, 'VACUUM (ANALYZE) csp.billed_usage');
    await sql(url, 'CHECKPOINT');
  };
  await onDatabase(url, 'rival', async (rival) => {
    const copied = { case: 'copy', url: rival, files: first, csv: csv.first } as const;
    await run.measure({ ...copied, id: 'postgres first copy', what: 'psql \\copy of a ready-made CSV' });
    await onDatabase(url, 'ours', async (ours) => {
      await sql(url, 'CHECKPOINT');
      const loaded = { case: 'our postgres', url: ours } as const;
      const what = 'ours into Postgres, first load';
      await run.measure({ ...loaded, id: 'postgres first ours', what, files: first });
      const rows = Math.min(SINGLE_ROWS, data.rows);
      const single = { case: 'single rows', url: rival, rows } as const;
      const upserts = 'prepared single-row upserts';
      await run.measure({ ...single, id: 'postgres first single rows', what: upserts });
      await sql(rival, 'DROP TABLE IF EXISTS csp.upserted');
      await rested(rival);
      if (!data.onlyGoals) await sql(url, 'CREATE DATABASE bench_rival_again TEMPLATE bench_rival');
      const upsert = { case: 'on conflict', files: restated, csv: csv.restated } as const;
      const all = { ...upsert, url: rival, onlyChanged: false } as const;
      await run.measure({ ...all, id: 'postgres restated upsert', what: '\\copy + ON CONFLICT DO UPDATE' });
      await rested(ours);
      const again = 'ours into Postgres, restated';
      await run.measure({ ...loaded, id: 'postgres restated ours', what: again, files: restated });
      if (data.onlyGoals) return;
      const changed = { ...upsert, url: databaseUrl(url, 'bench_rival_again'), onlyChanged: true } as const;
      const id = 'postgres restated upsert of changes';
      await sql(url, 'CHECKPOINT');
      await run.measure({ ...changed, id, what: '\\copy + ON CONFLICT where a given hash differs' });
      await sql(url, 'DROP DATABASE bench_rival_again WITH (FORCE)');
    });
  });
}

/** A new database of the server, dropped at the end. */
export async function onDatabase(
  url: string,
  name: string,
  use: (url: string) => Promise<void>,
): Promise<void> {
  await sql(url, `DROP DATABASE IF EXISTS bench_${name} WITH (FORCE)`);
  await sql(url, `CREATE DATABASE bench_${name}`);
  await use(databaseUrl(url, `bench_${name}`));
  await sql(url, `DROP DATABASE bench_${name} WITH (FORCE)`);
}

function databaseUrl(url: string, name: string): string {
  return url.replace(/^(postgres:\/\/[^/]*)\/[^?]*/, (_, server: string) => `${server}/${name}`);
}

/** Runs a statement on a connection of its own. */
export async function sql(url: string, statement: string): Promise<void> {
  await withPostgres(url, (client) => client.query(statement));
}
