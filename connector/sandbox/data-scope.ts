import { ConfigError } from '../../schemas/errors.js';
import { monthOf } from '../../schemas/scope.js';
import { STREAMS, type StreamName } from '../../schemas/streams.js';
import type { Settings } from './options.js';

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

/** The scope of an invoice, or null where the sandbox does not know it. */
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

/** The scope of an open month in a currency, as of `now`; null for a currency without unbilled data. */
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

/**
 * The scope that a caller names.
 * @throws ConfigError when the sandbox has no such scope.
 */
export function namedScope(settings: Settings, name: ScopeName): DataScope {
  const found = isBilled(name.stream)
    ? invoiceScope(settings, name.stream, name.invoice ?? '')
    : monthScope(settings, name.stream, name.month ?? '', (name.currency ?? '').toUpperCase());
  if (found !== null && /^\d{4}-\d{2}$/.test(found.month)) return found;
  throw new ConfigError({
    message: `sandbox: there is no scope ${JSON.stringify(name)}`,
    hint: `name an invoice (${settings.invoices.map(({ id }) => id).join(', ')}) of a billed stream, or a month and a currency (${settings.currencies.join(', ')}) of an unbilled one`,
  });
}

/** What tells one scope's data from another's, whatever day it is. */
export function scopeKey(scope: DataScope): string {
  return `${scope.stream} ${scope.invoice ?? 'open'} ${scope.month} ${scope.currency}`;
}

/** The first day of the month after, `2026-11-01`. */
export function nextMonthStart(month: string): string {
  return `${monthOf(new Date(`${month}-01T00:00:00Z`), 1)}-01`;
}

/** A day of a month as `2026-10-05`; days count from 1. */
export function dayText(month: string, day: number): string {
  return `${month}-${String(day).padStart(2, '0')}`;
}

function daysOf(month: string): number {
  const [year = 0, number = 1] = month.split('-').map((part) => Number.parseInt(part, 10));
  return new Date(Date.UTC(year, number, 0)).getUTCDate();
}
