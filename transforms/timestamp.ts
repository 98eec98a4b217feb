/** An instant read from text, as microseconds since 1970-01-01T00:00:00 UTC; null for the year-0001 sentinel. */
export type ParsedTimestamp = { readonly micros: bigint | null } | { readonly rejected: string };

/** A calendar date read from text, as days since 1970-01-01; null for the year-0001 sentinel. */
export type ParsedDate = { readonly days: number | null } | { readonly rejected: string };

const FORM =
  /^(\d{4})-(\d\d)-(\d\d)(?:[T ](\d\d):(\d\d):(\d\d)(?:\.(\d{1,9}))?(?:(Z)|([+-])(\d\d):?(\d\d))?)?$/i;
const NO_DATE = { rejected: 'the value is no date in a known form' };
const NOT_IN_CALENDAR = { rejected: 'the value is no day of the calendar' };
const NOT_IN_DAY = { rejected: 'the value has a time that no day has' };
const NO_OFFSET = { rejected: 'the value has a UTC offset that does not exist' };
const OUT_OF_RANGE = { rejected: 'the value lies outside the years 0002 to 9999' };

const FIRST_DAY = daysOf(2, 1, 1);
const LAST_DAY = daysOf(9999, 12, 31);
const MICROS_OF_SECOND = 1_000_000n;
const SECONDS_OF_DAY = 86_400;
/** The largest offset that is in use: UTC+14. */
const MAX_OFFSET_MINUTES = 14 * 60;

interface Written {
  readonly year: number;
  readonly month: number;
  readonly day: number;
  readonly hour: number;
  readonly minute: number;
  readonly second: number;
  readonly micro: number;
  /** Minutes that the written time is ahead of UTC; 0 where no zone is written (UTC by contract). */
  readonly offset: number;
}

/**
 * Reads an instant in the forms of api-contract.md 4.2: `2021-05-20T18:30:06.6045692Z` with one to nine fractional
 * digits, of which six are kept and the rest cut off; without a zone (UTC); with an offset (converted to UTC);
 * a date alone (its midnight); a blank for the `T`. `0001-01-01` with any time is the sentinel for "no date".
 * Rejected: `M/d/yyyy` (portal files), days that no month has, `24:00:00`, leap seconds, years outside 0002 to 9999.
 */
export function parseTimestamp(text: string): ParsedTimestamp {
  const written = read(text);
  if ('rejected' in written) return written;
  if (isSentinel(written)) return { micros: null };
  const { hour, minute, second, micro, offset } = written;
  const seconds =
    daysOf(written.year, written.month, written.day) * SECONDS_OF_DAY +
    (hour * 60 + minute - offset) * 60 +
    second;
  const day = Math.floor(seconds / SECONDS_OF_DAY);
  if (day < FIRST_DAY || day > LAST_DAY) return OUT_OF_RANGE;
  return { micros: BigInt(seconds) * MICROS_OF_SECOND + BigInt(micro) };
}

/**
 * Reads a calendar date in the forms of {@link parseTimestamp}. The day is the one that is written: a time beside it
 * is checked and then left out, and neither a zone nor an offset moves the charge to another day.
 */
export function parseDate(text: string): ParsedDate {
  const written = read(text);
  if ('rejected' in written) return written;
  if (isSentinel(written)) return { days: null };
  const days = daysOf(written.year, written.month, written.day);
  return days < FIRST_DAY ? OUT_OF_RANGE : { days };
}

/** The canonical text `YYYY-MM-DDTHH:MM:SS.ffffff` of an instant in the years 0001 to 9999. */
export function timestampText(micros: bigint): string {
  const micro = ((micros % MICROS_OF_SECOND) + MICROS_OF_SECOND) % MICROS_OF_SECOND;
  const seconds = Number((micros - micro) / MICROS_OF_SECOND);
  const days = Math.floor(seconds / SECONDS_OF_DAY);
  const second = seconds - days * SECONDS_OF_DAY;
  const hours = digits(Math.floor(second / 3600), 2);
  const minutes = digits(Math.floor(second / 60) % 60, 2);
  return `${dateText(days)}T${hours}:${minutes}:${digits(second % 60, 2)}.${digits(Number(micro), 6)}`;
}

/** The canonical text `YYYY-MM-DD` of a date in the years 0001 to 9999. */
export function dateText(days: number): string {
  const { year, month, day } = civilOf(days);
  return `${digits(year, 4)}-${digits(month, 2)}-${digits(day, 2)}`;
}

function read(text: string): Written | { readonly rejected: string } {
  const match = FORM.exec(text);
  if (match === null) return NO_DATE;
  const part = (index: number): number => Number(match[index] ?? '0');
  const [year, month, day] = [part(1), part(2), part(3)];
  if (month < 1 || month > 12 || day < 1 || day > daysInMonth(year, month)) return NOT_IN_CALENDAR;
  const [hour, minute, second] = [part(4), part(5), part(6)];
  if (hour > 23 || minute > 59 || second > 59) return NOT_IN_DAY;
  const ahead = part(10) * 60 + part(11);
  if (part(11) > 59 || ahead > MAX_OFFSET_MINUTES) return NO_OFFSET;
  const micro = Number((match[7] ?? '').slice(0, 6).padEnd(6, '0'));
  return { year, month, day, hour, minute, second, micro, offset: match[9] === '-' ? -ahead : ahead };
}

/** .NET's `DateTime.MinValue`, which Microsoft's services write for "no date". */
function isSentinel({ year, month, day }: Written): boolean {
  return year === 1 && month === 1 && day === 1;
}

function daysInMonth(year: number, month: number): number {
  if (month === 2) return year % 4 === 0 && (year % 100 !== 0 || year % 400 === 0) ? 29 : 28;
  return month === 4 || month === 6 || month === 9 || month === 11 ? 30 : 31;
}

/*
 * Days since 1970-01-01 in the proleptic Gregorian calendar. The year is counted from 1 March, so that the leap day
 * is its last; 400 of them are 146,097 days, and the months from March on follow (153 m + 2) / 5.
 */
function daysOf(year: number, month: number, day: number): number {
  const marchYear = month > 2 ? year : year - 1;
  const marchMonth = (month + 9) % 12;
  const ofYear = Math.floor((153 * marchMonth + 2) / 5) + day - 1;
  const leapDays = Math.floor(marchYear / 4) - Math.floor(marchYear / 100) + Math.floor(marchYear / 400);
  return marchYear * 365 + leapDays + ofYear - 719_468;
}

function civilOf(days: number): { year: number; month: number; day: number } {
  const shifted = days + 719_468;
  const era = Math.floor(shifted / 146_097);
  const ofEra = shifted - era * 146_097;
  const yearOfEra = Math.floor(
    (ofEra - Math.floor(ofEra / 1460) + Math.floor(ofEra / 36_524) - Math.floor(ofEra / 146_096)) / 365,
  );
  const ofYear = ofEra - (365 * yearOfEra + Math.floor(yearOfEra / 4) - Math.floor(yearOfEra / 100));
  const marchMonth = Math.floor((5 * ofYear + 2) / 153);
  const month = marchMonth < 10 ? marchMonth + 3 : marchMonth - 9;
  const year = yearOfEra + era * 400 + (month <= 2 ? 1 : 0);
  return { year, month, day: ofYear - Math.floor((153 * marchMonth + 2) / 5) + 1 };
}

function digits(value: number, width: number): string {
  return value.toString().padStart(width, '0');
}
