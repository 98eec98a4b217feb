import { mkdtempSync, rmSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { afterAll, beforeAll, describe, expect, test } from 'vitest';
import { findPooling } from '../../../../connector/load/postgres/pooler.js';
import { startSandbox, type Sandbox } from '../../../../connector/sandbox/sandbox.js';
import type { ProgressEvent } from '../../../../schemas/progress.js';
import { failure } from '../../../contract/dataset.js';
import { startPooler, type Pooler, type PoolerOptions } from '../../../postgres-pooler.js';
import { createTestDatabase, type TestDatabase } from '../../../postgres-server.js';
import { runCli } from '../../cli-io.js';
import { byHand, destinationOn } from './server.js';

const HOLDER = { runId: 'run-1', host: 'h', pid: 1, since: '2026-11-27T00:00:00Z' };

let database: TestDatabase;
let sandbox: Sandbox;
let cwd = '';
const poolers: Pooler[] = [];
beforeAll(async () => {
  database = await createTestDatabase();
  sandbox = await startSandbox({
    usageRows: 20,
    reconciliationRows: 10,
    pollsUntilDone: 0,
    retryAfterSeconds: 0,
  });
  cwd = mkdtempSync(join(tmpdir(), 'pooler-'));
});
afterAll(async () => {
  for (const pooler of poolers) await pooler.close();
  await sandbox.close();
  await database.drop();
  rmSync(cwd, { recursive: true, force: true });
});

async function pooled(options: PoolerOptions): Promise<Pooler> {
  const pooler = await startPooler(database.url, options);
  poolers.push(pooler);
  return pooler;
}

const pooling = (url: string) =>
  findPooling({ url, applicationName: 'partner-billing', lockWaitMs: 1000 }, 'postgres here');

async function locks(): Promise<number> {
  return await byHand(database.url, async (client) => {
    const { rows } = await client.query<{ locks: string }>(
      `SELECT count(*) AS locks FROM pg_locks
       WHERE locktype = 'advisory' AND database = (SELECT oid FROM pg_database WHERE datname = current_database())`,
    );
    return Number(rows[0]?.locks);
  });
}

describe('a pooler', () => {
  test('in transaction mode is told from one in session mode and from none, whichever connections it gives out', async () => {
    expect(await pooling(database.url)).toBe('none');
    for (const order of ['last used', 'round robin'] as const) {
      for (const size of [1, 2, 3]) {
        const { url } = await pooled({ mode: 'transaction', order, size });
        expect([order, size, await pooling(url)]).toEqual([order, size, 'transaction']);
      }
      const session = await pooled({ mode: 'session', order, size: 2 });
      expect([order, await pooling(session.url)]).toEqual([order, 'session']);
    }
    expect(await locks()).toBe(0);
  });

  test('in transaction mode takes no lock and no setting of ours: lock, session and query are refused', async () => {
    const pooler = await pooled({ mode: 'transaction' });
    const destination = destinationOn(pooler.url);
    const errors = [
      await failure(destination.lockRun(HOLDER)),
      await failure(destination.query('SELECT 1', () => Promise.resolve())),
      await failure(destination.open('read').then((session) => session.readState())),
    ];
    for (const error of errors) {
      expect(error).toMatchObject({ kind: 'config', exitCode: 2, facts: { pooling: 'transaction' } });
      expect(error.message).toMatch(
        /127\.0\.0\.1:\d+\/pbc_test_\w+: a connection pooler in transaction mode/,
      );
      expect(error.hint).toMatch(/pool_mode = session.*5432 in place of 6543.*5432 in place of 6432/);
    }
    expect(await locks()).toBe(0);
    await byHand(pooler.url, async (client) => {
      const { rows } = await client.query("SELECT current_setting('search_path') AS path");
      expect(rows).toEqual([{ path: '"$user", public' }]);
    });
    await destination.close();
  });

  test('in session mode carries a run: its lock holds, keeps others out, and is gone when it is released', async () => {
    const { url } = await pooled({ mode: 'session', size: 6 });
    const events: ProgressEvent[] = [];
    const destination = destinationOn(url, 'csp', { report: (event) => events.push(event) });
    const lock = await destination.lockRun(HOLDER);
    try {
      expect(await failure(destinationOn(database.url).lockRun(HOLDER))).toMatchObject({ kind: 'locked' });
      const session = await destination.open('write');
      expect(await session.migrate()).not.toEqual([]);
      await session.close();
    } finally {
      await lock.release();
    }
    expect(await locks()).toBe(0);
    expect(events).toEqual([]);
    await destination.close();
  });

  test('with no room for a second connection leaves its mode open', async () => {
    const { url } = await pooled({ mode: 'session', size: 1 });
    const patience = { url, applicationName: 'partner-billing', lockWaitMs: 1000 };
    expect(await findPooling(patience, 'postgres here', 200)).toBe('unproven');
  });
});

describe('check and sync', () => {
  function configure(url: string): void {
    writeFileSync(
      join(cwd, 'connector.yaml'),
      sandbox.configuration({ destination: { type: 'postgres', url, dataset: 'pooled' } }),
    );
  }

  test('fail behind a pooler in transaction mode, and say what to do', async () => {
    configure((await pooled({ mode: 'transaction' })).url);
    const checked = await runCli(['check'], { cwd });
    expect(checked.exitCode).toBe(2);
    expect(checked.out).toMatch(
      /^failed {6}lock of a run: .*a connection pooler in transaction mode is in between.*connect to the server itself/m,
    );
    const synced = await runCli(['sync'], { cwd });
    expect([synced.exitCode, synced.out]).toEqual([2, '']);
    expect(synced.err).toMatch(/a connection pooler in transaction mode is in between/);
    expect(synced.err).toMatch(/connect to the server itself/);
    await byHand(database.url, async (client) => {
      const { rows } = await client.query("SELECT 1 FROM pg_namespace WHERE nspname = 'pooled'");
      expect(rows).toEqual([]);
    });
  });

  test('work behind one in session mode, and on the server itself', async () => {
    configure((await pooled({ mode: 'session', size: 8 })).url);
    const checked = await runCli(['check'], { cwd });
    expect(checked.out).toMatch(/^ok {10}lock of a run: a connection pooler is in between; it keeps one/m);
    const synced = await runCli(['sync', '--json', '--stream', 'billed_usage'], { cwd });
    expect([synced.exitCode, synced.out]).toEqual([0, expect.stringContaining('2 published')]);
    expect(synced.err).not.toContain('pooler');
    configure(database.url);
    const direct = await runCli(['check'], { cwd });
    expect(direct.out).toMatch(/^ok {10}lock of a run: no connection pooler is in between$/m);
    expect(await locks()).toBe(0);
  });
});
