import { describe, expect, it } from 'vitest';
import type { RunSummary, ScopeSummary } from '../../connector/run-summary.js';
import { changesText, summaryText, sumsText } from '../../connector/summary-text.js';

const COUNTS = {
  blobs: 2,
  read: 12,
  staged: 11,
  rejected: 1,
  inserted: 1,
  updated: 2,
  deleted: 3,
  unchanged: 1008,
  rounded: 0,
};

function summary(
  scopes: readonly ScopeSummary[],
  exitCode = 0,
  warnings: readonly string[] = [],
): RunSummary {
  return {
    runId: 'run-1',
    connectorVersion: '0.1.0',
    startedAt: '2026-11-23T10:00:00.000Z',
    finishedAt: '2026-11-23T10:01:05.000Z',
    outcome: 'an outcome',
    exitCode,
    invoiceList: null,
    readCopy: null,
    retention: null,
    scopes,
    left: 0,
    warnings,
  };
}

const SCOPE: ScopeSummary = {
  stream: 'billed_usage',
  scope: 'G016907411',
  outcome: 'published',
  exitCode: 0,
  reason: 'never asked for',
  counts: COUNTS,
  sums: { USD: '1.5', EUR: '-0.0000000000000000000001' },
  warnings: [],
};

describe('summaryText', () => {
  it('shows each scope with its counts, changes and exact sums, and the outcome last', () => {
    const lines = summaryText(summary([SCOPE])).split('\n');
    expect(lines[1]?.split(/ {2,}/)).toEqual([
      'billed_usage',
      'G016907411',
      'published',
      '11',
      '1 new, 2 changed, 3 removed, 1,008 unchanged, 1 rejected',
      'EUR -0.0000000000000000000001, USD 1.5',
    ]);
    expect(lines.at(-1)).toBe('run run-1: an outcome, 1 min 5 s');
  });

  it('says what failed, what to do and the exit codes', () => {
    const failed: ScopeSummary = {
      stream: 'billed_usage',
      scope: 'G1',
      outcome: 'failed',
      exitCode: 3,
      reason: 'x',
      error: { kind: 'transient', message: 'Graph is busy', hint: 'wait', facts: {} },
      warnings: ['odd', 'odd'],
    };
    const text = summaryText(summary([failed, SCOPE], 3, ['odd', 'odder']));
    expect(text).toContain('error: billed_usage G1: Graph is busy\n  hint: wait\n  (transient, exit 3)\n');
    expect(text.endsWith('run run-1: an outcome, 1 min 5 s, 2 warnings above, exit 3')).toBe(true);
  });

  it('names fields that no column holds', () => {
    const text = summaryText(summary([{ ...SCOPE, drift: { NewField: 1200, Other: 1 } }]));
    expect(text).toContain(
      'new fields in billed_usage G016907411, kept in _extra: NewField (1,200 records), Other (1 record)',
    );
  });

  it('is one line where there was nothing to do', () => {
    expect(summaryText(summary([]))).toBe('run run-1: an outcome, 1 min 5 s');
  });
});

describe('changesText and sumsText', () => {
  it('say so where there is nothing', () => {
    const zero = { ...COUNTS, rejected: 0, inserted: 0, updated: 0, deleted: 0, unchanged: 0 };
    expect(changesText(zero)).toBe('empty');
    expect(sumsText({})).toBe('');
    expect(sumsText(undefined)).toBe('');
  });
});
