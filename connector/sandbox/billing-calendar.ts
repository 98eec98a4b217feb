import { monthOf } from '../../schemas/scope.js';
import type { StreamName } from '../../schemas/streams.js';
import type { CalendarSettings } from './calendar-options.js';
import { invoiceScope, dayText, daysOf, isUsage, nextMonthStart, type DataScope } from './data-scope.js';
import type { BilledStream } from './document-script.js';
import type { SandboxInvoice, Settings } from './options.js';
import type { Change } from './restatement.js';

/** Days of a billed month that `shrunk` leaves. */
const SHRUNK_DAYS = 3;

/** Whether a day, `2026-10-08`, has come by `now`, in UTC. */
export function hasCome(settings: Settings, day: string): boolean {
  return day <= settings.now().toISOString().slice(0, 10);
}

/** A day of the month after the billed one, `2026-11-08`. */
export function dayAfterMonth(month: string, day: number): string {
  return dayText(nextMonthStart(month).slice(0, 7), day);
}

/** The scope of an invoice or note at `now`; null where an export of it ends with code 5000. */
export function calendarInvoiceScope(
  settings: Settings,
  calendar: CalendarSettings,
  stream: StreamName,
  id: string,
): DataScope | null {
  const from = availableFrom(settings, calendar, stream, id);
  if (from === null || !hasCome(settings, from)) return null;
  const gone = calendar.script.voids.some(
    (entry) => entry.void === id && entry.data === 'goes' && hasCome(settings, entry.on),
  );
  return gone ? null : documentScope(settings, calendar, stream, id);
}

/**
 * The data of an invoice or note as the script left it by `now`, whether or not it can be exported; null for what never
 * has any.
 */
export function documentScope(
  settings: Settings,
  calendar: CalendarSettings,
  stream: StreamName,
  id: string,
): DataScope | null {
  const { script } = calendar;
  const credit = script.credits.find(({ creditNote }) => creditNote === id);
  const plain = invoiceScope(settings, stream, credit?.amends ?? id);
  if (plain === null || (credit !== undefined && (isUsage(stream) || credit.lines === 0))) return null;
  const usageIsLate = isUsage(stream) && !hasCome(settings, settlingDay(calendar, plain));
  const restatements = script.restatements.filter(
    ({ restate, on }) => restate === id && hasCome(settings, on),
  );
  const own = restatements.filter(({ streams }) => streams.includes(stream as BilledStream));
  const followed = isUsage(stream) ? [] : restatements.filter(({ streams }) => streams.length > 1);
  const days = [
    availableFrom(settings, calendar, stream, id) ?? '',
    ...(isUsage(stream) && !usageIsLate ? [settlingDay(calendar, plain)] : []),
    ...own.map(({ on }) => on),
  ];
  return {
    ...plain,
    invoice: id,
    days: plain.days - (usageIsLate ? calendar.lateDays : 0),
    scripted: {
      drawnUp: days.sort().at(-1) ?? '',
      changes: own.map(({ change }): Change => change),
      followed: followed.map(({ change }) => change),
      credits: credit?.lines ?? null,
    },
  };
}

/** The scope of a month in a currency at `now`; null where an export of it ends with code 5000. */
export function calendarMonthScope(
  settings: Settings,
  calendar: CalendarSettings,
  stream: StreamName,
  month: string,
  currency: string,
): DataScope | null {
  if (!settings.currencies.includes(currency)) return null;
  const now = settings.now();
  const held =
    month === monthOf(now)
      ? currentDays(calendar, stream, now)
      : month === monthOf(now, -1)
        ? lastDays(settings, calendar, stream, month, currency)
        : null;
  if (held === null) return null;
  return {
    stream,
    invoice: null,
    month,
    currency,
    ordinal: 0,
    days: held.days,
    monthDays: daysOf(month),
    scripted: { drawnUp: held.drawnUp, changes: [], followed: [], credits: null },
  };
}

/** How many days of a month have data, and since when it is so. */
interface HeldDays {
  readonly days: number;
  readonly drawnUp: string;
}

/** The month in progress has the days through yesterday, less those that a pause withholds. */
function currentDays({ pause, firstDay }: CalendarSettings, stream: StreamName, now: Date): HeldDays | null {
  const today = now.getUTCDate();
  const pausing =
    isUsage(stream) && pause !== null && today >= pause.from && today <= pause.to ? pause : null;
  const drawnUp = dayText(monthOf(now), pausing?.from ?? today);
  if (pausing !== null && pausing.current !== 'unchanged')
    return pausing.current === 'empty' ? { days: 0, drawnUp } : null;
  const newest = pausing === null ? today : Math.max(1, pausing.from - 1);
  if (newest === 1 && firstDay === 'no data') return null;
  return { days: newest - 1, drawnUp: dayText(monthOf(now), newest) };
}

/** The month before is whole until it is billed; a pause may hide its usage meanwhile. */
function lastDays(
  settings: Settings,
  { pause, afterBilling, arrivalOf }: CalendarSettings,
  stream: StreamName,
  month: string,
  currency: string,
): HeldDays | null {
  const today = settings.now().getUTCDate();
  const whole = { days: daysOf(month), drawnUp: nextMonthStart(month) };
  const arrivals = settings.invoices
    .filter((invoice) => invoice.month === month && invoice.currency === currency)
    .map(({ id }) => (isUsage(stream) ? arrivalOf(id).usageOn : arrivalOf(id).linesOn));
  const billedOn = Math.min(...arrivals);
  if (today >= billedOn) {
    const drawnUp = dayAfterMonth(month, billedOn);
    if (afterBilling === 'unchanged') return whole;
    if (afterBilling === 'no data') return null;
    return { days: afterBilling === 'empty' ? 0 : SHRUNK_DAYS, drawnUp };
  }
  if (!isUsage(stream) || pause === null || today < pause.from || today > pause.to) return whole;
  if (pause.last === 'unchanged') return whole;
  return pause.last === 'empty' ? { days: 0, drawnUp: dayAfterMonth(month, pause.from) } : null;
}

/** The first day on which a document's data can be exported; null where it never can. */
function availableFrom(
  settings: Settings,
  { arrivalOf, script }: CalendarSettings,
  stream: StreamName,
  id: string,
): string | null {
  const invoice = settings.invoices.find((candidate) => candidate.id === id);
  if (invoice === undefined) return script.credits.find(({ creditNote }) => creditNote === id)?.on ?? null;
  const { usageOn, linesOn } = arrivalOf(id);
  return dayAfterMonth(invoice.month, isUsage(stream) ? usageOn : linesOn);
}

function settlingDay({ arrivalOf }: CalendarSettings, scope: DataScope): string {
  return dayAfterMonth(scope.month, arrivalOf(scope.invoice ?? '').usageSettlesOn);
}

/** The day on which an invoice appears in the list, `2026-11-08`. */
export function listingDay({ arrivalOf }: CalendarSettings, { id, month }: SandboxInvoice): string {
  return dayAfterMonth(month, arrivalOf(id).listedOn);
}
