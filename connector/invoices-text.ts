import { isExportable } from '../schemas/invoice-kind.js';
import type { InvoiceStatement } from '../schemas/invoice-statement.js';
import { scopeLabel } from '../schemas/scope.js';
import type { StreamName } from '../schemas/streams.js';
import type { RecordedInvoice, RecordedState, ScopeState } from './load/destination.js';
import { countOf } from './quantity-text.js';
import { sumsText } from './summary-text.js';
import { textTable } from './text-table.js';

/** The billed streams, in the order of the columns. */
const BILLED = ['billed_usage', 'billed_reconciliation'] as const satisfies readonly StreamName[];

/** What is loaded of a document in one stream. */
export interface LoadedOfInvoice {
  /** `published`, `pending`, ...; `not asked for`; `legacy: ...` for a document that Graph never has. */
  readonly state: string;
  readonly records: number | null;
  /** Canonical decimal texts by currency. */
  readonly sums: Readonly<Record<string, string>>;
}

/** A document of the invoice list, and what is loaded of it. */
export interface InvoiceRow extends Omit<RecordedInvoice, 'rowHash'> {
  readonly loaded: Readonly<Record<(typeof BILLED)[number], LoadedOfInvoice>>;
  /** Whether usage and lines agree; null where they cannot be compared. */
  readonly agrees: boolean | null;
  /** What a person stated last of it; null where nobody did. */
  readonly stated: Omit<InvoiceStatement, 'invoice'> | null;
}

/** The documents recorded of the list, the newest invoice first, what amends it below it. Pure. */
export function invoiceRows(
  state: RecordedState,
  statements: readonly InvoiceStatement[],
): readonly InvoiceRow[] {
  const statedOf = new Map(statements.map(({ invoice, ...stated }) => [invoice, stated]));
  const scopes = new Map(state.scopes.map((entry) => [scopeLabel(entry.scope), entry]));
  const agreements = new Map(state.agreements.map((entry) => [entry.invoice, entry.agrees]));
  const dates = new Map(state.invoices.map(({ invoice, invoiceDate }) => [invoice, invoiceDate ?? '']));
  const placeOf = ({ invoice, amendsOf }: { invoice: string; amendsOf: string | null }): string => {
    const top = amendsOf ?? invoice;
    return `${dates.get(top) ?? dates.get(invoice) ?? ''} ${top}`;
  };
  return [...state.invoices]
    .sort((one, other) => descending(placeOf(one), placeOf(other)) || (one.invoice < other.invoice ? -1 : 1))
    .map(({ rowHash: _, ...document }) => ({
      ...document,
      loaded: {
        billed_usage: loadedOf(document.invoice, scopes.get(`billed_usage ${document.invoice}`)),
        billed_reconciliation: loadedOf(
          document.invoice,
          scopes.get(`billed_reconciliation ${document.invoice}`),
        ),
      },
      agrees: agreements.get(document.invoice) ?? null,
      stated: statedOf.get(document.invoice) ?? null,
    }));
}

function descending(one: string, other: string): number {
  if (one === other) return 0;
  return one < other ? 1 : -1;
}

function loadedOf(invoice: string, entry: ScopeState | undefined): LoadedOfInvoice {
  if (entry !== undefined) {
    const { snapshot, state } = entry;
    return { state, records: snapshot?.counts.staged ?? null, sums: snapshot?.sums ?? {} };
  }
  const state = isExportable(invoice) ? 'not asked for' : 'legacy: Graph has no data';
  return { state, records: null, sums: {} };
}

/** The list for people, with when it was read. Pure. */
export function invoicesText(rows: readonly InvoiceRow[], readAt: string | null): string {
  if (readAt === null) {
    return 'the invoice list was never read: `partner-billing sync` reads it where a billed stream has invoices: discover; `partner-billing invoices --live` shows it now';
  }
  const head = `invoice list as of ${readAt}: ${countOf(rows.length, 'document')}`;
  return rows.length === 0 ? head : [head, '', table(rows)].join('\n');
}

function table(rows: readonly InvoiceRow[]): string {
  const isStated = rows.some(({ stated }) => stated !== null);
  return textTable(
    [
      { title: 'invoice' },
      { title: 'date' },
      { title: 'month' },
      { title: 'type' },
      { title: 'status' },
      { title: 'total', align: 'right' },
      { title: '' },
      { title: 'billed_usage' },
      { title: 'billed_reconciliation' },
      { title: 'agree' },
      ...(isStated ? [{ title: 'stated' }] : []),
    ],
    rows.map((row) => [
      `${row.amendsOf === null ? '' : '  '}${row.invoice}`,
      row.invoiceDate?.slice(0, 10) ?? '',
      row.billingMonth ?? '',
      row.documentType ?? '',
      row.status ?? '',
      row.totalCharges ?? '',
      row.currency ?? '',
      ...BILLED.map((stream) => loadedText(row.loaded[stream])),
      row.agrees === null ? '' : row.agrees ? 'yes' : 'no',
      ...(isStated ? [statedText(row.stated)] : []),
    ]),
  );
}

function loadedText({ state, records, sums }: LoadedOfInvoice): string {
  if (records === null) return state;
  return [state, countOf(records, 'record'), sumsText(sums)].filter((part) => part !== '').join(', ');
}

function statedText(stated: InvoiceRow['stated']): string {
  if (stated === null) return '';
  const { currency, preTax, tax, statedBy, statedAt } = stated;
  return `${currency} ${preTax} + ${tax} tax, ${statedBy} ${statedAt.slice(0, 10)}`;
}
