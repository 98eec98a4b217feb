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
const count = async (at: DatedSite, table: string) =>
  (await at.query(`select count(*) from csp.${table}`))[0]?.[0];

describe('an invoice that turned empty over published rows', () => {
  it.each(['poll-failed-5000', 'manifest-no-blobs'] as const)(
    'is refused every night until a person allows it by name; then its rows are history (%s)',
    async (fault) => {
      const at = await start('2026-11-13', { billed_usage: { invoices: [INVOICE] } });
      expect((await at.run(['sync'])).exitCode).toBe(0);
      const before = await count(at, 'billed_usage');
      expect(Number(before)).toBeGreaterThan(0);
      at.sandbox.restate({ stream: 'billed_usage', invoice: INVOICE }, { changed: 1 });
      at.sandbox.setFaults([fault]);

      for (const day of ['2026-11-14', '2026-11-15']) {
        at.on(day);
        const refused = await at.run(['sync', '--quiet']);
        expect([refused.exitCode, outcomesOf(refused)]).toEqual([
          6,
          { [`billed_usage ${INVOICE}`]: 'refused 6' },
        ]);
        const { error } = refused.summary.scopes[0] ?? {};
        expect(error?.kind).toBe('integrity');
        expect(error?.hint).toContain(`partner-billing sync --allow-empty ${USAGE}`);
        expect(await recorded(at)).toEqual([['billed_usage', INVOICE, 'refused']]);
        expect(await count(at, 'billed_usage')).toBe(before);
      }

      const allowed = await at.run(['sync', '--allow-empty', USAGE]);
      expect([allowed.exitCode, outcomesOf(allowed)]).toEqual([
        0,
        { [`billed_usage ${INVOICE}`]: 'published 0' },
      ]);
      expect(allowed.summary.scopes[0]?.counts).toMatchObject({ staged: 0, deleted: Number(before) });
      expect(await count(at, 'billed_usage')).toBe('0');
      expect(await at.query('select _change, count(*) from csp.billed_usage_history group by 1')).toEqual([
        ['removed', before],
      ]);
      expect(
        await at.query(
          "select records_staged, rows_deleted, s.load_id = c.load_id from csp._snapshots s join csp._scopes c on c.scope = s.scope where outcome = 'published' order by published_at",
        ),
      ).toEqual([
        [before, '0', 'false'],
        ['0', before, 'true'],
      ]);

      // Nobody is told again what a person has said already.
      for (const day of ['2026-11-16', '2026-11-23']) {
        at.on(day);
        const quiet = await at.run(['sync', '--invoice', INVOICE]);
        expect([quiet.exitCode, quiet.err]).toEqual([0, expect.not.stringMatching(/warning|error/)]);
        expect(outcomesOf(quiet)).not.toEqual({ [`billed_usage ${INVOICE}`]: 'published 0' });
        expect(await recorded(at)).toEqual([['billed_usage', INVOICE, 'published']]);
      }

      at.sandbox.setFaults([]);
      at.sandbox.restate({ stream: 'billed_usage', invoice: INVOICE }, { changed: 1 });
      at.on('2026-12-04');
      const real = await at.run(['sync', '--invoice', INVOICE]);
      expect([real.exitCode, outcomesOf(real)]).toEqual([0, { [`billed_usage ${INVOICE}`]: 'published 0' }]);
      expect(await count(at, 'billed_usage')).toBe(
        String(at.sandbox.expected({ stream: 'billed_usage', invoice: INVOICE }).records),
      );
    },
  );

  it('is in order again when its former data is back', async () => {
    const at = await start('2026-11-23', { billed_usage: { invoices: [INVOICE] } });
    await at.run(['sync']);
    at.sandbox.setFaults(['poll-failed-5000']);
    expect((await at.run(['sync', '--invoice', INVOICE])).exitCode).toBe(6);
    at.sandbox.setFaults([]);
    const back = await at.run(['sync']);
    expect([back.exitCode, outcomesOf(back)]).toEqual([0, { [`billed_usage ${INVOICE}`]: 'unchanged 0' }]);
    expect(await recorded(at)).toEqual([['billed_usage', INVOICE, 'published']]);
  });
});

describe('an open month', () => {
  const CURRENT = { unbilled_usage: { periods: ['current'], currencies: ['USD'] } };
  const SCOPE = 'unbilled_usage 2026-11-USD';

  it.each(['no data', 'empty'] as const)(
    'that answers %s is kept with a warning through the 11th, refused after it, and published empty by name',
    async (current) => {
      const pause = { from: 9, to: 12, current };
      const at = await start('2026-11-08', CURRENT, { usageRowsPerDay: 2, pause });
      expect(outcomesOf(await at.run(['sync']))).toEqual({ [SCOPE]: 'published 0' });
      const before = await count(at, 'unbilled_usage');
      for (const day of ['09', '11']) {
        at.on(`2026-11-${day}`);
        const kept = await at.run(['sync']);
        expect([kept.exitCode, outcomesOf(kept)]).toEqual([0, { [SCOPE]: 'kept 0' }]);
        expect(kept.summary.scopes[0]?.warnings).toHaveLength(1);
        expect(await recorded(at)).toEqual([['unbilled_usage', '2026-11-USD', 'published']]);
        expect(await count(at, 'unbilled_usage')).toBe(before);
      }
      at.on('2026-11-12');
      const refused = await at.run(['sync']);
      expect([refused.exitCode, outcomesOf(refused)]).toEqual([6, { [SCOPE]: 'refused 6' }]);
      expect(refused.summary.scopes[0]?.error?.hint).toContain(
        'partner-billing sync --allow-empty unbilled_usage:2026-11-USD',
      );
      expect(await count(at, 'unbilled_usage')).toBe(before);

      const allowed = await at.run(['sync', '--allow-empty', '2026-11-USD']);
      expect([allowed.exitCode, outcomesOf(allowed)]).toEqual([0, { [SCOPE]: 'published 0' }]);
      expect(allowed.summary.scopes[0]?.warnings).toEqual([]);
      expect(await count(at, 'unbilled_usage')).toBe('0');
      expect(
        await at.query(
          "select records_staged, rows_deleted from csp._snapshots where outcome = 'published' order by published_at desc limit 1",
        ),
      ).toEqual([['0', before]]);

      at.on('2026-11-13');
      const refilled = await at.run(['sync']);
      expect([refilled.exitCode, outcomesOf(refilled)]).toEqual([0, { [SCOPE]: 'published 0' }]);
      expect(await count(at, 'unbilled_usage')).toBe(String(12 * 2));
    },
  );

  it('that has no data yet is no warning on its first day, and one from the second on, exit 0', async () => {
    const at = await start('2026-11-01', CURRENT, { usageRowsPerDay: 2 });
    const first = await at.run(['sync']);
    expect([first.exitCode, outcomesOf(first)]).toEqual([0, { [SCOPE]: 'no data 0' }]);
    expect(first.err).not.toContain('warning');
    at.on('2026-11-02');
    at.sandbox.setFaults(['poll-failed-5000']);
    const second = await at.run(['sync']);
    expect([second.exitCode, outcomesOf(second)]).toEqual([0, { [SCOPE]: 'no data 0' }]);
    expect(second.err).toMatch(/warning: .*no charges in USD for 2026-11 yet/);
    at.sandbox.setFaults([]);
    expect(outcomesOf(await at.run(['sync']))).toEqual({ [SCOPE]: 'published 0' });
  });

  it('that shrank by more than half is published with a warning', async () => {
    const last = { unbilled_usage: { periods: ['last'], currencies: ['USD'] } };
    const at = await start('2026-11-07', last, { usageRowsPerDay: 2, afterBilling: 'shrunk' });
    const whole = await at.run(['sync']);
    expect(whole.summary.scopes[0]?.counts?.staged).toBe(62);
    at.on('2026-11-08');
    const shrunk = await at.run(['sync']);
    expect([shrunk.exitCode, outcomesOf(shrunk)]).toEqual([
      0,
      { 'unbilled_usage 2026-10-USD': 'published 0' },
    ]);
    expect(shrunk.err).toMatch(/warning: .*it shrank by more than half, from 62 to 6 records/);
    expect(await count(at, 'unbilled_usage')).toBe('6');
  });
});

describe('a currency that occurs in invoices and that no estimate is asked for in', () => {
  it('is a warning of plan and sync, until it is added', async () => {
    const estimates = (currencies: string[]) => ({
      ...NONE,
      billed_usage: { invoices: 'discover' },
      unbilled_usage: { periods: ['current'], currencies },
    });
    const invoices = [...INVOICES, { id: 'G016907412', month: '2026-10', currency: 'EUR' }];
    site = await startDatedSite(
      '2026-11-23',
      { invoices },
      { destination: DESTINATION, streams: estimates(['USD']) },
    );
    const warning = /EUR occurs in billed data or invoices, but unbilled_usage asks for USD only/;
    const first = await site.run(['sync']);
    expect(first.summary.warnings).toEqual([expect.stringMatching(warning)]);
    expect((await site.cli(['plan'])).err).toMatch(warning);
    await site.configure({ destination: DESTINATION, streams: estimates(['USD', 'EUR']) });
    expect((await site.cli(['plan'])).err).toBe('');
  });
});
