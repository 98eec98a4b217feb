import { afterEach, describe, expect, it } from 'vitest';
import type { BillingCalendar } from '../../connector/sandbox/sandbox.js';
import { outcomesOf, startDatedSite, type DatedSite } from './dated-site.js';

const INVOICE = 'G016907411';
const INVOICES = [{ id: INVOICE, month: '2026-10', currency: 'USD' }];
const NONE = {
  billed_usage: null,
  billed_reconciliation: null,
  unbilled_usage: null,
  unbilled_reconciliation: null,
};
const DESTINATION = { type: 'duckdb', path: './billing.duckdb' };
/** What October's usage is called as a scope that is asked for by name. */
const USAGE = `billed_usage:${INVOICE}`;

let site: DatedSite | undefined;
afterEach(async () => {
  await site?.close();
  site = undefined;
});

async function start(
  day: string,
  streams: Record<string, unknown>,
  calendar?: BillingCalendar,
): Promise<DatedSite> {
  const options = { invoices: INVOICES, ...(calendar === undefined ? {} : { calendar }) };
  site = await startDatedSite(day, options, { destination: DESTINATION, streams: { ...NONE, ...streams } });
  return site;
}

const recorded = async (at: DatedSite) =>
  await at.query('select stream, scope, state from csp._scopes order by 1, 2');

const DISCOVER = {
  billed_usage: { invoices: 'discover' },
  billed_reconciliation: { invoices: 'discover' },
};
const LATE = { listedOn: 8, linesOn: 8, usageOn: 20, usageRowsPerDay: 1 };

describe('a young invoice whose usage is not there', () => {
  it('is pending, exit 0 and without a warning, is asked for every night, and is missing after the 11th', async () => {
    const at = await start('2026-11-08', DISCOVER, LATE);
    for (const day of ['08', '09', '10', '11']) {
      at.on(`2026-11-${day}`);
      const night = await at.run(['sync']);
      expect(outcomesOf(night)).toMatchObject({ [`billed_usage ${INVOICE}`]: 'pending 0' });
      expect([night.exitCode, night.err]).toEqual([0, expect.not.stringMatching(/warning|error/)]);
    }
    expect(await recorded(at)).toEqual([
      ['billed_reconciliation', INVOICE, 'published'],
      ['billed_usage', INVOICE, 'pending'],
    ]);
    at.on('2026-11-12');
    const missing = await at.run(['sync']);
    expect([missing.exitCode, outcomesOf(missing)[`billed_usage ${INVOICE}`]]).toEqual([6, 'failed 6']);
    const { error } = missing.summary.scopes.find(({ stream }) => stream === 'billed_usage') ?? {};
    expect(error).toMatchObject({ kind: 'integrity', facts: { code: '5000', scope: INVOICE } });
    expect(error?.message).toMatch(/though it was due by the 11th/);
    expect(error?.hint).toContain(`partner-billing sync --allow-empty ${USAGE}`);

    at.on('2026-11-20');
    const arrived = await at.run(['sync']);
    expect([arrived.exitCode, outcomesOf(arrived)[`billed_usage ${INVOICE}`]]).toEqual([0, 'published 0']);
  });

  it('has no data once a person says so by name, and is not asked for again', async () => {
    const at = await start('2026-11-12', DISCOVER, LATE);
    expect((await at.run(['sync'])).exitCode).toBe(6);
    const allowed = await at.run(['sync', '--allow-empty', USAGE]);
    expect([allowed.exitCode, outcomesOf(allowed)[`billed_usage ${INVOICE}`]]).toEqual([0, 'no data 0']);
    expect(await recorded(at)).toEqual([
      ['billed_reconciliation', INVOICE, 'published'],
      ['billed_usage', INVOICE, 'no data'],
    ]);
    for (const day of ['2026-11-13', '2026-11-20', '2026-12-20']) {
      at.on(day);
      const later = await at.run(['sync']);
      expect([later.exitCode, Object.keys(outcomesOf(later))]).toEqual([
        0,
        expect.not.arrayContaining([`billed_usage ${INVOICE}`]),
      ]);
    }
    const plan = JSON.parse((await at.cli(['plan', '--json'])).out) as { left: { reason: string }[] };
    expect(plan.left.map(({ reason }) => reason)).toContain(
      'a person said on 2026-11-12 that it has no data',
    );
    // Asked for by name it is: the usage has come by now.
    const named = await at.run(['sync', '--invoice', INVOICE, '--stream', 'billed_usage']);
    expect(outcomesOf(named)).toEqual({ [`billed_usage ${INVOICE}`]: 'published 0' });
  });

  it('is exit 2 where --allow-empty names what no run may ask for', async () => {
    const at = await start('2026-11-12', DISCOVER, LATE);
    const wrong = await at.cli(['sync', '--allow-empty', '2026-11-USD']);
    expect([wrong.exitCode, wrong.err]).toEqual([
      2,
      expect.stringMatching(/names no scope that this run may ask for/),
    ]);
  });
});

describe('an old invoice without data', () => {
  it('is recorded as having none, exit 0, and left alone after that', async () => {
    const at = await start(
      '2026-12-27',
      { billed_usage: { invoices: 'discover' } },
      { ...LATE, usageOn: 28 },
    );
    at.sandbox.setFaults(['poll-failed-5000']);
    const night = await at.run(['sync']);
    expect([night.exitCode, outcomesOf(night)]).toEqual([0, { [`billed_usage ${INVOICE}`]: 'no data 0' }]);
    expect(await recorded(at)).toEqual([['billed_usage', INVOICE, 'no data']]);
    at.exportsAskedFor();
    at.on('2027-01-10');
    expect((await at.run(['sync'])).summary.outcome).toBe('nothing to do');
    expect(at.exportsAskedFor()).toBe(0);
  });
});
