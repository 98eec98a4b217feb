import type { PublishCounts } from './load/destination.js';
import { countOf, countText, durationText } from './quantity-text.js';
import type { RunSummary, ScopeSummary } from './run-summary.js';
import { textTable } from './text-table.js';

/** A run's summary for people: a line per scope, what failed and what to do, and the outcome last. Pure. */
export function summaryText(summary: RunSummary): string {
  const took = Date.parse(summary.finishedAt) - Date.parse(summary.startedAt);
  const troubles = summary.scopes.flatMap(troubleLines);
  const warnings = [...new Set([...summary.warnings, ...summary.scopes.flatMap((scope) => scope.warnings)])];
  const closing = [
    `run ${summary.runId}: ${summary.outcome}`,
    ...(summary.left === 0 ? [] : [`${countOf(summary.left, 'scope')} left (\`plan\` says why)`]),
    durationText(took),
    ...(warnings.length === 0 ? [] : [`${countOf(warnings.length, 'warning')} above`]),
    ...(summary.exitCode === 0 ? [] : [`exit ${summary.exitCode}`]),
  ].join(', ');
  const table = summary.scopes.length === 0 ? [] : [scopeTable(summary.scopes), ''];
  return [...table, ...troubles, closing].join('\n');
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
      scope.counts === undefined ? '' : changesText(scope.counts),
      sumsText(scope.sums),
    ]),
  );
}

/** What a publish changed: `12 new, 3 changed, 1 removed, 900 unchanged, 2 rejected`; parts that are 0 are left out. */
export function changesText(counts: PublishCounts): string {
  const parts = [
    [counts.inserted, 'new'],
    [counts.updated, 'changed'],
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

/** Sums as exact texts by currency: `EUR 12.5, USD 3`. */
export function sumsText(sums: Readonly<Record<string, string>> | undefined): string {
  return Object.entries(sums ?? {})
    .sort(([a], [b]) => (a < b ? -1 : 1))
    .map(([currency, sum]) => `${currency} ${sum}`)
    .join(', ');
}

function troubleLines(scope: ScopeSummary): string[] {
  const { error } = scope;
  const drift = Object.entries(scope.drift ?? {}).map(
    ([name, count]) => `${name} (${countOf(count, 'record')})`,
  );
  const about = `${scope.stream} ${scope.scope}`;
  return [
    ...(error === undefined
      ? []
      : [
          `error: ${about}: ${error.message}`,
          `  hint: ${error.hint}`,
          `  (${error.kind}, exit ${scope.exitCode})`,
        ]),
    ...(drift.length === 0 ? [] : [`new fields in ${about}, kept in _extra: ${drift.join(', ')}`]),
  ];
}
