import { mkdir, rm, writeFile } from 'node:fs/promises';
import { createHash } from 'node:crypto';
import { existsSync } from 'node:fs';
import { join } from 'node:path';
import { startPostgres } from '../postgres-process.js';
import { benchChange, benchFiles, type BenchFiles } from './bench-files.js';
import { DUCKDB_LIMITS } from './contents.js';
import { startBenchSandbox, type BenchRun } from './bench-run.js';
import { CSV_COLUMNS, withPostgres } from './copy-side.js';
import type { Money, RivalKey } from './read-json-side.js';
import { say } from './say.js';

/** The groups of cases, in the order in which they run. */
export const CASE_NAMES = ['decode', 'stages', 'duckdb', 'postgres', 'sync', 'growth'] as const;

/** One of {@link CASE_NAMES}. */
export type CaseName = (typeof CASE_NAMES)[number];

/** How large a run is, and what of it. */
export interface BenchOptions {
  /** Usage rows of the one large invoice. */
  readonly rows: number;
  readonly blobs: number;
  /** How often each load and its rivals run, in turns. */
  readonly repeat: number;
  readonly cases: readonly CaseName[];
}

/** What the cases of a run share. */
export interface BenchData extends BenchOptions {
  /** Data that are made once live here. */
  readonly cache: string;
  readonly first: BenchFiles;
  readonly restated: BenchFiles;
}

/** A session that commits waits for the disk, on both sides; the server has what a small production server has. */
const SERVER = [
  'fsync=on',
  'synchronous_commit=on',
  'full_page_writes=on',
  'shared_buffers=512MB',
  'max_wal_size=8GB',
  'checkpoint_timeout=30min',
];

/** Lines that are decoded in memory: 100,000 of 1.8 KB. */
const DECODED_LINES = 100_000;
/** Rows that are upserted one by one, to be extrapolated. */
const SINGLE_ROWS = 20_000;
/** Invoices of the sync. */
const INVOICES = 8;

/** The invoice, and the same restated: made now, or found in the cache. */
export async function benchData(options: BenchOptions, cache: string): Promise<BenchData> {
  const { rows, blobs } = options;
  await mkdir(cache, { recursive: true });
  const first = await benchFiles(rows, blobs, cache);
  const restated = await benchFiles(rows, blobs, cache, benchChange(rows));
  return { ...options, cache, first, restated };
}

/** Runs the groups that are asked for. A group that cannot go on is told of as a failure of the run. */
export async function runCases(run: BenchRun, data: BenchData): Promise<void> {
  const groups: Readonly<Record<CaseName, () => Promise<void>>> = {
    decode: () => decodeCases(run, data),
    stages: () => stageCases(run, data),
    duckdb: () => inTurns(data, () => duckdbCases(run, data)),
    postgres: () => postgresCases(run, data),
    sync: () => inTurns(data, () => syncCases(run, data)),
    growth: () => growthCases(run, data),
  };
  for (const name of CASE_NAMES.filter((one) => data.cases.includes(one))) {
    try {
      await groups[name]();
    } catch (error) {
      const why = error instanceof Error ? (error.stack ?? error.message) : String(error);
      run.failures.push(`the cases of ${name} could not go on: ${why}`);
    }
  }
}

async function inTurns({ repeat }: BenchOptions, turn: () => Promise<void>): Promise<void> {
  for (let times = 0; times < repeat; times += 1) await turn();
}

async function decodeCases(run: BenchRun, { first, rows }: BenchData): Promise<void> {
  const lines = Math.min(rows, DECODED_LINES);
  const what = 'lines in memory, in turns';
  await run.measure({ case: 'decode', id: 'decode', what, files: await noted(run, first), lines });
}

async function stageCases(run: BenchRun, { first }: BenchData): Promise<void> {
  const files = await noted(run, first);
  await run.measure({ case: 'inflate', id: 'inflate', what: 'blobs read and inflated', files });
  const what = 'inflate and decode in the worker, sink discarded';
  await run.measure({ case: 'discard', id: 'discard 1', what, files, times: 1 });
  await run.measure({
    case: 'discard',
    id: 'discard 3',
    what: `${what}, blobs 3 times over`,
    files,
    times: 3,
  });
}

async function duckdbCases(run: BenchRun, data: BenchData): Promise<void> {
  const first = await noted(run, data.first);
  const restated = await noted(run, data.restated);
  const file = async (name: string): Promise<string> => {
    const path = join(run.work, `${name}.duckdb`);
    await removeDuckdb(path);
    return path;
  };
  const limit = DUCKDB_LIMITS.memory_limit;
  const rival = async (
    id: string,
    what: string,
    of: { path: string; money: Money; key: RivalKey; merge: boolean; memoryLimit?: null },
  ): Promise<boolean> => {
    const files = of.merge ? restated : first;
    return await run.measure({ case: 'read_json', id, what, files, memoryLimit: limit, ...of });
  };
  const plain = { path: await file('rival'), money: 'DOUBLE', key: 'identity' } as const;
  const numbered = { ...plain, path: await file('numbered'), key: 'identity and occurrence' } as const;
  const ours = { case: 'our duckdb', path: await file('ours') } as const;
  const once = { ...plain, path: await file('once'), merge: false } as const;
  await rival('duckdb first DOUBLE', 'read_json into a table, money DOUBLE', { ...plain, merge: false });
  await run.measure({ ...ours, id: 'duckdb first ours', what: 'ours into DuckDB, first load', files: first });
  await rival('duckdb first DECIMAL', 'read_json, money DECIMAL(38,22)', {
    ...once,
    money: 'DECIMAL(38,22)',
  });
  await removeDuckdb(once.path);
  const unlimited = 'read_json, money DOUBLE, no memory_limit';
  await rival('duckdb first unlimited', unlimited, { ...once, memoryLimit: null });
  await removeDuckdb(once.path);
  const occurrence = 'read_json, money DOUBLE, equal lines numbered';
  await rival('duckdb first numbered', occurrence, { ...numbered, merge: false });

  await rival('duckdb restated MERGE', 'read_json + MERGE by what identifies a line', {
    ...plain,
    merge: true,
  });
  const what = 'ours into DuckDB, restated';
  await run.measure({ ...ours, id: 'duckdb restated ours', what, files: restated });
  const merged = 'read_json + MERGE, equal lines numbered';
  await rival('duckdb restated numbered', merged, { ...numbered, merge: true });
  for (const { path } of [plain, numbered, ours]) await removeDuckdb(path);
}

async function removeDuckdb(path: string): Promise<void> {
  for (const one of [path, `${path}.wal`, `${path}.run-lock`, `${path}.lock`]) await rm(one, { force: true });
}

async function postgresCases(run: BenchRun, data: BenchData): Promise<void> {
  const server = await startPostgres(undefined, SERVER);
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
      await sql(url, 'CREATE DATABASE bench_rival_again TEMPLATE bench_rival');
      const upsert = { case: 'on conflict', files: restated, csv: csv.restated } as const;
      const all = { ...upsert, url: rival, onlyChanged: false } as const;
      await run.measure({ ...all, id: 'postgres restated upsert', what: '\\copy + ON CONFLICT DO UPDATE' });
      await rested(ours);
      const again = 'ours into Postgres, restated';
      await run.measure({ ...loaded, id: 'postgres restated ours', what: again, files: restated });
      const changed = { ...upsert, url: databaseUrl(url, 'bench_rival_again'), onlyChanged: true } as const;
      const id = 'postgres restated upsert of changes';
      await sql(url, 'CHECKPOINT');
      await run.measure({ ...changed, id, what: '\\copy + ON CONFLICT where a given hash differs' });
      await sql(url, 'DROP DATABASE bench_rival_again WITH (FORCE)');
    });
  });
}

async function onDatabase(url: string, name: string, use: (url: string) => Promise<void>): Promise<void> {
  await sql(url, `DROP DATABASE IF EXISTS bench_${name} WITH (FORCE)`);
  await sql(url, `CREATE DATABASE bench_${name}`);
  await use(databaseUrl(url, `bench_${name}`));
  await sql(url, `DROP DATABASE bench_${name} WITH (FORCE)`);
}

function databaseUrl(url: string, name: string): string {
  return url.replace(/^(postgres:\/\/[^/]*)\/[^?]*/, (_, server: string) => `${server}/${name}`);
}

async function sql(url: string, statement: string): Promise<void> {
  await withPostgres(url, (client) => client.query(statement));
}

async function syncCases(run: BenchRun, data: BenchData): Promise<void> {
  const perInvoice = Math.max(1, Math.round(data.rows / INVOICES));
  const process = await startBenchSandbox(perInvoice, INVOICES, join(data.cache, 'blobs'));
  try {
    run.synced = process.sandbox;
    const folder = async (name: string): Promise<string> => {
      const made = join(run.work, name);
      await rm(made, { recursive: true, force: true });
      await mkdir(made);
      await writeFile(join(made, 'connector.yaml'), process.sandbox.configuration);
      return made;
    };
    const alone = await folder('alone');
    const together = await folder('together');
    const what = `eight invoices of ${perInvoice} rows`;
    const told = async (id: string): Promise<void> =>
      say(`${id}: the sandbox used ${(await process.cpuSince()).toFixed(2)} CPU s meanwhile`);
    await process.cpuSince();
    const download = { case: 'download', id: 'sync download' } as const;
    await run.measure({ ...download, what: `${what}: downloading alone`, folder: alone });
    await told('sync download');
    const loading = { case: 'sync', id: 'sync load' } as const;
    await run.measure({ ...loading, what: `${what}: loading alone`, folder: alone });
    await told('sync load');
    await run.measure({ case: 'sync', id: 'sync', what: `${what}: sync over HTTP`, folder: together });
    await told('sync');
    for (const one of [alone, together]) await rm(one, { recursive: true, force: true });
  } finally {
    await process.stop();
  }
}

async function growthCases(run: BenchRun, data: BenchData): Promise<void> {
  const server = await startPostgres(undefined, SERVER);
  try {
    for (const rows of growthRows(data.rows)) {
      const files = await noted(run, await benchFiles(rows, data.blobs, data.cache));
      const path = join(run.work, 'growth.duckdb');
      const what = (engine: string): string => `ours into ${engine}, first load of ${rows} rows`;
      const duckdb = { case: 'our duckdb', id: `growth duckdb ${rows}`, files, path } as const;
      await run.measure({ ...duckdb, what: what('DuckDB') });
      await removeDuckdb(path);
      await onDatabase(server.url, 'growth', async (url) => {
        await sql(server.url, 'CHECKPOINT');
        const postgres = { case: 'our postgres', id: `growth postgres ${rows}`, files, url } as const;
        await run.measure({ ...postgres, what: what('Postgres') });
      });
    }
  } finally {
    await server.stop();
  }
}

/** A load that is all start, a small one and a large one. */
export function growthRows(rows: number): readonly [start: number, small: number, large: number] {
  return [Math.max(1, Math.round(rows / 1000)), Math.max(1, Math.round(rows / 10)), 3 * rows];
}

/** Keeps what is known of files where a case finds it. */
async function noted(run: BenchRun, files: BenchFiles): Promise<string> {
  const path = join(run.work, `${files.key}.json`);
  await writeFile(path, JSON.stringify(files));
  return path;
}
