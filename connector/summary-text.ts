import type { PublishCounts } from './load/destination.js';
import { countOf, countText, durationText } from './quantity-text.js';
import type { ErrorSummary, RunSummary, ScopeSummary } from './run-summary.js';
import { textTable } from './text-table.js';

/** A run's summary for people: a line per scope, what failed and what to do, and the outcome last. Pure. */
export function summaryText(summary: RunSummary): string {
  const table = summary.scopes.length === 0 ? [] : [scopeTable(summary.scopes), ''];
  return [...table, ...besideLines(summary), ...troubleLines(summary), closingLine(summary)].join('\n');
}

/** What failed and what to do, and the outcome last; empty where nothing failed. Pure. */
export function troubleText(summary: RunSummary): string {
  return summary.exitCode === 0 ? '' : [...troubleLines(summary), closingLine(summary)].join('\n');
}

function closingLine(summary: RunSummary): string {
  const took = Date.parse(summary.finishedAt) - Date.parse(summary.startedAt);
  const { invoiceList, scopes } = summary;
  const warnings = new Set([
    ...summary.warnings,
    ...(invoiceList?.warnings ?? []),
    ...scopes.flatMap((scope) => scope.warnings),
  ]);
  const rejected = scopes.reduce((sum, scope) => sum + (scope.rejected ?? 0), 0);
  return [
    `run ${summary.runId}: ${summary.outcome}`,
    ...(rejected === 0
      ? []
      : [`published without ${countOf(rejected, 'rejected record')} (\`rejected\` lists them)`]),
    ...(summary.left === 0 ? [] : [`${countOf(summary.left, 'scope')} left (\`plan\` says why)`]),
    durationText(took),
    ...(warnings.size === 0 ? [] : [`${countOf(warnings.size, 'warning')} above`]),
    ...(summary.exitCode === 0 ? [] : [`exit ${summary.exitCode}`]),
  ].join(', ');
}

/** What a run did beside its scopes. */
function besideLines({ invoiceList, readCopy, retention }: RunSummary): string[] {
  const lines: string[] = [];
  if (invoiceList !== null && invoiceList.documents !== null) {
    const { documents, changes } = invoiceList;
    const changed =
      changes === null
        ? 'kept in the spool until the file is free'
        : [
            [changes.inserted, 'new'] as const,
            [changes.updated, 'changed'] as const,
            [changes.deleted, 'removed'] as const,
          ]
            .filter(([count]) => count > 0)
            .map(([count, word]) => `${countText(count)} ${word}`)
            .join(', ') || 'unchanged';
    lines.push(`invoice list: ${countOf(documents, 'document')}, ${changed}`);
  }
  if (retention?.outcome === 'purged') {
    const rows = Object.entries(retention.rows).map(
      ([stream, count]) => `${countOf(count, 'row')} of ${stream}`,
    );
    lines.push(`history: purged ${rows.join(', ')}, replaced before ${retention.before}`);
  }
  if (readCopy?.outcome === 'published') lines.push(`read copy: ${readCopy.path} is new`);
  return lines;
}

function scopeTable(scopes: readonly ScopeSummary[]): string {
  return textTable(
    [
      { title: 'stream' },
      { title: 'scope' },
      { title: 'outcome' },
      { title: 'records', align: 'right' },
      { title: 'changes' },
      { title: 'sum' },
    ],
    scopes.map((scope) => [
      scope.stream,
      scope.scope,
      scope.outcome,
      scope.counts === undefined ? '' : countText(scope.counts.staged),
      scope.counts === undefined
        ? rejectedText(scope.rejected)
        : changesText(scope.counts, scope.outcome === 'reloaded' ? 'replaced' : 'changed'),
      sumsText(scope.sums),
    ]),
  );
}

/**
 * What a publish changed: `12 new, 3 changed, 1 removed, 900 unchanged, 2 rejected`; parts that are 0 are left out.
 * @param updated the word for rows that took the place of others; of a reload nobody says that they were changed
 */
export function changesText(counts: PublishCounts, updated: 'changed' | 'replaced' = 'changed'): string {
  const parts = [
    [counts.inserted, 'new'],
    [counts.updated, updated],
    [counts.deleted, 'removed'],
    [counts.unchanged, 'unchanged'],
    [counts.rejected, 'rejected'],
  ] as const;
  const told = parts
    .filter(([count]) => count > 0)
    .map(([count, word]) => `${countText(count)} ${word}`)
    .join(', ');
  return told === '' ? 'empty' : told;
}

/** Records that a published snapshot lacks: `5 rejected`; empty where none. */
function rejectedText(rejected = 0): string {
  return rejected === 0 ? '' : `${countText(rejected)} rejected`;
}

/** Sums as exact texts by currency: `EUR 12.5, USD 3`. */
export function sumsText(sums: Readonly<Record<string, string>> | undefined): string {
  return Object.entries(sums ?? {})
    .sort(([a], [b]) => (a < b ? -1 : 1))
    .map(([currency, sum]) => `${currency} ${sum}`)
    .join(', ');
}

function troubleLines({ scopes, invoiceList, readCopy, retention }: RunSummary): string[] {
  return [
    ...errorLines('invoice list', invoiceList?.error, invoiceList?.exitCode ?? 0),
    ...scopes.flatMap((scope) => [
      ...errorLines(`${scope.stream} ${scope.scope}`, scope.error, scope.exitCode),
      ...driftLines(scope),
    ]),
    ...errorLines('retention', retention?.error, retention?.exitCode ?? 0),
    ...errorLines('read copy', readCopy?.error, readCopy?.exitCode ?? 0),
  ];
}

function errorLines(about: string, error: ErrorSummary | undefined, exitCode: number): string[] {
  if (error === undefined) return [];
  return [
    `error: ${about}: ${error.message}`,
    `  hint: ${error.hint}`,
    `  (${error.kind}, exit ${exitCode})`,
  ];
}

function driftLines({ stream, scope, drift }: ScopeSummary): string[] {
  const fields = Object.entries(drift ?? {}).map(([name, count]) => `${name} (${countOf(count, 'record')})`);
  if (fields.length === 0) return [];
  return [`new fields in ${stream} ${scope}, kept in _extra: ${fields.join(', ')}`];
}
