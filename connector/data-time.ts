import { monthOf, type Scope } from '../schemas/scope.js';
import type { StreamName } from '../schemas/streams.js';
import type { RecordedState } from './load/recorded-state.js';

/**
 * When Microsoft made the data of each stream that has some, as far as its age matters: of a billed stream the newest
 * snapshot, for an invoice does not grow old; of an unbilled stream the oldest among the months that are still open,
 * which are this one and the last unless they are superseded, so that no currency falls behind unseen. Where a
 * manifest did not say when it was made, its snapshot's publish counts.
 */
export function dataTimes(state: RecordedState, now: Date): ReadonlyMap<StreamName, Date> {
  const times = new Map<StreamName, Date>();
  for (const { scope, state: stands, snapshot } of state.scopes) {
    if (snapshot === null || (scope.by === 'month' && (stands === 'superseded' || !isOpen(scope, now))))
      continue;
    const made = new Date(snapshot.manifestCreatedAt ?? snapshot.publishedAt);
    const known = times.get(scope.stream);
    if (known === undefined || (scope.by === 'month' ? made < known : made > known))
      times.set(scope.stream, made);
  }
  return times;
}

function isOpen(scope: Extract<Scope, { by: 'month' }>, now: Date): boolean {
  return scope.month >= monthOf(now, -1);
}
