import { settledScript, type DocumentScript, type ScriptEntry } from './document-script.js';
import { refused, whole } from './option-check.js';

/** Days of the month after the billed one, 1 to 28, on which an invoice arrives, each from 00:00 UTC. */
export interface ArrivalDays {
  /** The invoice list names it. Default 8 (domain.md, calendar of section C3). */
  readonly listedOn?: number;
  /** Its reconciliation lines can be exported; before that code 5000. Default: `listedOn`. */
  readonly linesOn?: number;
  /** Its usage can be exported; before that code 5000. Default: `listedOn`. */
  readonly usageOn?: number;
  /** Its usage is whole and agrees with its lines; before that the last `lateDays` days are missing. Default: `usageOn`. */
  readonly usageSettlesOn?: number;
}

/**
 * How an open month's usage answers while it pauses: `unchanged` as on the day before, `empty` with a manifest without
 * a line, `no data` with code 5000.
 */
export type PausedAnswer = 'unchanged' | 'empty' | 'no data';

/** Days of a month on which unbilled usage pauses, before it refills. */
export interface UsagePause {
  /** First and last day, 1 to 28. */
  readonly from: number;
  readonly to: number;
  /** Answer for the month in progress. Default `unchanged`: the newest days are withheld (api-contract.md 1.10). */
  readonly current?: PausedAnswer;
  /** Answer for the month before, while it is not billed. Default `unchanged`. */
  readonly last?: PausedAnswer;
}

/**
 * Makes a sandbox follow the billing calendar (domain.md section C3, api-contract.md 1.10): months grow day by day,
 * invoices arrive, and documents change as a script says. What it answers depends on the options and on `now` only.
 */
export interface BillingCalendar extends ArrivalDays {
  /** Other days for single invoices, by their id. */
  readonly arrivals?: Readonly<Record<string, ArrivalDays>>;
  /** Days at the month's end that billed usage lacks before it settles. Default 1. */
  readonly lateDays?: number;
  /** Default: the 5th to the 7th, both answers `unchanged`. Null: no pause. */
  readonly pause?: UsagePause | null;
  /** What unbilled data of a month answers once it is billed; `shrunk`: its first three days. Default `empty`. */
  readonly afterBilling?: 'empty' | 'shrunk' | 'no data' | 'unchanged';
  /** What a month answers on its first day, when no day of it is over. Default `no data`. */
  readonly firstDay?: 'empty' | 'no data';
  /** Usage rows of a day in one scope; `usageRows` means nothing then. Default 4. */
  readonly usageRowsPerDay?: number;
  /** What happens to documents. */
  readonly script?: readonly ScriptEntry[];
}

/** A calendar with every default filled in. */
export interface CalendarSettings {
  /** The days of an invoice. */
  readonly arrivalOf: (invoice: string) => Required<ArrivalDays>;
  readonly lateDays: number;
  readonly pause: Required<UsagePause> | null;
  readonly afterBilling: NonNullable<BillingCalendar['afterBilling']>;
  readonly firstDay: NonNullable<BillingCalendar['firstDay']>;
  readonly usageRowsPerDay: number;
  readonly script: DocumentScript;
}

const USUAL_PAUSE: UsagePause = { from: 5, to: 7 };

/**
 * A calendar with its defaults, for invoices of these ids.
 * @throws ConfigError for a day that cannot be, or what the script gets wrong.
 */
export function settledCalendar(calendar: BillingCalendar, invoices: readonly string[]): CalendarSettings {
  const usual = arrivalDays('calendar', calendar, {});
  const others = new Map<string, Required<ArrivalDays>>();
  for (const [id, days] of Object.entries(calendar.arrivals ?? {})) {
    if (!invoices.includes(id)) throw refused('calendar.arrivals', id, `one of ${invoices.join(', ')}`);
    others.set(id, arrivalDays(`calendar.arrivals.${id}`, days, calendar));
  }
  return {
    arrivalOf: (invoice) => others.get(invoice) ?? usual,
    lateDays: whole('calendar.lateDays', calendar.lateDays ?? 1, 0, 28),
    pause: calendar.pause === null ? null : settledPause(calendar.pause ?? USUAL_PAUSE),
    afterBilling: calendar.afterBilling ?? 'empty',
    firstDay: calendar.firstDay ?? 'no data',
    usageRowsPerDay: whole('calendar.usageRowsPerDay', calendar.usageRowsPerDay ?? 4, 0, 1_000_000),
    script: settledScript(calendar.script ?? [], invoices),
  };
}

function arrivalDays(name: string, own: ArrivalDays, usual: ArrivalDays): Required<ArrivalDays> {
  const listedOn = own.listedOn ?? usual.listedOn ?? 8;
  const linesOn = own.linesOn ?? usual.linesOn ?? listedOn;
  const usageOn = own.usageOn ?? usual.usageOn ?? listedOn;
  const usageSettlesOn = own.usageSettlesOn ?? usual.usageSettlesOn ?? usageOn;
  const days = { listedOn, linesOn, usageOn, usageSettlesOn };
  for (const [key, day] of Object.entries(days)) whole(`${name}.${key}`, day, 1, 28);
  return days;
}

function settledPause(pause: UsagePause): Required<UsagePause> {
  const from = whole('calendar.pause.from', pause.from, 1, 28);
  const to = whole('calendar.pause.to', pause.to, from, 28);
  return { from, to, current: pause.current ?? 'unchanged', last: pause.last ?? 'unchanged' };
}
