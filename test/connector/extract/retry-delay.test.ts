import fc from 'fast-check';
import { describe, expect, it } from 'vitest';
import {
  GRAPH_PACE,
  LONGEST_STATED_MS,
  retryDelay,
  SHORTEST_STATED_MS,
  STORAGE_PACE,
  type RetryQuestion,
} from '../../../connector/extract/retry-delay.js';

const NOW = new Date('2026-11-23T10:00:00Z');
const QUESTION: RetryQuestion = {
  attempt: 1,
  attempts: Infinity,
  remainingMs: Infinity,
  now: NOW,
  random: 0,
  pace: GRAPH_PACE,
};

describe('a stated Retry-After', () => {
  it.each([
    ['missing', undefined, 10_000],
    ['empty', '', 10_000],
    ['zero', '0', 1000],
    ['half a second', '0.5', 1000],
    ['one second', '1', 1000],
    ['fractional seconds', '1.5', 1500],
    ['thirty seconds with spaces', ' 30 ', 30_000],
    ['ten minutes', '600', 600_000],
    ['an hour', '3600', 600_000],
    ['a date in half a minute', 'Mon, 23 Nov 2026 10:00:30 GMT', 30_000],
    ['a date in the past', 'Mon, 23 Nov 2026 09:00:00 GMT', 1000],
    ['a date tomorrow', 'Tue, 24 Nov 2026 10:00:00 GMT', 600_000],
    ['an impossible date', 'Mon, 99 Nov 2026 10:00:00 GMT', 10_000],
    ['a negative number', '-5', 10_000],
    ['garbage', 'soon', 10_000],
    ['a number with a unit', '10s', 10_000],
    ['a number beyond all reason', '99999999999999999999', 10_000],
  ])('that is %s leads to its wait', (_name, retryAfter, delayMs) => {
    expect(retryDelay({ ...QUESTION, retryAfter })).toMatchObject({ delayMs });
  });

  it('given as a date is counted from the date of the answer, because our clock may be wrong', () => {
    const wrongClock = { ...QUESTION, now: new Date('2026-11-23T13:00:00Z') };
    const answer = { retryAfter: 'Mon, 23 Nov 2026 10:00:30 GMT', date: 'Mon, 23 Nov 2026 10:00:00 GMT' };
    expect(retryDelay({ ...wrongClock, ...answer })).toMatchObject({ delayMs: 30_000 });
  });

  it('is never undercut and never goes beyond ten minutes, whatever chance says', () => {
    fc.assert(
      fc.property(
        fc.integer({ min: 0, max: 5000 }),
        fc.double({ min: 0, max: 0.999, noNaN: true }),
        (seconds, random) => {
          const delay = retryDelay({ ...QUESTION, retryAfter: String(seconds), random });
          if (!('delayMs' in delay)) throw new Error('gave up');
          expect(delay.stated).toBe(true);
          expect(delay.delayMs).toBeGreaterThanOrEqual(
            Math.min(Math.max(seconds * 1000, SHORTEST_STATED_MS), LONGEST_STATED_MS),
          );
          expect(delay.delayMs).toBeLessThanOrEqual(LONGEST_STATED_MS);
        },
      ),
    );
  });
});

describe('without a stated Retry-After', () => {
  it('the wait at Graph grows from 10 s to 60 s', () => {
    const waits = [1, 2, 3, 4, 5, 6, 50].map((attempt) => retryDelay({ ...QUESTION, attempt }));
    expect(waits.map((delay) => ('delayMs' in delay ? delay.delayMs : null))).toEqual([
      10_000, 15_000, 22_500, 33_750, 50_000, 50_000, 50_000,
    ]);
    expect(retryDelay({ ...QUESTION, attempt: 50, random: 0.99999 })).toEqual({
      delayMs: 60_000,
      stated: false,
    });
  });

  it('the wait stays within the pace for any attempt and any chance', () => {
    fc.assert(
      fc.property(
        fc.integer({ min: 1, max: 10_000 }),
        fc.double({ min: 0, max: 0.999, noNaN: true }),
        fc.constantFrom(GRAPH_PACE, STORAGE_PACE),
        (attempt, random, pace) => {
          const delay = retryDelay({ ...QUESTION, attempt, random, pace });
          if (!('delayMs' in delay)) throw new Error('gave up');
          expect(delay.delayMs).toBeGreaterThanOrEqual(pace.firstMs);
          expect(delay.delayMs).toBeLessThanOrEqual(pace.longestMs);
        },
      ),
    );
  });
});

describe('giving up', () => {
  it('happens when the attempts are used up', () => {
    expect(retryDelay({ ...QUESTION, attempt: 2, attempts: 3 })).toMatchObject({ delayMs: 15_000 });
    expect(retryDelay({ ...QUESTION, attempt: 3, attempts: 3 })).toEqual({ giveUp: 'attempts' });
  });

  it('happens when the wait would end past the deadline', () => {
    expect(retryDelay({ ...QUESTION, remainingMs: 10_000 })).toMatchObject({ delayMs: 10_000 });
    expect(retryDelay({ ...QUESTION, remainingMs: 9999 })).toEqual({ giveUp: 'deadline' });
    expect(retryDelay({ ...QUESTION, retryAfter: '3600', remainingMs: 599_999 })).toEqual({
      giveUp: 'deadline',
    });
  });
});
