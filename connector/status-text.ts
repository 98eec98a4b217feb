import type { PublishedSnapshot, RunRecord, ScopeStateName } from './load/destination.js';
import { countText, durationText } from './quantity-text.js';
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
  readonly scopes: readonly ScopeStatus[];
  readonly lastRun: RunRecord | null;
  readonly packages: readonly PackageStatus[];
}

/** The status of a dataset for people. Pure. */
export function statusText(status: DatasetStatus): string {
  const { lastRun } = status;
  const run =
    lastRun === null
      ? 'no run is recorded'
      : `last run ${lastRun.runId}: ${lastRun.finishedAt === null ? 'not finished' : `${lastRun.outcome}, finished ${lastRun.finishedAt}, exit ${lastRun.exitCode ?? 'unknown'}`}`;
  return [
    `${status.destination}${status.tenantId === null ? '' : `, tenant ${status.tenantId}`}`,
    run,
    '',
    status.scopes.length === 0
      ? 'no scope was ever asked for; run `partner-billing sync`'
      : scopeTable(status.scopes),
    ...(status.packages.length === 0
      ? []
      : ['', 'load packages in the spool:', packageTable(status.packages)]),
  ].join('\n');
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
      { title: 'last asked' },
      { title: 'last answer' },
    ],
    scopes.map((scope) => [
      scope.stream,
      scope.scope,
      scope.state,
      scope.published === null ? '' : countText(scope.published.counts.staged),
      sumsText(scope.published?.sums),
      scope.published?.eTag ?? '',
      scope.ageOfDataMs === null ? '' : durationText(scope.ageOfDataMs),
      scope.lastAskedAt ?? '',
      scope.lastAnswer ?? '',
    ]),
  );
}

function packageTable(packages: readonly PackageStatus[]): string {
  return textTable(
    [{ title: 'stream' }, { title: 'scope' }, { title: 'state' }, { title: 'detail' }, { title: 'folder' }],
    packages.map((found) => [found.stream, found.scope, found.state, found.detail, found.folder]),
  );
}
