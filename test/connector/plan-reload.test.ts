import { describe, expect, it } from 'vitest';
import { NOTHING_RECORDED, type ScopeStateName } from '../../connector/load/destination.js';
import { planReload } from '../../connector/plan-reload.js';
import type { Scope } from '../../schemas/scope.js';
import { linesOf, monthOfUsage, scopeRecord, snapshotRecord, usageOf } from './recorded.js';

const NOW = new Date('2026-11-23T10:00:00Z');

function plan(
  scopes: readonly (readonly [Scope, ScopeStateName, 'full' | 'basic' | null])[],
  ...named: string[]
) {
  const recorded = scopes.map(([scope, state, attributeSet]) =>
    scopeRecord(scope, {
      state,
      snapshot: attributeSet === null ? null : snapshotRecord({ eTag: 'e', attributeSet }),
    }),
  );
  return planReload({ ...NOTHING_RECORDED, scopes: recorded }, named, NOW);
}

describe('planReload', () => {
  it('asks for each published scope that is named, once, in the attribute set that is published, and for nothing else', () => {
    const { exports, left } = plan(
      [
        [usageOf('G1'), 'published', 'basic'],
        [linesOf('G1'), 'published', 'full'],
        [usageOf('G2'), 'published', 'full'],
        [monthOfUsage('2026-10'), 'refused', 'full'],
      ],
      ...['G1', 'billed_usage:G1', 'unbilled_usage:2026-10-USD'],
    );
    expect(left).toEqual([]);
    expect(exports.map(({ request, reload, allowEmpty }) => ({ ...request, reload, allowEmpty }))).toEqual([
      { scope: usageOf('G1'), attributeSet: 'basic', reload: true, allowEmpty: false },
      { scope: linesOf('G1'), attributeSet: 'full', reload: true, allowEmpty: false },
      {
        ...{ scope: monthOfUsage('2026-10'), attributeSet: 'full', period: 'last' },
        ...{ reload: true, allowEmpty: false },
      },
    ]);
  });

  it('refuses what was never published, and months that Microsoft no longer gives as they were', () => {
    const asked = [usageOf('G1'), 'pending', null] as const;
    expect(() => plan([asked], 'G1')).toThrow(/--reload G1: nothing is published of it/);
    expect(() => plan([asked], 'G2')).toThrow(/nothing is published of it/);
    for (const month of [
      [monthOfUsage('2026-10'), 'superseded', 'full'],
      [monthOfUsage('2026-09'), 'published', 'full'],
    ] as const)
      expect(() => plan([month], `${month[0].month}-USD`)).toThrow(/no longer gives the estimate/);
  });
});
