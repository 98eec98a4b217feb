import type { PublishedSnapshot, RunRecord, ScopeStateName, SignOff } from './load/destination.js';
import { countOf, countText, durationText } from './quantity-text.js';
import { sumsText } from './summary-text.js';
import { textTable } from './text-table.js';

/** How a scope stands. Instants are ISO 8601 in UTC. */
export interface ScopeStatus {
  readonly stream: string;
  readonly scope: string;
  readonly state: ScopeStateName;
  readonly lastAskedAt: string | null;
  readonly lastAnswer: string | null;
  readonly nextCheckAt: string | null;
  /** What readers see; null where nothing is published. */
  readonly published: PublishedSnapshot | null;
  /** Since Microsoft made the manifest. */
  readonly ageOfDataMs: number | null;
  /** What the calendar expects of its data, in a few words; empty where nothing is expected. */
  readonly expected: string;
}

/** A load package in the spool. */
export interface PackageStatus {
  readonly stream: string;
  readonly scope: string;
  readonly packageId: string;
  readonly folder: string;
  readonly state: 'unfinished' | 'refused';
  readonly detail: string;
}

/** How a dataset stands: what `status --json` prints. */
export interface DatasetStatus {
  readonly destination: string;
  readonly tenantId: string | null;
  /** Nothing needs a look. */
  readonly inOrder: boolean;
  /** What needs a look by a person, each a sentence. */
  readonly needsALook: readonly string[];
  /** How many scopes the next run asks for, and from when one that is left is asked for again (null: none is). */
  readonly next: { readonly exports: number; readonly nextCheckAt: string | null };
  readonly scopes: readonly ScopeStatus[];
  /** The last sign-off of each invoice that has one, with what was restated since. */
  readonly signOffs: readonly SignOff[];
  readonly lastRun: RunRecord | null;
  readonly packages: readonly PackageStatus[];
}

/** Rows that fit a screen; beyond them scopes that nothing is expected of any more are only counted. */
const SCREEN_ROWS = 24;

/** The status of a dataset for people: is everything in order, and what is not. `all` lists every scope. Pure. */
export function statusText(status: DatasetStatus, now: Date, all = false): string {
  const { scopes, needsALook, packages } = status;
  const shown = all || scopes.length <= SCREEN_ROWS ? scopes : scopes.filter(isLively);
  const others = scopes.length - shown.length;
  return [
    `${status.destination}${status.tenantId === null ? '' : `, tenant ${status.tenantId}`}`,
    ...(scopes.length === 0 ? [] : orderLines(needsALook)),
    lastRunLine(status.lastRun, now),
    nextLine(status),
    ...namedLines(scopes),
    '',
    scopes.length === 0 ? 'no scope was ever asked for; run `partner-billing sync`' : scopeTable(shown),
    ...(others === 0
      ? []
      : [`and ${countOf(others, 'scope')} that nothing is expected of any more (--all lists them)`]),
    ...(packages.length === 0 ? [] : ['', 'load packages in the spool:', packageTable(packages)]),
  ].join('\n');
}

function orderLines(needsALook: readonly string[]): readonly string[] {
  if (needsALook.length === 0) return ['everything is in order'];
  const verb = needsALook.length === 1 ? 'needs' : 'need';
  return [
    `${countOf(needsALook.length, 'thing')} ${verb} a look:`,
    ...needsALook.map((text) => `  - ${text}`),
  ];
}

function lastRunLine(lastRun: RunRecord | null, now: Date): string {
  if (lastRun === null) return 'no run is recorded';
  const { runId, finishedAt, outcome, exitCode } = lastRun;
  if (finishedAt === null) return `last run ${runId}: not finished`;
  const ago = durationText(now.getTime() - Date.parse(finishedAt));
  return `last run ${runId}: ${outcome}, finished ${finishedAt} (${ago} ago), exit ${exitCode ?? 'unknown'}`;
}

function nextLine({ next }: DatasetStatus): string {
  const asks = `the next run asks for ${countOf(next.exports, 'scope')}`;
  return next.nextCheckAt === null
    ? asks
    : `${asks}; the next re-check is due on ${next.nextCheckAt.slice(0, 10)}`;
}

/** The scopes in the states that a person looks for. */
function namedLines(scopes: readonly ScopeStatus[]): readonly string[] {
  return (['pending', 'refused', 'superseded'] as const).flatMap((state) => {
    const found = scopes.filter((scope) => scope.state === state);
    if (found.length === 0) return [];
    const names = found.slice(-6).map(({ stream, scope }) => `${stream} ${scope}`);
    const more = found.length > names.length ? `${found.length - names.length} earlier, ` : '';
    return [`${state}: ${more}${names.join(', ')}`];
  });
}

/** Something is still expected of it, or it needs a look. */
function isLively({ state, nextCheckAt, expected }: ScopeStatus): boolean {
  return state === 'pending' || state === 'refused' || nextCheckAt !== null || expected !== '';
}

function scopeTable(scopes: readonly ScopeStatus[]): string {
  return textTable(
    [
      { title: 'stream' },
      { title: 'scope' },
      { title: 'state' },
      { title: 'records', align: 'right' },
      { title: 'sum' },
      { title: 'eTag' },
      { title: 'age of data', align: 'right' },
      { title: 'expected' },
      { title: 'next check' },
      { title: 'last asked' },
      { title: 'last answer' },
    ],
    scopes.map((scope) => [
      scope.stream,
      scope.scope,
      scope.state,
      scope.published === null ? '' : recordsText(scope.published.counts),
      sumsText(scope.published?.sums),
      scope.published?.eTag ?? '',
      scope.ageOfDataMs === null ? '' : durationText(scope.ageOfDataMs),
      scope.expected,
      scope.nextCheckAt?.slice(0, 10) ?? '',
      scope.lastAskedAt ?? '',
      scope.lastAnswer ?? '',
    ]),
  );
}

function recordsText({ staged, rejected }: PublishedSnapshot['counts']): string {
  return rejected === 0 ? countText(staged) : `${countText(staged)} (${countText(rejected)} rejected)`;
}

function packageTable(packages: readonly PackageStatus[]): string {
  return textTable(
    [{ title: 'stream' }, { title: 'scope' }, { title: 'state' }, { title: 'detail' }, { title: 'folder' }],
    packages.map((found) => [found.stream, found.scope, found.state, found.detail, found.folder]),
  );
}
