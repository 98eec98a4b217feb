import fc from 'fast-check';
import { describe, expect, it } from 'vitest';
import {
  closedMonths,
  type BilledScope,
  type ClosingFacts,
  type ListedDocument,
} from '../../../connector/load/close-months.js';
import { scopeLabel, type Scope } from '../../../schemas/scope.js';
import { monthOfUsage } from '../recorded.js';

const OCTOBER = monthOfUsage('2026-10');

function usage(invoice: string, changes: Partial<BilledScope> = {}): BilledScope {
  const own = { stream: 'billed_usage', invoice, state: 'published', isPublished: true };
  return { ...own, month: '2026-10', currencies: ['USD'], ...changes };
}

function listed(invoice: string, changes: Partial<ListedDocument> = {}): ListedDocument {
  const own = { invoice, month: '2026-10', currency: 'USD', documentType: 'invoice', status: 'active' };
  return { ...own, ...changes };
}

const MISSING = { state: 'pending', isPublished: false };

/** Labels of what is closed at five in the morning of a day. */
function closed(day: string, facts: Partial<ClosingFacts>): readonly string[] {
  const now = new Date(`${day}T05:00:00Z`);
  return closedMonths({ open: [OCTOBER], billed: [], listed: [], now, ...facts }).map(scopeLabel);
}

describe('a month of estimates', () => {
  it('is closed when every invoice that the list names for it is published', () => {
    const list = [listed('G1'), listed('G2')];
    expect(closed('2026-11-08', { listed: list, billed: [usage('G1')] })).toEqual([]);
    expect(closed('2026-11-08', { listed: list, billed: [usage('G1'), usage('G2', MISSING)] })).toEqual([]);
    expect(closed('2026-11-08', { listed: list, billed: [usage('G1'), usage('G2')] })).toEqual([
      scopeLabel(OCTOBER),
    ]);
  });

  it('waits for no invoice that has no data, note or void document', () => {
    const list = [
      listed('G1'),
      listed('G2'),
      listed('G3', { documentType: 'credit_note' }),
      listed('G4', { status: 'void' }),
      listed('G5', { documentType: 'void_note' }),
    ];
    const none = usage('G2', { state: 'no data', isPublished: false, currencies: [] });
    expect(closed('2026-11-08', { listed: list, billed: [usage('G1'), none] })).toHaveLength(1);
  });

  it('is not closed by an invoice of another month, currency or stream, nor by one without data', () => {
    for (const other of [
      usage('G1', { month: '2026-09' }),
      usage('G1', { month: null }),
      usage('G1', { currencies: ['EUR'] }),
      usage('G1', { stream: 'billed_reconciliation' }),
      usage('G1', { state: 'no data', isPublished: false }),
    ]) {
      expect(closed('2026-11-08', { listed: [listed('G1')], billed: [other] })).toEqual([]);
      expect(closed('2026-11-15', { listed: [listed('G1')], billed: [other] })).toEqual([]);
    }
  });

  it('waits for its own currency only; an invoice of unknown month or currency may be of any', () => {
    const billed = [usage('G1')];
    const with2 = (changes: Partial<ListedDocument>) =>
      closed('2026-11-08', { listed: [listed('G1'), listed('G2', changes)], billed });
    expect(with2({ currency: 'EUR' })).toHaveLength(1);
    expect(with2({ month: '2026-09' })).toHaveLength(1);
    expect(with2({ currency: null })).toEqual([]);
    expect(with2({ month: null })).toEqual([]);
  });

  it('needs all that was ever asked for where the list names no invoice of it', () => {
    expect(closed('2026-11-08', { billed: [usage('G1'), usage('G2', { ...MISSING, month: null })] })).toEqual(
      [],
    );
    expect(closed('2026-11-08', { billed: [usage('G1'), usage('G2')] })).toHaveLength(1);
  });

  it('is closed on the 15th of the month after it by any snapshot of it, over the turn of a year too', () => {
    const incomplete = { listed: [listed('G1'), listed('G2')], billed: [usage('G1')] };
    expect(closed('2026-11-14', incomplete)).toEqual([]);
    expect(closed('2026-11-15', incomplete)).toHaveLength(1);
    expect(closed('2026-11-15', { listed: [listed('G1')] })).toEqual([]);
    const december = {
      open: [monthOfUsage('2026-12')],
      listed: ['G1', 'G2'].map((invoice) => listed(invoice, { month: '2026-12' })),
      billed: [usage('G1', { month: '2026-12' })],
    };
    expect(closed('2027-01-14', december)).toEqual([]);
    expect(closed('2027-01-15', december)).toHaveLength(1);
  });

  it('is closed in each currency and stream by itself', () => {
    const open: Scope[] = ['unbilled_usage', 'unbilled_reconciliation'].flatMap((stream) =>
      ['EUR', 'USD'].map((currency) => ({ ...monthOfUsage('2026-10', currency), stream }) as Scope),
    );
    const billed = [
      usage('G1'),
      usage('G2', { currencies: ['EUR'], stream: 'billed_reconciliation' }),
      usage('G2', { ...MISSING, currencies: ['EUR'] }),
    ];
    const list = [listed('G1'), listed('G2', { currency: 'EUR' })];
    expect(closed('2026-11-08', { open, billed, listed: list })).toEqual([
      'unbilled_usage 2026-10-USD',
      'unbilled_reconciliation 2026-10-EUR',
    ]);
  });
});

const months = fc.constantFrom('2026-09', '2026-10');
const currencies = fc.constantFrom('EUR', 'USD');
const ids = fc.constantFrom('G1', 'G2', 'G3');
const billedScopes = fc.uniqueArray(
  fc.record({
    stream: fc.constantFrom('billed_usage', 'billed_reconciliation'),
    invoice: ids,
    state: fc.constantFrom('published', 'pending', 'no data', 'refused'),
    isPublished: fc.boolean(),
    month: fc.option(months),
    currencies: fc.uniqueArray(currencies),
  }),
  { selector: ({ stream, invoice }) => `${stream} ${invoice}` },
);
const documents = fc.uniqueArray(
  fc.record({
    invoice: ids,
    month: fc.option(months),
    currency: fc.option(currencies),
    documentType: fc.constantFrom('invoice', 'credit_note'),
    status: fc.constantFrom('active', 'void'),
  }),
  { selector: ({ invoice }) => invoice },
);
const openScopes = fc.constant(
  ['2026-09', '2026-10'].flatMap((month) => ['EUR', 'USD'].map((currency) => monthOfUsage(month, currency))),
);
const facts = fc.record({ open: openScopes, billed: billedScopes, listed: documents });
const days = fc.integer({ min: 1, max: 60 });

describe('whatever is recorded', () => {
  it('no month is closed that nothing billed is published of, and none is opened again by the days that pass', () => {
    fc.assert(
      fc.property(facts, days, days, (recorded, one, other) => {
        const on = (day: number) =>
          closedMonths({ ...recorded, now: new Date(Date.UTC(2026, 9, day, 5)) }).map(scopeLabel);
        const [early, late] = [on(Math.min(one, other)), on(Math.max(one, other))];
        expect(late).toEqual(expect.arrayContaining([...early]));
        const billed = recorded.billed
          .filter(({ stream, isPublished }) => stream === 'billed_usage' && isPublished)
          .flatMap((scope) =>
            scope.currencies.map((currency) => `unbilled_usage ${scope.month}-${currency}`),
          );
        expect(billed).toEqual(expect.arrayContaining([...late]));
      }),
    );
  });

  it('a month that is closed stays closed when another invoice of it is published', () => {
    fc.assert(
      fc.property(facts, days, fc.nat(), (recorded, day, which) => {
        fc.pre(recorded.billed.length > 0);
        const now = new Date(Date.UTC(2026, 9, day, 5));
        const at = which % recorded.billed.length;
        const billed = recorded.billed.map((scope, index) =>
          index === at ? { ...scope, state: 'published', isPublished: true } : scope,
        );
        const before = closedMonths({ ...recorded, now }).map(scopeLabel);
        const after = closedMonths({ ...recorded, billed, now }).map(scopeLabel);
        expect(after).toEqual(expect.arrayContaining([...before]));
      }),
    );
  });
});
