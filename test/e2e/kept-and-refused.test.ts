import { readdir, rm, writeFile } from 'node:fs/promises';
import { join } from 'node:path';
import { afterEach, describe, expect, it } from 'vitest';
import { isKept } from '../../connector/load-scope.js';
import { DataError, IntegrityError } from '../../schemas/errors.js';
import type { Scope } from '../../schemas/scope.js';
import { startSite, type Site } from './site.js';

const MONTH: Scope = { by: 'month', stream: 'unbilled_usage', month: '2026-10', currency: 'USD' };
const INVOICE: Scope = { by: 'invoice', stream: 'billed_usage', invoice: 'G016907411' };
const INVOICES = [{ id: INVOICE.invoice, month: '2026-10', currency: 'USD' }];
const NONE = {
  billed_usage: null,
  billed_reconciliation: null,
  unbilled_usage: null,
  unbilled_reconciliation: null,
};

let site: Site | undefined;

afterEach(async () => {
  await site?.close();
  site = undefined;
});

async function unbilledSite(day: string): Promise<Site> {
  const unbilled = { unbilled_usage: { periods: ['last'], currencies: ['USD'] } };
  const now = () => new Date(`${day}T12:00:00Z`);
  site = await startSite(
    { type: 'duckdb', path: './billing.duckdb' },
    { invoices: INVOICES, now },
    { streams: { ...NONE, ...unbilled } },
  );
  expect((await site.sync()).outcome).toBe('1 published');
  return site;
}

const rows = async (at: Site, table: string) => (await at.query(`select count(*) from csp.${table}`))[0]?.[0];

describe('an unbilled answer that is not what it was', () => {
  it('keeps the old snapshot with a warning through the 11th, and is an error after it', () => {
    const at = (day: string) => new Date(`2026-11-${day}T23:59:59Z`);
    const empty = new IntegrityError({ message: 'm', hint: 'h', facts: { rule: 'empty' } });
    const month = new IntegrityError({ message: 'm', hint: 'h', facts: { rule: 'month' } });
    expect([empty, month].map((error) => isKept(MONTH, error, at('11')))).toEqual([true, true]);
    expect([empty, month].map((error) => isKept(MONTH, error, at('12')))).toEqual([false, false]);
    expect(isKept(INVOICE, empty, at('05'))).toBe(false);
    expect(isKept(MONTH, new DataError({ message: 'm', hint: 'h' }), at('05'))).toBe(false);
  });

  it.each(['manifest-no-blobs', 'rows-none', 'poll-failed-5000'] as const)(
    'is kept on the 5th, exit 0, when it turned empty (%s)',
    async (fault) => {
      const at = await unbilledSite('2026-11-05');
      const before = await rows(at, 'unbilled_usage');
      at.sandbox.restate({ stream: 'unbilled_usage', month: '2026-10', currency: 'USD' }, { changed: 1 });
      at.sandbox.setFaults([fault]);
      const summary = await at.sync();
      expect([summary.scopes[0]?.outcome, summary.exitCode]).toEqual(['kept', 0]);
      expect(summary.scopes[0]?.warnings).toHaveLength(1);
      expect(await rows(at, 'unbilled_usage')).toBe(before);
    },
  );

  it('is refused on the 23rd, exit 6, when it turned empty', async () => {
    const at = await unbilledSite('2026-11-23');
    const before = await rows(at, 'unbilled_usage');
    at.sandbox.restate({ stream: 'unbilled_usage', month: '2026-10', currency: 'USD' }, { changed: 1 });
    at.sandbox.setFaults(['rows-none']);
    const summary = await at.sync();
    expect([summary.scopes[0]?.outcome, summary.exitCode]).toEqual(['refused', 6]);
    expect(await rows(at, 'unbilled_usage')).toBe(before);
  });
});

describe('records over the limit', () => {
  it('are looked at again only when something changed that could let them pass', async () => {
    const streams = { ...NONE, billed_usage: { invoices: [INVOICE.invoice] } };
    const at = (site = await startSite(
      { type: 'duckdb', path: './billing.duckdb' },
      { invoices: INVOICES },
      { streams },
    ));
    at.sandbox.setFaults(['rows-broken-line']);
    const first = await at.sync();
    expect([first.scopes[0]?.outcome, first.exitCode]).toEqual(['refused', 4]);
    expect(first.scopes[0]?.error?.message).not.toContain('the data is the same');

    at.events.length = 0;
    const second = await at.sync();
    expect([second.scopes[0]?.outcome, second.exitCode]).toEqual(['refused', 4]);
    expect(second.scopes[0]?.error?.message).toContain('the data is the same');
    expect(at.events.filter(({ event }) => event === 'load.started' || event === 'blob.whole')).toEqual([]);

    await at.configure({ streams, limits: { rejected_records: 100 } });
    at.sandbox.clearRequests();
    const third = await at.sync();
    expect([third.scopes[0]?.outcome, third.exitCode]).toEqual(['published', 0]);
    expect(at.sandbox.requests.filter(({ kind }) => kind === 'blob')).toEqual([]);
    const { counts } = third.scopes[0] ?? {};
    expect(counts?.rejected).toBeGreaterThan(0);
    expect(await rows(at, '_rejected_records')).toBe(String(counts?.rejected));
    expect(await rows(at, 'billed_usage')).toBe(String(counts?.staged));
    expect((counts?.staged ?? 0) + (counts?.rejected ?? 0)).toBe(counts?.read);
  });
});

describe('a run that a person stops while it loads', () => {
  it('publishes nothing of that scope, says how to go on, and is gone on with', async () => {
    const streams = { ...NONE, billed_usage: { invoices: [INVOICE.invoice] } };
    const at = (site = await startSite(
      { type: 'duckdb', path: './billing.duckdb' },
      { invoices: INVOICES, usageRows: 3000 },
      { streams },
    ));
    const stop = new AbortController();
    const push = at.events.push.bind(at.events);
    at.events.push = (...events) => {
      if (events.some(({ event }) => event === 'load.records')) stop.abort(new Error('stopped by SIGTERM'));
      return push(...events);
    };
    const stopped = await at.sync({}, stop.signal);
    expect(stopped.scopes[0]).toMatchObject({ outcome: 'failed', exitCode: 3, error: { kind: 'transient' } });
    expect(stopped.scopes[0]?.error?.hint).toMatch(/run the same command again/);
    expect(await rows(at, 'billed_usage')).toBe('0');
    at.events.push = push;
    at.sandbox.clearRequests();
    expect((await at.sync()).outcome).toBe('1 published');
    expect(at.sandbox.requests).toEqual([]);
    expect(await rows(at, 'billed_usage')).toBe(
      String(at.sandbox.expected({ stream: 'billed_usage', invoice: INVOICE.invoice }).records),
    );
  });
});

describe('an archive that cannot be written', () => {
  it('does not unsay a snapshot that is committed; the package is archived by the next run', async () => {
    const streams = { ...NONE, billed_usage: { invoices: [INVOICE.invoice] } };
    const at = (site = await startSite(
      { type: 'duckdb', path: './billing.duckdb' },
      { invoices: INVOICES },
      { streams, archive: './archive' },
    ));
    const archive = join(at.folder, 'archive');
    await writeFile(archive, 'a file where the folder is to be');
    const first = await at.sync();
    expect(first.scopes[0]?.outcome).toBe('published');
    expect(first.exitCode).not.toBe(0);
    expect(first.scopes[0]?.warnings[0]).toMatch(/published, but its load package stays in the spool/);
    const snapshots = 'select outcome from csp._snapshots order by 1';
    expect(await at.query(snapshots)).toEqual([['published']]);

    await rm(archive);
    at.sandbox.clearRequests();
    const second = await at.sync();
    expect([second.outcome, second.exitCode]).toEqual(['nothing changed', 0]);
    expect(at.sandbox.requests.filter(({ kind }) => kind === 'blob')).toEqual([]);
    const archived = await readdir(archive, { recursive: true });
    expect(archived.filter((name) => name.endsWith('.json.gz'))).toHaveLength(2);
    expect(await at.query(snapshots)).toEqual([['published']]);
  });
});
