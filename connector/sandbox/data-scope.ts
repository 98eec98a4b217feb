import { monthOf } from '../../schemas/scope.js';
import { STREAMS, type StreamName } from '../../schemas/streams.js';
import type { Settings } from './options.js';
import { changeText, type Change } from './restatement.js';

/** A scope as the sandbox's data knows it. */
export interface DataScope {
  readonly stream: StreamName;
  /** Null for an unbilled scope. */
  readonly invoice: string | null;
  /** The consumed month, `2026-10`. */
  readonly month: string;
  readonly currency: string;
  /** How many invoices of the same month and currency come before this one; unbilled data equals the first. */
  readonly ordinal: number;
  /** Days of the month that have data: all of a closed month, up to today of the one in progress. */
  readonly days: number;
  /** Days of the whole month. */
  readonly monthDays: number;
  /** Only where a billing calendar is on. */
  readonly scripted?: ScriptedData;
}

/** How the data of a scope differs, by the calendar's script, from what was first invoiced. */
export interface ScriptedData {
  /** The day on which it was drawn up, `2026-10-14`. */
  readonly drawnUp: string;
  /** Restatements so far. */
  readonly changes: readonly Change[];
  /** For lines: restatements of the invoice's usage that they follow. */
  readonly followed: readonly Change[];
  /** For a credit note: how many lines it has. */
  readonly credits: number | null;
}

/** How callers name a scope: an invoice, or a month with a currency. */
export interface ScopeName {
  readonly stream: StreamName;
  readonly invoice?: string;
  readonly month?: string;
  readonly currency?: string;
}

/** Whether a stream covers daily rated usage (the others cover reconciliation lines). */
export function isUsage(stream: StreamName): boolean {
  return stream === 'billed_usage' || stream === 'unbilled_usage';
}

/** Whether the scope is an invoice. */
export function isBilled(stream: StreamName): boolean {
  return STREAMS[stream].table.scopedBy === 'invoice';
}

/** The scope of an invoice that is there at any time; null where the sandbox does not know it. */
export function invoiceScope(settings: Settings, stream: StreamName, id: string): DataScope | null {
  const invoice = settings.invoices.find((candidate) => candidate.id === id);
  if (invoice === undefined) return null;
  const { month, currency } = invoice;
  const alike = settings.invoices.filter((other) => other.month === month && other.currency === currency);
  const monthDays = daysOf(month);
  return {
    stream,
    invoice: id,
    month,
    currency,
    ordinal: alike.indexOf(invoice),
    days: monthDays,
    monthDays,
  };
}

/** The scope of a month in a currency that is never billed, as of `now`; null for a currency without unbilled data. */
export function monthScope(
  settings: Settings,
  stream: StreamName,
  month: string,
  currency: string,
): DataScope | null {
  if (!settings.currencies.includes(currency)) return null;
  const now = settings.now();
  const monthDays = daysOf(month);
  const days = month === monthOf(now) ? now.getUTCDate() : monthDays;
  return { stream, invoice: null, month, currency, ordinal: 0, days, monthDays };
}

/** What tells one scope's data from another's, whatever day it is. */
export function scopeKey(scope: DataScope): string {
  return `${scope.stream} ${scope.invoice ?? 'open'} ${scope.month} ${scope.currency}`;
}

/** What of the scope's data a script changes apart from restatements; empty where it changes nothing. */
export function scriptKey({ scripted }: DataScope): string {
  if (scripted === undefined) return '';
  return ` ${changesText(scripted.followed)} ${scripted.credits ?? ''}`;
}

/** Changes as a text: the same text means the same changes. */
export function changesText(changes: readonly Change[]): string {
  return changes.map(changeText).join('');
}

/** The first day of the month after, `2026-11-01`. */
export function nextMonthStart(month: string): string {
  return `${monthOf(new Date(`${month}-01T00:00:00Z`), 1)}-01`;
}

/** A day of a month as `2026-10-05`; days count from 1. */
export function dayText(month: string, day: number): string {
  return `${month}-${String(day).padStart(2, '0')}`;
}

/** How many days a month has. */
export function daysOf(month: string): number {
  const [year = 0, number = 1] = month.split('-').map((part) => Number.parseInt(part, 10));
  return new Date(Date.UTC(year, number, 0)).getUTCDate();
}
