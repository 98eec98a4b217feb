import type { CheckCount, CheckRow, CheckStatus } from '../load/check-rows.js';
import { subjectColumn } from '../load/check-rows.js';
import type { SignOff } from '../load/destination.js';
import { countOf, countText } from '../quantity-text.js';
import { restatedText, signedText } from '../sign-off-text.js';
import { sumsText } from '../summary-text.js';
import { textTable } from '../text-table.js';
import { kindOf, type Check } from './checks.js';
import { isShown, MOST_SHOWN, shownOf, type CheckResult, type Examined } from './examine.js';
import { isDifference, type Verdict } from './verdict.js';

/** Everything that `reconcile` tells, but for the rows. */
export interface ReconcileReport {
  /** Name of the destination, without password. */
  readonly destination: string;
  /** Checks and currencies, such as `line_recalc USD`, that go by another tolerance than the configured one. */
  readonly otherTolerances: readonly string[];
  readonly examined: Examined;
  /** Of the invoices that are looked at. */
  readonly signOffs: readonly SignOff[];
  readonly results: readonly CheckResult[];
  readonly verdict: Verdict;
}

/**
 * The report for people: what was restated first, then what each check found, largest difference first. `shown` has the
 * rows that are shown of each check, by its name. Pure.
 */
export function reconcileText(
  report: ReconcileReport,
  shown: ReadonlyMap<string, readonly CheckRow[]>,
): string {
  const { results, verdict } = report;
  return [
    ...headLines(report),
    '',
    overview(results),
    ...results.flatMap((result) => findingLines(result, shown.get(result.check.name) ?? [])),
    ...notCheckedLines(results),
    '',
    `${verdict.text}${verdict.exitCode === 0 ? '' : ` (exit ${verdict.exitCode})`}`,
  ].join('\n');
}

/** What was restated since it was signed off, and what was looked at. Pure. */
export function headLines({ destination, examined, signOffs }: ReconcileReport): readonly string[] {
  return [
    ...signOffs.flatMap((one) => restatedText(one) ?? []),
    `${destination}: ${examinedText(examined)}`,
    ...signOffs.filter((one) => restatedText(one) === null).map(signedText),
  ];
}

function examinedText({ asked, invoices, customers }: Examined): string {
  const { period, customer, reseller } = asked;
  const named = invoices === undefined ? 'everything that is loaded' : listText('invoice', invoices);
  return [
    named,
    ...(period === undefined ? [] : [`of ${period}`]),
    ...(customer === undefined ? [] : [`of customer ${customer}`]),
    ...(reseller === undefined
      ? []
      : [
          `of ${countOf(customers?.length ?? 0, 'customer')} with lines of reseller ${reseller} (with all that these customers bought)`,
        ]),
  ].join(', ');
}

function listText(noun: string, names: readonly string[]): string {
  if (names.length === 0) return `no ${noun}`;
  const more = names.length > 8 ? ` and ${names.length - 8} more` : '';
  return `${noun}${names.length === 1 ? '' : 's'} ${names.slice(0, 8).join(', ')}${more}`;
}

function overview(results: readonly CheckResult[]): string {
  const right = { align: 'right' } as const;
  return textTable(
    [
      { title: 'check' },
      { title: 'examined', ...right },
      { title: 'matched', ...right },
      { title: 'in tolerance', ...right },
      { title: 'partial', ...right },
      { title: 'differ', ...right },
      { title: 'not checked', ...right },
      { title: 'largest difference' },
    ],
    results.map(({ check, counts, notExamined }) => {
      const rows = (is: (status: CheckStatus) => boolean): number =>
        counts.filter(({ status }) => is(status)).reduce((sum, count) => sum + count.rows, 0);
      const of = (status: CheckStatus): string => countText(rows((one) => one === status));
      if (notExamined !== null) return [check.name, '', '', '', '', '', '', notExamined];
      return [
        ...[check.name, countText(rows(() => true)), of('matched'), of('within_tolerance'), of('partial')],
        ...[countText(rows(isDifference)), of('not_checked'), largestText(check, counts)],
      ];
    }),
  );
}

/** By currency: amounts of several are never compared. */
function largestText(check: Check, counts: readonly CheckCount[]): string {
  const largest: Record<string, string> = {};
  for (const { status, currency, largest: amount } of counts) {
    if (!isShown(check, status) || amount === null || amount === '0') continue;
    const code = check.isOfRates === true ? 'a rate by' : (currency ?? 'no currency');
    const before = largest[code];
    if (before === undefined || isGreater(amount, before)) largest[code] = amount;
  }
  return sumsText(largest);
}

/** Of two canonical decimal texts that are not negative. */
function isGreater(a: string, b: string): boolean {
  const [[wholeA = '', fractionA = ''], [wholeB = '', fractionB = '']] = [a.split('.'), b.split('.')];
  if (wholeA.length !== wholeB.length) return wholeA.length > wholeB.length;
  return wholeA === wholeB ? fractionA > fractionB : wholeA > wholeB;
}

function findingLines(result: CheckResult, rows: readonly CheckRow[]): readonly string[] {
  if (rows.length === 0) return [];
  const { check, columns } = result;
  const keys = check.keys.filter((name) => columns.includes(name));
  const found = shownOf(result);
  const kinds = [...new Set(rows.flatMap((row) => kindOf(check, row) ?? []))];
  return [
    '',
    `${check.name}: ${check.question}`,
    findingTable(columns, keys, rows),
    ...(found > rows.length
      ? [
          `and ${countText(found - rows.length)} more: the ${MOST_SHOWN} largest of each status and currency are shown (--format csv has all)`,
        ]
      : []),
    ...kinds.flatMap((kind) => {
      const next = check.next[kind];
      if (next === undefined) return [];
      return [`next, for ${kind === 'remarked' ? 'what matches all the same' : kind}: ${next}`];
    }),
  ];
}

function findingTable(
  columns: readonly string[],
  keys: readonly string[],
  rows: readonly CheckRow[],
): string {
  const subject = subjectColumn(columns);
  const right = { align: 'right' } as const;
  return textTable(
    [
      { title: subject === 'billing_month' ? 'month' : 'invoice' },
      { title: 'customer' },
      ...keys.map((title) => ({ title })),
      { title: 'status' },
      { title: 'currency' },
      ...['left', 'right', 'difference', 'tolerance'].map((title) => ({ title, ...right })),
      { title: 'reason' },
    ],
    rows.map((row) => {
      const text = (name: string): string => row[name] ?? '';
      return [
        subject === null ? '' : subjectText(subject, text(subject)),
        text('customer_name') === '' ? text('customer_id') : text('customer_name'),
        ...keys.map(text),
        ...[text('status'), text('currency'), text('left_amount'), text('right_amount')],
        ...[text('difference'), text('tolerance'), text('reason')],
      ];
    }),
  );
}

/** A month is its first day in a view. */
function subjectText(column: 'invoice_number' | 'billing_month', text: string): string {
  return column === 'billing_month' ? text.slice(0, 7) : text;
}

function notCheckedLines(results: readonly CheckResult[]): readonly string[] {
  const lines = results.flatMap(({ check, counts }) => {
    const missed = counts.filter(({ status }) => status === 'not_checked' && !isShown(check, status));
    if (missed.length === 0) return [];
    const byReason = new Map<string, { rows: number; subjects: Set<string> }>();
    for (const { reason, rows, subject } of missed) {
      const found = byReason.get(reason ?? '') ?? { rows: 0, subjects: new Set<string>() };
      found.rows += rows;
      if (subject !== null) found.subjects.add(subject);
      byReason.set(reason ?? '', found);
    }
    const reasons = [...byReason].sort(([, a], [, b]) => b.rows - a.rows);
    const more = reasons.length - MOST_SHOWN;
    return [
      ...reasons
        .slice(0, MOST_SHOWN)
        .map(
          ([reason, { rows, subjects }]) =>
            `  ${check.name}: ${[...subjects].slice(0, 5).join(', ')}${subjects.size > 5 ? ', ...' : ''} (${countText(rows)}): ${reason}`,
        ),
      ...(more > 0 ? [`  ${check.name}: and ${countOf(more, 'other reason')}`] : []),
      ...(check.next.not_checked === undefined ? [] : [`    next: ${check.next.not_checked}`]),
    ];
  });
  return lines.length === 0 ? [] : ['', 'not checked:', ...lines];
}
