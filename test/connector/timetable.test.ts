import fc from 'fast-check';
import { describe, expect, it } from 'vitest';
import { Timetable } from '../../connector/timetable.js';

/** The due times from one instant to another, both included. */
function dueTimes(timetable: Timetable, from: string, to: string): string[] {
  const found: string[] = [];
  for (let at: Date | null = new Date(Date.parse(from) - 1); ;) {
    at = timetable.next(at);
    if (at === null || at > new Date(to)) return found;
    found.push(at.toISOString());
  }
}

describe('a timetable', () => {
  const nightly = new Timetable('15 3 * * *', 'UTC');

  it('takes an instant that is due for the latest due time and not for the next', () => {
    const due = new Date('2026-11-28T03:15:00.000Z');
    expect(nightly.latest(due)).toEqual(due);
    expect(nightly.next(due)?.toISOString()).toBe('2026-11-29T03:15:00.000Z');
    const before = new Date(due.getTime() - 1);
    expect(nightly.latest(before)?.toISOString()).toBe('2026-11-27T03:15:00.000Z');
    expect(nightly.next(before)).toEqual(due);
  });

  it('has no due time between the latest and the next, whatever expression, zone and instant', () => {
    const crons = [
      '15 3 * * *',
      '*/30 * * * *',
      '0 6 1 * *',
      '5 1-4 * * 1-5',
      '30 2 * * *',
      '0,30 2,3 * * *',
    ];
    const zones = ['UTC', 'Europe/Berlin', 'America/New_York', 'Australia/Lord_Howe'];
    fc.assert(
      fc.property(
        fc.constantFrom(...crons),
        fc.constantFrom(...zones),
        fc.date({ min: new Date('2026-01-01'), max: new Date('2028-01-01'), noInvalidDate: true }),
        (cron, zone, at) => {
          const timetable = new Timetable(cron, zone);
          const latest = timetable.latest(at);
          const next = timetable.next(at);
          expect(latest !== null && latest <= at && next !== null && next > at).toBe(true);
          expect(timetable.next(latest ?? at)).toEqual(next);
        },
      ),
      { numRuns: 300 },
    );
  });

  it.each([
    ['2026-11-28T03:15:00Z', 'UTC', '2026-11-28 03:15 UTC'],
    ['2026-11-28T02:15:00Z', 'Europe/Berlin', '2026-11-28 03:15 Europe/Berlin (+01:00)'],
    ['2026-10-25T00:30:00Z', 'Europe/Berlin', '2026-10-25 02:30 Europe/Berlin (+02:00)'],
    ['2026-10-25T01:30:00Z', 'Europe/Berlin', '2026-10-25 02:30 Europe/Berlin (+01:00)'],
    ['2026-01-01T05:00:00Z', 'America/New_York', '2026-01-01 00:00 America/New_York (-05:00)'],
    ['2026-01-10T12:00:00Z', 'Europe/London', '2026-01-10 12:00 Europe/London (+00:00)'],
  ])('shows %s with its zone and offset', (at, zone, text) => {
    expect(new Timetable('0 0 * * *', zone).text(new Date(at))).toBe(text);
  });
});

describe('when the clocks of Berlin change', () => {
  it('a nightly time that does not exist is due when the clock has jumped', () => {
    const timetable = new Timetable('30 2 * * *', 'Europe/Berlin');
    expect(dueTimes(timetable, '2026-03-28T00:00:00Z', '2026-03-30T12:00:00Z')).toEqual([
      '2026-03-28T01:30:00.000Z',
      '2026-03-29T01:00:00.000Z',
      '2026-03-30T00:30:00.000Z',
    ]);
  });

  it('a nightly time that exists twice is due once, the first time', () => {
    const timetable = new Timetable('30 2 * * *', 'Europe/Berlin');
    expect(dueTimes(timetable, '2026-10-24T00:00:00Z', '2026-10-26T12:00:00Z')).toEqual([
      '2026-10-24T00:30:00.000Z',
      '2026-10-25T00:30:00.000Z',
      '2026-10-26T01:30:00.000Z',
    ]);
    expect(timetable.latest(new Date('2026-10-25T01:45:00Z'))?.toISOString()).toBe(
      '2026-10-25T00:30:00.000Z',
    );
  });

  it('a list of times loses none of them, and repeats none', () => {
    const timetable = new Timetable('30 2,14 * * *', 'Europe/Berlin');
    expect(dueTimes(timetable, '2026-03-29T00:00:00Z', '2026-03-29T20:00:00Z')).toEqual([
      '2026-03-29T01:00:00.000Z',
      '2026-03-29T12:30:00.000Z',
    ]);
    expect(dueTimes(timetable, '2026-10-25T00:00:00Z', '2026-10-25T20:00:00Z')).toEqual([
      '2026-10-25T00:30:00.000Z',
      '2026-10-25T13:30:00.000Z',
    ]);
  });

  it('every half hour stays every half hour', () => {
    const timetable = new Timetable('*/30 * * * *', 'Europe/Berlin');
    for (const [from, to] of [
      ['2026-03-29T00:00:00Z', '2026-03-29T02:00:00Z'],
      ['2026-10-25T00:00:00Z', '2026-10-25T02:00:00Z'],
    ] as const) {
      const due = dueTimes(timetable, from, to);
      expect(due).toHaveLength(5);
      expect(new Set(due).size).toBe(5);
    }
  });
});
