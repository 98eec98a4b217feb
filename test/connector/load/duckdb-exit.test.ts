import { spawn } from 'node:child_process';
import { once } from 'node:events';
import { mkdtemp, rm } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { afterAll, beforeAll, expect, it } from 'vitest';

const DATABASE = new URL('../../../dist/connector/load/duckdb/database.js', import.meta.url).href;
/** Runs a statement that would take for ever, and exits in the middle of it. */
const SCRIPT = `
  import { openFile } from ${JSON.stringify(DATABASE)};
  const database = await openFile(process.argv[1], 'write', { memoryLimit: 256 * 1024 ** 2, threads: 2 });
  await database.connection.run('create table t as select 1::bigint as a');
  await database.connection.run('begin');
  setTimeout(() => process.exit(130), 200);
  await database.connection.run('insert into t select sum(x.range * y.range) from range(9000000) x, range(9000000) y');
`;

let folder: string;
beforeAll(async () => {
  folder = await mkdtemp(join(tmpdir(), 'duckdb-exit-'));
});
afterAll(() => rm(folder, { recursive: true, force: true }));

it('a process that exits does not wait for the statement that DuckDB runs, and loses nothing', async () => {
  const path = join(folder, 'd.duckdb');
  const child = spawn(process.execPath, ['--input-type=module', '-e', SCRIPT, path], { stdio: 'inherit' });
  const hangs = setTimeout(() => child.kill('SIGKILL'), 60_000);
  const [exitCode] = (await once(child, 'exit')) as [number | null];
  clearTimeout(hangs);
  expect(exitCode).toBe(130);
  const { openFile } = await import('../../../connector/load/duckdb/database.js');
  const database = await openFile(path, 'write', { memoryLimit: 256 * 1024 ** 2, threads: 1 });
  const rows = await database.connection.runAndReadAll('select a from t');
  database.close();
  expect(rows.getRowsJson()).toEqual([['1']]);
});
