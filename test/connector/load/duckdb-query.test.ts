import { existsSync, mkdtempSync, readdirSync, rmSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { afterAll, beforeAll, describe, expect, test } from 'vitest';
import { systemClock } from '../../../connector/clock.js';
import type { QueryResult } from '../../../connector/load/destination.js';
import { openFile } from '../../../connector/load/duckdb/database.js';
import { queryFile } from '../../../connector/load/duckdb/query.js';
import { holdInAnotherProcess, openInAnotherProcess } from '../../duckdb-process.js';

const LIMITS = { memoryLimit: 128 * 1024 ** 2, threads: 2 };

let folder: string;
let path: string;

beforeAll(async () => {
  folder = mkdtempSync(join(tmpdir(), 'duckdb-query-'));
  path = join(folder, 'billing.duckdb');
  const database = await openFile(path, 'write', LIMITS);
  await database.connection.run(`
    CREATE SCHEMA csp;
    CREATE TABLE csp.charges AS SELECT range AS id, range::DECIMAL(38, 22) * 0.01 AS amount FROM range(100000);
    CREATE TABLE main.mine AS SELECT 1 AS one;
    CREATE TABLE main.charges AS SELECT 'not this one' AS note;
    CREATE SEQUENCE main.numbers;
  `);
  database.close();
});
afterAll(() => rmSync(folder, { recursive: true, force: true }));

function query<T>(sql: string, use: (result: QueryResult) => Promise<T>, lockWaitMs = 0): Promise<T> {
  const wait = { lockWaitMs, clock: systemClock, report: () => undefined };
  return queryFile({ path, dataset: 'csp', limits: LIMITS, wait }, sql, use);
}

async function allRows(result: QueryResult): Promise<(readonly (string | null)[])[]> {
  const found: (readonly (string | null)[])[] = [];
  for await (const row of result.rows()) found.push(row);
  return found;
}

describe('a query', () => {
  test('shows every type as text: decimals canonical, instants in ISO 8601, nested values as JSON', async () => {
    const shown = await query(
      `SELECT 1.50::DECIMAL(38, 22) AS d, -0.00::DECIMAL(5, 2) AS z, 12::DECIMAL(4, 0) AS w,
        TIMESTAMP '2026-11-01 00:00:00' AS t, TIMESTAMP '1960-01-01 12:30:00.000500' AS u,
        TIMESTAMPTZ '2026-11-01 02:00:00+02' AS tz, 'infinity'::TIMESTAMP AS i, DATE '2026-11-01' AS day,
        TIMESTAMP_NS '2026-11-01 00:00:00.000000001' AS ns, TIMESTAMP_S '2026-11-01 00:00:01' AS s,
        TIME '01:02:03' AS clock, '00112233-4455-6677-8899-aabbccddeeff'::UUID AS id,
        [1.10::DECIMAL(5, 2), NULL] AS list, {'a': 1, 'b': [true]} AS struct, MAP {'k': DATE '2026-11-01'} AS map,
        9007199254740993 AS big, 170141183460469231731687303715884105727::HUGEINT AS huge,
        [9007199254740993] AS bigs, 0.1::FLOAT AS f, 0.1::DOUBLE AS g, 'NaN'::DOUBLE AS nan, true AS yes,
        NULL AS nothing, '{"a":1.10}'::JSON AS json, 'A'::ENUM('A', 'B') AS letter, INTERVAL 1 DAY AS period`,
      async (result) => ({ columns: result.columns, rows: await allRows(result) }),
    );
    expect(shown.rows).toEqual([
      [
        '1.5',
        '0',
        '12',
        '2026-11-01T00:00:00',
        '1960-01-01T12:30:00.0005',
        '2026-11-01T00:00:00Z',
        'infinity',
        '2026-11-01',
        '2026-11-01T00:00:00.000000001',
        '2026-11-01T00:00:01',
        '01:02:03',
        '00112233-4455-6677-8899-aabbccddeeff',
        '["1.1",null]',
        '{"a":1,"b":[true]}',
        '[{"key":"k","value":"2026-11-01"}]',
        '9007199254740993',
        '170141183460469231731687303715884105727',
        '["9007199254740993"]',
        '0.1',
        '0.1',
        'NaN',
        'true',
        null,
        '{"a":1.10}',
        'A',
        '1 day',
      ],
    ]);
    const types = Object.fromEntries(shown.columns.map(({ name, type }) => [name, type]));
    expect(types).toMatchObject({
      d: 'DECIMAL(38,22)',
      t: 'TIMESTAMP',
      tz: 'TIMESTAMP WITH TIME ZONE',
      id: 'UUID',
      json: 'JSON',
      big: 'BIGINT',
    });
  });

  test('finds the tables of the dataset by their bare names first, then those a user keeps beside them', async () => {
    const rows = await query('SELECT count(*), (SELECT one FROM mine) FROM charges', allRows);
    expect(rows).toEqual([['100000', '1']]);
  });

  test('keeps the order that was asked for, and the names as they were given', async () => {
    const { columns, ids } = await query(
      'SELECT id, id AS "id" FROM charges ORDER BY id DESC',
      async (result) => ({
        columns: result.columns.map(({ name }) => name),
        ids: (await allRows(result)).map(([id]) => Number(id)),
      }),
    );
    expect(columns).toEqual(['id', 'id']);
    expect(ids).toEqual(Array.from({ length: 100_000 }, (_, index) => 99_999 - index));
  });

  test('can also be EXPLAIN, SHOW, DESCRIBE, SUMMARIZE, FROM, VALUES, WITH, and end with semicolons and comments', async () => {
    for (const sql of [
      'EXPLAIN SELECT * FROM charges',
      'SHOW TABLES',
      'DESCRIBE charges',
      'SUMMARIZE charges',
      'FROM charges LIMIT 1',
      'VALUES (1), (2)',
      'WITH a AS (SELECT 1) SELECT * FROM a; -- done',
      "SELECT ';' AS text;;",
      'PIVOT (SELECT id % 2 AS odd, amount FROM charges) ON odd IN (0, 1) USING sum(amount)',
    ]) {
      expect((await query(sql, allRows)).length, sql).toBeGreaterThan(0);
    }
  });

  test('with an error in row 90,000 fails before any row is handed out', async () => {
    let used = false;
    const failing = query(
      "SELECT CASE WHEN id > 90000 THEN error('Contoso') ELSE id END FROM charges",
      async () => {
        used = true;
        await Promise.resolve();
      },
    );
    await expect(failing).rejects.toMatchObject({ kind: 'config' });
    expect(used).toBe(false);
  });

  test('that is left early, or whose reader fails, lets go of the file', async () => {
    const first = await query('SELECT * FROM charges ORDER BY id', async (result) => {
      for await (const [id] of result.rows()) return id;
      return undefined;
    });
    expect(first).toBe('0');
    const failing = query('SELECT * FROM charges', async (result) => {
      for await (const row of result.rows()) throw new Error(`the disk is full at ${String(row[0])}`);
    });
    await expect(failing).rejects.toThrow('the disk is full');
    await query('SELECT * FROM charges', () => Promise.resolve());
    expect(await openInAnotherProcess(path, 'READ_WRITE')).toBe('open');
  });

  test('larger than its memory is spilled, and still whole', async () => {
    const rows = await query(
      'SELECT count(*) FROM (SELECT a.id, md5(a.id::VARCHAR || b.range) AS x FROM charges a, range(10) b ORDER BY x)',
      allRows,
    );
    expect(rows).toEqual([['1000000']]);
    let count = 0;
    await query(
      'SELECT a.*, repeat(md5(a.id::VARCHAR || b.range), 40) AS x FROM charges a, range(2) b',
      async (result) => {
        for await (const row of result.rows()) count += row.length === 3 ? 1 : 0;
      },
    );
    expect(count).toBe(200_000);
    expect(readdirSync(folder)).toEqual(['billing.duckdb']);
  });

  test('waits for a load, and tells whose it is when the time is up', async () => {
    const other = await holdInAnotherProcess(path);
    await expect(query('SELECT 1', allRows)).rejects.toMatchObject({
      kind: 'locked',
      facts: { pid: other.pid },
    });
    const waiting = query('SELECT 1', allRows, 30_000);
    await other.end();
    expect(await waiting).toEqual([['1']]);
  });
});

describe('a query is refused', () => {
  test.each([
    ['a second statement', 'SELECT 1; DROP TABLE csp.charges'],
    ['a second statement behind a comment', 'SELECT 1; /* */ DELETE FROM csp.charges'],
    ['COPY to a file', `COPY csp.charges TO '{folder}/stolen.csv'`],
    ['COPY of a query', `COPY (SELECT 1) TO '{folder}/stolen.parquet'`],
    ['EXPORT', `EXPORT DATABASE '{folder}/stolen'`],
    ['IMPORT', `IMPORT DATABASE '{folder}/stolen'`],
    ['ATTACH', `ATTACH '{folder}/stolen.duckdb'`],
    ['ATTACH in memory', `ATTACH ':memory:' AS stolen`],
    ['INSTALL', 'INSTALL httpfs'],
    ['LOAD', 'LOAD httpfs'],
    ['LOAD of a file', `LOAD '{folder}/stolen.duckdb_extension'`],
    ['SET', 'SET enable_external_access = true'],
    ['RESET', 'RESET enable_external_access'],
    ['PRAGMA that changes', 'PRAGMA threads = 8'],
    ['PRAGMA that writes a file', `PRAGMA profiling_output = '{folder}/stolen.json'`],
    ['read_csv', "SELECT * FROM read_csv('/etc/passwd')"],
    ['read_text', "SELECT * FROM read_text('/etc/passwd')"],
    ['read_blob', "SELECT * FROM read_blob('/etc/passwd')"],
    ['read_parquet of an address', "SELECT * FROM read_parquet('https://127.0.0.1/x.parquet')"],
    ['a file by its name', "SELECT * FROM '/etc/passwd.csv'"],
    ['glob', "SELECT * FROM glob('/etc/*')"],
    ['sniff_csv', "SELECT * FROM sniff_csv('/etc/passwd')"],
    ['a file function within EXPLAIN', "EXPLAIN ANALYZE SELECT * FROM read_text('/etc/passwd')"],
    ['a file function within query()', `SELECT * FROM query('FROM read_text(''/etc/passwd'')')`],
    ['getenv', "SELECT getenv('HOME')"],
    ['INSERT', 'INSERT INTO csp.charges VALUES (1, 1)'],
    ['INSERT with RETURNING', 'INSERT INTO csp.charges VALUES (1, 1) RETURNING id'],
    ['UPDATE', 'UPDATE csp.charges SET id = 1'],
    ['DELETE', 'DELETE FROM csp.charges'],
    ['TRUNCATE', 'TRUNCATE csp.charges'],
    ['MERGE', 'MERGE INTO csp.charges c USING mine m ON c.id = m.one WHEN MATCHED THEN DELETE'],
    ['CREATE', 'CREATE TABLE csp.mine (i INTEGER)'],
    ['CREATE SECRET', 'CREATE SECRET s (TYPE s3)'],
    ['CREATE MACRO', 'CREATE MACRO m() AS 1'],
    ['ALTER', 'ALTER TABLE csp.charges ADD COLUMN c INTEGER'],
    ['DROP', 'DROP SCHEMA csp CASCADE'],
    ['nextval', "SELECT nextval('main.numbers')"],
    ['BEGIN', 'BEGIN'],
    ['CHECKPOINT', 'CHECKPOINT'],
    ['VACUUM', 'VACUUM'],
    ['CALL', 'CALL pragma_version()'],
    ['USE', 'USE main'],
    ['PREPARE', 'PREPARE p AS SELECT 1'],
    ['a parameter', 'SELECT $1'],
    ['nothing', ''],
    ['only a comment', '-- SELECT 1\n/* */ ;'],
    ['nonsense', 'SELEKT 1'],
  ])('%s', async (_, sql) => {
    const asked = query(sql.replaceAll('{folder}', folder), allRows);
    await expect(asked).rejects.toMatchObject({ kind: 'config', exitCode: 2 });
    expect(readdirSync(folder)).toEqual(['billing.duckdb']);
  });

  test('where there is no database yet, and none is made', async () => {
    const missing = join(folder, 'missing.duckdb');
    const wait = { lockWaitMs: 0, clock: systemClock, report: () => undefined };
    const asked = queryFile({ path: missing, dataset: 'csp', limits: LIMITS, wait }, 'SELECT 1', allRows);
    await expect(asked).rejects.toMatchObject({
      kind: 'config',
      hint: expect.stringContaining('sync') as string,
    });
    expect(existsSync(missing)).toBe(false);
  });

  test('and everything refused above has changed nothing', async () => {
    const rows = await query('SELECT count(*), sum(id), max(amount) FROM charges', allRows);
    expect(rows).toEqual([['100000', '4999950000', '999.99']]);
  });
});
