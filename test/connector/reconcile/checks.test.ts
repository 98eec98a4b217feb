import { readFileSync } from 'node:fs';
import { join } from 'node:path';
import { describe, expect, it } from 'vitest';
import { CHECK_STATUSES } from '../../../connector/load/check-rows.js';
import { DIALECTS } from '../../../connector/load/destination.js';
import { packageRoot } from '../../../connector/package-info.js';
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

  it('have golden data in which every status occurs that their view can give, and so have the reports', () => {
    const inGolden = new Map<string, Set<string>>();
    for (const { view, cases } of GOLDEN_VIEWS) {
      const statuses = inGolden.get(view) ?? new Set();
      for (const { expected } of cases) for (const row of expected) statuses.add(row['status'] ?? '');
      inGolden.set(view, statuses);
    }
    for (const dialect of DIALECTS) {
      const made = viewNames(dialect).flatMap((name) => /^view ((?:recon|rpt)_\w+)$/.exec(name)?.[1] ?? []);
      expect([...inGolden.keys()].sort()).toEqual([...made].sort());
      for (const { view } of CHECKS) {
        const sql = readFileSync(join(packageRoot(), 'sql', dialect, 'views', `${view}.sql`), 'utf8');
        const body = sql.replace(/^--.*$/gm, '');
        const given = CHECK_STATUSES.filter((status) => body.includes(`'${status}'`));
        expect([dialect, view, [...(inGolden.get(view) ?? [])].sort()]).toEqual([
          dialect,
          view,
          [...given].sort(),
        ]);
      }
    }
  });
});
