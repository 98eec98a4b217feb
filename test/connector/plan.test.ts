import { describe, expect, it } from 'vitest';
import { planRun } from '../../connector/plan.js';
import { EVERYTHING } from '../../connector/selection.js';
import { NOTHING_RECORDED, type RecordedState, type ScopeState } from '../../connector/load/destination.js';
import { configSchema } from '../../schemas/config.js';
import type { Scope } from '../../schemas/scope.js';
import {
  agreementRecord,
  invoiceRecord,
  linesOf,
  monthOfUsage,
  scopeRecord,
  snapshotRecord,
  usageOf,
} from './recorded.js';

const NOW = new Date('2026-11-23T10:00:00Z');
const NOTHING: RecordedState = NOTHING_RECORDED;
const ALL = EVERYTHING;
const NIGHTLY = 'every run asks whether it changed until usage and lines agree, or through day 15';

function configured(streams: Record<string, unknown>) {
  return configSchema.parse({
    version: 1,
    source: { tenant_id: '0e195b37-4574-4539-bc42-0e539b9684c0', auth: { method: 'azure_cli' } },
    streams,
    destination: { type: 'duckdb', path: 'x.duckdb' },
  });
}

function recorded(scope: Scope, eTag: string | null, attributeSet: 'full' | 'basic' = 'full'): ScopeState {
  if (eTag === null)
    return scopeRecord(scope, { state: 'no data', lastAnswer: 'no data (5000)', snapshot: null });
  return scopeRecord(scope, { snapshot: snapshotRecord({ eTag, attributeSet }) });
}

const invoice = usageOf;
const texts = (plan: ReturnType<typeof planRun>) =>
  plan.exports.map(({ request, reason }) => [request.scope, request.period ?? request.attributeSet, reason]);

describe('planRun', () => {
  it('asks for every configured invoice once, and says why', () => {
    const config = configured({ billed_usage: { invoices: ['G1', 'G2', 'G3', 'G4', 'G1'] } });
    const state = {
      ...NOTHING,
      scopes: [
        recorded(invoice('G2'), 'abc'),
        recorded(invoice('G3'), null),
        recorded(invoice('G4'), 'x', 'basic'),
      ],
    };
    expect(texts(planRun(config, state, ALL, NOW))).toEqual([
      [invoice('G1'), 'full', 'never asked for'],
      [invoice('G2'), 'full', `published at eTag abc, day 15; ${NIGHTLY}`],
      [invoice('G3'), 'full', `no data so far, day 15; ${NIGHTLY}`],
      [invoice('G4'), 'full', 'published as basic, wanted as full'],
    ]);
  });

  it('keys unbilled scopes by the calendar month that the words mean in UTC', () => {
    const config = configured({
      unbilled_usage: { periods: ['current', 'last'], currencies: ['usd', 'EUR'] },
    });
    const months = (now: string) =>
      planRun(config, NOTHING, ALL, new Date(now)).exports.map(({ request }) =>
        request.scope.by === 'month'
          ? `${request.period} ${request.scope.month} ${request.scope.currency}`
          : '',
      );
    expect(months('2026-11-23T10:00:00Z')).toEqual([
      'current 2026-11 USD',
      'current 2026-11 EUR',
      'last 2026-10 USD',
      'last 2026-10 EUR',
    ]);
    expect(months('2026-01-01T00:00:00Z')[2]).toBe('last 2025-12 USD');
    expect(months('2026-03-31T23:59:59Z')[2]).toBe('last 2026-02 USD');
  });

  it('asks for an invoice named by hand, configured or not, and leaves the rest', () => {
    const config = configured({
      billed_usage: { invoices: ['G1'] },
      unbilled_usage: { currencies: ['USD'] },
    });
    const state = { ...NOTHING, scopes: [recorded(invoice('G1'), 'abc')] };
    const plan = planRun(config, state, { ...ALL, invoices: ['G9'] }, NOW);
    expect(texts(plan)).toEqual([[invoice('G9'), 'full', 'named by hand; never asked for']]);
    expect(plan.left).toEqual([{ scope: invoice('G1'), reason: 'not named by hand', nextCheckAt: null }]);
  });

  it('asks for one stream when it is named', () => {
    const config = configured({
      billed_usage: { invoices: ['G1'] },
      unbilled_usage: { currencies: ['USD'] },
    });
    const plan = planRun(config, NOTHING, { ...ALL, streams: ['unbilled_usage'] }, NOW);
    expect(new Set(plan.exports.map(({ request }) => request.scope.stream))).toEqual(
      new Set(['unbilled_usage']),
    );
  });

  it('refuses a stream that is not configured, and an invoice without a billed stream', () => {
    const config = configured({ unbilled_usage: { currencies: ['USD'] } });
    expect(() => planRun(config, NOTHING, { ...ALL, streams: ['billed_usage'] }, NOW)).toThrow(
      /not in the configuration/,
    );
    expect(() => planRun(config, NOTHING, { ...ALL, invoices: ['G1'] }, NOW)).toThrow(
      /needs a billed stream/,
    );
  });

  it('leaves a month that Graph no longer offers, and an invoice that is not configured any more', () => {
    const config = configured({
      billed_usage: { invoices: ['G1'] },
      unbilled_usage: { currencies: ['USD'] },
    });
    const old: Scope = { by: 'month', stream: 'unbilled_usage', month: '2026-09', currency: 'USD' };
    const euro: Scope = { by: 'month', stream: 'unbilled_usage', month: '2026-11', currency: 'EUR' };
    const state = {
      ...NOTHING,
      scopes: [recorded(old, 'a'), recorded(euro, 'b'), recorded(invoice('G0'), 'c')],
    };
    expect(planRun(config, state, ALL, NOW).left.map(({ reason }) => reason)).toEqual([
      'Graph offers only the current and the last month; kept as it last was',
      'the period or the currency is not in the configuration',
      'the invoice is not in the configuration',
    ]);
  });

  it('warns that basic usage cannot be compared with the invoice', () => {
    const config = configured({ billed_usage: { invoices: ['G1'], attribute_set: 'basic' } });
    expect(planRun(config, NOTHING, ALL, NOW).warnings).toHaveLength(1);
  });

  it('exports what the invoice list names: G numbers and amendments of the months since, once each', () => {
    const config = configured({ billed_usage: { invoices: 'discover', since: '2026-09' } });
    const invoices = [
      invoiceRecord('G1', { billingMonth: '2026-08' }),
      invoiceRecord('G2', { billingMonth: '2026-09' }),
      invoiceRecord('G3', { amendsOf: 'G2', documentType: 'credit_note', billingMonth: '2026-09' }),
      invoiceRecord('G4', { billingMonth: null }),
      invoiceRecord('D5', { billingMonth: '2026-10' }),
    ];
    const scopes = [recorded(invoice('G1'), 'a')];
    const plan = planRun(config, { ...NOTHING, invoices, scopes }, ALL, NOW);
    expect(plan.exports.map(({ request }) => request.scope)).toEqual(['G2', 'G3', 'G4'].map(invoice));
    expect(plan.left).toEqual([
      {
        scope: invoice('G1'),
        reason: 'the invoice list does not name it, or it is older than since',
        nextCheckAt: null,
      },
    ]);
  });

  it('publishes an empty answer only for the scopes named, in one stream or in all, and refuses other names', () => {
    const config = configured({
      billed_usage: { invoices: ['G1'] },
      billed_reconciliation: { invoices: ['G1'] },
    });
    const allowed = (...allowEmpty: string[]) =>
      planRun(config, NOTHING, { ...ALL, allowEmpty }, NOW)
        .exports.filter((one) => one.allowEmpty)
        .map(({ request }) => request.scope);
    expect(allowed('billed_usage:G1')).toEqual([usageOf('G1')]);
    expect(allowed('G1')).toEqual([usageOf('G1'), linesOf('G1')]);
    expect(allowed('billed_usage:G9')).toEqual([usageOf('G9')]);
    expect(() => allowed('2026-11-USD')).toThrow(/--allow-empty 2026-11-USD names no scope/);
  });

  it('backfills the months named: what is published already is left, the rest is asked for', () => {
    const config = configured({ billed_usage: { invoices: [] }, unbilled_usage: { currencies: ['USD'] } });
    const months = ['2023-12', '2024-01', '2024-06', '2024-12', '2025-01'];
    const invoices = months.map((billingMonth, index) => invoiceRecord(`G${index}`, { billingMonth }));
    const scopes = [recorded(invoice('G2'), 'a')];
    const selection = { ...ALL, months: { from: '2024-01', to: '2024-12' } };
    const plan = planRun(config, { ...NOTHING, invoices, scopes }, selection, NOW);
    expect(plan.exports.map(({ request }) => request.scope)).toEqual(['G1', 'G3'].map(invoice));
    expect(plan.left).toMatchObject([{ scope: invoice('G2'), reason: 'published already' }]);
    expect(plan.warnings).toEqual([]);
  });

  it('backfills an invoice without a billing period by its date, and says so where the list names none at all', () => {
    const config = configured({ billed_usage: { invoices: [] } });
    const dated = (invoiceDate: string | null) => invoiceRecord('G1', { billingMonth: null, invoiceDate });
    const backfill = (months: { from: string; to: string }, invoiceDate: string | null) =>
      planRun(config, { ...NOTHING, invoices: [dated(invoiceDate)] }, { ...ALL, months }, NOW);
    const december = { from: '2024-12', to: '2024-12' };
    expect(backfill(december, '2025-01-08T00:00:00.000Z').exports).toHaveLength(1);
    for (const date of ['2024-12-08T00:00:00.000Z', null]) {
      const plan = backfill(december, date);
      expect(plan.exports).toEqual([]);
      expect(plan.warnings).toEqual([
        'the invoice list, as recorded, names no invoice of 2024-12 to 2024-12',
      ]);
    }
  });

  it('leaves an unbilled month whose billed snapshots are published, with the list complete or from the 15th on', () => {
    const config = configured({
      billed_usage: { invoices: 'discover' },
      unbilled_usage: { periods: ['last'], currencies: ['USD'] },
    });
    const scopes = (billed: ScopeState[]) => [recorded(monthOfUsage('2026-10'), 'm'), ...billed];
    const left = (state: RecordedState, day: string) =>
      planRun(config, state, ALL, new Date(`2026-11-${day}T05:00:00Z`)).left.map(({ scope }) => scope);
    const one = { ...NOTHING, invoices: [invoiceRecord('G1')], scopes: scopes([]) };
    expect(left(one, '20')).toEqual([]);
    const published = { ...one, scopes: scopes([recorded(invoice('G1'), 'a')]) };
    expect(left(published, '09')).toContainEqual(monthOfUsage('2026-10'));
    const incomplete = { ...published, invoices: [invoiceRecord('G1'), invoiceRecord('G2')] };
    expect(left(incomplete, '09')).not.toContainEqual(monthOfUsage('2026-10'));
    expect(left(incomplete, '15')).toContainEqual(monthOfUsage('2026-10'));
    const superseded = [scopeRecord(monthOfUsage('2026-10'), { state: 'superseded' })];
    const plan = planRun(config, { ...NOTHING, scopes: superseded }, ALL, NOW);
    expect(plan.left[0]?.reason).toBe('superseded: the month is billed; kept as it last was');
  });

  it('loads a whole package of a month that Graph no longer offers, and goes on with an unfinished invoice', () => {
    const config = configured({
      billed_usage: { invoices: ['G1'] },
      unbilled_usage: { periods: ['current'], currencies: ['USD'] },
    });
    const old = monthOfUsage('2026-08');
    const waiting = (isWhole: boolean) => [
      { scope: old, attributeSet: 'full' as const, period: 'last' as const, isWhole },
      { scope: invoice('G1'), attributeSet: 'full' as const, period: undefined, isWhole: false },
    ];
    const state = { ...NOTHING, scopes: [recorded(invoice('G1'), 'a')], agreements: [agreementRecord('G1')] };
    const asked = (isWhole: boolean) =>
      planRun(config, state, ALL, NOW, waiting(isWhole)).exports.map(({ request, reason }) => [
        request.scope,
        reason,
      ]);
    const others = [
      [invoice('G1'), 'an earlier run left its load package unfinished'],
      [monthOfUsage('2026-11'), 'never asked for'],
    ];
    expect(asked(true)).toEqual([...others, [old, 'never asked for']]);
    expect(asked(false)).toEqual(others);
  });

  it('warns of a currency of billed data or invoices that no unbilled stream asks for', () => {
    const config = configured({ unbilled_usage: { currencies: ['USD'] } });
    const billed = scopeRecord(invoice('G1'), { snapshot: snapshotRecord({ sums: { EUR: '1', USD: '2' } }) });
    const invoices = [invoiceRecord('G2', { currency: 'GBP' })];
    const { warnings } = planRun(config, { ...NOTHING, scopes: [billed], invoices }, ALL, NOW);
    expect(warnings).toEqual([
      'EUR, GBP occur in billed data or invoices, but unbilled_usage asks for USD only: add what is missing to streams.unbilled_usage.currencies',
    ]);
  });
});
