import { hasCome, listingDay } from './billing-calendar.js';
import type { CalendarSettings } from './calendar-options.js';
import type { SandboxInvoice, Settings } from './options.js';
import type { SandboxData } from './sandbox-data.js';

/** A document of the invoice list, in the list's own words. */
export interface ListedDocument extends SandboxInvoice {
  readonly documentType: 'invoice' | 'credit_note' | 'void_note';
  readonly status: 'active' | 'void';
  /** Day of the document, `2026-11-08`. */
  readonly invoiceDate: string;
  /** The document that a note amends. */
  readonly amendsOf?: string;
  /** With tax, exact text; a void note's is its invoice's below zero. */
  readonly totalCharges: string;
  readonly amendments: readonly ListedDocument[];
}

/** The documents that the list names at `now`, notes below what they amend, in the order of the sandbox's invoices. */
export function listedDocuments(
  settings: Settings,
  calendar: CalendarSettings,
  data: SandboxData,
): readonly ListedDocument[] {
  return settings.invoices
    .filter((invoice) => hasCome(settings, listingDay(calendar, invoice)))
    .map((invoice) => {
      const isVoid = calendar.script.voids.some(
        (entry) => entry.void === invoice.id && hasCome(settings, entry.on),
      );
      return {
        ...invoice,
        documentType: 'invoice',
        status: isVoid ? 'void' : 'active',
        invoiceDate: listingDay(calendar, invoice),
        totalCharges: data.totalCharges(invoice.id),
        amendments: notesOf(settings, calendar, data, invoice),
      };
    });
}

function notesOf(
  settings: Settings,
  { script }: CalendarSettings,
  data: SandboxData,
  invoice: SandboxInvoice,
): readonly ListedDocument[] {
  const common = { ...invoice, status: 'active', amendsOf: invoice.id, amendments: [] } as const;
  const credits = script.credits
    .filter(({ amends, on }) => amends === invoice.id && hasCome(settings, on))
    .map(({ creditNote, on }) => ({
      ...common,
      id: creditNote,
      documentType: 'credit_note' as const,
      invoiceDate: on,
      totalCharges: data.totalCharges(creditNote),
    }));
  const voids = script.voids
    .filter((entry) => entry.void === invoice.id && hasCome(settings, entry.on))
    .map(({ note, on }) => ({
      ...common,
      id: note,
      documentType: 'void_note' as const,
      invoiceDate: on,
      totalCharges: negated(data.totalCharges(invoice.id)),
    }));
  return [...credits, ...voids];
}

function negated(amount: string): string {
  if (amount === '0') return amount;
  return amount.startsWith('-') ? amount.slice(1) : `-${amount}`;
}
