import { afterEach, describe, expect, it } from 'vitest';
import type { BillingCalendar } from '../../connector/sandbox/sandbox.js';
import { startDatedSite, type DatedRun, type DatedSite } from './dated-site.js';

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

/** `OUTCOME CODE` of each scope of a run, by `STREAM SCOPE`. */
const outcomes = ({ summary }: DatedRun) =>
  Object.fromEntries(
    summary.scopes.map(({ stream, scope, outcome, exitCode }) => [
      `${stream} ${scope}`,
      `${outcome} ${exitCode}`,
    ]),
  );
const recorded = async (at: DatedSite) =>
  await at.query('select stream, scope, state from csp._scopes order by 1, 2');
const count = async (at: DatedSite, table: string) =>
  (await at.query(`select count(*) from csp.${table}`))[0]?.[0];

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
      expect(outcomes(night)).toMatchObject({ [`billed_usage ${INVOICE}`]: 'pending 0' });
      expect([night.exitCode, night.err]).toEqual([0, expect.not.stringMatching(/warning|error/)]);
    }
    expect(await recorded(at)).toEqual([
      ['billed_reconciliation', INVOICE, 'published'],
      ['billed_usage', INVOICE, 'pending'],
    ]);
    at.on('2026-11-12');
    const missing = await at.run(['sync']);
    expect([missing.exitCode, outcomes(missing)[`billed_usage ${INVOICE}`]]).toEqual([6, 'failed 6']);
    const { error } = missing.summary.scopes.find(({ stream }) => stream === 'billed_usage') ?? {};
    expect(error).toMatchObject({ kind: 'integrity', facts: { code: '5000', scope: INVOICE } });
    expect(error?.message).toMatch(/though it was due by the 11th/);
    expect(error?.hint).toContain(`partner-billing sync --allow-empty ${USAGE}`);

    at.on('2026-11-20');
    const arrived = await at.run(['sync']);
    expect([arrived.exitCode, outcomes(arrived)[`billed_usage ${INVOICE}`]]).toEqual([0, 'published 0']);
  });

  it('has no data once a person says so by name, and is not asked for again', async () => {
    const at = await start('2026-11-12', DISCOVER, LATE);
    expect((await at.run(['sync'])).exitCode).toBe(6);
    const allowed = await at.run(['sync', '--allow-empty', USAGE]);
    expect([allowed.exitCode, outcomes(allowed)[`billed_usage ${INVOICE}`]]).toEqual([0, 'no data 0']);
    expect(await recorded(at)).toEqual([
      ['billed_reconciliation', INVOICE, 'published'],
      ['billed_usage', INVOICE, 'no data'],
    ]);
    for (const day of ['2026-11-13', '2026-11-20', '2026-12-20']) {
      at.on(day);
      const later = await at.run(['sync']);
      expect([later.exitCode, Object.keys(outcomes(later))]).toEqual([
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
    expect(outcomes(named)).toEqual({ [`billed_usage ${INVOICE}`]: 'published 0' });
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
    expect([night.exitCode, outcomes(night)]).toEqual([0, { [`billed_usage ${INVOICE}`]: 'no data 0' }]);
    expect(await recorded(at)).toEqual([['billed_usage', INVOICE, 'no data']]);
    at.exportsAskedFor();
    at.on('2027-01-10');
    expect((await at.run(['sync'])).summary.outcome).toBe('nothing to do');
    expect(at.exportsAskedFor()).toBe(0);
  });
});

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
        expect([refused.exitCode, outcomes(refused)]).toEqual([
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
      expect([allowed.exitCode, outcomes(allowed)]).toEqual([
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
        expect(outcomes(quiet)).not.toEqual({ [`billed_usage ${INVOICE}`]: 'published 0' });
        expect(await recorded(at)).toEqual([['billed_usage', INVOICE, 'published']]);
      }

      at.sandbox.setFaults([]);
      at.sandbox.restate({ stream: 'billed_usage', invoice: INVOICE }, { changed: 1 });
      at.on('2026-12-04');
      const real = await at.run(['sync', '--invoice', INVOICE]);
      expect([real.exitCode, outcomes(real)]).toEqual([0, { [`billed_usage ${INVOICE}`]: 'published 0' }]);
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
    expect([back.exitCode, outcomes(back)]).toEqual([0, { [`billed_usage ${INVOICE}`]: 'unchanged 0' }]);
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
      expect(outcomes(await at.run(['sync']))).toEqual({ [SCOPE]: 'published 0' });
      const before = await count(at, 'unbilled_usage');
      for (const day of ['09', '11']) {
        at.on(`2026-11-${day}`);
        const kept = await at.run(['sync']);
        expect([kept.exitCode, outcomes(kept)]).toEqual([0, { [SCOPE]: 'kept 0' }]);
        expect(kept.summary.scopes[0]?.warnings).toHaveLength(1);
        expect(await recorded(at)).toEqual([['unbilled_usage', '2026-11-USD', 'published']]);
        expect(await count(at, 'unbilled_usage')).toBe(before);
      }
      at.on('2026-11-12');
      const refused = await at.run(['sync']);
      expect([refused.exitCode, outcomes(refused)]).toEqual([6, { [SCOPE]: 'refused 6' }]);
      expect(refused.summary.scopes[0]?.error?.hint).toContain(
        'partner-billing sync --allow-empty unbilled_usage:2026-11-USD',
      );
      expect(await count(at, 'unbilled_usage')).toBe(before);

      const allowed = await at.run(['sync', '--allow-empty', '2026-11-USD']);
      expect([allowed.exitCode, outcomes(allowed)]).toEqual([0, { [SCOPE]: 'published 0' }]);
      expect(await count(at, 'unbilled_usage')).toBe('0');
      expect(
        await at.query(
          "select records_staged, rows_deleted from csp._snapshots where outcome = 'published' order by published_at desc limit 1",
        ),
      ).toEqual([['0', before]]);

      at.on('2026-11-13');
      const refilled = await at.run(['sync']);
      expect([refilled.exitCode, outcomes(refilled)]).toEqual([0, { [SCOPE]: 'published 0' }]);
      expect(await count(at, 'unbilled_usage')).toBe(String(12 * 2));
    },
  );

  it('that has no data yet on its first day is no warning to anybody but that scope, exit 0', async () => {
    const at = await start('2026-11-01', CURRENT, { usageRowsPerDay: 2 });
    const first = await at.run(['sync']);
    expect([first.exitCode, outcomes(first)]).toEqual([0, { [SCOPE]: 'no data 0' }]);
    at.on('2026-11-02');
    expect(outcomes(await at.run(['sync']))).toEqual({ [SCOPE]: 'published 0' });
  });

  it('that shrank by more than half is published with a warning', async () => {
    const last = { unbilled_usage: { periods: ['last'], currencies: ['USD'] } };
    const at = await start('2026-11-07', last, { usageRowsPerDay: 2, afterBilling: 'shrunk' });
    const whole = await at.run(['sync']);
    expect(whole.summary.scopes[0]?.counts?.staged).toBe(62);
    at.on('2026-11-08');
    const shrunk = await at.run(['sync']);
    expect([shrunk.exitCode, outcomes(shrunk)]).toEqual([0, { 'unbilled_usage 2026-10-USD': 'published 0' }]);
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
