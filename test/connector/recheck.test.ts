import fc from 'fast-check';
import { describe, expect, it } from 'vitest';
import { NOTHING_RECORDED, type RecordedState, type ScopeState } from '../../connector/load/destination.js';
import { invoiceFacts, meaningOfNoData, recheck } from '../../connector/recheck.js';
import { agreementRecord, invoiceRecord, linesOf, scopeRecord, snapshotRecord, usageOf } from './recorded.js';

const DEFAULTS = { nightly_until_day: 15, weekly_until_day: 45 };
const INVOICE_DAY = Date.parse('2026-11-08T00:00:00Z');
const DAY = 86_400_000;

/** The night of a day of the invoice's age, at five o'clock. */
const night = (age: number) => new Date(INVOICE_DAY + age * DAY + 5 * 3_600_000);

function decided(
  age: number,
  changes: Partial<ScopeState> = {},
  state: Partial<RecordedState> = {},
  wanted: 'full' | 'basic' = 'full',
) {
  const entry = scopeRecord(usageOf('G1'), {
    lastAskedAt: night(age - 1).toISOString(),
    lastCheckedAt: night(age - 1).toISOString(),
    ...changes,
  });
  const known = { ...NOTHING_RECORDED, invoices: [invoiceRecord('G1')], scopes: [entry], ...state };
  return recheck(invoiceFacts(known)(usageOf('G1')), wanted, DEFAULTS, night(age));
}

/** Walks the nights of an invoice's life, asking when told to; returns the ages at which it was asked for. */
function agesAsked(until: number, agreesFrom: number, config = DEFAULTS): number[] {
  const asked: number[] = [];
  let last: Date | null = null;
  for (let age = 0; age <= until; age += 1) {
    const scopes =
      last === null
        ? []
        : [
            scopeRecord(usageOf('G1'), {
              lastAskedAt: last.toISOString(),
              lastCheckedAt: last.toISOString(),
            }),
          ];
    const agreements = last !== null && age > agreesFrom ? [agreementRecord('G1')] : [];
    const state = { ...NOTHING_RECORDED, invoices: [invoiceRecord('G1')], scopes, agreements };
    const told = recheck(invoiceFacts(state)(usageOf('G1')), 'full', config, night(age));
    if (!told.ask) continue;
    asked.push(age);
    last = night(age);
  }
  return asked;
}

describe('recheck', () => {
  it('asks every night while usage and lines do not agree, through day 15, then weekly through day 45, then never', () => {
    const nightly = Array.from({ length: 16 }, (_, age) => age);
    expect(agesAsked(400, Infinity)).toEqual([...nightly, 22, 29, 36, 43]);
  });

  it('asks weekly from the night after they agreed', () => {
    expect(agesAsked(400, 2)).toEqual([0, 1, 2, 9, 16, 23, 30, 37, 44]);
    expect(agesAsked(400, 0)).toEqual([0, 7, 14, 21, 28, 35, 42]);
  });

  it('keeps to its days whatever they are: nightly first, no two weekly checks within seven days, none too late', () => {
    fc.assert(
      fc.property(fc.nat(40), fc.nat(80), fc.nat(60), (nightly, weekly, agreesFrom) => {
        const config = { nightly_until_day: nightly, weekly_until_day: weekly };
        const asked = agesAsked(150, agreesFrom, config);
        const dense = Math.min(nightly, agreesFrom);
        expect(asked.slice(0, dense + 1)).toEqual(Array.from({ length: dense + 1 }, (_, age) => age));
        const later = asked.filter((age) => age > dense);
        let before = dense;
        for (const age of later) {
          expect(age - before).toBe(7);
          expect(age).toBeLessThanOrEqual(weekly);
          before = age;
        }
      }),
    );
  });

  it('tells from when a left invoice is asked for again, or that only a person does it', () => {
    const seen = { lastCheckedAt: night(18).toISOString(), lastAskedAt: night(18).toISOString() };
    expect(decided(20, seen)).toEqual({
      ask: false,
      reason: 'published at eTag abc, day 20; asked again from 2026-12-03',
      nextCheckAt: '2026-12-03T00:00:00.000Z',
    });
    const late = { lastCheckedAt: night(43).toISOString(), lastAskedAt: night(43).toISOString() };
    expect(decided(44, late)).toEqual({
      ask: false,
      reason: 'published at eTag abc, day 44; asked for again only by name',
      nextCheckAt: null,
    });
  });

  it('always asks for what was never answered, failed, was refused, or is published with other attributes', () => {
    const failed = { lastAskedAt: night(299).toISOString(), lastCheckedAt: night(250).toISOString() };
    expect(decided(300, { ...failed, lastAnswer: 'HTTP 500' })).toEqual({
      ask: true,
      reason: 'the last attempt failed (HTTP 500)',
    });
    expect(decided(300, { lastCheckedAt: null })).toMatchObject({ ask: true });
    expect(decided(300, { state: 'refused', lastAnswer: 'too many' })).toEqual({
      ask: true,
      reason: 'what came last was refused (too many)',
    });
    expect(decided(300, { state: 'pending', snapshot: null, lastAnswer: 'no data (5000)' })).toEqual({
      ask: true,
      reason: 'nothing published yet (no data (5000))',
    });
    expect(decided(300, { snapshot: snapshotRecord({ attributeSet: 'basic' }) })).toEqual({
      ask: true,
      reason: 'published as basic, wanted as full',
    });
    expect(decided(300, {}, { scopes: [] })).toEqual({ ask: true, reason: 'never asked for' });
    expect(decided(300)).toMatchObject({ ask: false });
  });

  it('counts usage that is none beside lines that charge none as agreement', () => {
    const scopes = [scopeRecord(usageOf('G1'), { state: 'no data', snapshot: null })];
    const agreements = [agreementRecord('G1', { agrees: null, usageLines: 0 })];
    expect(decided(3, {}, { scopes, agreements })).toMatchObject({ ask: false });
    expect(decided(3, {}, { scopes })).toMatchObject({ ask: true });
  });

  it('asks weekly for a note that had no data of its own', () => {
    const invoices = [invoiceRecord('G1', { documentType: 'void_note' })];
    const none = { state: 'no data' as const, snapshot: null };
    expect(decided(3, none, { invoices })).toMatchObject({
      ask: false,
      reason: 'no data so far, a document that may have none of its own; asked again from 2026-11-17',
    });
    expect(decided(3, none)).toMatchObject({ ask: true });
  });

  it('does not ask again where a person said that there is no data', () => {
    const said = { state: 'no data' as const, snapshot: null, allowedEmptyAt: night(1).toISOString() };
    expect(decided(3, said)).toEqual({
      ask: false,
      reason: 'a person said on 2026-11-09 that it has no data',
      nextCheckAt: null,
    });
  });

  it('takes the first manifest, then the first question, for the age of an invoice that no list names', () => {
    const unlisted = { invoices: [] };
    expect(decided(20, { firstManifestAt: night(10).toISOString() }, unlisted)).toMatchObject({ ask: true });
    expect(decided(20, { firstAskedAt: night(0).toISOString() }, unlisted)).toMatchObject({ ask: false });
  });
});

describe('code 5000 for an invoice that nothing is published of', () => {
  const meaning = (day: string, state: Partial<RecordedState> = {}, scope = usageOf('G1')) => {
    const known = { ...NOTHING_RECORDED, invoices: [invoiceRecord('G1')], ...state };
    return meaningOfNoData(invoiceFacts(known)(scope), DEFAULTS, new Date(`${day}T05:00:00Z`));
  };

  it('is pending through the 11th, a failure after it, and no data when the invoice is old', () => {
    expect(['2026-11-08', '2026-11-11', '2026-11-12', '2026-12-23'].map((day) => meaning(day))).toEqual([
      ...['pending', 'pending', 'failed', 'failed'],
    ]);
    expect(meaning('2026-12-24')).toBe('no data');
    const late = { invoices: [invoiceRecord('G1', { invoiceDate: '2026-11-12T00:00:00.000Z' })] };
    expect(meaning('2026-12-11', late)).toBe('pending');
    expect(meaning('2026-12-12', late)).toBe('failed');
  });

  it('is expected of a note, a voided document and usage that the lines do not charge; a legacy one never has any', () => {
    const with_ = (changes: object) => ({ invoices: [invoiceRecord('G1', changes)] });
    expect(meaning('2026-11-20', with_({ documentType: 'credit_note' }))).toBe('no data');
    expect(meaning('2026-11-20', with_({ status: 'void' }))).toBe('no data');
    expect(meaning('2026-11-20', {}, usageOf('D1'))).toBe('no data');
    const none = { agreements: [agreementRecord('G1', { agrees: null, usageLines: 0 })] };
    expect(meaning('2026-11-20', none)).toBe('no data');
    expect(meaning('2026-11-20', none, linesOf('G1'))).toBe('failed');
  });

  it('of an invoice that no list names is pending from when it was first asked for', () => {
    expect(meaning('2026-11-20', { invoices: [] })).toBe('pending');
    const scopes = [scopeRecord(usageOf('G1'), { state: 'pending', snapshot: null })];
    expect(meaning('2026-11-20', { invoices: [], scopes })).toBe('failed');
  });
});
