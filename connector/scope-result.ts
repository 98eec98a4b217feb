import { scopeText, type Scope } from '../schemas/scope.js';
import type { LoadContext } from './load-context.js';
import type { LoadOutcome } from './load-scope.js';
import type { ScopeAnswer } from './load/destination.js';
import { errorSummary, type ScopeSummary } from './run-summary.js';
import { published, refused, unchanged, type ScopeEnding } from './scope-ending.js';

/** What became of a scope: for the summary, and what is to be recorded where no publish recorded it. */
export interface ScopeResult {
  readonly summary: ScopeSummary;
  readonly answer: ScopeAnswer | null;
  /** Unbilled scopes that its publish superseded. */
  readonly superseded: readonly Scope[];
}

/** How a load ended, as the end of its scope's way. `publishedRejected` counts what the published snapshot lacks. */
export function loadEnding(
  scope: Scope,
  loaded: Exclude<LoadOutcome, { kind: 'damaged blob' }>,
  warnings: readonly string[],
  publishedRejected = 0,
): ScopeEnding {
  const { eTag } = loaded;
  switch (loaded.kind) {
    case 'published': {
      const { notPutAway, result } = loaded;
      if (notPutAway === undefined) return published(scope, eTag, result, warnings);
      const warning = `published, but its load package stays in the spool: ${notPutAway.message}; ${notPutAway.hint}`;
      return { ...published(scope, eTag, result, [...warnings, warning]), exitCode: notPutAway.exitCode };
    }
    case 'already published':
      return unchanged(scope, eTag, publishedRejected);
    case 'kept':
      return {
        scope,
        outcome: 'kept',
        state: null,
        answer: `kept the published snapshot: ${loaded.error.message}`,
        warnings: [...warnings, `${loaded.error.message}; ${loaded.error.hint}`],
        details: { eTag },
      };
    case 'refused':
      return { ...refused(scope, loaded.error), warnings, details: { eTag } };
  }
}

/** The result of a scope's way, told as it is made. `reason` says why the scope was asked for. */
export function scopeResult(load: LoadContext, reason: string, ending: ScopeEnding): ScopeResult {
  const { scope, outcome, error, warnings = [], details = {} } = ending;
  const { report, clock } = load;
  const exitCode = ending.exitCode ?? error?.exitCode ?? 0;
  for (const message of warnings) report({ event: 'warning', scope, message, hint: '' });
  report({ event: 'scope.finished', scope, outcome, exitCode });
  const summary: ScopeSummary = {
    stream: scope.stream,
    scope: scopeText(scope),
    outcome,
    exitCode,
    reason,
    ...details,
    ...(error === undefined ? {} : { error: errorSummary(error) }),
    warnings,
  };
  const answer = answerOf(ending, clock.now());
  return { summary, answer, superseded: ending.superseded ?? [] };
}

function answerOf(ending: ScopeEnding, now: Date): ScopeAnswer | null {
  const { scope, state, answer, error, checked = error === undefined, allowedEmpty = false } = ending;
  if (state === undefined) return null;
  return { scope, state, askedAt: now.toISOString(), answer, checked, allowedEmpty };
}
