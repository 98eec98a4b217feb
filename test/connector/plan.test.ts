import { describe, expect, it } from 'vitest';
import { planRun } from '../../connector/plan.js';
import { EVERYTHING } from '../../connector/selection.js';
import { NOTHING_RECORDED, type RecordedState, type ScopeState } from '../../connector/load/destination.js';
import { configSchema } from '../../schemas/config.js';
import type { Scope } from '../../schemas/scope.js';

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
  const counts = {
    blobs: 1,
    read: 2,
    staged: 2,
    rejected: 0,
    inserted: 2,
    updated: 0,
    deleted: 0,
    unchanged: 0,
    rounded: 0,
  };
  return {
    scope,
    state: eTag === null ? 'no data' : 'published',
    firstAskedAt: '2026-11-08T05:00:00.000Z',
    lastAskedAt: '2026-11-22T05:00:00.000Z',
    lastCheckedAt: '2026-11-22T05:00:00.000Z',
    lastAnswer: eTag === null ? 'no data (5000)' : 'published',
    nextCheckAt: null,
    allowedEmptyAt: null,
    firstManifestAt: null,
    snapshot:
      eTag === null
        ? null
        : {
            loadId: 'L1',
            eTag,
            attributeSet,
            publishedAt: '2026-11-22T00:00:00Z',
            manifestCreatedAt: null,
            billingMonth: null,
            counts,
            sums: {},
          },
  };
}

const invoice = (id: string): Scope => ({ by: 'invoice', stream: 'billed_usage', invoice: id });
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
});
