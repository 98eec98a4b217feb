import { mkdtempSync, rmSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { afterEach, beforeEach, describe, expect, test } from 'vitest';
import type { SqlConnection } from '../../../connector/load/destination.js';
import { duckdbConnection } from '../../../connector/load/duckdb/connection.js';
import { openFile } from '../../../connector/load/duckdb/database.js';
import { SystemError } from '../../../schemas/errors.js';

let folder: string;
let connection: SqlConnection;

beforeEach(async () => {
  folder = mkdtempSync(join(tmpdir(), 'duckdb-connection-'));
  const path = join(folder, 'billing.duckdb');
  connection = duckdbConnection(
    await openFile(path, 'write', { memoryLimit: 128 * 1024 ** 2, threads: 1 }),
    path,
  );
});
afterEach(async () => {
  await connection.close();
  rmSync(folder, { recursive: true, force: true });
});

describe('rows', () => {
  test('come as exact text, null as null', async () => {
    const [row] = await connection.transaction((transaction) =>
      transaction.rows(`SELECT
        0.1999968000511991808131::DECIMAL(38, 22) AS price,
        -9999999999999999.9999999999999999999999::DECIMAL(38, 22) AS least,
        9223372036854775807 AS big,
        TIMESTAMP '2026-11-01 02:03:04.000050' AS instant,
        DATE '2026-11-01' AS day,
        '00112233-4455-6677-8899-aabbccddeeff'::UUID AS key,
        '{"a": 1.10}'::JSON AS extra,
        true AS yes,
        NULL AS nothing,
        '' AS empty`),
    );
    expect(row).toEqual({
      price: '0.1999968000511991808131',
      least: '-9999999999999999.9999999999999999999999',
      big: '9223372036854775807',
      instant: '2026-11-01 02:03:04.00005',
      day: '2026-11-01',
      key: '00112233-4455-6677-8899-aabbccddeeff',
      extra: '{"a": 1.10}',
      yes: 'true',
      nothing: null,
      empty: '',
    });
  });

  test('are found by parameters of every kind, and a parameter is never a part of the statement', async () => {
    const values = ["'; DROP TABLE t; --", 9007199254740991, 2n ** 62n, 2n ** 100n, true, null] as const;
    const [row] = await connection.transaction((transaction) =>
      transaction.rows('SELECT $1 AS a, $2 AS b, $3 AS c, $4 AS d, $5 AS e, $6 AS f', values),
    );
    expect(Object.values(row ?? {})).toEqual(values.map((value) => (value === null ? null : String(value))));
  });

  test('cannot be asked for with a number that has a fraction: money is bound as text', async () => {
    const asked = connection.transaction((transaction) => transaction.rows('SELECT $1', [0.1]));
    await expect(asked).rejects.toThrow(SystemError);
  });
});

describe('a transaction', () => {
  test('commits what it wrote, and tells how many rows each statement changed', async () => {
    const changed = await connection.transaction(async (transaction) => [
      await transaction.run('CREATE TABLE t (i INTEGER)'),
      await transaction.run('INSERT INTO t SELECT range FROM range(5)'),
      await transaction.run('UPDATE t SET i = 9 WHERE i > $1', [2]),
      await transaction.run('DELETE FROM t WHERE i = 9'),
    ]);
    expect(changed.slice(1)).toEqual([5, 2, 2]);
    expect(
      await connection.transaction((transaction) => transaction.rows('SELECT count(*) AS n FROM t')),
    ).toEqual([{ n: '3' }]);
  });

  test('that fails leaves nothing, neither in tables nor in temporary ones', async () => {
    await connection.transaction((transaction) => transaction.run('CREATE TABLE t (i INTEGER)'));
    const failing = connection.transaction(async (transaction) => {
      await transaction.run('CREATE TEMPORARY TABLE staged AS SELECT range AS i FROM range(100000)');
      await transaction.run('INSERT INTO t SELECT i FROM temp.staged');
      throw new Error('the snapshot is not proven');
    });
    await expect(failing).rejects.toMatchObject({ kind: 'system' });
    const rows = await connection.transaction(async (transaction) => [
      await transaction.rows('SELECT count(*) AS n FROM t'),
      await transaction.rows("SELECT count(*) AS n FROM duckdb_tables() WHERE table_name = 'staged'"),
    ]);
    expect(rows).toEqual([[{ n: '0' }], [{ n: '0' }]]);
  });

  test('goes on to be refused after an error of a statement, and the next one is whole again', async () => {
    const failing = connection.transaction(async (transaction) => {
      await transaction.run('SELECT 1').catch(() => undefined);
      await transaction.run('SELECT * FROM missing');
    });
    await expect(failing).rejects.toMatchObject({
      kind: 'system',
      hint: expect.stringContaining('defect') as string,
    });
    expect(await connection.transaction((transaction) => transaction.rows('SELECT 1 AS one'))).toEqual([
      { one: '1' },
    ]);
  });

  test('waits for the one before it, so that several at once never mix', async () => {
    await connection.transaction((transaction) => transaction.run('CREATE TABLE t (who VARCHAR)'));
    const write = (who: string, fail: boolean): Promise<void> =>
      connection.transaction(async (transaction) => {
        await transaction.run('INSERT INTO t VALUES ($1)', [who]);
        await new Promise((resolve) => setImmediate(resolve));
        await transaction.run('INSERT INTO t VALUES ($1)', [who]);
        if (fail) throw new Error('given up');
      });
    await Promise.allSettled([write('a', false), write('b', true), write('c', false)]);
    const rows = await connection.transaction((transaction) => transaction.rows('SELECT who FROM t'));
    expect(rows.map(({ who }) => who)).toEqual(['a', 'a', 'c', 'c']);
  });

  test('does not quote values of rows in its errors', async () => {
    const failing = connection.transaction(async (transaction) => {
      await transaction.run('CREATE TABLE t (customer VARCHAR PRIMARY KEY)');
      await transaction.run("INSERT INTO t VALUES ('Contoso'), ('Contoso')");
    });
    await expect(failing).rejects.toSatisfy((error: Error) => !error.message.includes('Contoso'));
    const casting = connection.transaction((transaction) => transaction.run("SELECT 'Contoso''s'::INTEGER"));
    await expect(casting).rejects.toSatisfy((error: Error) => !error.message.includes('Contoso'));
  });
});
