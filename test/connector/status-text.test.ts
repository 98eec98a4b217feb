import { describe, expect, it } from 'vitest';
import { statusText, type DatasetStatus, type ScopeStatus } from '../../connector/status-text.js';
import { snapshotRecord } from './recorded.js';

const NOW = new Date('2026-11-23T10:00:00Z');

function scope(name: string, changes: Partial<ScopeStatus> = {}): ScopeStatus {
  return {
    stream: 'billed_usage',
    scope: name,
    state: 'published',
    lastAskedAt: '2026-11-23T03:00:00.000Z',
    lastAnswer: 'unchanged',
    nextCheckAt: null,
    published: snapshotRecord({ sums: { USD: '12.5' } }),
    ageOfDataMs: 3_600_000,
    expected: '',
    ...changes,
  };
}

function status(changes: Partial<DatasetStatus> = {}): DatasetStatus {
  return {
    destination: 'duckdb /x dataset csp',
    tenantId: null,
    inOrder: true,
    needsALook: [],
    next: { exports: 4, nextCheckAt: '2026-12-04T00:00:00.000Z' },
    scopes: [scope('G1')],
    signOffs: [],
    lastRun: {
      runId: 'R1',
      startedAt: '2026-11-23T03:00:00.000Z',
      finishedAt: '2026-11-23T03:05:00.000Z',
      connectorVersion: '0.2.0',
      outcome: 'nothing changed',
      exitCode: 0,
      counts: '[]',
    },
    packages: [],
    ...changes,
  };
}

describe('the status for people', () => {
  it('says first whether everything is in order, then the last run and the next', () => {
    expect(statusText(status(), NOW).split('\n').slice(1, 4)).toEqual([
      'everything is in order',
      'last run R1: nothing changed, finished 2026-11-23T03:05:00.000Z (6 h 55 min ago), exit 0',
      'the next run asks for 4 scopes; the next re-check is due on 2026-12-04',
    ]);
    const needsALook = ['billed_usage G1: refused: x', 'the invoice list was never read'];
    expect(statusText(status({ needsALook, inOrder: false }), NOW)).toContain(
      '2 things need a look:\n  - billed_usage G1: refused: x\n  - the invoice list was never read\n',
    );
  });

  it('names pending, refused and superseded scopes, the last of many only', () => {
    const superseded = Array.from({ length: 8 }, (_, month) =>
      scope(`2026-0${month + 1}-USD`, { stream: 'unbilled_usage', state: 'superseded' }),
    );
    const text = statusText(status({ scopes: [scope('G9', { state: 'pending' }), ...superseded] }), NOW);
    expect(text).toMatch(/^pending: billed_usage G9$/m);
    expect(text).toMatch(/^superseded: 2 earlier, unbilled_usage 2026-03-USD, .*2026-08-USD$/m);
  });

  it('fits a screen: scopes that nothing is expected of are counted, and listed on demand', () => {
    const old = Array.from({ length: 40 }, (_, index) => scope(`G1${index}`));
    const scopes = [...old, scope('G2', { nextCheckAt: '2026-12-01T00:00:00.000Z' })];
    const text = statusText(status({ scopes }), NOW);
    expect(text).toContain('and 40 scopes that nothing is expected of any more (--all lists them)');
    expect(text).toMatch(/^billed_usage +G2 .* 2026-12-01 /m);
    expect(text).not.toMatch(/^billed_usage +G10 /m);
    expect(statusText(status({ scopes }), NOW, true)).toMatch(/^billed_usage +G139 /m);
  });

  it('of a dataset that nothing was done with says what to do', () => {
    const text = statusText(status({ scopes: [], lastRun: null }), NOW);
    expect(text).toContain('no run is recorded');
    expect(text).toContain('no scope was ever asked for; run `partner-billing sync`');
    expect(text).not.toContain('in order');
  });
});
