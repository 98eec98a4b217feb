import type { Scope } from '../schemas/scope.js';
import type { ExportOutcome, Extractor } from './extract/extractor.js';
import type { LoadContext } from './load-context.js';
import { interrupted } from './interruption.js';
import { loadPackage } from './load-scope.js';
import { noData } from './no-data-answer.js';
import type { PlannedExport } from './plan.js';
import type { PublishedOf } from './published-of.js';
import { failed, reloaded, superseded, unchanged, type ScopeEnding } from './scope-ending.js';
import { loadEnding, scopeResult, type ScopeResult } from './scope-result.js';

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
    .then((ending) => scopeResult(load, planned.reason, ending));
  return { exported: exporting.then(() => undefined).catch(() => undefined), result };
}

function exportScope(run: ScopeRun): Promise<ExportOutcome> {
  const of = (scope: Scope) => run.published(scope);
  const { request, reload } = run.planned;
  return run.extractor.exportScope(request, of, { signal: run.load.signal, force: reload });
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
  const { allowEmpty, reload = false } = run.planned;
  const loaded = await run.inTurn(() => loadPackage(run.load, { ...outcome, allowEmpty, reload }));
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
  const before = run.published(outcome.scope);
  const ending = loadEnding(outcome.scope, loaded, outcome.warnings, before?.counts.rejected);
  return reload ? reloaded(ending, before?.eTag) : ending;
}
