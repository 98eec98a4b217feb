import { mkdir, rm, writeFile } from 'node:fs/promises';
import { join } from 'node:path';
import type { BenchCase } from './bench-case.js';
import { CASE_NAMES, growthRows, inTurns, noted, type BenchData, type CaseName } from './bench-data.js';
import { benchFiles } from './bench-files.js';
import { startBenchSandbox, type BenchRun } from './bench-run.js';
import { duckdbCases, removeDuckdb } from './duckdb-cases.js';
import { onDatabase, postgresCases, sql, startServer } from './postgres-cases.js';

/** Lines that are decoded in memory: 100,000 of 1.8 KB. */
const DECODED_LINES = 100_000;
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

async function syncCases(run: BenchRun, data: BenchData): Promise<void> {
  const perInvoice = Math.max(1, Math.round(data.rows / data.invoices));
  const process = await startBenchSandbox(perInvoice, data.invoices, {
    blobs: data.blobs,
    cache: join(data.cache, 'blobs'),
  });
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
    const what = `${data.invoices} invoices of ${perInvoice} rows`;
    const measure = async (asked: BenchCase): Promise<void> => {
      await process.cpuSince();
      if (await run.measure(asked)) run.addServerCpu(await process.cpuSince());
    };
    const downloading = `${what}: downloading alone`;
    await measure({ case: 'download', id: 'sync download', what: downloading, folder: alone });
    await measure({ case: 'sync', id: 'sync load', what: `${what}: loading alone`, folder: alone });
    await measure({ case: 'sync', id: 'sync', what: `${what}: sync over HTTP`, folder: together });
    for (const one of [alone, together]) await rm(one, { recursive: true, force: true });
  } finally {
    await process.stop();
  }
}

async function growthCases(run: BenchRun, data: BenchData): Promise<void> {
  const server = await startServer();
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
