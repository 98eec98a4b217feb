import { afterAll, beforeAll, describe, expect, it } from 'vitest';
import type { RunSummary } from '../../connector/run-summary.js';
import { createTestDatabase, type TestDatabase } from '../postgres-server.js';
import { startDatedSite, type DatedSite } from './dated-site.js';

const INVOICES = [
  { id: 'G016907411', month: '2026-10', currency: 'USD' },
  { id: 'G016907412', month: '2026-10', currency: 'EUR' },
  { id: 'G016907391', month: '2026-09', currency: 'USD' },
  { id: 'G016907371', month: '2026-08', currency: 'USD' },
];
const NO_ESTIMATES = { unbilled_usage: null, unbilled_reconciliation: null };
const DISCOVER = {
  ...NO_ESTIMATES,
  billed_usage: { invoices: 'discover', since: '2026-10' },
  billed_reconciliation: { invoices: 'discover', since: '2026-10' },
};
/** The list of the sandbox from October's first day on: its notes, a void invoice and legacy documents among them. */
const LISTED = [
  ['D02005YFHI', null, 'invoice', 'active', null],
  ['D0200607KM', null, 'invoice', 'active', null],
  ['D0200711QX', null, 'invoice', 'active', null],
  ['G016907391', null, 'invoice', 'active', '2026-09-01'],
  ['G016907411', null, 'invoice', 'active', '2026-10-01'],
  ['G016907412', null, 'invoice', 'active', '2026-10-01'],
  ['G716907411', 'G016907411', 'adjustment_note', 'active', '2026-10-01'],
  ['G816907411', 'G916907411', 'void_note', 'active', '2026-10-01'],
  ['G916907411', null, 'invoice', 'void', '2026-10-01'],
];
const BY_HAND = /list ids by hand/;
const EXPORTED = ['G016907411', 'G016907412', 'G716907411', 'G816907411', 'G916907411'];

let database: TestDatabase;
const sites = {} as Record<'duckdb' | 'postgres', DatedSite>;
beforeAll(async () => {
  database = await createTestDatabase();
  const destinations = {
    duckdb: { type: 'duckdb', path: './billing.duckdb' },
    postgres: { type: 'postgres', url: database.url },
  };
  for (const engine of ['duckdb', 'postgres'] as const) {
    const settings = { destination: destinations[engine], streams: DISCOVER };
    sites[engine] = await startDatedSite('2026-11-23', { invoices: INVOICES }, settings);
  }
});
afterAll(async () => {
  for (const site of Object.values(sites)) await site.close();
  await database.drop();
});

const asked = ({ scopes }: RunSummary) => scopes.map(({ stream, scope }) => `${stream} ${scope}`).sort();
const listRequests = ({ sandbox }: DatedSite) => sandbox.requests.filter(({ kind }) => kind === 'invoices');

describe.each(['duckdb', 'postgres'] as const)('invoices: discover into %s', (engine) => {
  it('exports what the list names from since on, notes too, and no legacy document', async () => {
    const { summary, exitCode } = await sites[engine].run(['sync']);
    expect(exitCode).toBe(0);
    expect(asked(summary)).toEqual(
      ['billed_reconciliation', 'billed_usage'].flatMap((stream) =>
        EXPORTED.map((invoice) => `${stream} ${invoice}`),
      ),
    );
    const published = summary.scopes.filter(({ outcome }) => outcome === 'published');
    expect(published.map(({ scope }) => scope).sort()).toEqual(
      ['G016907411', 'G016907412'].flatMap((invoice) => [invoice, invoice]),
    );
    const others = summary.scopes.filter(({ outcome }) => outcome !== 'published');
    expect(others.map(({ outcome, exitCode: code }) => `${outcome} ${code}`)).toEqual(
      Array.from({ length: 6 }, () => 'no data 0'),
    );
    expect(summary.invoiceList).toEqual({
      ...{ outcome: 'read', exitCode: 0, documents: 9, warnings: [] },
      changes: { inserted: 9, updated: 0, deleted: 0, unchanged: 0 },
    });
  });

  it('keeps the list exactly, with the amounts to the last digit and where each row comes from', async () => {
    const site = sites[engine];
    const rows = await site.query(
      'select invoice_number, amends_of, document_type, status, billing_month, total_charges, _load_id, _first_load_id from csp.invoices order by 1',
    );
    expect(rows.map((row) => row.slice(0, 5))).toEqual(LISTED);
    const totals = new Map(rows.map((row) => [row[0], row[5]]));
    for (const invoice of ['G016907411', 'G016907412', 'G016907391']) {
      expect(totals.get(invoice)).toBe(site.sandbox.totalCharges(invoice));
    }
    expect([totals.get('G716907411'), totals.get('G816907411')]).toEqual(['-12.5', '-1234.56']);
    const [[loadId = '', runId, documents] = []] = await site.query(
      'select load_id, run_id, documents from csp._invoice_lists',
    );
    const [[lastRun] = []] = await site.query('select run_id from csp._runs');
    expect([runId, documents]).toEqual([lastRun, '9']);
    expect(new Set(rows.flatMap((row) => row.slice(6)))).toEqual(new Set([loadId]));
  });

  it('changes nothing when it runs again', async () => {
    const site = sites[engine];
    site.on('2026-11-24');
    const everything = 'select * from csp.invoices order by 1';
    const before = await site.query(everything);
    const { summary, exitCode } = await site.run(['sync']);
    expect([summary.outcome, exitCode]).toEqual(['nothing to do', 0]);
    expect(summary.invoiceList?.changes).toEqual({ inserted: 0, updated: 0, deleted: 0, unchanged: 9 });
    expect(await site.query(everything)).toEqual(before);
    expect(await site.query('select count(*) from csp.invoices_history')).toEqual([['0']]);
  });

  it.each([
    ['2026-11-30', 'invoices-403', 2, /right to read invoices at Partner Center is missing/, BY_HAND],
    ['2026-12-07', 'invoices-401', 2, /with a new token too/, BY_HAND],
    ['2026-12-14', 'invoices-total-count', 6, /says that there are \d+ documents, but names \d+/, BY_HAND],
  ] as const)(
    'goes on with the invoices recorded before when the list fails (%s, %s)',
    async (day, fault, code, message, hint) => {
      const site = sites[engine];
      // A week later each invoice is asked for again, and one has changed.
      site.on(day);
      site.sandbox.setFaults([fault]);
      site.sandbox.restate({ stream: 'billed_usage', invoice: 'G016907412' }, { changed: 1 });
      const { summary, exitCode } = await site.run(['sync']);
      site.sandbox.setFaults([]);
      expect(exitCode).toBe(code);
      expect(summary.invoiceList).toMatchObject({ outcome: 'failed', exitCode: code, documents: null });
      expect(summary.invoiceList?.error?.message).toMatch(message);
      expect(summary.invoiceList?.error?.hint).toMatch(hint);
      expect(asked(summary)).toEqual(
        ['billed_reconciliation', 'billed_usage'].flatMap((stream) =>
          EXPORTED.map((invoice) => `${stream} ${invoice}`),
        ),
      );
      expect(summary.outcome).toBe('invoice list failed, 1 published, 6 no data, 3 unchanged');
      expect(await site.query('select count(*) from csp.invoices')).toEqual([['9']]);
    },
  );

  it('says in its summary for people that the list failed, what is missing and what to do instead', async () => {
    const site = sites[engine];
    site.sandbox.setFaults(['invoices-403']);
    const { err, exitCode } = await site.cli(['sync']);
    site.sandbox.setFaults([]);
    expect(exitCode).toBe(2);
    const lines = err.split('\n').filter((line) => /right to read invoices|list ids by hand/.test(line));
    expect(lines).toHaveLength(2);
    expect(lines[0]).toMatch(
      /^error: invoice list: .*; the right to read invoices at Partner Center is missing$/,
    );
    expect(lines[1]).toMatch(/^ {2}hint: .*list ids by hand instead \(invoices: \[G\.\.\.\]\)/);
  });

  it('reads a list whose next page repeats once', async () => {
    const site = sites[engine];
    for (const fault of ['invoices-repeat', 'invoices-same-next'] as const) {
      site.sandbox.setFaults([fault]);
      const { summary, exitCode } = await site.run(['sync']);
      expect([exitCode, summary.invoiceList?.documents]).toEqual([0, 9]);
      expect(summary.invoiceList?.changes?.unchanged).toBe(9);
    }
    site.sandbox.setFaults([]);
  });

  it('keeps what is recorded when the list is empty, and warns', async () => {
    const site = sites[engine];
    site.sandbox.setFaults(['invoices-empty']);
    const { summary, exitCode, err } = await site.run(['sync']);
    site.sandbox.setFaults([]);
    expect(exitCode).toBe(0);
    expect(summary.invoiceList).toMatchObject({ outcome: 'empty', documents: 0 });
    expect(summary.invoiceList?.changes).toMatchObject({ deleted: 0 });
    expect(err).toMatch(/warning: the invoice list is empty; what is recorded of it is kept/);
    expect(await site.query('select count(*) from csp.invoices')).toEqual([['9']]);
  });

  it('reads no list for ids by hand, in the configuration or on the command line', async () => {
    const site = sites[engine];
    site.sandbox.clearRequests();
    const named = await site.run(['sync', '--invoice', 'G016907371', '--stream', 'billed_usage']);
    expect(named.summary.scopes.map(({ scope, outcome }) => `${scope} ${outcome}`)).toEqual([
      'G016907371 published',
    ]);
    expect([named.exitCode, named.summary.invoiceList, listRequests(site)]).toEqual([0, null, []]);

    const byHand = { invoices: ['G016907391'] };
    const destination = currentDestination(engine);
    const streams = { ...NO_ESTIMATES, billed_usage: byHand, billed_reconciliation: null };
    await site.configure({ destination, streams });
    const listed = await site.run(['sync']);
    expect(listed.summary.scopes.map(({ scope, outcome }) => `${scope} ${outcome}`)).toEqual([
      'G016907391 published',
    ]);
    expect([listed.exitCode, listed.summary.invoiceList, listRequests(site)]).toEqual([0, null, []]);
    expect(asked(listed.summary)).toHaveLength(1);
  });
});

function currentDestination(engine: 'duckdb' | 'postgres'): object {
  return engine === 'duckdb'
    ? { type: 'duckdb', path: './billing.duckdb' }
    : { type: 'postgres', url: database.url };
}

describe('a list that fails before anything was recorded', () => {
  it('leaves estimates and ids by hand to be loaded, and is the exit code', async () => {
    const streams = {
      billed_usage: { invoices: 'discover' },
      billed_reconciliation: { invoices: ['G016907411'] },
      unbilled_usage: { periods: ['current'], currencies: ['USD'] },
      unbilled_reconciliation: null,
    };
    const destination = { type: 'duckdb', path: './billing.duckdb' };
    const site = await startDatedSite('2026-11-23', { invoices: INVOICES }, { destination, streams });
    try {
      site.sandbox.setFaults(['invoices-403']);
      const { summary, exitCode } = await site.run(['sync']);
      expect([exitCode, summary.outcome]).toEqual([2, 'invoice list failed, 2 published']);
      expect(asked(summary)).toEqual(['billed_reconciliation G016907411', 'unbilled_usage 2026-11-USD']);
      expect(await site.query('select exit_code, outcome from csp._runs')).toEqual([['2', summary.outcome]]);
    } finally {
      await site.close();
    }
  });
});

describe('a document that changes in the list', () => {
  it('is replaced, what it said before is in invoices_history, and its notes are exported', async () => {
    const invoices = [{ id: 'G016907411', month: '2026-10', currency: 'USD' }];
    const script = [
      { on: '2026-11-14', void: 'G016907411', note: 'G016907466' },
      { on: '2026-11-14', creditNote: 'G016907455', amends: 'G016907411', lines: 3 },
    ];
    const site = await startDatedSite(
      '2026-11-08',
      { invoices, calendar: { usageRowsPerDay: 1, script } },
      {
        destination: { type: 'duckdb', path: './billing.duckdb' },
        streams: {
          ...NO_ESTIMATES,
          billed_usage: { invoices: 'discover' },
          billed_reconciliation: { invoices: 'discover' },
        },
      },
    );
    try {
      expect((await site.run(['sync'])).summary.invoiceList?.changes).toMatchObject({ inserted: 1 });
      const [[firstLoad = ''] = []] = await site.query('select _load_id from csp.invoices');
      site.on('2026-11-14');
      const { summary } = await site.run(['sync']);
      expect(summary.invoiceList?.changes).toEqual({ inserted: 2, updated: 1, deleted: 0, unchanged: 0 });
      const columns = 'invoice_number, status, amends_of, total_charges';
      const total = site.sandbox.totalCharges('G016907411');
      expect(await site.query(`select ${columns} from csp.invoices order by 1`)).toEqual([
        ['G016907411', 'void', null, total],
        ['G016907455', 'active', 'G016907411', site.sandbox.totalCharges('G016907455')],
        ['G016907466', 'active', 'G016907411', `-${total}`],
      ]);
      // The credit note has lines of its own, and no usage; a void note has nothing. Nobody is warned of that.
      const note = { stream: 'billed_reconciliation', invoice: 'G016907455' } as const;
      const { records, sums } = site.sandbox.expected(note);
      const lines =
        "select count(*), sum(subtotal) from csp.billed_reconciliation where invoice_number = 'G016907455'";
      expect(await site.query(lines)).toEqual([[String(records), sums['USD']]]);
      expect(summary.scopes.filter(({ outcome }) => outcome === 'no data')).toMatchObject([
        { stream: 'billed_usage', scope: 'G016907455', warnings: [] },
        { stream: 'billed_usage', scope: 'G016907466', warnings: [] },
        { stream: 'billed_reconciliation', scope: 'G016907466', warnings: [] },
      ]);
      const lineage = 'select _first_load_id, _load_id from csp.invoices where status = ';
      const [[first = '', now = ''] = []] = await site.query(`${lineage}'void'`);
      expect(first).toBe(firstLoad);
      expect(String(now) > String(firstLoad)).toBe(true);
      expect(
        await site.query(
          `select ${columns}, _load_id, _replaced_by_load_id, _change from csp.invoices_history`,
        ),
      ).toEqual([['G016907411', 'active', null, total, firstLoad, now, 'changed']]);
    } finally {
      await site.close();
    }
  });
});
