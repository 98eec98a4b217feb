import { monthOfPeriod, scopeLabel } from '../schemas/scope.js';
import type { Spool } from './load-package.js';
import type { RecordedState } from './load/destination.js';
import type { UnfinishedPackage } from './plan.js';

/**
 * What earlier runs left unfinished in the spool. Packages that no run can use any more are deleted: those of superseded
 * scopes, and those of months that Graph no longer offers of which not all was downloaded.
 */
export async function takeStock(
  spool: Spool,
  state: RecordedState,
  now: Date,
): Promise<readonly UnfinishedPackage[]> {
  const superseded = new Set(
    state.scopes.filter((entry) => entry.state === 'superseded').map(({ scope }) => scopeLabel(scope)),
  );
  const found: UnfinishedPackage[] = [];
  for (const one of await spool.list()) {
    if (one.refusal() !== null) continue;
    const { scope, attributeSet, period } = one.exportRecord;
    const isWhole = await one.isWhole();
    const isOver = scope.by === 'month' && !isWhole && scope.month < monthOfPeriod('last', now);
    if (isOver || superseded.has(scopeLabel(scope))) await one.remove();
    else found.push({ scope, attributeSet, period, isWhole });
  }
  return found;
}
