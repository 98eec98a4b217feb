import { allRows, subjectColumn, type CheckRow } from '../load/check-rows.js';
import type { DatasetReading, QueryResult } from '../load/destination.js';
import { inPieces } from '../query-output-type.js';
import { visibleJson } from '../visible-text.js';
import { kindOf } from './checks.js';
import type { CheckResult } from './examine.js';
import type { ReconcileReport } from './reconcile-text.js';

const TEXTS = ['check', 'subject', 'currency', 'customer_id', 'customer_name', 'status'] as const;
const AMOUNTS = ['left_amount', 'right_amount', 'difference', 'tolerance'] as const;
const COUNTS = ['rows_left', 'rows_right'] as const;
const COMMON: ReadonlySet<string> = new Set([
  ...[...TEXTS, ...AMOUNTS, ...COUNTS],
  ...['invoice_number', 'billing_month', 'reason', 'snapshot_ids'],
]);

/**
 * All rows of all checks as one result, to be written as CSV. `subject` is the invoice, else the month. `keys` are the
 * check's own columns, `name=value; ...`. A check that was not looked at has one row, whose status is `not_examined`.
 */
export function reconcileRows(from: DatasetReading, results: readonly CheckResult[]): QueryResult {
  const typed = (type: string) => (name: string) => ({ name, type });
  return {
    columns: [
      ...TEXTS.map(typed('VARCHAR')),
      ...AMOUNTS.map(typed('DECIMAL(38,22)')),
      ...COUNTS.map(typed('BIGINT')),
      ...['reason', 'snapshot_ids', 'keys', 'next'].map(typed('VARCHAR')),
    ],
    rows: async function* () {
      for (const result of results) {
        const { check, notExamined } = result;
        if (notExamined !== null) {
          yield [check.name, ...nulls(4), 'not_examined', ...nulls(6), notExamined, ...nulls(3)];
          continue;
        }
        for await (const row of rowsOf(from, result)) {
          const text = (name: string): string | null => row[name] ?? null;
          yield [
            ...[check.name, subjectOf(result, row), text('currency'), text('customer_id')],
            ...[text('customer_name'), text('status')],
            ...[...AMOUNTS, ...COUNTS, 'reason', 'snapshot_ids'].map(text),
            ...[keysText(result, row), nextOf(result, row)],
          ];
        }
      }
    },
  };
}

/** Everything as one JSON document, in pieces: the verdict first, then check by check all its rows. */
export function reconcileJson(from: DatasetReading, report: ReconcileReport): AsyncGenerator<string> {
  return inPieces(jsonLines(from, report));
}

async function* jsonLines(from: DatasetReading, report: ReconcileReport): AsyncGenerator<string> {
  const { destination, otherTolerances, examined, signOffs, results, verdict } = report;
  const { asked, invoices, customers } = examined;
  const head = { destination, verdict, otherTolerances, asked, invoices, customers, signOffs };
  yield `${visibleJson(JSON.stringify(head)).slice(0, -1)},"checks":[`;
  for (const [index, result] of results.entries()) {
    const { check, notExamined, counts } = result;
    const { name, view, question, says, next } = check;
    const about = { name, view, question, says, notExamined, next, counts };
    yield `${index === 0 ? '' : ','}\n${visibleJson(JSON.stringify(about)).slice(0, -1)},"rows":[`;
    let before = '\n';
    for await (const row of rowsOf(from, result)) {
      yield `${before}${visibleJson(JSON.stringify(row))}`;
      before = ',\n';
    }
    yield ']}';
  }
  yield '\n]}\n';
}

function rowsOf(from: DatasetReading, result: CheckResult): AsyncIterable<CheckRow> {
  const rows = result.counts.reduce((sum, count) => sum + count.rows, 0);
  return allRows(from, result, rows);
}

function subjectOf({ columns }: CheckResult, row: CheckRow): string | null {
  const subject = subjectColumn(columns);
  return subject === null ? null : (row[subject] ?? null);
}

function keysText({ columns }: CheckResult, row: CheckRow): string {
  return columns
    .filter((name) => !COMMON.has(name) && (row[name] ?? null) !== null)
    .map((name) => `${name}=${row[name] ?? ''}`)
    .join('; ');
}

function nextOf({ check }: CheckResult, row: CheckRow): string | null {
  const kind = kindOf(check, row);
  return kind === null ? null : (check.next[kind] ?? null);
}

function nulls(count: number): null[] {
  return Array.from({ length: count }, () => null);
}
