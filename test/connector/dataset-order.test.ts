import { describe, expect, it } from 'vitest';
import { whatNeedsALook, type WaitingPackage } from '../../connector/dataset-order.js';
import { NOTHING_RECORDED, type RecordedState, type RunRecord } from '../../connector/load/destination.js';
import { configSchema } from '../../schemas/config.js';
import { invoiceRecord, linesOf, monthOfUsage, scopeRecord, snapshotRecord, usageOf } from './recorded.js';

const NOW = new Date('2026-11-23T10:00:00Z');

const CONFIG = configSchema.parse({
  version: 1,
  source: { tenant_id: '0e195b37-4574-4539-bc42-0e539b9684c0', auth: { method: 'azure_cli' } },
  streams: {
    billed_usage: { invoices: 'discover', since: '2026-09' },
    unbilled_usage: { currencies: ['USD'] },
  },
  destination: { type: 'duckdb', path: 'x.duckdb' },
});

const RUN: RunRecord = {
  runId: 'R1',
  startedAt: '2026-11-23T03:00:00.000Z',
  finishedAt: '2026-11-23T03:05:00.000Z',
  connectorVersion: '0.2.0',
  outcome: 'nothing changed',
  exitCode: 0,
  counts: '[]',
};

/** A dataset in which everything is in order: an invoice, an open month, a run this night. */
const WELL: RecordedState = {
  ...NOTHING_RECORDED,
  lastRun: RUN,
  invoiceListReadAt: '2026-11-23T03:00:00.000Z',
  invoices: [invoiceRecord('G1')],
  scopes: [
    scopeRecord(usageOf('G1')),
    scopeRecord(monthOfUsage('2026-11'), {
      snapshot: snapshotRecord({ manifestCreatedAt: '2026-11-23T01:00:00.000Z' }),
    }),
    scopeRecord(monthOfUsage('2026-10'), { state: 'superseded' }),
  ],
};

const look = (changes: Partial<RecordedState> = {}, packages: readonly WaitingPackage[] = [], now = NOW) =>
  whatNeedsALook(CONFIG, { ...WELL, ...changes }, packages, now);

describe('what needs a look', () => {
  it('is nothing where everything is in order, and nothing where nothing was ever done', () => {
    expect(look()).toEqual([]);
    expect(whatNeedsALook(CONFIG, NOTHING_RECORDED, [], NOW)).toEqual([]);
  });

  it('is a last run that failed, or that is long ago', () => {
    const failed = { ...RUN, exitCode: 6, outcome: '1 refused' };
    expect(look({ lastRun: failed })).toEqual(['the last run (R1) ended with exit 6: 1 refused']);
    const long = { ...RUN, startedAt: '2026-11-20T03:00:00.000Z', finishedAt: '2026-11-20T03:05:00.000Z' };
    expect(look({ lastRun: long })).toEqual(['the last run ended 3 d 6 h ago: does the schedule still run?']);
  });

  it('is a scope that was refused, failed, or has no data though it was due; a pending one before the 11th is not', () => {
    const [, ...others] = WELL.scopes;
    const withUsage = (changes: object) => ({ scopes: [scopeRecord(usageOf('G1'), changes), ...others] });
    expect(look(withUsage({ state: 'refused', lastAnswer: '3 records rejected' }))).toEqual([
      'billed_usage G1: refused: 3 records rejected',
    ]);
    const failing = { lastAskedAt: '2026-11-23T03:00:00.000Z', lastAnswer: 'HTTP 403' };
    expect(look(withUsage(failing))).toEqual(['billed_usage G1: the last attempt failed: HTTP 403']);
    const pending = withUsage({ state: 'pending', snapshot: null });
    expect(look(pending)).toEqual(['billed_usage G1: Graph has no data, though it was due by the 11th']);
    const early = new Date('2026-11-09T10:00:00Z');
    const run = { ...RUN, finishedAt: '2026-11-09T03:05:00.000Z' };
    const fresh = { snapshot: snapshotRecord({ manifestCreatedAt: '2026-11-09T01:00:00.000Z' }) };
    const scopes = [
      scopeRecord(usageOf('G1'), { state: 'pending', snapshot: null }),
      scopeRecord(monthOfUsage('2026-11'), fresh),
    ];
    const listed = { lastRun: run, invoiceListReadAt: '2026-11-09T03:00:00.000Z' };
    expect(look({ ...listed, scopes }, [], early)).toEqual([]);
  });

  it('is usage of an open month that is old, but not during the pause at the turn of the month', () => {
    const [first] = WELL.scopes;
    const old = (month: string) => ({
      scopes: [
        ...(first === undefined ? [] : [first]),
        scopeRecord(monthOfUsage(month), {
          snapshot: snapshotRecord({ manifestCreatedAt: '2026-11-04T01:00:00.000Z' }),
        }),
      ],
    });
    expect(look(old('2026-11'))).toEqual([
      'unbilled_usage 2026-11-USD: its data is 19 d 9 h old, and new data comes every day',
    ]);
    const tenth = new Date('2026-11-10T10:00:00Z');
    const run = { lastRun: { ...RUN, finishedAt: '2026-11-10T03:00:00.000Z' } };
    const listed = { invoiceListReadAt: '2026-11-10T03:00:00.000Z' };
    expect(look({ ...old('2026-10'), ...run, ...listed }, [], tenth)).toEqual([]);
  });

  it('is an invoice that the list names and no run asked for, a month without one, and a list that is old', () => {
    const invoices = [
      invoiceRecord('G1'),
      invoiceRecord('G2', { billingMonth: '2026-09' }),
      invoiceRecord('G3', { billingMonth: '2026-08' }),
      invoiceRecord('G4', { documentType: 'credit_note' }),
      invoiceRecord('D5'),
    ];
    expect(look({ invoices })).toEqual(['billed_usage G2: named by the invoice list, and not asked for yet']);
    const september = [invoiceRecord('G1', { billingMonth: '2026-09' })];
    expect(look({ invoices: september })).toEqual([
      'billed_usage: the invoice list names no invoice for 2026-10, though it was due by the 8th',
    ]);
    expect(look({ invoiceListReadAt: '2026-11-20T03:00:00.000Z' })).toEqual([
      'the invoice list was last read 3 d 7 h ago',
    ]);
    expect(look({ invoiceListReadAt: null })).toEqual(['the invoice list was never read']);
  });

  it('is a package that waits in the spool, and a currency without an unbilled scope', () => {
    const waiting = {
      stream: 'billed_usage',
      scope: 'G1',
      state: 'unfinished',
      detail: 'downloaded',
    } as const;
    expect(look({}, [waiting])).toEqual(['billed_usage G1: a load package waits in the spool: downloaded']);
    const invoices = [invoiceRecord('G1', { currency: 'EUR' })];
    expect(look({ invoices })).toEqual([expect.stringContaining('EUR occurs in billed data or invoices')]);
  });

  it('is nothing about streams that are not configured', () => {
    const scopes = [...WELL.scopes, scopeRecord(linesOf('G1'), { state: 'refused' })];
    expect(look({ scopes })).toEqual([]);
  });
});
