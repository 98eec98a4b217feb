import { afterAll, beforeAll, describe, expect, test } from 'vitest';
import { systemClock } from '../../../../connector/clock.js';
import type { PublishResult } from '../../../../connector/load/destination.js';
import type { ProgressEvent } from '../../../../schemas/progress.js';
import { BILLED_USAGE } from '../../../../schemas/tables/billed-usage.js';
import { failure, INVOICE } from '../../../contract/dataset.js';
import { startPostgresProxy, type CutAt, type PostgresProxy } from '../../../postgres-proxy.js';
import { createTestDatabase, type TestDatabase } from '../../../postgres-server.js';
import { publishRequest, snapshotOf, usageRecord } from '../../../snapshot.js';
import { byHand, destinationOn, urlAs } from './server.js';

let database: TestDatabase;
let proxy: PostgresProxy;
beforeAll(async () => {
  database = await createTestDatabase();
  proxy = await startPostgresProxy(database.url);
  const session = await destinationOn(database.url).open('write');
  await session.migrate();
  await session.close();
});
afterAll(async () => {
  await proxy.close();
  await database.drop();
});

const clock = { ...systemClock, sleep: () => Promise.resolve() };
const SCOPES = ['before', 'meanwhile', 'unanswered', 'after'] as const;

async function rows(sql: string, parameters: readonly string[] = []): Promise<unknown[][]> {
  return await byHand(database.url, async (client) => {
    return (await client.query<unknown[]>({ text: sql, values: [...parameters], rowMode: 'array' })).rows;
  });
}

const published = (invoice: string) =>
  rows("SELECT load_id, etag, rows_inserted FROM csp._snapshots WHERE scope = $1 AND outcome = 'published'", [
    invoice,
  ]);
const usage = (invoice: string) =>
  rows('SELECT meter_id, _load_id FROM csp.billed_usage WHERE invoice_number = $1 ORDER BY 1', [invoice]);

/** Publishes an invoice through the proxy, which loses the connection at its commit. */
async function publishThrough(invoice: string, at: CutAt, times = 1) {
  const events: ProgressEvent[] = [];
  const report = (event: ProgressEvent): void => void events.push(event);
  const destination = destinationOn(proxy.url, 'csp', { clock, report });
  const records = ['a', 'b'].map((MeterId) => usageRecord({ InvoiceNumber: invoice, MeterId }));
  const snapshot = await snapshotOf(BILLED_USAGE, { a: records });
  const request = publishRequest({ ...INVOICE, invoice }, snapshot, { loadId: `load ${invoice}`, eTag: 'e' });
  const session = await destination.open('write');
  await session.readState();
  let reads = 0;
  const before = proxy.cuts();
  const again = (left: number): void => {
    if (left > 0) proxy.cutNextCommit(at, () => again(left - 1));
  };
  again(times);
  const publishing = session.publish(request, () => {
    reads += 1;
    return snapshot.parts();
  });
  const done = await publishing.then(
    (result: PublishResult) => ({ result, error: undefined }),
    (error: unknown) => ({ result: undefined, error }),
  );
  const retries = events.filter(({ event }) => event === 'retried').length;
  return { ...done, session, reads, retries, cuts: proxy.cuts() - before };
}

describe('a connection that is lost', () => {
  test('before COMMIT has published nothing: the transaction is tried again whole', async () => {
    const { result, reads, retries, cuts, session } = await publishThrough('before', 'before');
    expect([cuts, retries, reads]).toEqual([1, 1, 2]);
    expect(result).toMatchObject({ loadId: 'load before', alreadyPublished: false, counts: { inserted: 2 } });
    await session.close();
  });

  test('after COMMIT, with the answer on its way, has published: that is looked up, nothing is read again', async () => {
    const { result, reads, retries, cuts, session } = await publishThrough('unanswered', 'unanswered');
    expect([cuts, retries, reads]).toEqual([1, 1, 1]);
    expect(result).toMatchObject({
      loadId: 'load unanswered',
      alreadyPublished: false,
      counts: { staged: 2, inserted: 2, unchanged: 0 },
    });
    await session.close();
  });

  test('while the server commits is looked up, whichever way it went', async () => {
    const { result, retries, cuts, session } = await publishThrough('meanwhile', 'meanwhile');
    expect([cuts, retries]).toEqual([1, 1]);
    expect(result).toMatchObject({ loadId: 'load meanwhile', counts: { inserted: 2 } });
    await session.close();
  });

  test('when the answer was delivered has published, and the session goes on with another connection', async () => {
    const { result, reads, retries, session } = await publishThrough('after', 'after');
    expect([retries, reads, proxy.cuts()]).toEqual([0, 1, 4]);
    expect(result).toMatchObject({ loadId: 'load after', alreadyPublished: false, counts: { inserted: 2 } });
    const found = (await session.readState()).scopes.map(({ scope }) => scope);
    expect(found).toContainEqual({ ...INVOICE, invoice: 'after' });
    await session.close();
  });

  test.each(SCOPES)('%s leaves one snapshot, written by one load', async (invoice) => {
    const load = `load ${invoice}`;
    expect(await published(invoice)).toEqual([[load, 'e', '2']]);
    expect(await usage(invoice)).toEqual([
      ['a', load],
      ['b', load],
    ]);
  });

  test('each time is given up as transient, and the next run finds out what became of it', async () => {
    const lost = await publishThrough('lost', 'before', 3);
    expect(lost).toMatchObject({ cuts: 3, reads: 3, error: { kind: 'transient', exitCode: 3 } });
    await lost.session.close();
    expect([await published('lost'), await usage('lost')]).toEqual([[], []]);

    const last = await publishThrough('last', 'unanswered');
    await last.session.close();
    const next = await publishThrough('last', 'before', 0);
    expect(next).toMatchObject({ reads: 0, retries: 0, result: { loadId: 'load last' } });
    await next.session.close();
  });

  test('holds nobody up: its backend is gone, and so are its locks and staging tables', async () => {
    const left = () =>
      rows(
        `SELECT locktype, mode FROM pg_locks
         WHERE locktype = 'advisory' AND database = (SELECT oid FROM pg_database WHERE datname = current_database())`,
      );
    await expect.poll(left).toEqual([]);
    expect(await rows("SELECT relname FROM pg_class WHERE relname IN ('staged', 'planned')")).toEqual([]);
  });
});

test('a long statement of a client that is gone ends within seconds, and its lock with it', async () => {
  await byHand(database.url, async (client) => {
    await client.query(`CREATE SEQUENCE public.slow_once`);
    await client.query(
      `CREATE FUNCTION public.slow() RETURNS trigger LANGUAGE plpgsql AS
       $$ BEGIN IF nextval('public.slow_once') = 1 THEN PERFORM pg_sleep(3600); END IF; RETURN NULL; END $$`,
    );
    await client.query('CREATE TRIGGER slow AFTER INSERT ON csp._snapshots EXECUTE FUNCTION public.slow()');
  });
  // Only the client goes: the server is left in the middle of the statement, as after the death of a process.
  const running = publishThrough('slow', 'before', 0);
  const asleep = () => rows("SELECT count(*) FROM pg_stat_activity WHERE wait_event = 'PgSleep'");
  await expect.poll(asleep, { timeout: 30_000 }).toEqual([['1']]);
  proxy.loseConnections();
  const { result, retries, session } = await running;
  expect(retries).toBe(1);
  expect(result).toMatchObject({ loadId: 'load slow', counts: { inserted: 2 } });
  expect(await asleep()).toEqual([['0']]);
  await session.close();
  await byHand(database.url, (client) => client.query('DROP TRIGGER slow ON csp._snapshots'));
});

test('a server that lets in no more clients is transient', async () => {
  const user = `limited_${process.pid}`;
  await byHand(database.url, (client) => client.query(`CREATE ROLE ${user} LOGIN CONNECTION LIMIT 0`));
  const session = await destinationOn(urlAs(database.url, user)).open('read');
  expect(await failure(session.readState())).toMatchObject({
    kind: 'transient',
    exitCode: 3,
    facts: { sqlstate: '53300' },
  });
  await session.close();
  await byHand(database.url, (client) => client.query(`DROP ROLE ${user}`));
});
