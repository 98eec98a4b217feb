import { scopeLabel, type Scope } from '../schemas/scope.js';
import type { PublishedSnapshot, RecordedState } from './load/destination.js';

/** The published snapshot of a scope, as far as planning knows it; null where nothing is published. */
export type PublishedOf = (scope: Scope) => PublishedSnapshot | null;

/** Looks up published snapshots in what is recorded. */
export function publishedIn(state: RecordedState): PublishedOf {
  const snapshots = new Map(state.scopes.map((entry) => [scopeLabel(entry.scope), entry.snapshot]));
  return (scope) => snapshots.get(scopeLabel(scope)) ?? null;
}
