import { afterEach, beforeEach, describe, expect, it } from 'vitest';
import { Interruption } from '../../connector/interruption.js';
import { startDatedSite, type DatedRun, type DatedSite } from './dated-site.js';

/** Invoices of past months, `G24010001` for January 2024: what a new customer wants first. */
const MONTHS = ['01', '02', '03', '04'].map((month) => `2024-${month}`);
const INVOICES = MONTHS.map((month) => ({ id: idOf(month), month, currency: 'USD' }));
const DESTINATION = { type: 'duckdb', path: './billing.duckdb' };
const NO_ESTIMATES = { unbilled_usage: null, unbilled_reconciliation: null };
const DISCOVER = {
  ...NO_ESTIMATES,
  billed_usage: { invoices: 'discover', since: '2026-01' },
  billed_reconciliation: { invoices: 'discover', since: '2026-01' },
};
const ONE_AT_A_TIME = { limits: { concurrent_exports: 1 } };

let site: DatedSite;
beforeEach(async () => {
  const options = { invoices: INVOICES, calendar: {}, currencies: ['USD'] };
  site = await startDatedSite('2026-11-23', options, {
    ...{ destination: DESTINATION, streams: DISCOVER },
    ...ONE_AT_A_TIME,
  });
});
afterEach(() => site.close());

function idOf(month: string): string {
  return `G${month.replace('-', '').slice(2)}0001`;
}

const backfill = (from: string, to: string, ...more: string[]) =>
  site.run(['backfill', '--from', from, '--to', to, ...more]);
const published = ({ summary }: DatedRun) =>
  summary.scopes
    .filter(({ outcome }) => outcome === 'published')
    .map(({ stream, scope }) => `${stream} ${scope}`)
    .sort();
const both = (months: readonly string[]) =>
  ['billed_reconciliation', 'billed_usage'].flatMap((stream) =>
    months.map((month) => `${stream} ${idOf(month)}`),
  );
const loads = () => site.query('select stream, scope, load_id, state from csp._scopes order by 1, 2');

describe('backfill', () => {
  it('loads the invoices of the months named, both ends inclusive, whatever since says, each in its own load', async () => {
    const run = await backfill('2024-02', '2024-04');
    expect([run.exitCode, published(run)]).toEqual([0, both(['2024-02', '2024-03', '2024-04'])]);
    expect(run.summary.scopes).toHaveLength(6);
    const ids = (await loads()).map(([, , loadId]) => loadId);
    expect(new Set(ids).size).toBe(6);
    for (const month of ['2024-02', '2024-03', '2024-04']) {
      const expected = site.sandbox.expected({ stream: 'billed_usage', invoice: idOf(month) });
      const rows = `select count(*), sum(billing_pre_tax_total) from csp.billed_usage where invoice_number = '${idOf(month)}'`;
      expect(await site.query(rows)).toEqual([[String(expected.records), expected.sums['USD']]]);
    }
  });

  it('asks only for what is missing when it runs again, and touches nothing that is published', async () => {
    await backfill('2024-02', '2024-03');
    const before = await loads();
    const rows = await site.query('select * from csp.billed_usage order by all');
    expect(site.exportsAskedFor()).toBe(4);
    const again = await backfill('2024-02', '2024-03');
    expect([again.exitCode, again.summary.outcome, site.exportsAskedFor()]).toEqual([0, 'nothing to do', 0]);
    const more = await backfill('2024-01', '2024-04');
    expect([published(more), site.exportsAskedFor()]).toEqual([both(['2024-01', '2024-04']), 4]);
    expect(await loads()).toEqual(expect.arrayContaining(before));
    const kept = `select * from csp.billed_usage where invoice_number in ('${idOf('2024-02')}', '${idOf('2024-03')}') order by all`;
    expect(await site.query(kept)).toEqual(rows);
  });

  it('leaves the others standing when one fails, names it with its hint at the end, and goes on with it alone', async () => {
    site.sandbox.setFaults(['post-400:1', 'rows-broken-line']);
    const first = await site.cli(['backfill', '--from', '2024-01', '--to', '2024-01']);
    // One is refused by Graph (2), one has a record that is none (4): the gravest is the run's.
    expect(first.exitCode).toBe(4);
    site.sandbox.setFaults(['post-400:1']);
    const { exitCode, err } = await site.cli(['backfill', '--from', '2024-02', '--to', '2024-03']);
    site.sandbox.setFaults([]);
    expect(exitCode).toBe(2);
    const failed = (
      await site.query("select stream, scope from csp._scopes where load_id is null and scope <> 'G24010001'")
    )[0];
    const lines = err.trimEnd().split('\n').slice(-4);
    expect(lines[0]).toMatch(new RegExp(`^error: ${failed?.join(' ')}: .*400`));
    expect(lines[1]).toMatch(/^ {2}hint: ./);
    expect(lines[2]).toBe('  (config, exit 2)');
    expect(lines[3]).toMatch(/^run \S+: 1 failed, 3 published, .*exit 2$/);

    site.exportsAskedFor();
    const second = await backfill('2024-01', '2024-03');
    expect(second.exitCode).toBe(0);
    expect(published(second)).toEqual([...both(['2024-01']), failed?.join(' ')].sort());
    expect(site.exportsAskedFor()).toBe(3);
  });

  it('goes on where it was interrupted', async () => {
    const stop = new AbortController();
    const stopped = await site.run(['backfill', '--from', '2024-01', '--to', '2024-04'], {
      signal: stop.signal,
      onErr: (text) => {
        if (/^billed_\w+ G\d+ +published/m.test(text)) stop.abort(new Interruption('SIGTERM'));
      },
    });
    const done = published(stopped);
    expect(done.length).toBeGreaterThan(0);
    expect(done.length).toBeLessThan(8);
    const before = (await loads()).filter(([, , loadId]) => loadId !== null);
    expect(before.map(([stream, scope]) => `${stream} ${scope}`)).toEqual(done);
    site.exportsAskedFor();

    const resumed = await backfill('2024-01', '2024-04');
    expect(resumed.exitCode).toBe(0);
    expect([...done, ...published(resumed)].sort()).toEqual(both(MONTHS));
    expect(site.exportsAskedFor()).toBeLessThanOrEqual(8 - done.length);
    expect(await loads()).toEqual(expect.arrayContaining(before));
    const perInvoice = 'select invoice_number, count(*) from csp.billed_reconciliation group by 1 order by 1';
    expect(await site.query(perInvoice)).toEqual(
      MONTHS.map((month) => {
        const { records } = site.sandbox.expected({ stream: 'billed_reconciliation', invoice: idOf(month) });
        return [idOf(month), String(records)];
      }),
    );
  });

  it('works where the stream lists ids by hand, and for one stream alone', async () => {
    const byHand = {
      billed_usage: { invoices: ['G26100001'] },
      billed_reconciliation: { invoices: ['G26100001'] },
    };
    await site.configure({ destination: DESTINATION, streams: { ...NO_ESTIMATES, ...byHand } });
    const run = await backfill('2024-03', '2024-04', '--stream', 'billed_reconciliation');
    expect([run.exitCode, published(run)]).toEqual([
      0,
      [`billed_reconciliation ${idOf('2024-03')}`, `billed_reconciliation ${idOf('2024-04')}`],
    ]);
    expect(run.summary.invoiceList?.outcome).toBe('read');
  });

  it('is what no later run asks for again, and what a run without options leaves alone', async () => {
    await backfill('2024-01', '2024-01');
    site.exportsAskedFor();
    site.on('2026-12-23');
    const night = await site.run(['sync']);
    expect([night.exitCode, night.summary.outcome, site.exportsAskedFor()]).toEqual([0, 'nothing to do', 0]);
  });

  it('is exit 2 for months the wrong way round, no month, no billed stream', async () => {
    const wrong = await site.cli(['backfill', '--from', '2024-12', '--to', '2024-01']);
    expect([wrong.exitCode, wrong.err]).toEqual([
      2,
      expect.stringMatching(/--from 2024-12 is after --to 2024-01/),
    ]);
    const none = await site.cli(['backfill', '--from', '2024-13', '--to', '2025-01']);
    expect([none.exitCode, none.err]).toEqual([2, expect.stringMatching(/2024-13/)]);
    const one = await site.cli(['backfill', '--from', '2024-01']);
    expect([one.exitCode, one.err]).toEqual([2, expect.stringMatching(/--to/)]);
    const unbilled = { ...DISCOVER, billed_usage: null, billed_reconciliation: null };
    const estimates = { ...unbilled, unbilled_usage: { periods: ['current'], currencies: ['USD'] } };
    await site.configure({ destination: DESTINATION, streams: estimates });
    const billed = await site.cli(['backfill', '--from', '2024-01', '--to', '2024-02']);
    expect([billed.exitCode, billed.err]).toEqual([
      2,
      expect.stringMatching(/backfill needs a billed stream/),
    ]);
    expect(site.exportsAskedFor()).toBe(0);
  });

  it('says so where the list names no invoice of the months', async () => {
    const run = await site.cli(['backfill', '--from', '2023-01', '--to', '2023-12']);
    expect(run.exitCode).toBe(0);
    expect(run.err).toMatch(/warning: the invoice list, as recorded, names no invoice of 2023-01 to 2023-12/);
  });
});
