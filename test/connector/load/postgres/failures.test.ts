import type pg from 'pg';
import { afterAll, beforeAll, expect, test } from 'vitest';
import { systemClock } from '../../../../connector/clock.js';
import { migrationFiles } from '../../../../connector/load/sql-text.js';
import { BILLED_USAGE } from '../../../../schemas/tables/billed-usage.js';
import type { ProgressEvent } from '../../../../schemas/progress.js';
import { failure, INVOICE } from '../../../contract/dataset.js';
import { createTestDatabase, type TestDatabase } from '../../../postgres-server.js';
import { publishRequest, snapshotOf, usageRecord, type Snapshot } from '../../../snapshot.js';
import { byHand, destinationOn, urlAs } from './server.js';
import { viewNames } from '../../../view-names.js';

let database: TestDatabase;
beforeAll(async () => {
  database = await createTestDatabase();
  const session = await destinationOn(database.url).open('write');
  await session.migrate();
  await session.close();
});
afterAll(() => database.drop());

const clock = { ...systemClock, sleep: () => Promise.resolve() };

test('a publish whose backend ends in the middle is tried again whole, and publishes once', async () => {
  const events: ProgressEvent[] = [];
  const destination = destinationOn(database.url, 'csp', { clock, report: (event) => events.push(event) });
  const snapshot = await snapshotOf(BILLED_USAGE, { a: [usageRecord({ MeterId: 'a' }), usageRecord()] }, 1);
  let tries = 0;
  const parts: Snapshot['parts'] = async function* () {
    tries += 1;
    for await (const part of snapshot.parts()) {
      yield part;
      if (tries === 1 && part.kind === 'batch') await endOtherBackends();
    }
  };
  const session = await destination.open('write');
  const request = publishRequest(INVOICE, snapshot, { loadId: 'kill', eTag: 'kill' });
  const result = await session.publish(request, parts);
  await session.close();
  expect(tries).toBe(2);
  expect(result.counts).toMatchObject({ inserted: 2 });
  expect(events).toMatchObject([{ event: 'retried', what: 'load', attempt: 1 }]);
});

test('a connection that breaks while it is idle is replaced', async () => {
  const session = await destinationOn(database.url).open('read');
  await session.readState();
  await endOtherBackends();
  expect((await session.readState()).scopes.length).toBeGreaterThan(0);
  await session.close();
});

test('a table that somebody has locked is waited for up to the limit, then it is transient', async () => {
  const destination = destinationOn(database.url, 'csp', { clock, lockWaitMs: 100 });
  const snapshot = await snapshotOf(BILLED_USAGE, { a: [usageRecord({ Quantity: '9' })] });
  const error = await byHand(database.url, async (client) => {
    await client.query('BEGIN; LOCK TABLE csp.billed_usage IN ACCESS EXCLUSIVE MODE');
    const session = await destination.open('write');
    const request = publishRequest(INVOICE, snapshot, { loadId: 'locked', eTag: 'locked' });
    const found = await failure(session.publish(request, snapshot.parts));
    await session.close();
    await client.query('ROLLBACK');
    return found;
  });
  expect(error).toMatchObject({ kind: 'transient', exitCode: 3, facts: { sqlstate: '55P03' } });
});

test('two publishes of a dataset at the same time follow each other', async () => {
  const destination = destinationOn(database.url, 'csp', { clock });
  const session = await destination.open('write');
  const publishOne = async (invoice: string): Promise<number> => {
    const records = Array.from({ length: 20 }, (_, index) =>
      usageRecord({ InvoiceNumber: invoice, MeterId: `m${index}` }),
    );
    const snapshot = await snapshotOf(BILLED_USAGE, { a: records }, 3);
    const request = publishRequest({ ...INVOICE, invoice }, snapshot, {
      loadId: `two-${invoice}`,
      eTag: 'e',
    });
    return (await session.publish(request, snapshot.parts)).counts.inserted;
  };
  expect(await Promise.all(['A1', 'A2', 'A3', 'A4'].map(publishOne))).toEqual([20, 20, 20, 20]);
  await session.close();
});

test('several that migrate at the same time apply each migration once', async () => {
  const sessions = await Promise.all([1, 2, 3].map(() => destinationOn(database.url, 'raced').open('write')));
  const applied = (await Promise.all(sessions.map((session) => session.migrate()))).flat();
  expect([...applied].sort()).toEqual([...new Set(applied)].sort());
  expect(applied.length).toBe(migrationFiles('postgres').length + viewNames('postgres').length);
  await Promise.all(sessions.map((session) => session.close()));
});

test('the lock of a run that died is free, and a run whose lock breaks is told', async () => {
  const events: ProgressEvent[] = [];
  const destination = destinationOn(database.url, 'csp', { report: (event) => events.push(event) });
  const holder = { runId: 'dead', host: 'h', pid: 1, since: new Date().toISOString() };
  await destination.lockRun(holder);
  await endOtherBackends();
  const lock = await destinationOn(database.url).lockRun({ ...holder, runId: 'alive' });
  await lock.release();
  expect(events).toMatchObject([{ event: 'warning' }]);
});

test('a server that does not answer is transient; a database or a user that is not there needs a person', async () => {
  const nowhere = destinationOn('postgres://u:planted-secret@127.0.0.1:1/db');
  const refused = await failure(openAndRead(nowhere));
  expect(refused).toMatchObject({ kind: 'transient' });
  const absent = destinationOn(database.url.replace(/\/pbc_test_\w+/, '/not_there'));
  expect(await failure(openAndRead(absent))).toMatchObject({ kind: 'config', facts: { sqlstate: '3D000' } });
  const stranger = destinationOn(urlAs(database.url, 'nobody_here'));
  expect(await failure(openAndRead(stranger))).toMatchObject({
    kind: 'config',
    facts: { sqlstate: '28000' },
  });
  for (const made of [nowhere, absent, stranger]) {
    const [first] = await made.check();
    expect(first).toMatchObject({ result: 'failed' });
    expect(JSON.stringify(first) + made.label).not.toContain('planted-secret');
  }
  expect(refused.message + String(refused.cause)).not.toContain('planted-secret');
});

test('a dataset that was never migrated is named when something is to be published', async () => {
  const session = await destinationOn(database.url, 'nothing_here', { clock }).open('write');
  const snapshot = await snapshotOf(BILLED_USAGE, { a: [] });
  const request = publishRequest(INVOICE, snapshot, { loadId: 'x', eTag: 'x' });
  const error = await failure(session.publish(request, snapshot.parts));
  expect(error).toMatchObject({ kind: 'config', facts: { sqlstate: '42P01' } });
  expect(error.hint).toContain('migrate');
  await session.close();
});

test('check names the rights that a user lacks', async () => {
  const user = `limited_${Date.now()}`;
  await byHand(database.url, async (client) => {
    await client.query(`CREATE ROLE ${user} LOGIN`);
    const name = await databaseName(client);
    await client.query(`REVOKE TEMPORARY ON DATABASE "${name}" FROM PUBLIC`);
  });
  const url = urlAs(database.url, user);
  const failed = (await destinationOn(url).check()).filter(({ result }) => result === 'failed');
  expect(failed.map(({ tried }) => tried)).toEqual(
    expect.arrayContaining(['dataset csp', 'temporary tables', 'rights on the tables of csp']),
  );
  const session = await destinationOn(url, 'csp', { clock }).open('write');
  expect(
    await failure(
      session.recordAnswers([
        { scope: INVOICE, state: null, askedAt: new Date().toISOString(), answer: 'x', checked: true },
      ]),
    ),
  ).toMatchObject({
    kind: 'config',
    facts: { sqlstate: '42501' },
  });
  await session.close();
  const other = (await destinationOn(url, 'fresh').check()).find(({ tried }) => tried === 'dataset fresh');
  expect(other).toMatchObject({ result: 'failed' });
  await byHand(database.url, (client) => client.query(`DROP ROLE ${user}`));
});

async function openAndRead(destination: ReturnType<typeof destinationOn>): Promise<unknown> {
  const session = await destination.open('read');
  try {
    return await session.readState();
  } finally {
    await session.close();
  }
}

async function endOtherBackends(): Promise<void> {
  await byHand(database.url, async (client) => {
    await client.query(
      'SELECT pg_terminate_backend(pid, 5000) FROM pg_stat_activity WHERE datname = current_database() AND pid <> pg_backend_pid()',
    );
  });
}

async function databaseName(client: pg.Client): Promise<string> {
  const { rows } = await client.query<{ name: string }>('SELECT current_database() AS name');
  return rows[0]?.name ?? '';
}
