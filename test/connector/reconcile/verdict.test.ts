import { describe, expect, it } from 'vitest';
import type { CheckCount, CheckStatus } from '../../../connector/load/check-rows.js';
import { CHECKS } from '../../../connector/reconcile/checks.js';
import type { CheckResult } from '../../../connector/reconcile/examine.js';
import { verdictOf } from '../../../connector/reconcile/verdict.js';

function result(
  name: string,
  ...statuses: readonly (CheckStatus | readonly [CheckStatus, string])[]
): CheckResult {
  const check = CHECKS.find((one) => one.name === name);
  if (check === undefined) throw new RangeError(name);
  const counts = statuses.map((of): CheckCount => {
    const [status, subject] = typeof of === 'string' ? [of, 'G1'] : of;
    return { subject, currency: 'USD', status, reason: null, rows: 2, remarked: 0, largest: '1' };
  });
  return { check, view: check.view, columns: [], decimals: new Set(), filter: {}, notExamined: null, counts };
}
const tieOut = (...statuses: readonly (CheckStatus | readonly [CheckStatus, string])[]) =>
  result('invoice_tieout', ...statuses);

describe('the verdict', () => {
  it('is 7 for every status that says that two sides are not the same, and 0 for a match or what is let pass', () => {
    for (const status of ['mismatch', 'left_only', 'right_only'] as const)
      expect([status, verdictOf([tieOut(status, 'matched')], {}, 'mismatch')]).toMatchObject([
        status,
        { exitCode: 7, outcome: 'differs', differing: ['invoice_tieout'] },
      ]);
    for (const status of ['matched', 'within_tolerance'] as const)
      expect([status, verdictOf([tieOut(status)], {}, 'partial')]).toMatchObject([
        status,
        { exitCode: 0, outcome: 'all right' },
      ]);
  });

  it('fails for what is not settled only where that is asked for', () => {
    const results = [tieOut('partial', 'matched')];
    expect(verdictOf(results, {}, 'mismatch')).toMatchObject({ exitCode: 0, outcome: 'partial' });
    expect(verdictOf(results, {}, 'partial')).toMatchObject({ exitCode: 7, outcome: 'partial' });
    expect(verdictOf([tieOut('mismatch')], {}, 'never')).toMatchObject({ exitCode: 0, outcome: 'differs' });
  });

  it('is not all right where no check of amounts compared anything, whatever the others found', () => {
    const results = [result('load_completeness', 'matched'), tieOut('not_checked')];
    const verdict = verdictOf(results, {}, 'mismatch');
    expect(verdict).toMatchObject({ exitCode: 7, outcome: 'nothing was checked' });
    expect(verdict.text).toContain('this is not "all is well"; 2 comparisons of amounts could not be made');
    expect(verdictOf([], {}, 'mismatch').outcome).toBe('nothing was checked');
    expect(verdictOf(results, { checks: ['load_completeness', 'invoice_tieout'] }, 'mismatch').outcome).toBe(
      'all right',
    );
  });

  it('is not all right where nothing was checked of one of the invoices that were named', () => {
    const results = [tieOut('matched', ['not_checked', 'G2'])];
    expect(verdictOf(results, {}, 'mismatch').outcome).toBe('all right');
    expect(verdictOf(results, { invoices: ['G1', 'G2'] }, 'mismatch')).toMatchObject({
      exitCode: 7,
      outcome: 'nothing was checked',
      unchecked: ['G2'],
    });
  });

  it('lets a hint decide only where it was asked for by name', () => {
    const results = [tieOut('matched'), result('snapshot_changes', 'mismatch')];
    expect(verdictOf(results, {}, 'mismatch')).toMatchObject({
      ...{ exitCode: 0, outcome: 'all right', hints: ['snapshot_changes'] },
    });
    const named = verdictOf(results, { checks: ['invoice_tieout', 'snapshot_changes'] }, 'mismatch');
    expect(named).toMatchObject({ exitCode: 7, differing: ['snapshot_changes'], hints: [] });
  });

  it('names a check that remarks on what matches as worth a look, and decides nothing by it', () => {
    const matching = result('usage_completeness', 'within_tolerance');
    const remarked = { ...matching, counts: matching.counts.map((count) => ({ ...count, remarked: 1 })) };
    const verdict = verdictOf([tieOut('matched'), remarked], {}, 'partial');
    expect(verdict).toMatchObject({ exitCode: 0, outcome: 'all right', hints: ['usage_completeness'] });
    expect(verdict.text).toMatch(/; usage_completeness found something worth a look$/);
  });
});
