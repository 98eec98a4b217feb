import { readFile, stat } from 'node:fs/promises';
import type pg from 'pg';
import { z } from 'zod';
import { systemClock } from '../../connector/clock.js';
import type { BenchFiles } from './bench-files.js';
import { DUCKDB_LIMITS, OUR_TABLE, ourContents, postgresContents } from './contents.js';
import { withPostgres } from './postgres-client.js';
import { serverCpu, type ReadCpu } from './large-cpu.js';
import { measure, type Contents, type Done, type Measurement } from './measure.js';
import { inflateFiles, migrate, parseFiles, publishFiles, type BenchDestination } from './our-side.js';
import { MONEY, RIVAL_KEYS } from './rival-kinds.js';

const named = { id: z.string(), what: z.string() };
/** Path of a JSON file with a {@link BenchFiles}. */
const files = z.string();

/** One case, as it is asked of a child process: each has a process of its own, so that peak memory is its own. */
export const benchCaseSchema = z.discriminatedUnion('case', [
  z.object({ ...named, case: z.literal('decode'), files, lines: z.number().int().min(1) }),
  z.object({ ...named, case: z.literal('inflate'), files }),
  z.object({ ...named, case: z.literal('discard'), files, times: z.number().int().min(1) }),
  z.object({ ...named, case: z.literal('our duckdb'), files, path: z.string() }),
  z.object({
    ...named,
    case: z.literal('read_json'),
    files,
    path: z.string(),
    memoryLimit: z.string().nullable(),
    money: z.enum(MONEY),
    key: z.enum(RIVAL_KEYS),
    merge: z.boolean(),
  }),
  z.object({ ...named, case: z.literal('our postgres'), files, url: z.string() }),
  z.object({ ...named, case: z.literal('copy'), files, url: z.string(), csv: z.string() }),
  z.object({
    ...named,
    case: z.literal('on conflict'),
    files,
    url: z.string(),
    csv: z.string(),
    onlyChanged: z.boolean(),
  }),
  z.object({ ...named, case: z.literal('single rows'), url: z.string(), rows: z.number().int().min(1) }),
  z.object({ ...named, case: z.literal('make csv'), files, url: z.string(), csv: z.string() }),
  z.object({ ...named, case: z.literal('download'), folder: z.string() }),
  z.object({ ...named, case: z.literal('sync'), folder: z.string() }),
]);

/** See {@link benchCaseSchema}. */
export type BenchCase = z.infer<typeof benchCaseSchema>;

type Asked<Name extends BenchCase['case']> = Extract<BenchCase, { case: Name }>;

/** What a case does not need is not loaded: it would be in its memory. */
async function runCase(asked: BenchCase): Promise<readonly Measurement[]> {
  const { id, what } = asked;
  switch (asked.case) {
    case 'decode':
      return await (
        await import('./decode-side.js')
      ).measureDecoding(await filesAt(asked.files), asked.lines);
    case 'inflate': {
      const read = await filesAt(asked.files);
      return [await measure({ id, what, work: () => inflateFiles(read) })];
    }
    case 'discard': {
      const read = await filesAt(asked.files);
      return [await measure({ id, what, work: () => parseFiles(read, asked.times) })];
    }
    case 'our duckdb':
      return [await ourDuckdb(asked)];
    case 'read_json':
      return [await readJsonCase(asked)];
    case 'our postgres':
      return [await ourPostgres(asked)];
    case 'copy':
    case 'on conflict':
      return [await csvCase(asked)];
    case 'single rows':
      return [await singleRows(asked)];
    case 'make csv':
      await makeCsv(asked);
      return [];
    case 'download': {
      const { downloadAll } = await import('./sync-side.js');
      return [await measure({ id, what, work: () => downloadAll(asked.folder) })];
    }
    case 'sync':
      return [await syncCase(asked)];
  }
}

async function ourDuckdb({ id, what, files: at, path }: Asked<'our duckdb'>): Promise<Measurement> {
  const read = await filesAt(at);
  const destination: BenchDestination = { type: 'duckdb', path, ...DUCKDB_LIMITS };
  await migrate(read, destination);
  const look = (): Promise<Contents> => contentsOfOurFile(path);
  const measured = await measure({ id, what, work: () => publishFiles(read, destination), look });
  return { ...measured, counts: { ...measured.counts, bytes: (await stat(path)).size } };
}

async function contentsOfOurFile(path: string): Promise<Contents> {
  const { duckdbContents, withDuckdb } = await import('./duckdb-contents.js');
  return await withDuckdb({ path, memoryLimit: DUCKDB_LIMITS.memory_limit }, (connection) =>
    ourContents((from) => duckdbContents(connection, from)),
  );
}

async function readJsonCase(asked: Asked<'read_json'>): Promise<Measurement> {
  const { id, what, money, key, path, memoryLimit } = asked;
  const { mergeReadJson, readJson, RIVAL_TABLE } = await import('./read-json-side.js');
  const { duckdbContents, withDuckdb } = await import('./duckdb-contents.js');
  const read = await filesAt(asked.files);
  const place = { path, memoryLimit };
  const work = (): Promise<Done> => (asked.merge ? mergeReadJson : readJson)(read, place, money, key);
  const look = (): Promise<Contents> =>
    withDuckdb(place, (connection) => duckdbContents(connection, RIVAL_TABLE));
  return await measure({ id, what, work, look });
}

async function ourPostgres({ id, what, files: at, url }: Asked<'our postgres'>): Promise<Measurement> {
  const read = await filesAt(at);
  const destination: BenchDestination = { type: 'postgres', url };
  await migrate(read, destination);
  return await withPostgres(url, async (client) =>
    measure({
      ...{ id, what, serverCpu: await settledCpu(client) },
      work: () => publishFiles(read, destination),
      look: () => ourContents((from) => postgresContents(client, from)),
    }),
  );
}

async function csvCase(asked: Asked<'copy'> | Asked<'on conflict'>): Promise<Measurement> {
  const { id, what, url, csv } = asked;
  const { copyCsv, upsertCsv } = await import('./copy-side.js');
  const read = await filesAt(asked.files);
  await migrate(read, { type: 'postgres', url });
  return await withPostgres(url, async (client) =>
    measure({
      ...{ id, what, serverCpu: await settledCpu(client) },
      work: async () => {
        const done = await (asked.case === 'copy'
          ? copyCsv(url, csv)
          : upsertCsv(url, csv, asked.onlyChanged));
        return { ...done, rows: read.rows };
      },
      look: () => postgresContents(client, OUR_TABLE),
    }),
  );
}

async function singleRows({ id, what, url, rows }: Asked<'single rows'>): Promise<Measurement> {
  const { sampleRows, upsertRows } = await import('./copy-side.js');
  const sample = await sampleRows(url, rows);
  return await withPostgres(url, async (client) =>
    measure({
      ...{ id, what, serverCpu: await settledCpu(client) },
      work: () => upsertRows(url, sample),
      look: () => postgresContents(client, 'csp.upserted'),
    }),
  );
}

/** Publishes the files over what is there, and keeps what the table holds then. */
async function makeCsv({ files: at, url, csv }: Asked<'make csv'>): Promise<void> {
  const read = await filesAt(at);
  const destination: BenchDestination = { type: 'postgres', url };
  await migrate(read, destination);
  await publishFiles(read, destination);
  const { writeCsv } = await import('./copy-side.js');
  await writeCsv(url, csv);
}

async function syncCase({ id, what, folder }: Asked<'sync'>): Promise<Measurement> {
  const { syncAll } = await import('./sync-side.js');
  const look = (): Promise<Contents> => contentsOfOurFile(`${folder}/usage.duckdb`);
  return await measure({ id, what, work: () => syncAll(folder), look });
}

/**
 * A backend that ends is counted by its parent a moment later, and in between by neither: what is read is the highest of
 * some readings.
 */
async function settledCpu(client: pg.Client): Promise<ReadCpu> {
  const read = await serverCpu(client);
  return async () => {
    let most = await read();
    for (let times = 0; times < 3; times += 1) {
      await systemClock.sleep(200);
      const again = await read();
      if (most !== null && again !== null) most = Math.max(most, again);
    }
    return most;
  };
}

async function filesAt(path: string): Promise<BenchFiles> {
  return JSON.parse(await readFile(path, 'utf8')) as BenchFiles;
}

const [, script, asked] = process.argv;
if (script?.endsWith('bench-case.js') === true && asked !== undefined) {
  const results = await runCase(benchCaseSchema.parse(JSON.parse(asked)));
  process.stdout.write(`${JSON.stringify(results)}\n`);
}
