import { scopeText, type Scope } from '../schemas/scope.js';
import type { ExportOutcome, Extractor } from './extract/extractor.js';
import type { LoadContext } from './load-context.js';
import { interrupted } from './interruption.js';
import { loadPackage, type LoadOutcome } from './load-scope.js';
import type { ScopeAnswer } from './load/destination.js';
import { noData } from './no-data-answer.js';
import type { PlannedExport } from './plan.js';
import type { PublishedOf } from './published-of.js';
import { errorSummary, type ScopeSummary } from './run-summary.js';
import { failed, published, superseded, unchanged, type ScopeEnding } from './scope-ending.js';

/** What one scope's way through a run needs. */
export interface ScopeRun {
  readonly planned: PlannedExport;
  readonly extractor: Extractor;
  readonly load: LoadContext;
  readonly published: PublishedOf;
  /** Whether the month of an unbilled scope was closed by a billed scope of this run, which is waited for. */
  readonly isClosed: (scope: Scope) => Promise<boolean>;
  /** Runs loads one at a time. */
  readonly inTurn: <T>(task: () => Promise<T>) => Promise<T>;
}

/** What became of a scope: for the summary, and what is to be recorded where no publish recorded it. */
export interface ScopeResult {
  readonly summary: ScopeSummary;
  readonly answer: ScopeAnswer | null;
  /** Unbilled scopes that its publish superseded. */
  readonly superseded: readonly Scope[];
}

/**
 * One scope from export to published snapshot. `exported` settles when Graph and storage are done with it, so that
 * the next export can begin while this one waits for its turn to load; neither promise ever rejects.
 */
export function syncScope(run: ScopeRun): {
  readonly exported: Promise<void>;
  readonly result: Promise<ScopeResult>;
} {
  const { planned, load } = run;
  load.report({ event: 'scope.started', scope: planned.request.scope, reason: planned.reason });
  const exporting = exportScope(run);
  const result = exporting
    .then((outcome) => afterExport(run, outcome, true))
    .catch((thrown: unknown) => failed(planned.request.scope, interrupted(thrown, load.signal)))
    .then((ending) => finish(run, ending));
  return { exported: exporting.then(() => undefined).catch(() => undefined), result };
}

function exportScope(run: ScopeRun): Promise<ExportOutcome> {
  const of = (scope: Scope) => run.published(scope);
  return run.extractor.exportScope(run.planned.request, of, { signal: run.load.signal });
}

async function afterExport(
  run: ScopeRun,
  outcome: ExportOutcome,
  mayDownloadAgain: boolean,
): Promise<ScopeEnding> {
  if (outcome.kind === 'unchanged')
    return unchanged(outcome.scope, outcome.eTag, run.published(outcome.scope)?.counts.rejected);
  // On the night that a month is billed its estimates shrink or vanish: they are kept as they were the night before.
  if (run.published(outcome.scope) !== null && (await run.isClosed(outcome.scope))) {
    if (outcome.kind === 'package') await outcome.package.remove();
    return superseded(outcome.scope);
  }
  if (outcome.kind === 'no data') return await noData(run, outcome);
  const { allowEmpty } = run.planned;
  const loaded = await run.inTurn(() => loadPackage(run.load, { ...outcome, allowEmpty }));
  if (loaded.kind === 'damaged blob') {
    if (!mayDownloadAgain) throw loaded.error;
    run.load.report({
      event: 'retried',
      scope: outcome.scope,
      what: 'blob',
      cause: loaded.error.message,
      why: 'damaged',
      attempt: 1,
      waitMs: 0,
    });
    return await afterExport(run, await exportScope(run), false);
  }
  return afterLoad(run, outcome.scope, loaded, outcome.warnings);
}

function afterLoad(
  run: ScopeRun,
  scope: Scope,
  loaded: Exclude<LoadOutcome, { kind: 'damaged blob' }>,
  warnings: readonly string[],
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
      return unchanged(scope, eTag, run.published(scope)?.counts.rejected);
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
      return {
        ...failed(scope, loaded.error),
        outcome: 'refused',
        state: 'refused',
        checked: true,
        warnings,
        details: { eTag },
      };
  }
}

function finish(run: ScopeRun, ending: ScopeEnding): ScopeResult {
  const { scope, outcome, error, warnings = [], details = {} } = ending;
  const { report } = run.load;
  const exitCode = ending.exitCode ?? error?.exitCode ?? 0;
  for (const message of warnings) report({ event: 'warning', scope, message, hint: '' });
  report({ event: 'scope.finished', scope, outcome, exitCode });
  const summary: ScopeSummary = {
    stream: scope.stream,
    scope: scopeText(scope),
    outcome,
    exitCode,
    reason: run.planned.reason,
    ...details,
    ...(error === undefined ? {} : { error: errorSummary(error) }),
    warnings,
  };
  const answer = answerOf(ending, run.load.clock.now());
  return { summary, answer, superseded: ending.superseded ?? [] };
}

function answerOf(ending: ScopeEnding, now: Date): ScopeAnswer | null {
  const { scope, state, answer, error, checked = error === undefined, allowedEmpty = false } = ending;
  if (state === undefined) return null;
  return { scope, state, askedAt: now.toISOString(), answer, checked, allowedEmpty };
}
