import type pg from 'pg';
import { afterAll, beforeAll, beforeEach, describe, expect, test } from 'vitest';
import { systemClock } from '../../../../connector/clock.js';
import type { PublishResult } from '../../../../connector/load/destination.js';
import type { ConnectorError } from '../../../../schemas/errors.js';
import type { ProgressEvent } from '../../../../schemas/progress.js';
import { BILLED_USAGE } from '../../../../schemas/tables/billed-usage.js';
import { failure, INVOICE } from '../../../contract/dataset.js';
import { createTestDatabase, type TestDatabase } from '../../../postgres-server.js';
import { publishRequest, snapshotOf, usageRecord } from '../../../snapshot.js';
import { byHand, destinationOn } from './server.js';

let database: TestDatabase;
let loads = 0;
beforeAll(async () => {
  database = await createTestDatabase();
  const session = await destinationOn(database.url).open('write');
  await session.migrate();
  await session.close();
  await hand(async (client) => {
    await client.query('CREATE SEQUENCE public.calls');
    await client.query(
      `CREATE FUNCTION public.once() RETURNS trigger LANGUAGE plpgsql AS $$
       BEGIN
         IF nextval('public.calls') = 1 THEN EXECUTE TG_ARGV[0]; END IF;
         RETURN NULL;
       END $$`,
    );
  });
});
afterAll(() => database.drop());

const clock = { ...systemClock, sleep: () => Promise.resolve() };
const hand = <T>(work: (client: pg.Client) => Promise<T>): Promise<T> => byHand(database.url, work);

interface Published {
  readonly result?: PublishResult;
  readonly error?: ConnectorError;
  /** What led to each further try. */
  readonly causes: readonly string[];
}

/** Publishes the invoice anew, with one row of that quantity. */
async function publish(quantity: string, lockWaitMs = 30_000): Promise<Published> {
  loads += 1;
  const causes: string[] = [];
  const report = (event: ProgressEvent): void => {
    if (event.event === 'retried') causes.push(event.cause);
  };
  const session = await destinationOn(database.url, 'csp', { clock, report, lockWaitMs }).open('write');
  try {
    const snapshot = await snapshotOf(BILLED_USAGE, { a: [usageRecord({ Quantity: quantity })] });
    const ids = { loadId: `l${loads}`, eTag: `e${loads}` };
    const result = await session.publish(publishRequest(INVOICE, snapshot, ids), snapshot.parts);
    return { result, causes };
  } catch (error) {
    return { error: error as ConnectorError, causes };
  } finally {
    await session.close();
  }
}

async function values(client: pg.Client, sql: string): Promise<unknown[]> {
  return (await client.query<unknown[]>({ text: sql, rowMode: 'array' })).rows.map(([value]) => value);
}

const QUANTITIES = 'SELECT CAST(quantity AS double precision) FROM csp.billed_usage';
const quantities = () => hand((client) => values(client, QUANTITIES));

/** Until a publish waits for a lock of that kind. */
async function untilWaiting(locktype = 'relation'): Promise<void> {
  const waiting = `SELECT count(*) FROM pg_locks l JOIN pg_stat_activity a USING (pid)
    WHERE NOT l.granted AND l.locktype = '${locktype}' AND a.datname = current_database()`;
  // On a connection of its own: within a transaction, the activity of others stands still.
  await hand((client) =>
    expect.poll(() => values(client, waiting), { timeout: 30_000, interval: 20 }).toEqual(['1']),
  );
}

/** Does `sql` once, when a publish records its snapshot. */
async function onceAtRecord(sql: string): Promise<void> {
  await hand(async (client) => {
    await client.query("SELECT setval('public.calls', 1, false)");
    const argument = client.escapeLiteral(sql);
    await client.query(
      `CREATE TRIGGER once AFTER INSERT ON csp._snapshots EXECUTE FUNCTION public.once(${argument})`,
    );
  });
}

beforeEach(async () => {
  await hand((client) => client.query('DROP TRIGGER IF EXISTS once ON csp._snapshots'));
  expect((await publish('1')).result).toBeDefined();
  expect(await quantities()).toEqual([1]);
});

describe('what the server gives up on is tried again whole, and published once', () => {
  test('a deadlock with somebody who works in the same table', async () => {
    const done = await hand(async (client) => {
      const [name] = await values(client, 'SELECT current_database()');
      // Who waits longest looks for a deadlock and gives way; the person's session never looks.
      await client.query(`ALTER DATABASE "${String(name)}" SET deadlock_timeout = '3s'`);
      await client.query("SET deadlock_timeout = '1h'");
      await client.query('BEGIN; LOCK TABLE csp.billed_usage IN SHARE ROW EXCLUSIVE MODE');
      const publishing = publish('2');
      await untilWaiting();
      // Waits for the publish, which waits for the table.
      await client.query("SELECT pg_advisory_xact_lock(hashtextextended('partner-billing publish csp', 0))");
      await client.query('COMMIT');
      await client.query(`ALTER DATABASE "${String(name)}" RESET deadlock_timeout`);
      return await publishing;
    });
    expect(done.causes).toEqual([expect.stringContaining('40P01')]);
    expect(done.result).toMatchObject({ alreadyPublished: false, counts: { updated: 1 } });
    expect(await quantities()).toEqual([2]);
  });

  test.each([
    ['40001', 'serialization failure', `DO $do$ BEGIN RAISE serialization_failure; END $do$`],
    ['57014', 'a statement cancelled by an operator', 'SELECT pg_cancel_backend(pg_backend_pid())'],
    ['57P01', 'a connection ended by an operator', 'SELECT pg_terminate_backend(pg_backend_pid())'],
    [
      '55P03',
      'a lock that a trigger of a user did not get',
      `DO $do$ BEGIN RAISE lock_not_available; END $do$`,
    ],
  ])('%s: %s', async (state, _what, sql) => {
    await onceAtRecord(sql);
    const done = await publish('3');
    expect(done.causes).toEqual([expect.stringContaining(state)]);
    expect(done.result).toMatchObject({ alreadyPublished: false, counts: { updated: 1 } });
    expect(await quantities()).toEqual([3]);
  });
});

describe('a time limit', () => {
  test('that the role or database carries does not end a slow load', async () => {
    await onceAtRecord('SELECT pg_sleep(0.5)');
    await hand(async (client) => {
      const [name] = await values(client, 'SELECT current_database()');
      const [version] = await values(client, "SELECT current_setting('server_version_num')");
      const limits = [
        ...[
          'statement_timeout',
          'lock_timeout',
          'idle_in_transaction_session_timeout',
          'idle_session_timeout',
        ],
        ...(Number(version) >= 170000 ? ['transaction_timeout'] : []),
      ];
      for (const limit of limits)
        await client.query(`ALTER DATABASE "${String(name)}" SET ${limit} = '200ms'`);
    });
    const done = await publish('4');
    await hand(async (client) => {
      const [name] = await values(client, 'SELECT current_database()');
      await client.query(`ALTER DATABASE "${String(name)}" RESET ALL`);
    });
    expect(done.causes).toEqual([]);
    expect(done.result).toMatchObject({ counts: { updated: 1 } });
  });

  test('of lock_wait ends the wait for a transaction that somebody left open; the old snapshot stays', async () => {
    const error = await hand(async (client) => {
      await client.query('BEGIN; LOCK TABLE csp.billed_usage IN SHARE MODE');
      const done = await publish('5', 100);
      expect(done.causes).toEqual(Array(2).fill(expect.stringContaining('55P03')));
      // Nobody was thrown out for it.
      expect(await values(client, QUANTITIES)).toEqual([1]);
      await client.query('COMMIT');
      return done.error;
    });
    expect(error).toMatchObject({ kind: 'transient', exitCode: 3, facts: { sqlstate: '55P03' } });
    expect(error?.hint).toContain('end that transaction');
    expect(await quantities()).toEqual([1]);
    expect((await publish('5')).result).toMatchObject({ counts: { updated: 1 } });
  });

  test('of lock_wait: 0s does not wait at all', async () => {
    const done = await hand(async (client) => {
      await client.query('BEGIN; LOCK TABLE csp.billed_usage IN SHARE MODE');
      return await publish('6', 0).finally(() => client.query('ROLLBACK'));
    });
    expect(done.error).toMatchObject({ kind: 'transient', facts: { sqlstate: '55P03' } });
  });
});

describe('an analyst', () => {
  test('whose long query reads the table goes on with the old snapshot while the new one is published', async () => {
    await hand(async (analyst) => {
      await analyst.query('BEGIN ISOLATION LEVEL REPEATABLE READ');
      await analyst.query(`DECLARE slow CURSOR FOR ${QUANTITIES}`);
      await analyst.query('DECLARE open CURSOR FOR SELECT quantity FROM csp.usage_open');
      const done = await publish('7', 100);
      expect(done.causes).toEqual([]);
      expect(done.result).toMatchObject({ counts: { updated: 1 } });
      expect(await quantities()).toEqual([7]);
      expect(await values(analyst, 'FETCH ALL FROM slow')).toEqual([1]);
      expect(await values(analyst, QUANTITIES)).toEqual([1]);
      await analyst.query('COMMIT');
      expect(await values(analyst, QUANTITIES)).toEqual([7]);
    });
  });

  test('whose query reads a view is not thrown out by a new version of it: that waits to the limit, then backs off', async () => {
    await hand((client) =>
      client.query("UPDATE csp._views SET checksum = 'older' WHERE name = 'usage_open'"),
    );
    const migrate = async (lockWaitMs: number) => {
      const session = await destinationOn(database.url, 'csp', { clock, lockWaitMs }).open('write');
      return await session.migrate().finally(() => session.close());
    };
    await hand(async (analyst) => {
      await analyst.query('BEGIN');
      await analyst.query(
        'DECLARE open CURSOR FOR SELECT CAST(quantity AS double precision) FROM csp.usage_open',
      );
      const error = await failure(migrate(100));
      expect(error).toMatchObject({ kind: 'transient', exitCode: 3, facts: { sqlstate: '55P03' } });
      expect(await values(analyst, 'FETCH ALL FROM open')).toEqual([1]);
      await analyst.query('COMMIT');
    });
    expect(await migrate(30_000)).toEqual(['view usage_open']);
  });

  test('who locks rows of the table is waited for, and the load goes through when they are let go', async () => {
    await hand(async (analyst) => {
      await analyst.query('BEGIN');
      await analyst.query('SELECT 1 FROM csp.billed_usage FOR UPDATE');
      const publishing = publish('8');
      await untilWaiting('transactionid');
      expect(await quantities()).toEqual([1]);
      await analyst.query('ROLLBACK');
      expect((await publishing).result).toMatchObject({ counts: { updated: 1 } });
    });
    expect(await quantities()).toEqual([8]);
  });
});

test('default_transaction_read_only is told from other rights: a person must turn it off', async () => {
  const [name] = await hand((client) => values(client, 'SELECT current_database()'));
  const set = (text: string) => hand((client) => client.query(`ALTER DATABASE "${String(name)}" ${text}`));
  await set('SET default_transaction_read_only = on');
  const done = await publish('9').finally(() =>
    hand(async (client) => {
      await client.query('SET default_transaction_read_only = off');
      await client.query(`ALTER DATABASE "${String(name)}" RESET default_transaction_read_only`);
    }),
  );
  expect(done.causes).toEqual([]);
  expect(done.error).toMatchObject({ kind: 'config', exitCode: 2, facts: { sqlstate: '25006' } });
  expect(done.error?.hint).toMatch(/default_transaction_read_only/);
  expect(await quantities()).toEqual([1]);
});
