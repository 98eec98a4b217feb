import { z } from 'zod';
import { countOf } from './quantity-text.js';
import type { RunSummary, ScopeOutcome, ScopeSummary } from './run-summary.js';

/** The run before, as `_runs` has it. */
export interface FormerRun {
  readonly outcome: string;
  readonly exitCode: number | null;
  /** What it did with its scopes, as JSON text. */
  readonly counts: string;
}

/** Which dataset a run was about. */
export interface NotifiedDataset {
  readonly tenantId: string;
  readonly dataset: string;
  /** `duckdb` or `postgres`. */
  readonly destination: string;
}

/** Why somebody is told of a run. */
export type NotifyReason = 'published' | 'outcome changed' | 'first run';

/** What is sent, as JSON. Keys keep their names within a major version; docs/notify.md describes them. */
export interface NotifyBody extends NotifiedDataset {
  /** For people; the key that chat programs show. */
  readonly text: string;
  readonly reasons: readonly NotifyReason[];
  readonly outcome: string;
  readonly exitCode: number;
  readonly previous: { readonly outcome: string; readonly exitCode: number | null } | null;
  readonly summary: RunSummary;
}

/** Outcomes that a person may have to act on. */
const TROUBLES: ReadonlySet<string> = new Set<ScopeOutcome>(['failed', 'refused', 'kept']);
/** Outcomes with which readers see another snapshot. */
const PUBLISHED: ReadonlySet<string> = new Set<ScopeOutcome>(['published', 'reloaded']);
const TROUBLES_SHOWN = 10;

/**
 * Why to tell of a run; none: nobody is told. The outcome changed when the exit code is another than the run before's,
 * or other scopes are failed, refused or kept. A run before that is not known (`undefined`) counts as another. Pure.
 */
export function notifyReasons(summary: RunSummary, former: FormerRun | null | undefined): NotifyReason[] {
  const published = summary.scopes.some((scope) => PUBLISHED.has(scope.outcome));
  const first = former === null;
  const changed = !first && (former === undefined || outcomeChanged(summary, former));
  return [
    ...(published ? (['published'] as const) : []),
    ...(first ? (['first run'] as const) : []),
    ...(changed ? (['outcome changed'] as const) : []),
  ];
}

/** The document to send. Pure. */
export function notifyBody(
  summary: RunSummary,
  former: FormerRun | null | undefined,
  about: NotifiedDataset,
): NotifyBody {
  const { outcome, exitCode } = summary;
  const { tenantId, dataset, destination } = about;
  const reasons = notifyReasons(summary, former);
  const previous =
    former === null || former === undefined ? null : { outcome: former.outcome, exitCode: former.exitCode };
  return {
    text: chatText(summary, reasons, previous, about),
    reasons,
    tenantId,
    dataset,
    destination,
    outcome,
    exitCode,
    previous,
    summary,
  };
}

function chatText(
  { outcome, exitCode, scopes, warnings }: RunSummary,
  reasons: readonly NotifyReason[],
  previous: NotifyBody['previous'],
  { dataset, destination }: NotifiedDataset,
): string {
  const before =
    previous !== null && reasons.includes('outcome changed') ? `; the run before: ${previous.outcome}` : '';
  const troubles = scopes.filter((scope) => TROUBLES.has(scope.outcome) || scope.exitCode !== 0);
  const more = troubles.length - TROUBLES_SHOWN;
  const all = new Set([...warnings, ...scopes.flatMap((scope) => scope.warnings)]).size;
  const lines = [
    `partner-billing, dataset ${dataset} (${destination}): ${outcome}${exitCode === 0 ? '' : ` (exit ${exitCode})`}${before}`,
    ...troubles.slice(0, TROUBLES_SHOWN).map(troubleLine),
    ...(more > 0 ? [`... and ${more} more`] : []),
    ...scopes
      .filter((scope) => (scope.rejected ?? 0) > 0)
      .slice(0, TROUBLES_SHOWN)
      .map(rejectedLine),
    ...(all === 0 ? [] : [countOf(all, 'warning')]),
  ];
  // In Slack's texts angle brackets make links and call people; a server's words must not.
  return lines.map((line) => line.replaceAll('<', '‹').replaceAll('>', '›').slice(0, 500)).join('\n');
}

function rejectedLine({ stream, scope, rejected = 0 }: ScopeSummary): string {
  return `- ${stream} ${scope}: published without ${countOf(rejected, 'rejected record')}`;
}

function troubleLine({ stream, scope, outcome, error }: ScopeSummary): string {
  return `- ${stream} ${scope}: ${outcome}${error === undefined ? '' : `: ${error.message}; ${error.hint}`}`;
}

function outcomeChanged(summary: RunSummary, former: FormerRun): boolean {
  if (summary.exitCode !== former.exitCode) return true;
  const before = recordedTroubles(former.counts);
  return before !== null && before !== troublesOf(summary.scopes);
}

const recordedSchema = z.array(z.object({ stream: z.string(), scope: z.string(), outcome: z.string() }));

/** Null where what is recorded is of a shape that another version wrote. */
function recordedTroubles(counts: string): string | null {
  try {
    return troublesOf(recordedSchema.parse(JSON.parse(counts)));
  } catch {
    return null;
  }
}

function troublesOf(scopes: readonly { stream: string; scope: string; outcome: string }[]): string {
  return scopes
    .filter(({ outcome }) => TROUBLES.has(outcome))
    .map(({ stream, scope, outcome }) => `${stream} ${scope} ${outcome}`)
    .sort()
    .join('\n');
}
