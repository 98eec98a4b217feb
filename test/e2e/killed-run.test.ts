import { spawn, type ChildProcess } from 'node:child_process';
import { once } from 'node:events';
import { fileURLToPath } from 'node:url';
import { afterEach, describe, expect, it } from 'vitest';
import { systemClock } from '../../connector/clock.js';
import type { RequestRecord, SandboxOptions } from '../../connector/sandbox/sandbox.js';
import { canonicalDecimal } from '../../schemas/decimal-text.js';
import { createTestDatabase, type TestDatabase } from '../postgres-server.js';
import { startSite, type Site } from './site.js';

const CLI = fileURLToPath(new URL('../../dist/connector/cli.js', import.meta.url));
const SCOPE = { stream: 'billed_usage', invoice: 'G016907411' } as const;
const STREAMS = {
  billed_usage: { invoices: [SCOPE.invoice] },
  billed_reconciliation: null,
  unbilled_usage: null,
  unbilled_reconciliation: null,
};

let site: Site | undefined;
let database: TestDatabase | undefined;
let child: ChildProcess | undefined;

afterEach(async () => {
  child?.kill('SIGKILL');
  await site?.close();
  await database?.drop();
  site = database = child = undefined;
});

async function start(engine: 'duckdb' | 'postgres', options: SandboxOptions): Promise<Site> {
  if (engine === 'postgres') database = await createTestDatabase();
  const destination =
    database === undefined
      ? { type: 'duckdb', path: './billing.duckdb' }
      : { type: 'postgres', url: database.url };
  const settings = { invoices: [{ id: SCOPE.invoice, month: '2026-10', currency: 'USD' }], ...options };
  site = await startSite(destination, settings, { streams: STREAMS });
  return site;
}

/** Runs the built command until `isTime`, and kills it with SIGKILL. */
async function runUntil(
  at: Site,
  isTime: (requests: readonly RequestRecord[]) => boolean,
  laterMs = 0,
): Promise<void> {
  const started = spawn(process.execPath, [CLI, 'sync', '--config', at.configPath], { stdio: 'ignore' });
  child = started;
  const ended = once(started, 'exit');
  for (let waited = 0; !isTime(at.sandbox.requests); waited += 10) {
    if (started.exitCode !== null || waited > 40_000)
      throw new Error('the run ended before it could be killed');
    await systemClock.sleep(10);
  }
  await systemClock.sleep(laterMs);
  started.kill('SIGKILL');
  await ended;
}

const count = (at: Site, kind: RequestRecord['kind']) =>
  at.sandbox.requests.filter((request) => request.kind === kind).length;

async function expectWhole(at: Site): Promise<void> {
  const expected = at.sandbox.expected(SCOPE);
  const rows = await at.query(
    'select count(*), count(distinct line_item_key), sum(billing_pre_tax_total), count(distinct _load_id) from csp.billed_usage',
  );
  expect(rows[0]?.[0]).toBe(String(expected.records));
  expect(canonicalDecimal(rows[0]?.[2] ?? '')).toBe(expected.sums['USD']);
  expect(rows[0]?.[3]).toBe('1');
  const [snapshot] = await at.query("select count(*) from csp._snapshots where outcome = 'published'");
  expect(snapshot).toEqual(['1']);
}

describe('a run that was killed', () => {
  it('while it polled is gone on with, without a second export', async () => {
    const at = await start('duckdb', { pollsUntilDone: 4, retryAfterSeconds: 1 });
    await runUntil(at, (requests) => requests.some(({ kind }) => kind === 'operation'));
    const summary = await at.sync();
    expect(summary.scopes[0]?.outcome).toBe('published');
    expect(count(at, 'export')).toBe(1);
    await expectWhole(at);
  });

  it('while it downloaded reads only what is missing', async () => {
    const at = await start('duckdb', { blobs: 4, usageRows: 400 });
    at.sandbox.setFaults(['blob-stalled:1']);
    // One blob hangs half way; the three others are whole on disk by the time of the kill.
    await runUntil(at, (requests) => requests.filter(({ kind }) => kind === 'blob').length === 4, 1500);
    at.sandbox.setFaults([]);
    at.sandbox.clearRequests();
    const summary = await at.sync();
    expect(summary.scopes[0]?.outcome).toBe('published');
    expect([count(at, 'export'), count(at, 'blob')]).toEqual([0, 1]);
    expect(at.sandbox.requests.find(({ kind }) => kind === 'blob')?.status).toBe(206);
    await expectWhole(at);
  });

  it.each(['duckdb', 'postgres'] as const)(
    'while it loaded into %s leaves nothing behind, and is gone on with',
    async (engine) => {
      const at = await start(engine, { blobs: 3, usageRows: 6000 });
      await runUntil(at, (requests) => requests.filter(({ kind }) => kind === 'blob').length === 3, 700);
      at.sandbox.clearRequests();
      const summary = await at.sync();
      expect(summary.exitCode).toBe(0);
      expect([count(at, 'export'), count(at, 'blob')]).toEqual([
        summary.scopes[0]?.outcome === 'unchanged' ? 1 : 0,
        0,
      ]);
      await expectWhole(at);
    },
  );
});
