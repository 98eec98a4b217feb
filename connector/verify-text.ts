import type { StrayRows } from './load/scope-content.js';
import type { DatasetComparison } from './compare-datasets.js';
import { countOf, countText } from './quantity-text.js';
import { sumsText } from './summary-text.js';
import { textTable } from './text-table.js';
import type { ScopeVerdict } from './verify-scope.js';

/** Rows of a stream's table that no published scope accounts for. */
export interface StrayVerdict extends StrayRows {
  readonly stream: string;
}

/** What `verify --json` prints. */
export interface DatasetVerdict {
  readonly destination: string;
  readonly proven: number;
  readonly differing: number;
  readonly notChecked: number;
  readonly scopes: readonly ScopeVerdict[];
  /** Looked for only where every scope is verified. */
  readonly strayRows: readonly StrayVerdict[];
}

/** A verdict for people: one line a scope, then each difference with its rows. Pure. */
export function verifyText(verdict: DatasetVerdict): string {
  const { scopes, strayRows } = verdict;
  const differing = scopes.filter(({ differences }) => differences.length > 0);
  return [
    verdict.destination,
    summaryLine(verdict),
    ...(scopes.length === 0 ? [] : ['', scopeTable(scopes)]),
    ...differing.flatMap((scope) => ['', ...differenceLines(scope)]),
    ...strayRows.flatMap(({ stream, rows, keys }) => [
      '',
      `${stream}: ${countOf(rows, 'row')} of no published scope`,
      ...keys.map((key) => `    ${key.scope ?? ''} ${key.lineItemKey} ${key.occurrence}`),
    ]),
  ].join('\n');
}

/** A comparison for people: one line a scope. Pure. */
export function comparisonText(comparison: DatasetComparison): string {
  const { here, there, scopes } = comparison;
  const others = scopes.filter(({ outcome }) => outcome !== 'same').length;
  const summary =
    scopes.length === 0
      ? 'nothing was checked: nothing is published in either'
      : others === 0
        ? `${countOf(scopes.length, 'scope')}: the same rows in both`
        : `${countText(others)} of ${countOf(scopes.length, 'scope')} not the same in both`;
  if (scopes.length === 0) return [`here: ${here}`, `there: ${there}`, summary].join('\n');
  const table = textTable(
    [
      { title: 'stream' },
      { title: 'scope' },
      { title: 'outcome' },
      { title: 'rows here', align: 'right' },
      { title: 'rows there', align: 'right' },
      { title: 'detail' },
    ],
    scopes.map((scope) => [
      scope.stream,
      scope.scope,
      scope.outcome,
      scope.here === null ? '' : countText(scope.here.rows),
      scope.there === null ? '' : countText(scope.there.rows),
      scope.detail,
    ]),
  );
  return [`here: ${here}`, `there: ${there}`, summary, '', table].join('\n');
}

function summaryLine({ proven, differing, notChecked, strayRows }: DatasetVerdict): string {
  if (proven + differing === 0 && strayRows.length === 0 && notChecked === 0) {
    return 'nothing was checked: nothing is published';
  }
  const parts = [
    `${countText(proven)} proven`,
    ...(differing > 0 ? [`${countText(differing)} differ`] : []),
    ...(notChecked > 0 ? [`${countText(notChecked)} not checked`] : []),
    ...strayRows.map(({ stream, rows }) => `${countOf(rows, 'row')} of no scope in ${stream}`),
  ];
  const nothing = proven + differing === 0 && strayRows.length === 0 ? 'nothing was checked: ' : '';
  return `${nothing}${parts.join(', ')}`;
}

function scopeTable(scopes: readonly ScopeVerdict[]): string {
  return textTable(
    [
      { title: 'stream' },
      { title: 'scope' },
      { title: 'outcome' },
      { title: 'rows', align: 'right' },
      { title: 'sum' },
      { title: 'digest' },
      { title: 'reason' },
    ],
    scopes.map((scope) => [
      scope.stream,
      scope.scope,
      scope.outcome,
      countText(scope.rows),
      sumsText(scope.sums),
      scope.rowsDigest ?? '',
      scope.reason,
    ]),
  );
}

function differenceLines({ stream, scope, differences, loadId }: ScopeVerdict): readonly string[] {
  return [
    `${stream} ${scope} differs from what was published:`,
    ...differences.flatMap(({ what, message, expected, found, keys }) => [
      `  - ${what}: ${message} (proven ${expected ?? 'none'}, now ${found ?? 'none'})`,
      ...keys.map(
        (key) => `    ${key.scope === undefined ? '' : `${key.scope} `}${key.lineItemKey} ${key.occurrence}`,
      ),
    ]),
    ...(loadId === null ? [] : [`  to put it right: partner-billing sync --reload ${stream}:${scope}`]),
  ];
}
