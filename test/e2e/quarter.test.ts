import { afterAll, beforeAll, expect, it } from 'vitest';
import { addDecimals } from '../../connector/load/add-decimals.js';
import { SUPERSEDED } from '../../connector/plan.js';
import type { ScopeSummary } from '../../connector/run-summary.js';
import type { Present } from '../../connector/sandbox/present.js';
import { ranges, startQuarter, type Held, type Quarter } from './quarter-walk.js';

const [AUGUST, SEPTEMBER, OCTOBER] = ['G016907381', 'G016907391', 'G016907411'] as const;
const [CREDIT_NOTE, VOID_NOTE] = ['G016907455', 'G016907466'] as const;

let quarter: Quarter;
/** Nights on which each scope was asked for, and on which it ended in another way than published or unchanged. */
const asked = new Map<string, string[]>();
const odd = new Map<string, string[]>();
const exitCodes = new Set<number>();

beforeAll(async () => {
  quarter = await startQuarter(
    { type: 'duckdb', path: './billing.duckdb' },
    '2026-09-01',
    {
      invoices: [
        { id: AUGUST, month: '2026-08', currency: 'USD' },
        { id: SEPTEMBER, month: '2026-09', currency: 'USD' },
        { id: OCTOBER, month: '2026-10', currency: 'USD' },
      ],
      reconciliationRows: 20,
      blobs: 1,
      pollsUntilDone: 0,
      calendar: {
        // Lines with the invoice on the 8th, usage a day later, and whole on the 11th.
        usageOn: 9,
        usageSettlesOn: 11,
        usageRowsPerDay: 2,
        pause: { from: 5, to: 7, current: 'unchanged', last: 'empty' },
        afterBilling: 'shrunk',
        script: [
          { on: '2026-10-14', restate: SEPTEMBER },
          { on: '2026-10-20', creditNote: CREDIT_NOTE, amends: SEPTEMBER },
          { on: '2026-11-16', void: OCTOBER, note: VOID_NOTE },
        ],
      },
    },
    { streams: { billed_usage: { invoices: 'discover' }, billed_reconciliation: { invoices: 'discover' } } },
  );
});
afterAll(() => quarter.site.close());

/** The nights on which a month's estimates are closed: lines when the invoice comes, usage when its usage comes. */
const CLOSED = new Map([
  ['unbilled_reconciliation 2026-08-USD', '2026-09-08'],
  ['unbilled_usage 2026-08-USD', '2026-09-09'],
  ['unbilled_reconciliation 2026-09-USD', '2026-10-08'],
  ['unbilled_usage 2026-09-USD', '2026-10-09'],
  ['unbilled_reconciliation 2026-10-USD', '2026-11-08'],
  ['unbilled_usage 2026-10-USD', '2026-11-09'],
]);

const label = ({ stream, scope }: Pick<ScopeSummary, 'stream' | 'scope'>) => `${stream} ${scope}`;

/**
 * What the table must hold of a scope after it was asked for: what the service holds, but for an answer of no data, an
 * empty one over rows, and estimates of a month that is billed by now.
 */
function afterAsking(scope: ScopeSummary, before: Held | undefined, present: Present, night: string) {
  const isMonth = scope.stream.startsWith('unbilled');
  const name = isMonth
    ? { stream: scope.stream, month: scope.scope.slice(0, 7), currency: scope.scope.slice(8) }
    : { stream: scope.stream, invoice: scope.scope };
  const holds = present.holds(name);
  if (holds === null || (isMonth && holds.records === 0)) return before;
  if (before !== undefined && (CLOSED.get(label(scope)) ?? '9') <= night) return before;
  return { records: holds.records, sums: holds.sums };
}

function note(into: Map<string, string[]>, key: string, night: string): void {
  into.set(key, [...(into.get(key) ?? []), night]);
}

/** Sums of the scopes that count: billed ones, and estimates of months that are not closed. */
function openTotal(held: ReadonlyMap<string, Held>, kind: 'usage' | 'reconciliation', night: string): Held {
  let total = '0';
  let records = 0;
  for (const [scope, one] of held) {
    if (!scope.includes(`billed_${kind} `) || (CLOSED.get(scope) ?? '9') <= night) continue;
    total = addDecimals(total, one.sums['USD'] ?? '0');
    records += one.records;
  }
  return { records, sums: { USD: total } };
}

it('holds every morning of a quarter what the service last said, with each month counted once', async () => {
  const model = new Map<string, Held>();
  for (let count = 0; count < 91; count += 1) {
    const summary = await quarter.next();
    const { night } = quarter;
    const present = quarter.present();
    exitCodes.add(summary.exitCode);
    for (const scope of summary.scopes) {
      const key = label(scope);
      if (!['published', 'unchanged'].includes(scope.outcome)) note(odd, `${key} ${scope.outcome}`, night);
      // A scope that was superseded without being asked for in this run.
      if (scope.reason === SUPERSEDED) continue;
      note(asked, key, night);
      const after = afterAsking(scope, model.get(key), present, night);
      if (after !== undefined) model.set(key, after);
    }
    const expected = new Map(model);
    expected.set('usage_open', openTotal(model, 'usage', night));
    expected.set('reconciliation_open', openTotal(model, 'reconciliation', night));
    expect([night, await quarter.holdings()]).toEqual([night, expected]);
  }
  expect(quarter.night).toBe('2026-11-30');
  expect([...exitCodes]).toEqual([0]);
}, 600_000);

it('asks each night for what can have changed, and leaves the rest', () => {
  const august = '2026-09-08..2026-09-11 2026-09-18 2026-09-25 2026-10-02 2026-10-09 2026-10-16 2026-10-23';
  const september =
    '2026-10-08..2026-10-11 2026-10-18 2026-10-25 2026-11-01 2026-11-08 2026-11-15 2026-11-22';
  const october = '2026-11-08..2026-11-11 2026-11-18 2026-11-25';
  const creditNote = '2026-10-20 2026-10-27 2026-11-03 2026-11-10 2026-11-17 2026-11-24';
  const voidNote = '2026-11-16 2026-11-23 2026-11-30';
  const billed = (stream: string) => ({
    [`${stream} ${AUGUST}`]: august,
    [`${stream} ${SEPTEMBER}`]: september,
    [`${stream} ${OCTOBER}`]: october,
    [`${stream} ${CREDIT_NOTE}`]: creditNote,
    [`${stream} ${VOID_NOTE}`]: voidNote,
  });
  expect(Object.fromEntries([...asked].map(([scope, on]) => [scope, ranges(on)]))).toEqual({
    'unbilled_usage 2026-08-USD': '2026-09-01..2026-09-09',
    'unbilled_usage 2026-09-USD': '2026-09-01..2026-10-09',
    'unbilled_usage 2026-10-USD': '2026-10-01..2026-11-09',
    'unbilled_usage 2026-11-USD': '2026-11-01..2026-11-30',
    'unbilled_reconciliation 2026-08-USD': '2026-09-01..2026-09-08',
    'unbilled_reconciliation 2026-09-USD': '2026-09-01..2026-10-08',
    'unbilled_reconciliation 2026-10-USD': '2026-10-01..2026-11-08',
    'unbilled_reconciliation 2026-11-USD': '2026-11-01..2026-11-30',
    ...billed('billed_usage'),
    ...billed('billed_reconciliation'),
  });
});

it('says when data is pending or none, when an empty answer was not taken, and when a month is superseded', () => {
  const months = ['09', '10', '11'] as const;
  const before = { '09': '08', '10': '09', '11': '10' } as const;
  const everyMonth = months.flatMap((month) => [
    [`unbilled_usage 2026-${month}-USD no data`, `2026-${month}-01`],
    [`unbilled_reconciliation 2026-${month}-USD no data`, `2026-${month}-01`],
    [`unbilled_usage 2026-${before[month]}-USD kept`, `2026-${month}-05..2026-${month}-07`],
  ]);
  expect(Object.fromEntries([...odd].map(([what, on]) => [what, ranges(on)]))).toEqual({
    ...Object.fromEntries(everyMonth),
    ...Object.fromEntries([...CLOSED].map(([scope, night]) => [`${scope} superseded`, night])),
    [`billed_usage ${AUGUST} pending`]: '2026-09-08',
    [`billed_usage ${SEPTEMBER} pending`]: '2026-10-08',
    [`billed_usage ${OCTOBER} pending`]: '2026-11-08',
    [`billed_usage ${CREDIT_NOTE} no data`]:
      '2026-10-20 2026-10-27 2026-11-03 2026-11-10 2026-11-17 2026-11-24',
    [`billed_usage ${VOID_NOTE} no data`]: '2026-11-16 2026-11-23 2026-11-30',
    [`billed_reconciliation ${VOID_NOTE} no data`]: '2026-11-16 2026-11-23 2026-11-30',
  });
});

it('keeps what a restatement replaced, and the documents as the list has them', async () => {
  const { site } = quarter;
  for (const stream of ['billed_usage', 'billed_reconciliation']) {
    const history = await site.query(
      `select distinct h.invoice_number, cast(s.published_at as varchar) from csp.${stream}_history h
        join csp._snapshots s on s.load_id = h._replaced_by_load_id where h.invoice_number = '${SEPTEMBER}'
        and h._change in ('changed', 'removed') order by 2`,
    );
    expect(history.at(-1)?.[1]).toMatch(/^2026-10-18 02:/);
  }
  expect(
    await site.query('select invoice_number, amends_of, document_type, status from csp.invoices order by 1'),
  ).toEqual([
    [AUGUST, null, 'invoice', 'active'],
    [SEPTEMBER, null, 'invoice', 'active'],
    [OCTOBER, null, 'invoice', 'void'],
    [CREDIT_NOTE, SEPTEMBER, 'credit_note', 'active'],
    [VOID_NOTE, OCTOBER, 'void_note', 'active'],
  ]);
  expect(
    await site.query(
      `select invoice_number, _change, count(*) from csp.invoices_history group by 1, 2 order by 1, 2`,
    ),
  ).toEqual([
    [SEPTEMBER, 'changed', '1'],
    [OCTOBER, 'changed', '1'],
  ]);
  const unbilled = await site.query(
    "select stream || ' ' || scope from csp._scopes where state = 'superseded' order by 1",
  );
  expect(unbilled.flat()).toEqual([...CLOSED.keys()].sort());
});
