import { rm } from 'node:fs/promises';
import { join } from 'node:path';
import { noted, type BenchData } from './bench-data.js';
import type { BenchRun } from './bench-run.js';
import { DUCKDB_LIMITS } from './contents.js';
import type { Money, RivalKey } from './rival-kinds.js';

/** Ours into a DuckDB file and what a user would write instead, a first load and then a restated one, side by side. */
export async function duckdbCases(run: BenchRun, data: BenchData): Promise<void> {
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
  const shown = async (): Promise<void> => {
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
  };
  await rival('duckdb first DOUBLE', 'read_json into a table, money DOUBLE', { ...plain, merge: false });
  await run.measure({ ...ours, id: 'duckdb first ours', what: 'ours into DuckDB, first load', files: first });
  if (!data.onlyGoals) await shown();

  await rival('duckdb restated MERGE', 'read_json + MERGE by what identifies a line', {
    ...plain,
    merge: true,
  });
  const what = 'ours into DuckDB, restated';
  await run.measure({ ...ours, id: 'duckdb restated ours', what, files: restated });
  const merged = 'read_json + MERGE, equal lines numbered';
  if (!data.onlyGoals) await rival('duckdb restated numbered', merged, { ...numbered, merge: true });
  for (const { path } of [plain, numbered, ours]) await removeDuckdb(path);
}

/** Removes a database file and what lies beside it. */
export async function removeDuckdb(path: string): Promise<void> {
  for (const one of [path, `${path}.wal`, `${path}.run-lock`, `${path}.lock`]) await rm(one, { force: true });
}
