import { IntegrityError } from './errors.js';
import type { AttributeSet, BillingPeriod, StreamName } from './streams.js';

/** What one export of a billed stream covers and one publish replaces: an invoice. */
export interface InvoiceScope {
  readonly by: 'invoice';
  readonly stream: StreamName;
  readonly invoice: string;
}

/** The same for an unbilled stream: a calendar month, written `2026-11`, in one currency (upper case). */
export interface MonthScope {
  readonly by: 'month';
  readonly stream: StreamName;
  readonly month: string;
  readonly currency: string;
}

/** What one export covers and one publish replaces, for one stream. */
export type Scope = InvoiceScope | MonthScope;

/**
 * What is asked of Graph. For an unbilled stream the word (`current`, `last`) is asked for, and the month that it
 * means is fixed by the `Date` of the answer; `month` here is what the plan expects it to be.
 */
export interface ExportRequest {
  readonly scope: Scope;
  readonly attributeSet: AttributeSet;
  /** Only for unbilled streams. */
  readonly period?: BillingPeriod;
}

/** The scope's text, as printed, recorded and used in folder names: `G016907411`, `2026-11-USD`. */
export function scopeText(scope: Scope): string {
  return scope.by === 'invoice' ? scope.invoice : `${scope.month}-${scope.currency}`;
}

/** Stream and scope, as printed: `billed_usage G016907411`. */
export function scopeLabel(scope: Scope): string {
  return `${scope.stream} ${scopeText(scope)}`;
}

/** The month of an instant in UTC, as `2026-11`; `offset` counts months from it (`-1` is the month before). */
export function monthOf(instant: Date, offset = 0): string {
  const first = new Date(Date.UTC(instant.getUTCFullYear(), instant.getUTCMonth() + offset, 1));
  return first.toISOString().slice(0, 7);
}

/** The calendar month that a billing period meant at an instant: `last` is the month before (api-contract.md 1.3). */
export function monthOfPeriod(period: BillingPeriod, instant: Date): string {
  return monthOf(instant, period === 'current' ? 0 : -1);
}

/**
 * The scope that a recorded text names, for a stream scoped by invoice or by month.
 * @throws IntegrityError when the text of a month scope is not `yyyy-mm-CUR`.
 */
export function parseScope(stream: StreamName, scopedBy: 'invoice' | 'month', text: string): Scope {
  if (scopedBy === 'invoice') return { by: 'invoice', stream, invoice: text };
  const match = /^(\d{4}-\d{2})-([A-Z]{3})$/.exec(text);
  if (match?.[1] === undefined || match[2] === undefined) {
    throw new IntegrityError({
      message: `${stream}: ${JSON.stringify(text)} is no scope; expected yyyy-mm-CUR`,
      hint: 'a recorded scope was changed by hand; restore it from the spool or the archive',
      facts: { stream, scope: text },
    });
  }
  return { by: 'month', stream, month: match[1], currency: match[2] };
}
