import { canonicalDecimal } from '../../schemas/decimal-text.js';
import type { DatasetReading, SqlValue, TextRow } from './destination.js';
import { countOf } from './publishing.js';
import { allOf, identifier, nameList, placeholders, qualified, statement, type SqlText } from './sql-text.js';

/** How a comparison can end (`status` of every `recon_*` view). */
export const CHECK_STATUSES = [
  'matched',
  'within_tolerance',
  'partial',
  'mismatch',
  'left_only',
  'right_only',
  'not_checked',
] as const;

/** One of {@link CHECK_STATUSES}. */
export type CheckStatus = (typeof CHECK_STATUSES)[number];

/** What of a check's view is looked at; an empty list finds nothing, undefined everything. */
export interface CheckFilter {
  readonly invoices?: readonly string[] | undefined;
  /** Calendar month, `2026-10`, of a view that has `billing_month` and no invoice. */
  readonly month?: string | undefined;
  /** Customer ids, in lower case. */
  readonly customers?: readonly string[] | undefined;
  /** Of a view of snapshots only those that readers see, and scopes that have none. */
  readonly isCurrent?: boolean | undefined;
}

/** The columns of a view, in its order. */
export interface ViewColumns {
  readonly columns: readonly string[];
  /** Those of them that are exact decimals. */
  readonly decimals: ReadonlySet<string>;
}

/** A view of a check, and what of it is looked at. */
export interface CheckView extends ViewColumns {
  readonly view: string;
  readonly filter: CheckFilter;
  /** A column that has something to say of rows that match, too: these are remarked on where it is not null. */
  readonly remarks?: string | undefined;
}

/** How many rows of one invoice (or month), currency and status there are. */
export interface CheckCount {
  /** Invoice number, or calendar month; null where the check has neither. */
  readonly subject: string | null;
  readonly currency: string | null;
  readonly status: CheckStatus;
  /** Why it was not checked; null for any other status. */
  readonly reason: string | null;
  readonly rows: number;
  /** How many of them match and are remarked on all the same (`remarks` of {@link CheckView}). */
  readonly remarked: number;
  /** The largest difference without its sign, canonical decimal text; null where none is known. */
  readonly largest: string | null;
}

/** A row of a check: texts by column; decimals are canonical. */
export type CheckRow = TextRow;

/** The column that says what a row is about: the invoice, else the month; null where a view has neither. */
export function subjectColumn(columns: readonly string[]): 'invoice_number' | 'billing_month' | null {
  return (['invoice_number', 'billing_month'] as const).find((name) => columns.includes(name)) ?? null;
}

/** The columns of a view of the dataset, in its order. */
export async function columnsOfView(
  { reading, dataset }: DatasetReading,
  view: string,
): Promise<ViewColumns> {
  const sql = statement(reading.dialect, 'reconcile', 'columns of view', { view: qualified(dataset, view) });
  const rows = await reading.rows(sql, [qualified(dataset, view)]);
  const nameOf = (row: TextRow): string => row['column_name'] ?? '';
  const isDecimal = (row: TextRow): boolean => /^(decimal|numeric)/i.test(row['column_type'] ?? '');
  return { columns: rows.map(nameOf), decimals: new Set(rows.filter(isDecimal).map(nameOf)) };
}

/** How many rows there are of each invoice, currency and status. @throws RangeError for a status that is none */
export async function countChecked(from: DatasetReading, of: CheckView): Promise<readonly CheckCount[]> {
  const { sql, values } = checkSql(from, of, 'counted');
  const rows = await from.reading.rows(sql, values);
  return rows.map((row) => ({
    subject: row['subject'] ?? null,
    currency: row['currency'] ?? null,
    status: statusOf(row['status']),
    reason: row['reason'] ?? null,
    rows: countOf(row['records']),
    remarked: countOf(row['remarked']),
    largest: canonical(row['largest'] ?? null),
  }));
}

/**
 * Of each status and currency at most `most` rows that do not match or are remarked on, largest difference first.
 * @param findings `open`: with what nobody can decide, which is `not_checked`
 */
export async function worstRows(
  from: DatasetReading,
  of: CheckView,
  most: number,
  findings: 'certain' | 'open',
): Promise<readonly CheckRow[]> {
  const { sql, values } = checkSql(from, of, findings === 'open' ? 'worst and open' : 'worst');
  const rows = await from.reading.rows(sql, [...values, String(most)]);
  return rows.map((row) => rowOf(of, (name) => row[name] ?? null));
}

/** All rows as they come, what does not match first. @param rows how many they are, as {@link countChecked} counted */
export async function* allRows(from: DatasetReading, of: CheckView, rows: number): AsyncGenerator<CheckRow> {
  if (rows === 0) return;
  const { sql, values } = checkSql(from, of, 'all');
  for await (const row of from.reading.stream(sql, values, rows)) {
    const at = new Map(of.columns.map((name, index) => [name, row[index] ?? null]));
    yield rowOf(of, (name) => at.get(name) ?? null);
  }
}

/** The invoices that bill a month (`2026-10`), as the invoice list or their published snapshots say. */
export async function invoicesOfMonth(
  { reading, dataset }: DatasetReading,
  month: string,
): Promise<readonly string[]> {
  const rows = await reading.rows(own(reading, dataset, 'invoices of month'), [`${month}-01`]);
  return rows.map((row) => row['invoice_number'] ?? '');
}

/** The customers, in lower case, that have billed lines with a reseller's id. */
export async function customersOfReseller(
  { reading, dataset }: DatasetReading,
  reseller: string,
): Promise<readonly string[]> {
  const rows = await reading.rows(own(reading, dataset, 'customers of reseller'), [reseller]);
  return rows.map((row) => row['customer_id'] ?? '');
}

/** Whether anything is known of an invoice: it is listed, was asked for, or rows carry its number. */
export async function isKnownInvoice(
  { reading, dataset }: DatasetReading,
  invoice: string,
): Promise<boolean> {
  const [row] = await reading.rows(own(reading, dataset, 'is known'), [invoice]);
  return countOf(row?.['records']) > 0;
}

function rowOf({ columns, decimals }: ViewColumns, value: (name: string) => string | null): CheckRow {
  return Object.fromEntries(
    columns.map((name) => [name, decimals.has(name) ? canonical(value(name)) : value(name)]),
  );
}

function canonical(text: string | null): string | null {
  return text === null ? null : canonicalDecimal(text);
}

function statusOf(text: string | null | undefined): CheckStatus {
  const status = CHECK_STATUSES.find((name) => name === text);
  if (status === undefined) throw new RangeError('a view gave a status that is none');
  return status;
}

interface FilledSql {
  readonly sql: SqlText;
  readonly values: readonly SqlValue[];
}

function checkSql(
  { reading, dataset }: DatasetReading,
  of: CheckView,
  name: 'counted' | 'worst' | 'worst and open' | 'all',
): FilledSql {
  const { dialect } = reading;
  const part = (of_: string, fills = {}): SqlText => statement(dialect, 'reconcile', of_, fills);
  const { filters, values } = filtersOf(of.filter, part);
  const subject = subjectColumn(of.columns);
  const columns = nameList(of.columns, 'v');
  const subjectSql = subject === null ? part('no subject') : nameList([subject], 'v');
  const remarked =
    of.remarks === undefined
      ? part('not remarked')
      : part('remarked', { column: nameList([of.remarks], 'v') });
  const fills = { view: qualified(dataset, of.view), filters, remarked };
  if (name === 'counted') return { sql: part(name, { ...fills, subject: subjectSql }), values };
  const order = part('order', { subject: subjectSql, columns });
  if (name === 'all') return { sql: part(name, { view: fills.view, filters, columns, order }), values };
  const statuses = part(name === 'worst' ? 'findings' : 'findings that nobody can decide');
  const most = placeholders(values.length + 1, 1);
  return { sql: part('worst', { ...fills, columns, order, statuses, most }), values };
}

function filtersOf(
  { invoices, month, customers, isCurrent = false }: CheckFilter,
  part: (name: string, fills?: Readonly<Record<string, SqlText>>) => SqlText,
): { readonly filters: SqlText; readonly values: readonly SqlValue[] } {
  const values: SqlValue[] = [];
  const conditions = [part(isCurrent ? 'current' : 'everything')];
  const among = (name: string, wanted: readonly string[] | undefined): void => {
    if (wanted === undefined) return;
    if (wanted.length === 0) conditions.push(part('nothing'));
    else conditions.push(part(name, { names: placeholders(values.length + 1, wanted.length) }));
    values.push(...wanted);
  };
  among('of invoices', invoices);
  among('of customers', customers);
  if (month !== undefined) {
    conditions.push(part('of month', { name: placeholders(values.length + 1, 1) }));
    values.push(month);
  }
  return { filters: allOf(conditions), values };
}

function own(reading: DatasetReading['reading'], dataset: string, name: string): SqlText {
  return statement(reading.dialect, 'reconcile', name, { dataset: identifier(dataset) });
}
