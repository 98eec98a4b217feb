import { configuredTolerances } from '../schemas/config-tolerance.js';
import { gravestExitCode } from '../schemas/errors.js';
import { scopeLabel, scopeText, type Scope } from '../schemas/scope.js';
import type { InvoiceListResult } from './refresh-invoices.js';
import { nextChecks, SUPERSEDED, type Plan } from './plan.js';
import type { Run } from './run-context.js';
import { refreshReadCopy } from './refresh-read-copy.js';
import { keepRetention } from './retention.js';
import type { RecordedEnd } from './run-dataset.js';
import {
  errorSummary,
  exitCodeOf,
  outcomeText,
  type ReadCopySummary,
  type RunSummary,
  type ScopeSummary,
} from './run-summary.js';
import type { ScopeResult } from './scope-result.js';

/** What a run has done when its scopes are finished. */
export interface RunWork {
  readonly plan: Plan;
  readonly invoiceList: InvoiceListResult | null;
  readonly results: readonly ScopeResult[];
  readonly warnings: readonly string[];
}

/**
 * Records what was answered, when to ask again, and the run itself. The summary is never kept back because that
 * failed, but says so: with an exit code where nothing could be written, with a warning where the spool keeps it.
 */
export async function endRun(run: Run, work: RunWork): Promise<RunSummary> {
  const { results, invoiceList } = work;
  const finishedAt = run.clock.now();
  const early = [...(invoiceList?.superseded ?? []), ...results.flatMap((result) => result.superseded)];
  const summaryWith = (late: readonly Scope[]) => summarise(run, work, [...early, ...late], finishedAt);
  const ended = await run.dataset.finish({
    answers: results.flatMap(({ answer }) => (answer === null ? [] : [answer])),
    isWorthWaiting: results.some(
      ({ summary: { outcome } }) => outcome === 'published' || outcome === 'reloaded',
    ),
    runOf: (late) => recordOf(summaryWith(late)),
    nextChecks: (state) => nextChecks(run.loaded.config, state, finishedAt),
  });
  const retention = await keepRetention(run, finishedAt);
  const readCopy = await refreshReadCopy(
    run.readCopy,
    run.dataset.recorded,
    configuredTolerances(run.loaded.config.tolerance),
  );
  const summary = { ...summaryWith(ended.superseded), retention };
  const recorded = await recordedAsEnded(run, told(summary, ended, readCopy), ended);
  for (const message of endWarnings(recorded, readCopy, retention))
    run.report({ event: 'warning', message, hint: '' });
  return told(summary, recorded, readCopy);
}

/** `_runs` has the exit code that the process ends with: by it a webhook tells whether the outcome changed. */
async function recordedAsEnded(run: Run, summary: RunSummary, ended: RecordedEnd): Promise<RecordedEnd> {
  const hasFailedSince = summary.readCopy?.outcome === 'failed' || summary.retention?.outcome === 'failed';
  if (!hasFailedSince || ended.error !== null) return ended;
  const { keptBecause, error } = await run.dataset.recordAgain(recordOf(summary));
  return { ...ended, keptBecause: ended.keptBecause ?? keptBecause, error };
}

/** The summary with what happened after the run was recorded. */
function told(summary: RunSummary, ended: RecordedEnd, readCopy: ReadCopySummary | null): RunSummary {
  const { error } = ended;
  const { retention } = summary;
  return {
    ...summary,
    readCopy,
    exitCode: gravestExitCode([
      ...[summary.exitCode, error?.exitCode ?? 0, retention?.exitCode ?? 0],
      readCopy?.exitCode ?? 0,
    ]),
    outcome: [
      summary.outcome,
      ...(error === null ? [] : ['not recorded']),
      ...(retention?.outcome === 'failed' ? ['history not purged'] : []),
      ...(readCopy?.outcome === 'failed' ? ['read copy out of date'] : []),
    ].join('; '),
    warnings: [...summary.warnings, ...endWarnings(ended, readCopy, retention)],
  };
}

function endWarnings(
  { keptBecause, error }: RecordedEnd,
  readCopy: ReadCopySummary | null,
  retention: RunSummary['retention'],
): string[] {
  return [
    ...(keptBecause === null
      ? []
      : [
          `${keptBecause.message}: what was answered is kept in the spool and recorded by the next run that can`,
        ]),
    ...(error === null ? [] : [`the run could not be recorded: ${errorSummary(error).message}`]),
    ...(retention?.error === undefined
      ? []
      : [`history could not be purged: ${retention.error.message}; ${retention.error.hint}`]),
    ...(readCopy?.error === undefined
      ? []
      : [`the read copy is out of date: ${readCopy.error.message}; ${readCopy.error.hint}`]),
  ];
}

function summarise(run: Run, work: RunWork, superseded: readonly Scope[], finishedAt: Date): RunSummary {
  const { plan, invoiceList, results, warnings } = work;
  const told = new Set(
    results
      .filter(({ summary }) => summary.outcome === 'superseded')
      .map(({ summary }) => `${summary.stream} ${summary.scope}`),
  );
  const unique = new Map(
    superseded.filter((scope) => !told.has(scopeLabel(scope))).map((scope) => [scopeLabel(scope), scope]),
  );
  const scopes = [...results.map(({ summary }) => summary), ...[...unique.values()].map(supersededSummary)];
  const list = invoiceList?.summary ?? null;
  return {
    runId: run.runId,
    connectorVersion: run.connectorVersion,
    startedAt: run.startedAt.toISOString(),
    finishedAt: finishedAt.toISOString(),
    outcome: outcomeText(scopes, list),
    exitCode: exitCodeOf(scopes, list),
    invoiceList: list,
    readCopy: null,
    retention: null,
    scopes,
    left: plan.left.length,
    warnings,
  };
}

function supersededSummary(scope: Scope): ScopeSummary {
  return {
    stream: scope.stream,
    scope: scopeText(scope),
    outcome: 'superseded',
    exitCode: 0,
    reason: SUPERSEDED,
    warnings: [],
  };
}

function recordOf(summary: RunSummary) {
  const { runId, startedAt, finishedAt, connectorVersion, outcome, exitCode, scopes } = summary;
  const counts = scopes.map(({ stream, scope, outcome: ended, counts: changed }) => ({
    ...{ stream, scope, outcome: ended, counts: changed },
  }));
  return {
    ...{ runId, startedAt, finishedAt, connectorVersion, outcome, exitCode },
    counts: JSON.stringify(counts),
  };
}
