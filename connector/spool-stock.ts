import { monthOfPeriod, scopeLabel } from '../schemas/scope.js';
import type { LoadPackage, Spool } from './load-package.js';
import type { RecordedState } from './load/destination.js';
import type { UnfinishedPackage } from './plan.js';

/** What earlier runs left unfinished in the spool. */
export interface SpoolStock {
  readonly usable: readonly UnfinishedPackage[];
  /** Packages that no run can use any more. */
  readonly useless: readonly LoadPackage[];
}

/**
 * What earlier runs left unfinished in the spool; refused packages are not among it. Useless are packages of superseded
 * scopes, and those of months that Graph no longer offers of which not all was downloaded.
 */
export async function stockOf(spool: Spool, state: RecordedState, now: Date): Promise<SpoolStock> {
  const superseded = new Set(
    state.scopes.filter((entry) => entry.state === 'superseded').map(({ scope }) => scopeLabel(scope)),
  );
  const usable: UnfinishedPackage[] = [];
  const useless: LoadPackage[] = [];
  for (const one of await spool.list()) {
    if (one.refusal() !== null) continue;
    const { scope, attributeSet, period } = one.exportRecord;
    const isWhole = await one.isWhole();
    const isOver = scope.by === 'month' && !isWhole && scope.month < monthOfPeriod('last', now);
    if (isOver || superseded.has(scopeLabel(scope))) useless.push(one);
    else usable.push({ scope, attributeSet, period, isWhole });
  }
  return { usable, useless };
}
