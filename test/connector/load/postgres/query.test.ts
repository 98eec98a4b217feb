import { existsSync, mkdtempSync, rmSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { afterAll, beforeAll, describe, expect, test } from 'vitest';
import type { Destination, TextRow } from '../../../../connector/load/destination.js';
import { failure } from '../../../contract/dataset.js';
import { createTestDatabase, type TestDatabase } from '../../../postgres-server.js';
import { byHand, destinationOn } from './server.js';

let database: TestDatabase;
let destination: Destination;
const folder = mkdtempSync(join(tmpdir(), 'pbc-query-'));

beforeAll(async () => {
  database = await createTestDatabase();
  destination = destinationOn(database.url);
  await byHand(database.url, (client) =>
    client.query('CREATE SCHEMA csp; CREATE TABLE csp.kept AS SELECT 1 AS a'),
  );
});
afterAll(async () => {
  await destination.close();
  await database.drop();
  rmSync(folder, { recursive: true, force: true });
});

/** The connection is a superuser's: the hardest case. */
describe('a query by a superuser', () => {
  test('sees the dataset without naming it', async () => {
    expect(await rows('SELECT a FROM kept')).toEqual([{ a: '1' }]);
    expect(await rows('TABLE csp.kept')).toEqual([{ a: '1' }]);
    expect(await rows('WITH x AS (VALUES (1), (2)) SELECT count(*) AS n FROM x -- two')).toEqual([
      { n: '2' },
    ]);
  });

  test.each([
    `SELECT pg_read_file('/etc/passwd')`,
    `SELECT pg_read_binary_file('/etc/passwd')`,
    `SELECT pg_ls_dir('/')`,
    `SELECT pg_stat_file('/etc/passwd')`,
    `SELECT lo_export(lo_from_bytea(0, 'x'), '/tmp/x')`,
    `SELECT lo_import('/etc/passwd')`,
    `COPY (SELECT 1) TO PROGRAM 'touch ${folder}/program'`,
    `COPY (SELECT 1) TO '${folder}/file'`,
    `COPY csp.kept FROM PROGRAM 'echo 2'`,
    `DO $$ BEGIN EXECUTE 'COPY (SELECT 1) TO PROGRAM ''touch ${folder}/do'''; END $$`,
    `WITH gone AS (DELETE FROM csp.kept RETURNING a) SELECT * FROM gone`,
    `SELECT a INTO csp.other FROM csp.kept`,
    `SELECT * FROM csp.kept FOR UPDATE`,
    `SELECT set_config('transaction_read_only', 'off', true)`,
    `SELECT set_config('role', 'postgres', true), query_to_xml('select pg_read_file(''/etc/passwd'')', true, false, '')`,
    `SELECT "set_config" /* hidden */ ('role', 'none', true)`,
    `SELECT U&"set\\005fconfig"('role', 'none', true)`,
    `SELECT query_to_xml('delete from csp.kept', true, false, '')`,
    `SELECT nextval('csp.numbers')`,
    `SET SESSION AUTHORIZATION postgres`,
    `RESET ROLE`,
    `SET TRANSACTION READ WRITE`,
    `ALTER SYSTEM SET work_mem = '1GB'`,
    `SELECT pg_terminate_backend(pid) FROM pg_stat_activity WHERE pid <> pg_backend_pid()`,
    `SELECT pg_reload_conf()`,
    `CLOSE partner_billing_query`,
    `SELECT 1; SELECT 2`,
    `SELECT 1 FETCH FIRST ROW ONLY; DROP TABLE csp.kept`,
    `ROLLBACK; DROP TABLE csp.kept`,
  ])('cannot leave the read-only transaction: %s', async (sql) => {
    await byHand(database.url, (client) => client.query('CREATE SEQUENCE IF NOT EXISTS csp.numbers'));
    const error = await failure(rows(sql));
    expect(error).toMatchObject({ kind: 'config', exitCode: 2 });
    expect(await rows('SELECT a FROM csp.kept')).toEqual([{ a: '1' }]);
    for (const file of ['program', 'file', 'do']) expect(existsSync(join(folder, file))).toBe(false);
  });
});

test('an error of a query says where, and what the server said', async () => {
  const error = await failure(rows('SELECT nothing FROM csp.kept'));
  expect(error.message).toMatch(/^postgres .*column "nothing" does not exist \(SQLSTATE 42703\)$/);
});

test('rows arrive as they are read: a result far larger than memory can be left at its first rows', async () => {
  const seen = await destination.query('SELECT generate_series(1, 1000000000) AS n', async (result) => {
    let count = 0;
    for await (const row of result.rows()) {
      count += 1;
      if (count === 5000) return row[0];
    }
    return null;
  });
  expect(seen).toBe('5000');
});

test("a value that the statement cannot compute is its author's to mend", async () => {
  const error = await failure(rows('SELECT 1 / (a - 1) FROM csp.kept'));
  expect(error).toMatchObject({ kind: 'config', facts: { sqlstate: '22012' } });
});

test('infinite and unbounded values are printed as the server does, numbers without bounds canonical', async () => {
  const sql = `SELECT 'NaN'::numeric AS a, 1.500::numeric AS b, 'infinity'::timestamp AS c, sum(x) AS d, '\\x00ff'::bytea AS e,
    '2026-11-01 10:00:00.5+02'::timestamptz AS f FROM (VALUES (1e30), (0.10)) AS v (x)`;
  expect(await rows(sql)).toEqual([
    {
      a: 'NaN',
      b: '1.5',
      c: 'infinity',
      d: '1000000000000000000000000000000.1',
      e: '\\x00ff',
      f: '2026-11-01T08:00:00.5Z',
    },
  ]);
});

async function rows(sql: string): Promise<TextRow[]> {
  return destination.query(sql, async (result) => {
    const found: TextRow[] = [];
    for await (const row of result.rows()) {
      found.push(Object.fromEntries(result.columns.map(({ name }, index) => [name, row[index] ?? null])));
    }
    return found;
  });
}
