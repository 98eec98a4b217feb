import type { ConnectorError } from '../schemas/errors.js';
import type { Scope } from '../schemas/scope.js';
import { driftOf } from './load-scope.js';
import type { PublishResult, ScopeStateName } from './load/destination.js';
import type { ScopeOutcome, ScopeSummary } from './run-summary.js';

/** How a scope's way through a run ended: what the summary says and what is to be recorded. */
export interface ScopeEnding {
  readonly scope: Scope;
  readonly outcome: ScopeOutcome;
  /** The state to record; null leaves it as it is. Undefined: a publish has recorded the scope already. */
  readonly state?: ScopeStateName | null;
  readonly answer: string;
  /** Whether Graph answered what it has; by default whenever there is no error. */
  readonly checked?: boolean;
  /** A person said by name that it has no data. */
  readonly allowedEmpty?: boolean;
  readonly error?: ConnectorError;
  readonly exitCode?: number;
  readonly warnings?: readonly string[];
  readonly details?: Partial<Pick<ScopeSummary, 'eTag' | 'counts' | 'sums' | 'rejected' | 'drift'>>;
  /** Unbilled scopes that its publish superseded. */
  readonly superseded?: readonly Scope[];
}

/** Graph's data is what is published, without the records that were rejected, whatever came or failed to come in between. */
export function unchanged(scope: Scope, eTag: string, rejected = 0): ScopeEnding {
  const details = { eTag, ...rejectedIn(rejected) };
  return { scope, outcome: 'unchanged', state: 'published', answer: `unchanged at eTag ${eTag}`, details };
}

function rejectedIn(rejected: number): { readonly rejected?: number } {
  return rejected === 0 ? {} : { rejected };
}

/** Its month was billed by another scope of this run: what is published stays. */
export function superseded(scope: Scope): ScopeEnding {
  return { scope, outcome: 'superseded', state: null, answer: 'superseded: the month is billed by now' };
}

/** What arrived is not published; the old snapshot stays. Every run asks again. */
export function refused(scope: Scope, error: ConnectorError): ScopeEnding {
  return { ...failed(scope, error), outcome: 'refused', state: 'refused', checked: true };
}

/** It could not be asked for or loaded. */
export function failed(scope: Scope, error: ConnectorError): ScopeEnding {
  return { scope, outcome: 'failed', state: null, answer: error.message, error };
}

/**
 * A new snapshot is what readers see. An unbilled one that shrank by more than half is worth a look; one that is empty
 * was allowed by name.
 */
export function published(
  scope: Scope,
  eTag: string,
  result: PublishResult,
  warnings: readonly string[],
): ScopeEnding {
  const { counts, sums, blobs } = result;
  return {
    scope,
    outcome: 'published',
    answer: 'published',
    warnings: [...warnings, ...shrinkWarnings(scope, result)],
    details: { eTag, counts, sums, ...rejectedIn(counts.rejected), drift: driftOf(blobs) },
    superseded: result.superseded,
  };
}

/**
 * The same ending where the scope was reloaded by name. With another eTag than `former`, the one published before, nobody
 * can tell what Microsoft restated from what was changed by hand, which is said.
 */
export function reloaded(ending: ScopeEnding, former: string | undefined): ScopeEnding {
  if (ending.outcome !== 'published') return ending;
  const { warnings = [], details } = ending;
  const restated = `Microsoft restated it since it was published: eTag ${former ?? 'unknown'} then, ${details?.eTag ?? 'none'} now. What Microsoft changed and what was changed by hand cannot be told apart: all of it is in history as reloaded, and no diff counts it`;
  const isRestated = details?.eTag !== former;
  return {
    ...ending,
    ...{ outcome: 'reloaded', answer: 'reloaded' },
    warnings: isRestated ? [...warnings, restated] : warnings,
  };
}

function shrinkWarnings(scope: Scope, { counts, replaced }: PublishResult): readonly string[] {
  if (scope.by !== 'month' || replaced === null || counts.staged === 0) return [];
  if (counts.staged * 2 >= replaced) return [];
  return [
    `it shrank by more than half, from ${replaced} to ${counts.staged} records: usual while Microsoft bills the month; else look at unbilled_totals`,
  ];
}
