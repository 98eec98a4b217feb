import { afterEach, expect, it } from 'vitest';
import { canonicalDecimal } from '../../schemas/decimal-text.js';
import { startSite, TODAY, type Site } from './site.js';

const SCOPE = { stream: 'billed_usage', invoice: 'G016907411' } as const;
const HOUR_MS = 3_600_000;

let site: Site | undefined;
afterEach(async () => {
  await site?.close();
  site = undefined;
});

async function start(): Promise<Site> {
  const options = {
    pollsUntilDone: 4,
    retryAfterSeconds: 30,
    usageRows: 60,
    invoices: [{ id: SCOPE.invoice, month: '2026-10', currency: 'USD' }],
  };
  const streams = {
    billed_usage: { invoices: [SCOPE.invoice] },
    billed_reconciliation: null,
    unbilled_reconciliation: null,
    unbilled_usage: { periods: ['current'], currencies: ['USD'] },
  };
  site = await startSite({ type: 'duckdb', path: './billing.duckdb' }, options, {
    streams,
    limits: { poll_deadline: '30m' },
  });
  return site;
}

const hours = (count: number) => new Date(TODAY.getTime() + count * HOUR_MS);
const exportsAsked = (at: Site) => at.sandbox.requests.filter(({ kind }) => kind === 'export').length;

async function expectRows(at: Site): Promise<void> {
  const { records, sums } = at.sandbox.expected(SCOPE);
  const [row] = await at.query('select count(*), sum(billing_pre_tax_total) from csp.billed_usage');
  expect([row?.[0], canonicalDecimal(row?.[1] ?? '')]).toEqual([String(records), sums['USD']]);
  expect(await at.query('select distinct billing_month from csp.unbilled_usage')).toEqual([['2026-11-01']]);
}

it.each([
  ['six hours ahead', 6],
  ['six hours behind', -6],
  ['nine days ahead, in the next month', 9 * 24],
])(
  'a clock that is %s gives the same rows, in the month that Graph says, and a warning',
  async (_how, by) => {
    const at = await start();
    at.moveTo(hours(by));
    const summary = await at.sync();
    expect(summary.scopes.map(({ outcome }) => outcome)).toEqual(['published', 'published']);
    expect(summary.scopes[0]?.warnings).toContainEqual(
      expect.stringMatching(/the clock of this machine \(.*\) differs from Graph's/),
    );
    expect(exportsAsked(at)).toBe(2);
    await expectRows(at);
  },
);

it.each([
  ['forward', 12],
  ['back', -12],
])(
  'a clock that is set twelve hours %s while a run polls ends no wait and begins no export anew',
  async (_how, by) => {
    const at = await start();
    const push = at.events.push.bind(at.events);
    let isSet = false;
    at.events.push = (...events) => {
      if (!isSet && events.some(({ event }) => event === 'export.polled')) {
        isSet = true;
        at.moveTo(hours(by));
      }
      return push(...events);
    };
    const summary = await at.sync();
    expect(isSet).toBe(true);
    expect([summary.exitCode, summary.outcome]).toEqual([0, '2 published']);
    expect(exportsAsked(at)).toBe(2);
    await expectRows(at);
    // What was recorded under the wrong time keeps no later run from its work.
    at.moveTo(hours(24));
    at.sandbox.restate(SCOPE, { changed: 5 });
    const next = await at.sync({ invoices: [SCOPE.invoice], streams: [SCOPE.stream] });
    expect(next.scopes.map(({ outcome }) => outcome)).toEqual(['published']);
  },
);
