import { Cron } from 'croner';

/**
 * When runs are due: a cron expression of five fields in a time zone. At the turn of the clocks it does what `croner`
 * does. Where minutes and hours are named (`30 2 * * *`, `0 1,4 * * *`), a time that does not exist is due when the
 * clock has jumped, and a time that exists twice is due the first time. With a wildcard or a step in them it goes by
 * what the clock shows: a time that does not exist is left out, one that exists twice is due twice.
 */
export class Timetable {
  readonly #cron: Cron;

  /** @throws when the expression or the time zone is none; the configuration's schema refuses both before. */
  constructor(
    readonly cron: string,
    readonly timeZone: string,
  ) {
    this.#cron = new Cron(cron, {
      paused: true,
      mode: '5-part',
      timezone: timeZone,
      fixedTimeRule: 'no-wildcard',
    });
  }

  /** The first due time after an instant; null where none is left before the year 3000. */
  next(after: Date): Date | null {
    return this.#cron.nextRun(after);
  }

  /** The last due time at or before an instant; null where there was none. */
  latest(upTo: Date): Date | null {
    // croner looks strictly before its reference.
    return this.#cron.previousRuns(1, new Date(upTo.getTime() + 1))[0] ?? null;
  }

  /** Whether both say the same. */
  isSameAs(other: { readonly cron: string; readonly timeZone: string }): boolean {
    return this.cron === other.cron && this.timeZone === other.timeZone;
  }

  /** An instant as the time zone's clock shows it, with the zone: `2026-11-28 03:15 Europe/Berlin (+01:00)`. */
  text(at: Date): string {
    return instantText(at, this.timeZone);
  }
}

/** An instant as a time zone's clock shows it. The offset tells apart the two times of a repeated hour. */
function instantText(at: Date, timeZone: string): string {
  const parts = new Intl.DateTimeFormat('en-US', {
    timeZone,
    calendar: 'iso8601',
    hourCycle: 'h23',
    year: 'numeric',
    month: '2-digit',
    day: '2-digit',
    hour: '2-digit',
    minute: '2-digit',
    timeZoneName: 'longOffset',
  }).formatToParts(at);
  const part = (type: Intl.DateTimeFormatPartTypes) => parts.find((one) => one.type === type)?.value ?? '';
  const offset = part('timeZoneName').replace('GMT', '');
  const shown = `${part('year')}-${part('month')}-${part('day')} ${part('hour')}:${part('minute')} ${timeZone}`;
  return timeZone === 'UTC' ? shown : `${shown} (${offset === '' ? '+00:00' : offset})`;
}
