import { isExportable, isNote, isVoid } from '../../schemas/invoice-kind.js';
import { monthOf, parseScope, scopeText, type Scope } from '../../schemas/scope.js';
import type { StreamName } from '../../schemas/streams.js';
import type { SqlTransaction, TextRow } from './destination.js';
import type { RecordedState } from './recorded-state.js';
import { countOf } from './publishing.js';
import { identifier, statement } from './sql-text.js';

/** The stream of billed data that takes the place of each stream of estimates. */
const BILLED_BY: Readonly<Partial<Record<StreamName, StreamName>>> = {
  unbilled_usage: 'billed_usage',
  unbilled_reconciliation: 'billed_reconciliation',
};

/** From this day of the next month on, a month is closed by any billed snapshot (domain.md, calendar of section C3). */
const CLOSED_FROM_DAY = 15;

/** What is recorded of one scope of a billed stream. */
export interface BilledScope {
  readonly stream: string;
  readonly invoice: string;
  readonly state: string;
  readonly isPublished: boolean;
  /** `2026-10`; null where neither the invoice list nor the manifest told. */
  readonly month: string | null;
  /** Currencies of its records and of its document, upper case. */
  readonly currencies: readonly string[];
}

/** A document of the invoice list that has data of its own. */
export interface ListedDocument {
  readonly invoice: string;
  readonly month: string | null;
  readonly currency: string | null;
  readonly documentType: string | null;
  readonly status: string | null;
}

/** What closing months depends on. */
export interface ClosingFacts {
  /** Scopes of unbilled streams that are not superseded. */
  readonly open: readonly Scope[];
  readonly billed: readonly BilledScope[];
  readonly listed: readonly ListedDocument[];
  readonly now: Date;
}

/**
 * The unbilled scopes whose month is billed by now: a billed snapshot of the month and currency is published in the
 * stream that takes its place, and either every invoice that the list names for it is published or has no data, or
 * it is the 15th of the next month. An invoice that the list tells no month or currency of may be of any. Without an
 * invoice of that month in the list, every billed scope that was ever asked for stands in for it. Pure.
 */
export function closedMonths({ open, billed, listed, now }: ClosingFacts): readonly Scope[] {
  return open.filter((scope) => {
    const stream = BILLED_BY[scope.stream];
    if (scope.by !== 'month' || stream === undefined) return false;
    const { month, currency } = scope;
    const own = billed.filter((one) => one.stream === stream);
    const isOfMonth = (one: BilledScope) => one.month === month && one.currencies.includes(currency);
    if (!own.some((one) => one.isPublished && isOfMonth(one))) return false;
    return isPastClosing(month, now) || isComplete(scope, own, listed);
  });
}

function isComplete(
  scope: { readonly month: string; readonly currency: string },
  own: readonly BilledScope[],
  listed: readonly ListedDocument[],
): boolean {
  const settled = (one: BilledScope | undefined) =>
    one !== undefined && (one.isPublished || one.state === 'no data');
  const wanted = listed.filter(
    (one) =>
      (one.month === null || one.month === scope.month) &&
      (one.currency === null || one.currency === scope.currency) &&
      !isNote(one) &&
      !isVoid(one),
  );
  if (wanted.length === 0) return own.every(settled);
  const byInvoice = new Map(own.map((one) => [one.invoice, one]));
  return wanted.every(({ invoice }) => settled(byInvoice.get(invoice)));
}

function isPastClosing(month: string, now: Date): boolean {
  const next = monthOf(new Date(`${month}-01T00:00:00Z`), 1);
  return now.toISOString().slice(0, 10) >= `${next}-${CLOSED_FROM_DAY}`;
}

/** {@link closedMonths} of what is recorded: what a run, or the next publish, will mark as superseded. Pure. */
export function monthsToClose({ scopes, invoices }: RecordedState, now: Date): readonly Scope[] {
  const documents = new Map(invoices.map((document) => [document.invoice, document]));
  return closedMonths({
    open: scopes
      .filter((one) => one.scope.by === 'month' && one.state !== 'superseded')
      .map(({ scope }) => scope),
    billed: scopes.flatMap(({ scope, state, snapshot }) => {
      if (scope.by !== 'invoice') return [];
      const document = documents.get(scope.invoice);
      const currencies = [
        ...Object.keys(snapshot?.sums ?? {}),
        ...(document?.currency ? [document.currency] : []),
      ];
      const month = document?.billingMonth ?? snapshot?.billingMonth ?? null;
      return [
        {
          stream: scope.stream,
          invoice: scope.invoice,
          state,
          isPublished: snapshot !== null,
          month,
          currencies,
        },
      ];
    }),
    listed: invoices
      .filter(({ invoice }) => isExportable(invoice))
      .map(({ billingMonth, ...document }) => ({ ...document, month: billingMonth })),
    now,
  });
}

/** Marks the scopes of {@link closedMonths} as superseded, in the caller's transaction; returns the newly closed ones. */
export async function closeMonths(
  transaction: SqlTransaction,
  dataset: string,
  now: Date,
): Promise<readonly Scope[]> {
  const sql = (name: string) =>
    statement(transaction.dialect, 'months', name, { dataset: identifier(dataset) });
  const open = (await transaction.rows(sql('open scopes'))).map((row) =>
    parseScope(row['stream'] as StreamName, 'month', row['scope'] ?? ''),
  );
  if (open.length === 0) return [];
  const billed = (await transaction.rows(sql('billed scopes'))).map(billedScope);
  const listed = (await transaction.rows(sql('listed documents'))).map(listedDocument);
  const closed = closedMonths({ open, billed, listed, now });
  for (const scope of closed) await transaction.run(sql('supersede'), [scope.stream, scopeText(scope)]);
  return closed;
}

function billedScope(row: TextRow): BilledScope {
  const sums = JSON.parse(row['sums'] ?? '{}') as Record<string, string>;
  const currency = row['currency'] ?? null;
  return {
    stream: row['stream'] ?? '',
    invoice: row['scope'] ?? '',
    state: row['state'] ?? '',
    isPublished: countOf(row['published']) > 0,
    month: monthText(row['billing_month']),
    currencies: [...Object.keys(sums), ...(currency === null ? [] : [currency])],
  };
}

function listedDocument(row: TextRow): ListedDocument {
  return {
    invoice: row['invoice_number'] ?? '',
    month: monthText(row['billing_month']),
    currency: row['currency'] ?? null,
    documentType: row['document_type'] ?? null,
    status: row['status'] ?? null,
  };
}

/** `2026-10` of a date that both databases print as `2026-10-01`; null for none. */
export function monthText(date: string | null | undefined): string | null {
  return date?.slice(0, 7) ?? null;
}
