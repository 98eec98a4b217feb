import { expect, test } from 'vitest';
import { usageRecord } from '../snapshot.js';
import { Dataset, failure, INVOICE, type ContractDatabase } from './dataset.js';

/** Ad-hoc queries, and the lock of a run. */
export function describeQuery(database: () => ContractDatabase): void {
  test('a query shows its columns by portable types, decimals canonical and timestamps in ISO 8601', async () => {
    const dataset = await Dataset.migrated(database());
    const sql = `SELECT CAST('1.50' AS DECIMAL(10,4)) AS price, CAST(3 AS BIGINT) AS n, CAST(2 AS INTEGER) AS i,
      CAST('2026-11-01 10:20:30.5' AS TIMESTAMP) AS t, CAST('2026-11-01' AS DATE) AS d, CAST('x' AS VARCHAR) AS s,
      true AS yes, CAST(NULL AS DATE) AS nothing, CAST('-0.00' AS DECIMAL(38,22)) AS zero,
      CAST('00000000-0000-0000-0000-00000000000A' AS UUID) AS u, CAST(0.5 AS DOUBLE PRECISION) AS half;`;
    const columns = await dataset.destination.query(sql, (result) => Promise.resolve(result.columns));
    expect(columns.map(({ name, type }) => `${name} ${type}`)).toEqual([
      'price DECIMAL(10,4)',
      'n BIGINT',
      'i INTEGER',
      't TIMESTAMP',
      'd DATE',
      's VARCHAR',
      'yes BOOLEAN',
      'nothing DATE',
      'zero DECIMAL(38,22)',
      'u UUID',
      'half DOUBLE',
    ]);
    expect(await dataset.rows(sql)).toEqual([
      {
        price: '1.5',
        n: '3',
        i: '2',
        t: '2026-11-01T10:20:30.5',
        d: '2026-11-01',
        s: 'x',
        yes: 'true',
        nothing: null,
        zero: '0',
        u: '00000000-0000-0000-0000-00000000000a',
        half: '0.5',
      },
    ]);
  });

  test('a result without rows still has its columns, and a large one arrives whole', async () => {
    const dataset = await Dataset.migrated(database());
    expect(await dataset.rows('SELECT * FROM {d}.billed_usage')).toEqual([]);
    await dataset.publish(
      INVOICE,
      Array.from({ length: 2500 }, (_, index) => usageRecord({ MeterId: `m${index}` })),
    );
    const rows = await dataset.rows('SELECT meter_id FROM {d}.billed_usage');
    expect(new Set(rows.map((row) => row['meter_id'])).size).toBe(2500);
  });

  test('a query changes nothing, whatever it says', async () => {
    const dataset = await Dataset.migrated(database());
    await dataset.publish(INVOICE, [usageRecord()]);
    const before = await dataset.everything();
    const attempts = [
      'DELETE FROM {d}.billed_usage',
      'DROP TABLE {d}.billed_usage',
      'CREATE TABLE {d}.mine (a INTEGER)',
      'SELECT 1; DELETE FROM {d}.billed_usage',
      'COMMIT; DROP TABLE {d}.billed_usage',
      'COMMIT',
      `COPY {d}.billed_usage TO '/tmp/partner-billing-must-not-exist.csv'`,
      'not SQL',
      '',
    ];
    for (const attempt of attempts) {
      const error = await failure(dataset.rows(attempt));
      expect([attempt, error.kind]).toEqual([attempt, 'config']);
    }
    expect(await dataset.everything()).toBe(before);
  });

  test('the second run on a dataset is told who holds it and since when; another dataset is free', async () => {
    const dataset = await Dataset.migrated(database());
    const holder = { runId: 'run-a', host: 'host-a', pid: process.pid, since: new Date().toISOString() };
    const lock = await dataset.destination.lockRun(holder);
    const rival = database().destination(dataset.name);
    const error = await failure(rival.lockRun({ ...holder, runId: 'run-b' }));
    expect(error).toMatchObject({ kind: 'locked', exitCode: 5 });
    expect(error.message).toContain('run-a');
    expect(error.message).toMatch(/since 20\d\d-/);
    await lock.release();
    const second = await rival.lockRun({ ...holder, runId: 'run-b' });
    await second.release();
  });

  test('check tries connection, version and rights, and changes nothing', async () => {
    const dataset = Dataset.unmigrated(database());
    const lines = await dataset.destination.check();
    expect(lines.filter(({ result }) => result === 'failed')).toEqual([]);
    expect(lines.some(({ result }) => result === 'ok')).toBe(true);
    const pending = await dataset.write((session) => session.pendingMigrations());
    expect(pending.length).toBeGreaterThan(0);
  });
}
