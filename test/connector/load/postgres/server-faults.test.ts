import { execFile } from 'node:child_process';
import { chmod, mkdir } from 'node:fs/promises';
import { join } from 'node:path';
import { promisify } from 'node:util';
import { afterAll, beforeAll, beforeEach, describe, expect, test } from 'vitest';
import { systemClock } from '../../../../connector/clock.js';
import type { PublishResult } from '../../../../connector/load/destination.js';
import type { ConnectorError } from '../../../../schemas/errors.js';
import { BILLED_USAGE } from '../../../../schemas/tables/billed-usage.js';
import { INVOICE } from '../../../contract/dataset.js';
import { startPostgres, type PostgresProcess } from '../../../postgres-process.js';
import { startPostgresProxy } from '../../../postgres-proxy.js';
import { makeSmallDisk, type SmallDisk } from '../../../small-disk.js';
import { publishRequest, snapshotOf, usageRecord, type Snapshot } from '../../../snapshot.js';
import { byHand, destinationOn } from './server.js';

let server: PostgresProcess;
let loads = 0;
let isStandby = false;
let disk: SmallDisk;
beforeAll(async () => {
  // What was committed must be there after a crash, as on everybody's server.
  server = await startPostgres(process.env['TEST_POSTGRES_BIN'], ['synchronous_commit=on']);
  const session = await destinationOn(server.url).open('write');
  await session.migrate();
  await session.close();
});
afterAll(async () => {
  await server.stop();
  await disk.remove();
});

const sql = (text: string) =>
  byHand(server.url, async (client) => {
    const { rows } = await client.query<unknown[]>({ text, rowMode: 'array' });
    return rows;
  });
const quantities = () => sql('SELECT CAST(quantity AS double precision) FROM csp.billed_usage');
const published = () => sql("SELECT load_id FROM csp._snapshots WHERE outcome = 'published' ORDER BY 1");

interface Trying {
  readonly url?: string;
  /** Called at each pass over the records, between the first and the rest. */
  readonly meanwhile?: (pass: number) => Promise<void>;
  /** Called in place of the wait before each further try. */
  readonly between?: () => Promise<void>;
  readonly records?: readonly Record<string, unknown>[];
}

/** Publishes the invoice anew, with one row of that quantity. */
async function publish(quantity: string, trying: Trying = {}) {
  loads += 1;
  const load = `l${String(loads).padStart(2, '0')}`;
  let tries = 0;
  const clock = { ...systemClock, sleep: trying.between ?? (() => Promise.resolve()) };
  const session = await destinationOn(trying.url ?? server.url, 'csp', { clock }).open('write');
  try {
    const records = trying.records ?? [usageRecord({ Quantity: quantity })];
    const snapshot = await snapshotOf(BILLED_USAGE, { a: records.map((record) => ({ ...record })) });
    const parts: Snapshot['parts'] = async function* () {
      tries += 1;
      for await (const part of snapshot.parts()) {
        yield part;
        if (part.kind === 'batch') await trying.meanwhile?.(tries);
      }
    };
    const request = publishRequest(INVOICE, snapshot, { loadId: load, eTag: load });
    const result: PublishResult = await session.publish(request, parts);
    return { load, result, tries };
  } catch (error) {
    return { load, error: error as ConnectorError, tries };
  } finally {
    await session.close();
  }
}

beforeEach(async () => {
  if (isStandby) return;
  expect(await publish('1')).toHaveProperty('result');
});

describe('a server that is killed', () => {
  test('in the middle of a publish and comes back: the transaction is tried again whole', async () => {
    const before = await published();
    const done = await publish('2', {
      meanwhile: (pass) => (pass === 1 ? server.kill() : Promise.resolve()),
      between: async () => {
        await server.start();
        expect([await quantities(), await published()]).toEqual([[[1]], before]);
      },
    });
    expect(done).toMatchObject({ tries: 2, result: { counts: { updated: 1 } } });
    expect(await quantities()).toEqual([[2]]);
  });

  test('and stays away is transient: the old snapshot stands when it is back, the next publish replaces it', async () => {
    const done = await publish('3', {
      meanwhile: (pass) => (pass === 1 ? server.kill() : Promise.resolve()),
    });
    expect(done).toMatchObject({ error: { kind: 'transient', exitCode: 3 } });
    expect(done.error?.hint).toMatch(/run again/);
    await server.start();
    expect(await quantities()).toEqual([[1]]);
    expect(await publish('3')).toMatchObject({ result: { counts: { updated: 1 } } });
  });

  test('and recovers while it is asked again: it is waited for', async () => {
    let starting: Promise<void> | undefined;
    const done = await publish('4', {
      meanwhile: (pass) => (pass === 1 ? server.kill() : Promise.resolve()),
      between: async () => {
        // The first further try finds it on its way up, or not there at all; the second finds it.
        if (starting === undefined) starting = server.start();
        else await starting;
      },
    });
    await starting;
    expect(done.result).toMatchObject({ counts: { updated: 1 } });
    expect(await quantities()).toEqual([[4]]);
  });
});

test('a connection that is lost while the commit waits for its replica: the commit stands, and is found', async () => {
  const proxy = await startPostgresProxy(server.url);
  const setReplica = async (name: string): Promise<void> => {
    await sql(`ALTER SYSTEM SET synchronous_standby_names = '${name}'`);
    await sql('SELECT pg_reload_conf()');
    await expect.poll(() => sql('SHOW synchronous_standby_names')).toEqual([[name]]);
  };
  await setReplica('a_replica_that_is_down');
  proxy.cutNextCommit('meanwhile');
  const done = await publish('5', {
    url: proxy.url,
    between: async () => {
      const waiting = () => sql("SELECT count(*) FROM pg_stat_activity WHERE wait_event = 'SyncRep'");
      await expect.poll(waiting, { timeout: 30_000 }).toEqual([['1']]);
      // It is committed on this server, and not to be seen by anybody yet.
      expect(await quantities()).toEqual([[1]]);
      await setReplica('');
    },
  });
  await proxy.close();
  expect(proxy.cuts()).toBe(1);
  expect(done).toMatchObject({
    tries: 1,
    result: { loadId: done.load, alreadyPublished: false, counts: { updated: 1 } },
  });
  expect(await quantities()).toEqual([[5]]);
});

describe('a disk of the server that is full', () => {
  const many = Array.from({ length: 12_000 }, (_, index) =>
    usageRecord({ MeterId: `m${index}`, AdditionalInfo: 'x'.repeat(500) }),
  );
  beforeAll(async () => {
    disk = await makeSmallDisk(6 * 1024 ** 2);
    const space = join(disk.folder, 'space');
    await mkdir(space);
    if (process.getuid?.() === 0) await promisify(execFile)('chown', ['nobody', space]);
    await chmod(space, 0o700);
    await sql(`CREATE TABLESPACE small LOCATION '${space}'`);
    if (disk.kind === 'file system') return;
    // Where no small file system may be mounted, the server says of itself that its disk is full.
    await sql(`CREATE FUNCTION public.full() RETURNS trigger LANGUAGE plpgsql AS
      $$ BEGIN IF NEW.records_staged > 1 THEN RAISE disk_full; END IF; RETURN NEW; END $$`);
  });
  afterAll(async () => {
    await sql('DROP TABLESPACE small');
    await sql('CHECKPOINT');
  });
  const setFull = async (isFull: boolean): Promise<void> => {
    if (disk.kind === 'file system') return;
    await sql(
      isFull
        ? 'CREATE TRIGGER disk BEFORE INSERT ON csp._snapshots FOR EACH ROW EXECUTE FUNCTION public.full()'
        : 'DROP TRIGGER disk ON csp._snapshots',
    );
  };

  test.each([
    ['with the staging tables', "ALTER DATABASE postgres SET temp_tablespaces = 'small'"],
    ['with the table', 'ALTER TABLE csp.billed_usage SET TABLESPACE small'],
  ])('%s publishes nothing, says what to do and keeps no space', async (_where, move) => {
    await sql('VACUUM FULL csp.billed_usage');
    await sql(move);
    await setFull(true);
    const before = await published();
    const full = await publish('6', { records: many });
    expect(full).toMatchObject({
      tries: 1,
      error: { kind: 'config', exitCode: 2, facts: { sqlstate: '53100' } },
    });
    expect(full.error?.hint).toMatch(/free space on the server's disk/);
    expect([await quantities(), await published()]).toEqual([[[1]], before]);
    const left = "SELECT relname FROM pg_class WHERE relpersistence = 't'";
    await expect.poll(() => sql(left)).toEqual([]);
    // The same publish, when there is room: on the disk that the server had before.
    await setFull(false);
    await sql('ALTER DATABASE postgres RESET temp_tablespaces');
    await sql('ALTER TABLE csp.billed_usage SET TABLESPACE pg_default');
    expect(await publish('6', { records: many })).toMatchObject({ result: { counts: { staged: 12_000 } } });
  });
});

test('a replica can only be read: a publish to it is refused before anything is staged, and check says so', async () => {
  await server.kill();
  await server.makeStandby();
  await server.start();
  isStandby = true;
  const done = await publish('7');
  expect(done).toMatchObject({ error: { kind: 'config', exitCode: 2, facts: { sqlstate: '25006' } } });
  expect(done.error?.hint).toMatch(/use the primary server/);
  const lines = await destinationOn(server.url).check();
  expect(lines.find(({ tried }) => tried === 'write to the server')).toMatchObject({ result: 'failed' });
  expect(await quantities()).toEqual([[1]]);
});
