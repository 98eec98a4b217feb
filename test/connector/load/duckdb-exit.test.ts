import { spawn } from 'node:child_process';
import { once } from 'node:events';
import { mkdtemp, rm } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { afterAll, beforeAll, expect, it } from 'vitest';

const built = (path: string) => JSON.stringify(new URL(`../../../dist/${path}`, import.meta.url).href);
const OPENED = `
  import { openFile } from ${built('connector/load/duckdb/database.js')};
  const database = await openFile(process.argv[1], 'write', { memoryLimit: 256 * 1024 ** 2, threads: 2 });
  await database.connection.run('create table t as select 1::bigint as a');
`;
/** Runs a statement that would take for ever, and exits in the middle of it. */
const LONG_STATEMENT = `${OPENED}
  await database.connection.run('begin');
  setTimeout(() => process.exit(130), 200);
  await database.connection.run('insert into t select sum(x.range * y.range) from range(9000000) x, range(9000000) y');
`;
/** Stages batches without an end, and exits while DuckDB's thread waits for Node's to give it rows. */
const STAGING = `${OPENED}
  import { makeData, RecordBatch, Struct } from ${JSON.stringify(import.meta.resolve('apache-arrow'))};
  import { duckdbConnection } from ${built('connector/load/duckdb/connection.js')};
  import { fillingWithColumns } from ${built('connector/load/duckdb/fill-with-columns.js')};
  import { stagingTable } from ${built('connector/load/publishing.js')};
  import { definitions, statement } from ${built('connector/load/sql-text.js')};
  import { STREAMS } from ${built('schemas/streams.js')};
  import { arrowSchema } from ${built('schemas/table-arrow.js')};
  const { table } = STREAMS.billed_usage;
  const schema = arrowSchema(table);
  const length = 8192;
  const nothing = { length, nullCount: length, nullBitmap: new Uint8Array(length / 8) };
  const children = schema.fields.map(({ type }) => makeData({ type, ...nothing, valueOffsets: new Int32Array(length + 1) }));
  const records = new RecordBatch(schema, makeData({ type: new Struct(schema.fields), length, nullCount: 0, children }));
  const target = { ...stagingTable(table), schema: 'main', name: 'wide' };
  const types = { line_item_key: 'uuid', _row_hash: 'uuid', _line_number: 'integer' };
  const typeOf = (name) => types[name] ?? table.columns.find((column) => column.name === name)?.type ?? 'text';
  const columns = target.columns.map((name) => ({ name, type: statement('duckdb', 'types', typeOf(name)) }));
  await database.connection.run('create table wide (' + definitions(columns) + ')');
  setTimeout(() => process.exit(130), 400);
  await duckdbConnection(database, process.argv[1], fillingWithColumns).transaction(async (transaction) => {
    for (let staged = 0; ; staged += 1) {
      await transaction.stage(target, { blobName: 'part', records });
      if (staged === 9) await transaction.run('insert into t values (2)');
    }
  });
`;

let folder: string;
beforeAll(async () => {
  folder = await mkdtemp(join(tmpdir(), 'duckdb-exit-'));
});
afterAll(() => rm(folder, { recursive: true, force: true }));

it.each([
  ['a statement that DuckDB runs', LONG_STATEMENT],
  ['batches that DuckDB is given', STAGING],
])('a process that exits does not wait for %s, and loses nothing', async (what, script) => {
  const path = join(folder, `${what.replaceAll(' ', '-')}.duckdb`);
  const child = spawn(process.execPath, ['--input-type=module', '-e', script, path], { stdio: 'inherit' });
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
