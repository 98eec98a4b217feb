import { once } from 'node:events';
import { hostname } from 'node:os';
import { afterEach, describe, expect, it } from 'vitest';
import type { SandboxOptions } from '../../connector/sandbox/sandbox.js';
import { startCli, type CliChild } from '../cli-child.js';
import { byHand, destinationOn } from '../connector/load/postgres/server.js';
import { createTestDatabase, type TestDatabase } from '../postgres-server.js';
import { startSite, type Site } from './site.js';

const SCOPE = { stream: 'billed_usage', invoice: 'G016907411' } as const;
const STREAMS = {
  billed_usage: { invoices: [SCOPE.invoice] },
  billed_reconciliation: null,
  unbilled_usage: null,
  unbilled_reconciliation: null,
};
const ENGINES = ['duckdb', 'postgres'] as const;

let site: Site | undefined;
let database: TestDatabase | undefined;
const children: CliChild[] = [];

afterEach(async () => {
  for (const child of children.splice(0)) {
    child.process.kill('SIGKILL');
    await child.ended;
  }
  await site?.close();
  await database?.drop();
  site = database = undefined;
});

function destination(dataset: string): Record<string, unknown> {
  return database === undefined
    ? { type: 'duckdb', path: './billing.duckdb', dataset }
    : { type: 'postgres', url: database.url, dataset };
}

async function start(engine: (typeof ENGINES)[number], options: SandboxOptions = {}): Promise<Site> {
  if (engine === 'postgres') database = await createTestDatabase();
  const invoices = [{ id: SCOPE.invoice, month: '2026-10', currency: 'USD' }];
  site = await startSite(destination('csp'), { usageRows: 60, invoices, ...options }, { streams: STREAMS });
  return site;
}

/** Starts a run and waits until it has the lock, which is before the first request. */
async function running(at: Site, requests = 1): Promise<CliChild> {
  const child = startCli(['sync', '--config', at.configPath]);
  children.push(child);
  const from = at.sandbox.requests.length;
  const isOver = (): boolean => child.process.exitCode !== null;
  await expect
    .poll(() => isOver() || at.sandbox.requests.length >= from + requests, { timeout: 60_000 })
    .toBe(true);
  expect([isOver(), child.err()]).toEqual([false, expect.any(String)]);
  return child;
}

async function kill(child: CliChild): Promise<void> {
  child.process.kill('SIGKILL');
  await once(child.process, 'exit');
}

const ends = async (child: CliChild) => (await child.ended).exitCode;

async function expectWhole(at: Site): Promise<void> {
  const { records } = at.sandbox.expected(SCOPE);
  expect(await at.query('select count(*), count(distinct _load_id) from csp.billed_usage')).toEqual([
    [String(records), '1'],
  ]);
  expect(await at.query("select count(*) from csp._snapshots where outcome = 'published'")).toEqual([['1']]);
}

describe.each(ENGINES)('two runs on one dataset in %s', (engine) => {
  it('the second exits 5 at once and names host, process and since when; then the first is killed, and the dataset is free', async () => {
    const at = await start(engine, { pollsUntilDone: 1000, retryAfterSeconds: 1 });
    const begun = new Date();
    const first = await running(at);
    const from = at.sandbox.requests.length;
    const second = startCli(['sync', '--config', at.configPath]);
    children.push(second);
    const { exitCode, out, err } = await second.ended;
    expect([exitCode, out]).toEqual([5, '']);
    const [told = ''] = /^error: .* is held by .*$/m.exec(err) ?? [];
    expect(told).toContain(`on ${hostname()}`);
    expect(told).toMatch(new RegExp(`pid ${String(first.process.pid)}\\b`, 'i'));
    const [since = ''] = /(?<=since )\S+Z/.exec(told) ?? [];
    expect(Math.abs(new Date(since).getTime() - begun.getTime())).toBeLessThan(60_000);
    expect(err).toMatch(/hint: wait for that run to end/);
    expect(at.sandbox.requests.slice(from).filter(({ kind }) => kind === 'export')).toEqual([]);

    await kill(first);
    // Nothing is waited for: the operation that the first began is polled on.
    const third = await running(at, 1);
    expect(third.err()).not.toContain('is held by');
  });

  it('the lock of a run that was killed is free at once, also while its last statement runs', async () => {
    const at = await start(engine, { usageRows: 4000 });
    if (database !== undefined) {
      // Somebody's trigger that takes an hour, the first time.
      const session = await destinationOn(database.url).open('write');
      await session.migrate();
      await session.close();
      await byHand(database.url, async (client) => {
        await client.query('CREATE SEQUENCE public.calls');
        await client.query(`CREATE FUNCTION public.slow() RETURNS trigger LANGUAGE plpgsql AS
          $$ BEGIN IF nextval('public.calls') = 1 THEN PERFORM pg_sleep(3600); END IF; RETURN NULL; END $$`);
        await client.query(
          'CREATE TRIGGER slow AFTER INSERT ON csp._snapshots EXECUTE FUNCTION public.slow()',
        );
      });
    }
    const first = await running(at);
    await expect.poll(() => first.err(), { timeout: 60_000 }).toContain('loading 2 blobs');
    if (database !== undefined) {
      const { url } = database;
      const asleep = () =>
        byHand(url, (client) => client.query("SELECT 1 FROM pg_stat_activity WHERE wait_event = 'PgSleep'"));
      await expect.poll(async () => (await asleep()).rowCount, { timeout: 60_000 }).toBe(1);
    }
    await kill(first);
    const second = startCli(['sync', '--config', at.configPath]);
    children.push(second);
    expect(await ends(second)).toBe(0);
    await expectWhole(at);
  });
});

describe.each(ENGINES)('two datasets in one %s', (engine) => {
  it('are loaded side by side by two runs, each with its own lock', async () => {
    const at = await start(engine, { pollsUntilDone: 2, retryAfterSeconds: 1 });
    const first = await running(at);
    await at.configure({ streams: STREAMS, destination: destination('other') });
    const second = await running(at);
    expect([await ends(first), await ends(second)]).toEqual([0, 0]);
    const { records } = at.sandbox.expected(SCOPE);
    for (const dataset of ['csp', 'other'])
      expect(await at.query(`select count(*) from ${dataset}.billed_usage`)).toEqual([[String(records)]]);
  });
});
