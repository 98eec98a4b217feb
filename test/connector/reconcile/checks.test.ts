import { describe, expect, it } from 'vitest';
import { CHECKS, type FindingStatus } from '../../../connector/reconcile/checks.js';
import { GOLDEN_VIEWS } from '../../golden/all-views.js';
import { viewNames } from '../../view-names.js';

describe('the checks', () => {
  it('are the views recon_ of both databases, each once', () => {
    const views = CHECKS.map(({ view }) => view);
    for (const dialect of ['duckdb', 'postgres'] as const) {
      const made = viewNames(dialect).flatMap((name) => /^view (recon_\w+)$/.exec(name)?.[1] ?? []);
      expect([...views].sort()).toEqual([...made].sort());
    }
    for (const { name, view } of CHECKS) expect(view).toBe(`recon_${name}`);
  });

  it('say what to do next for every finding that their golden data have', () => {
    let findings = 0;
    for (const { view, cases } of GOLDEN_VIEWS) {
      const check = CHECKS.find((one) => one.view === view);
      const statuses = new Set(cases.flatMap(({ expected }) => expected.map((row) => row['status'] ?? '')));
      for (const status of statuses) {
        if (check === undefined || status === 'matched' || status === 'within_tolerance') continue;
        findings += 1;
        if (view === 'recon_snapshot_changes' && status === 'not_checked') continue;
        expect([view, status, check.next[status as FindingStatus] ?? '']).toEqual([
          view,
          status,
          expect.stringMatching(/\w/),
        ]);
      }
    }
    expect(findings).toBeGreaterThan(25);
  });
});
