import { asConnectorError, EXIT_CODES, TransientError, type ConnectorError } from '../schemas/errors.js';
import { scopeText, type Scope } from '../schemas/scope.js';
import type { AttributeSet } from '../schemas/streams.js';
import type { ExportOutcome, Extractor } from './extract/extractor.js';
import { driftOf, loadPackage, type LoadContext, type LoadOutcome } from './load-scope.js';
import type { ScopeAnswer, ScopeStateName } from './load/destination.js';
import type { PlannedExport } from './plan.js';
import { errorSummary, type ScopeOutcome, type ScopeSummary } from './run-summary.js';

/** The published snapshot of a scope, as far as planning knows it. */
export type PublishedOf = (scope: Scope) => {
  readonly eTag: string;
  readonly attributeSet: AttributeSet;
  readonly counts: { readonly staged: number };
} | null;

/** What one scope's way through a run needs. */
export interface ScopeRun {
  readonly planned: PlannedExport;
  readonly extractor: Extractor;
  readonly load: LoadContext;
  readonly published: PublishedOf;
  /** Runs loads one at a time. */
  readonly inTurn: <T>(task: () => Promise<T>) => Promise<T>;
}

/** What became of a scope: for the summary, and what is to be recorded where no publish recorded it. */
export interface ScopeResult {
  readonly summary: ScopeSummary;
  readonly answer: ScopeAnswer | null;
}

interface Ending {
  readonly scope: Scope;
  readonly outcome: ScopeOutcome;
  /** The state to record; null leaves it as it is. Undefined: a publish has recorded the scope already. */
  readonly state?: ScopeStateName | null;
  readonly answer: string;
  readonly error?: ConnectorError;
  readonly exitCode?: number;
  readonly warnings?: readonly string[];
  readonly details?: Partial<Pick<ScopeSummary, 'eTag' | 'counts' | 'sums' | 'drift'>>;
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
    .catch((thrown: unknown) => failed(planned.request.scope, classified(thrown, load.signal)))
    .then((ending) => finish(run, ending));
  return { exported: exporting.then(() => undefined).catch(() => undefined), result };
}

function exportScope(run: ScopeRun): Promise<ExportOutcome> {
  const published = (scope: Scope) => run.published(scope);
  return run.extractor.exportScope(run.planned.request, published, { signal: run.load.signal });
}

async function afterExport(
  run: ScopeRun,
  outcome: ExportOutcome,
  mayDownloadAgain: boolean,
): Promise<Ending> {
  if (outcome.kind === 'unchanged') return unchanged(outcome.scope, outcome.eTag);
  if (outcome.kind === 'no data') return noData(run, outcome);
  const loaded = await run.inTurn(() => loadPackage(run.load, outcome));
  if (loaded.kind === 'damaged blob') {
    if (!mayDownloadAgain) throw loaded.error;
    run.load.report({
      event: 'retried',
      scope: outcome.scope,
      what: 'blob',
      cause: loaded.error.message,
      attempt: 1,
      waitMs: 0,
    });
    return await afterExport(run, await exportScope(run), false);
  }
  return afterLoad(outcome.scope, loaded, outcome.warnings);
}

function unchanged(scope: Scope, eTag: string): Ending {
  return { scope, outcome: 'unchanged', state: null, answer: `unchanged at eTag ${eTag}`, details: { eTag } };
}

/** Code 5000: nothing to load. Over a published snapshot that has rows it is treated like an empty answer. */
function noData(run: ScopeRun, outcome: Extract<ExportOutcome, { kind: 'no data' }>): Ending {
  const { scope } = outcome;
  const answer = `no data (${outcome.code})`;
  const warnings = [`${outcome.message}; ${outcome.hint}`];
  if ((run.published(scope)?.counts.staged ?? 0) === 0) {
    return { scope, outcome: 'no data', state: 'no data', answer, warnings };
  }
  const late = scope.by === 'invoice' || run.load.clock.now().getUTCDate() > 11;
  return {
    scope,
    outcome: late ? 'refused' : 'kept',
    state: null,
    answer: `${answer}; the published snapshot is kept`,
    warnings,
    exitCode: late ? EXIT_CODES.integrity : 0,
  };
}

function afterLoad(
  scope: Scope,
  loaded: Exclude<LoadOutcome, { kind: 'damaged blob' }>,
  warnings: readonly string[],
): Ending {
  const { eTag } = loaded;
  switch (loaded.kind) {
    case 'published': {
      const { counts, sums, blobs } = loaded.result;
      const drift = driftOf(blobs);
      const details = { eTag, counts, sums, drift };
      const { notPutAway } = loaded;
      if (notPutAway === undefined)
        return { scope, outcome: 'published', answer: 'published', warnings, details };
      const warning = `published, but its load package stays in the spool: ${notPutAway.message}; ${notPutAway.hint}`;
      return {
        scope,
        outcome: 'published',
        answer: 'published',
        exitCode: notPutAway.exitCode,
        warnings: [...warnings, warning],
        details,
      };
    }
    case 'already published':
      return unchanged(scope, eTag);
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
        warnings,
        details: { eTag },
      };
  }
}

/** An aborted run is no defect: what is on disk stays, and the next run goes on from there. */
function classified(thrown: unknown, signal: AbortSignal): ConnectorError {
  const error = asConnectorError(thrown);
  if (!signal.aborted || error.kind !== 'system') return error;
  return new TransientError({
    message: 'interrupted before it was finished',
    hint: 'run the same command again: it goes on where this one stopped',
    cause: thrown,
  });
}

function failed(scope: Scope, error: ConnectorError): Ending {
  return { scope, outcome: 'failed', state: null, answer: error.message, error };
}

function finish(run: ScopeRun, ending: Ending): ScopeResult {
  const { scope, outcome, error, warnings = [], details = {} } = ending;
  const { report, clock } = run.load;
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
  const answer =
    ending.state === undefined
      ? null
      : {
          scope,
          state: ending.state,
          askedAt: clock.now().toISOString(),
          answer: ending.answer,
          checked: error === undefined || outcome === 'refused',
        };
  return { summary, answer };
}
