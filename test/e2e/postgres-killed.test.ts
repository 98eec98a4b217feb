import { afterAll, afterEach, beforeAll, describe, expect, it } from 'vitest';
import { canonicalDecimal } from '../../schemas/decimal-text.js';
import { startCli, type CliChild } from '../cli-child.js';
import { byHand } from '../connector/load/postgres/server.js';
import { startPostgres, type PostgresProcess } from '../postgres-process.js';
import { startSite, type Site } from './site.js';

const SCOPE = { stream: 'billed_usage', invoice: 'G016907411' } as const;
const STREAMS = {
  billed_usage: { invoices: [SCOPE.invoice] },
  billed_reconciliation: null,
  unbilled_usage: null,
  unbilled_reconciliation: null,
};

let server: PostgresProcess;
let site: Site;
let child: CliChild | undefined;
beforeAll(async () => {
  server = await startPostgres(process.env['TEST_POSTGRES_BIN'], ['synchronous_commit=on']);
  site = await startSite(
    { type: 'postgres', url: server.url },
    { usageRows: 2000, blobs: 2, invoices: [{ id: SCOPE.invoice, month: '2026-10', currency: 'USD' }] },
    { streams: STREAMS, lock_wait: '1s' },
  );
  site.moveTo(new Date());
  expect((await site.sync()).exitCode).toBe(0);
});
afterEach(async () => {
  child?.process.kill('SIGKILL');
  await child?.ended;
  child = undefined;
});
afterAll(async () => {
  await site.close();
  await server.stop();
});

/** Starts a run that finds the invoice restated. */
function restated(): CliChild {
  site.sandbox.restate(SCOPE, { changed: 1500 });
  site.sandbox.clearRequests();
  return (child = run());
}

const run = () =>
  startCli(['sync', '--config', site.configPath, '--invoice', SCOPE.invoice, '--stream', SCOPE.stream]);
const count = (kind: string) => site.sandbox.requests.filter((request) => request.kind === kind).length;
const seen = () =>
  site.query(
    `select (select count(*) from csp.billed_usage), (select sum(billing_pre_tax_total) from csp.billed_usage),
       (select s.etag from csp._snapshots s join csp._scopes c on c.load_id = s.load_id where c.scope = '${SCOPE.invoice}')`,
  );

async function expectNew(): Promise<void> {
  const { records, sums } = site.sandbox.expected(SCOPE);
  const [row] = await seen();
  expect([row?.[0], canonicalDecimal(row?.[1] ?? '')]).toEqual([String(records), sums['USD']]);
  const twice =
    'select line_item_key from csp.billed_usage group by 1, line_item_occurrence having count(*) > 1';
  expect(await site.query(twice)).toEqual([]);
}

/** A transaction of somebody that keeps the load waiting at its record, so that it can be met in the middle. */
async function heldUp<T>(work: () => Promise<T>): Promise<T> {
  return await byHand(server.url, async (client) => {
    await client.query('BEGIN; LOCK TABLE csp._snapshots IN SHARE MODE');
    return await work();
  });
}

const waiting = () =>
  byHand(server.url, async (client) => {
    const { rowCount } = await client.query(
      "SELECT 1 FROM pg_locks WHERE NOT granted AND locktype = 'relation'",
    );
    return rowCount;
  });

describe('a Postgres server that is killed while a load is in the middle of its transaction', () => {
  it('and started again at once: the run tries again whole, and ends with the new rows', async () => {
    await site.configure({ streams: STREAMS, lock_wait: '5m' });
    const before = await seen();
    const running = restated();
    await heldUp(async () => {
      await expect.poll(waiting, { timeout: 60_000 }).toBe(1);
      expect(await seen()).toEqual(before);
      await server.kill();
    }).catch((error: unknown) => expect(String(error)).toMatch(/terminat/));
    await server.start();
    const { exitCode, err } = await running.ended;
    expect(err).toMatch(/trying again|retr|again/i);
    expect(exitCode).toBe(0);
    await expectNew();
  });

  it('and stays away: exit 3; the next run resumes with the package that is there, to the same rows', async () => {
    await site.configure({ streams: STREAMS, lock_wait: '5m' });
    const before = await seen();
    const running = restated();
    await heldUp(async () => {
      await expect.poll(waiting, { timeout: 60_000 }).toBe(1);
      await server.kill();
    }).catch((error: unknown) => expect(String(error)).toMatch(/terminat/));
    const { exitCode, err } = await running.ended;
    expect(exitCode).toBe(3);
    expect(err).toMatch(/check that the server runs/);
    expect([count('export'), count('blob')]).toEqual([1, 2]);

    await server.start();
    expect(await seen()).toEqual(before);
    site.sandbox.clearRequests();
    child = run();
    expect((await child.ended).exitCode).toBe(0);
    expect([count('export'), count('blob')]).toEqual([0, 0]);
    await expectNew();
  });
});

it('an analyst who left a transaction open on the table: exit 3 after lock_wait, the package is kept', async () => {
  await site.configure({ streams: STREAMS, lock_wait: '200ms' });
  const before = await seen();
  await byHand(server.url, async (analyst) => {
    await analyst.query('BEGIN; LOCK TABLE csp.billed_usage IN SHARE MODE');
    const { exitCode, err } = await restated().ended;
    expect(exitCode).toBe(3);
    expect(err).toMatch(/SQLSTATE 55P03/);
    expect(err).toMatch(/end that transaction and run again/);
    expect(await seen()).toEqual(before);
    // Nobody was thrown out for it.
    await analyst.query('COMMIT');
  });
  site.sandbox.clearRequests();
  child = run();
  expect((await child.ended).exitCode).toBe(0);
  expect([count('export'), count('blob')]).toEqual([0, 0]);
  await expectNew();
});
