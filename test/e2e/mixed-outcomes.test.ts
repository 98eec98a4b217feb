import { join } from 'node:path';
import { afterEach, describe, expect, it } from 'vitest';
import type { RunSummary } from '../../connector/run-summary.js';
import type { FaultSetting } from '../../connector/sandbox/sandbox.js';
import { canonicalDecimal } from '../../schemas/decimal-text.js';
import type { ProgressEvent } from '../../schemas/progress.js';
import { scopeText } from '../../schemas/scope.js';
import { holdInAnotherProcess, type DuckdbProcess } from '../duckdb-process.js';
import { createTestDatabase, type TestDatabase } from '../postgres-server.js';
import { startSite, type Site } from './site.js';

/** Before the 12th: estimates that turn empty are kept, and an invoice may still come. */
const TODAY = new Date('2026-11-10T12:00:00Z');
const USAGE = {
  restated: 'G016907411',
  settled: 'G016907412',
  broken: 'G016907413',
  mixedUp: 'G016907414',
  forbidden: 'G016907415',
  busy: 'G016907416',
  /** The sandbox has none of these two. */
  awaited: 'G016907499',
  legacy: 'D010000001',
} as const;
const LINES = 'G016907420';
const INVOICES = [
  ...Object.values(USAGE)
    .slice(0, 6)
    .map((id) => ({ id, month: '2026-09', currency: 'USD' })),
  { id: LINES, month: '2026-10', currency: 'USD' },
];
const UNBILLED = {
  unbilled_usage: { periods: ['last', 'current'], currencies: ['USD'] },
  unbilled_reconciliation: { periods: ['last'], currencies: ['USD'] },
};

let site: Site | undefined;
let database: TestDatabase | undefined;
let reader: DuckdbProcess | undefined;

afterEach(async () => {
  await reader?.kill();
  await site?.close();
  await database?.drop();
  site = database = reader = undefined;
});

const settings = (usage: readonly string[], lines: readonly string[] | null, unbilled: object) => ({
  streams: {
    billed_usage: { invoices: usage },
    billed_reconciliation: lines === null ? null : { invoices: lines },
    unbilled_usage: null,
    unbilled_reconciliation: null,
    ...unbilled,
  },
  limits: { concurrent_exports: 1 },
  // The invoices of September are a month old.
  recheck: { nightly_until_day: 45 },
  lock_wait: '2s',
});

async function start(engine: 'duckdb' | 'postgres', first: ReturnType<typeof settings>): Promise<Site> {
  if (engine === 'postgres') database = await createTestDatabase();
  const destination =
    database === undefined
      ? { type: 'duckdb', path: './billing.duckdb' }
      : { type: 'postgres', url: database.url };
  const small = { usageRows: 40, reconciliationRows: 10 };
  site = await startSite(destination, { invoices: INVOICES, now: () => TODAY, ...small }, first);
  return site;
}

/** One run in which each scope has the faults of its own: scopes are exported one after the other. */
async function night(
  at: Site,
  faults: Readonly<Record<string, readonly FaultSetting[]>>,
): Promise<RunSummary> {
  const push = at.events.push.bind(at.events);
  at.events.push = (...events: ProgressEvent[]) => {
    for (const event of events) {
      if (event.event === 'scope.started') at.sandbox.setFaults(faults[scopeText(event.scope)] ?? []);
    }
    return push(...events);
  };
  try {
    return await at.sync();
  } finally {
    at.events.push = push;
    at.sandbox.setFaults([]);
  }
}

const told = ({ scopes }: RunSummary) =>
  Object.fromEntries(
    scopes.map(({ stream, scope, outcome, exitCode }) => [`${stream} ${scope}`, `${outcome} ${exitCode}`]),
  );
const states = async (at: Site) =>
  Object.fromEntries(
    (await at.query('select stream, scope, state from csp._scopes')).map(([stream, scope, state]) => [
      `${stream} ${scope}`,
      state,
    ]),
  );

/** What readers see of an invoice's usage is what Microsoft has now, to the last digit. */
async function expectWhole(at: Site, invoice: string): Promise<void> {
  const expected = at.sandbox.expected({ stream: 'billed_usage', invoice });
  const [[count, sum] = []] = await at.query(
    `select count(*), sum(billing_pre_tax_total) from csp.billed_usage where invoice_number = '${invoice}'`,
  );
  expect([invoice, Number(count), canonicalDecimal(sum ?? '0')]).toEqual([
    invoice,
    expected.records,
    expected.sums['USD'],
  ]);
}

describe.each(['duckdb', 'postgres'] as const)('a run into %s whose scopes end in every way', (engine) => {
  it('goes on to its end, ends with the gravest code, and records each scope as it tells it', async () => {
    const at = await start(engine, settings([USAGE.restated, USAGE.settled], null, UNBILLED));
    expect((await at.sync()).outcome).toBe('5 published');
    const untouched = `select * from csp.billed_usage where invoice_number = '${USAGE.settled}' order by line_item_key`;
    const before = await at.query(untouched);
    const kept = "select * from csp.unbilled_usage where billing_month = '2026-10-01' order by line_item_key";
    const estimates = await at.query(kept);

    await at.configure(settings(Object.values(USAGE), [LINES], UNBILLED));
    at.sandbox.restate({ stream: 'billed_usage', invoice: USAGE.restated }, { changed: 3, removed: 1 });
    at.sandbox.restate({ stream: 'unbilled_usage', month: '2026-11', currency: 'USD' }, { changed: 1 });
    const faults: Record<string, readonly FaultSetting[]> = {
      [USAGE.broken]: ['rows-broken-line'],
      [USAGE.mixedUp]: ['rows-other-invoice'],
      [USAGE.forbidden]: ['post-403'],
      [USAGE.busy]: ['post-503'],
      '2026-10-USD': ['poll-failed-5000'],
    };
    const first = await night(at, faults);
    const expected = {
      [`billed_usage ${USAGE.restated}`]: 'published 0',
      [`billed_usage ${USAGE.settled}`]: 'unchanged 0',
      [`billed_usage ${USAGE.broken}`]: 'refused 4',
      [`billed_usage ${USAGE.mixedUp}`]: 'refused 6',
      [`billed_usage ${USAGE.forbidden}`]: 'failed 2',
      [`billed_usage ${USAGE.busy}`]: 'failed 3',
      [`billed_usage ${USAGE.awaited}`]: 'pending 0',
      [`billed_usage ${USAGE.legacy}`]: 'no data 0',
      [`billed_reconciliation ${LINES}`]: 'published 0',
      'unbilled_usage 2026-10-USD': 'kept 0',
      'unbilled_usage 2026-11-USD': 'published 0',
      'unbilled_reconciliation 2026-10-USD': 'superseded 0',
    };
    expect(told(first)).toEqual(expected);
    expect(first.scopes).toHaveLength(Object.keys(expected).length);
    expect(first.outcome).toBe(
      '2 failed, 2 refused, 1 kept, 1 pending, 3 published, 1 superseded, 1 no data, 1 unchanged',
    );
    for (const scope of first.scopes.filter(({ exitCode }) => exitCode !== 0))
      expect(scope.error?.hint ?? '').not.toBe('');

    expect(await states(at)).toEqual({
      [`billed_usage ${USAGE.restated}`]: 'published',
      [`billed_usage ${USAGE.settled}`]: 'published',
      [`billed_usage ${USAGE.broken}`]: 'refused',
      [`billed_usage ${USAGE.mixedUp}`]: 'refused',
      [`billed_usage ${USAGE.forbidden}`]: 'pending',
      [`billed_usage ${USAGE.busy}`]: 'pending',
      [`billed_usage ${USAGE.awaited}`]: 'pending',
      [`billed_usage ${USAGE.legacy}`]: 'no data',
      [`billed_reconciliation ${LINES}`]: 'published',
      'unbilled_usage 2026-10-USD': 'published',
      'unbilled_usage 2026-11-USD': 'published',
      'unbilled_reconciliation 2026-10-USD': 'superseded',
    });
    const [[outcome, exitCode, counts] = []] = await at.query(
      'select outcome, exit_code, counts from csp._runs order by started_at desc limit 1',
    );
    expect([outcome, exitCode]).toEqual([first.outcome, String(first.exitCode)]);
    expect(JSON.parse(counts ?? '')).toEqual(
      first.scopes.map(({ stream, scope, outcome: ended, counts: changed }) => ({
        ...{ stream, scope, outcome: ended },
        ...(changed === undefined ? {} : { counts: changed }),
      })),
    );
    await expectWhole(at, USAGE.restated);
    expect(await at.query(untouched)).toEqual(before);
    expect(await at.query(kept)).toEqual(estimates);

    // Each night the gravest trouble of the night before is over: what was in order stays so.
    const nights = [first];
    for (const over of [USAGE.mixedUp, USAGE.broken, USAGE.forbidden, USAGE.busy]) {
      delete faults[over];
      const next = await night(at, faults);
      expect(told(next)[`billed_usage ${over}`]).toBe('published 0');
      await expectWhole(at, over);
      nights.push(next);
    }
    expect(nights.map((summary) => summary.exitCode)).toEqual([6, 4, 2, 3, 0]);
    expect(
      (await at.query('select exit_code from csp._runs order by started_at')).map(([code]) => code),
    ).toEqual(['0', '6', '4', '2', '3', '0']);
    expect(await at.query(untouched)).toEqual(before);
  });
});

describe('a run under a reader whose other scopes end in other ways', () => {
  it('weighs the lock among them, and leaves everything that is whole for the next run', async () => {
    const usage = [USAGE.restated, USAGE.settled, USAGE.forbidden, USAGE.busy, USAGE.awaited];
    const at = await start('duckdb', settings([USAGE.restated, USAGE.settled], null, {}));
    expect((await at.sync()).outcome).toBe('2 published');
    await at.configure(settings(usage, null, {}));
    reader = await holdInAnotherProcess(join(at.folder, 'billing.duckdb'), 'READ_ONLY');
    at.sandbox.restate({ stream: 'billed_usage', invoice: USAGE.restated }, { changed: 3, added: 1 });

    const faults = { [USAGE.forbidden]: ['post-403'], [USAGE.busy]: ['post-503'] } as const;
    const first = await night(at, faults);
    expect([first.exitCode, told(first)]).toEqual([
      2,
      {
        [`billed_usage ${USAGE.restated}`]: 'failed 5',
        [`billed_usage ${USAGE.settled}`]: 'unchanged 0',
        [`billed_usage ${USAGE.forbidden}`]: 'failed 2',
        [`billed_usage ${USAGE.busy}`]: 'failed 3',
        [`billed_usage ${USAGE.awaited}`]: 'pending 0',
      },
    ]);
    const second = await night(at, { [USAGE.busy]: faults[USAGE.busy] });
    expect([second.exitCode, second.outcome]).toEqual([5, '3 failed, 1 pending, 1 unchanged']);
    expect(told(second)[`billed_usage ${USAGE.busy}`]).toBe('failed 3');

    await reader.end();
    reader = undefined;
    at.sandbox.clearRequests();
    const third = await night(at, {});
    expect([third.exitCode, third.outcome]).toEqual([0, '1 pending, 3 published, 1 unchanged']);
    // The busy one is exported, the settled one compared, the awaited one asked for: the two others only loaded.
    expect(at.sandbox.requests.filter(({ kind }) => kind === 'export')).toHaveLength(3);
    for (const invoice of usage.slice(0, 4)) await expectWhole(at, invoice);
    const runs = await at.query('select exit_code, outcome from csp._runs order by started_at');
    expect(runs.slice(1)).toEqual(
      [first, second, third].map(({ exitCode, outcome }) => [String(exitCode), outcome]),
    );
    expect(await states(at)).toEqual(
      Object.fromEntries(
        usage.map((invoice) => [
          `billed_usage ${invoice}`,
          invoice === USAGE.awaited ? 'pending' : 'published',
        ]),
      ),
    );
  });
});
