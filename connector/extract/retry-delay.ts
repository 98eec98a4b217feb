/** The shortest wait that a stated `Retry-After` leads to. */
export const SHORTEST_STATED_MS = 1000;
/** The longest wait that a stated `Retry-After` leads to. */
export const LONGEST_STATED_MS = 600_000;

const GROWTH = 1.5;
const JITTER = 0.2;

/** How waits grow where nobody says how long to wait. */
export interface Pace {
  readonly firstMs: number;
  readonly longestMs: number;
}

/** Graph: 10 s growing to 60 s (api-contract.md 2.3, 9.4). */
export const GRAPH_PACE: Pace = { firstMs: 10_000, longestMs: 60_000 };
/** Storage, which has no such quotas: a cut connection is taken up again after about a second. */
export const STORAGE_PACE: Pace = { firstMs: 1000, longestMs: 60_000 };

/** What the next wait depends on. */
export interface RetryQuestion {
  /** Number of the attempt that just ended, from 1. */
  readonly attempt: number;
  /** At most so many attempts; Infinity for polling. */
  readonly attempts: number;
  /** Milliseconds left until the deadline, by a clock that does not jump. */
  readonly remainingMs: number;
  /** The `Retry-After` header of the answer: seconds or an HTTP date. */
  readonly retryAfter?: string | undefined;
  /** The `Date` header of the answer: what a date in `retryAfter` is counted from, since our clock may be wrong. */
  readonly date?: string | undefined;
  /** Our own wall clock, used where the answer has no date. */
  readonly now: Date;
  /** A number from 0 (inclusive) to 1 (exclusive). */
  readonly random: number;
  readonly pace: Pace;
}

/** Wait so many milliseconds and try again, or give up and say why. */
export type RetryDelay =
  { readonly delayMs: number; readonly stated: boolean } | { readonly giveUp: 'attempts' | 'deadline' };

/**
 * How long to wait before the next attempt. Pure. A stated `Retry-After` is honoured from one second to ten
 * minutes: less (zero, a date that has passed) waits one second, more waits ten minutes. Where none is stated, or
 * it is garbage, the wait grows from the pace's first to its longest. Up to a fifth is added at random so that many
 * clients do not come back together, never going below what was stated nor above the longest wait. Gives up when
 * the attempts are used up or the wait would end past the deadline.
 */
export function retryDelay(question: RetryQuestion): RetryDelay {
  if (question.attempt >= question.attempts) return { giveUp: 'attempts' };
  const stated = statedDelayMs(question);
  const delayMs =
    stated === null ? grownDelayMs(question) : jittered(clampStated(stated), LONGEST_STATED_MS, question);
  if (delayMs > question.remainingMs) return { giveUp: 'deadline' };
  return { delayMs, stated: stated !== null };
}

/** Milliseconds that a `Retry-After` states, before any floor or cap; null where there is none or it is garbage. */
export function statedDelayMs(question: Pick<RetryQuestion, 'retryAfter' | 'date' | 'now'>): number | null {
  const text = question.retryAfter?.trim() ?? '';
  if (/^\d{1,9}(\.\d{1,9})?$/.test(text)) return Number.parseFloat(text) * 1000;
  const until = httpDate(text);
  if (until === null) return null;
  return until.getTime() - (httpDate(question.date ?? '') ?? question.now).getTime();
}

/** An HTTP date (`Mon, 23 Nov 2026 22:55:34 GMT`), or null where a text is none. */
export function httpDate(text: string): Date | null {
  if (!/^[A-Za-z]{3,9},? .*\d{2}:\d{2}:\d{2}/.test(text.trim())) return null;
  const parsed = new Date(text);
  return Number.isNaN(parsed.getTime()) ? null : parsed;
}

function clampStated(ms: number): number {
  return Math.min(Math.max(ms, SHORTEST_STATED_MS), LONGEST_STATED_MS);
}

function grownDelayMs({ attempt, pace, ...question }: RetryQuestion): number {
  const grown = pace.firstMs * GROWTH ** Math.min(attempt - 1, 40);
  // Below the longest by the jitter, so that waits still differ once they have grown to it.
  const base = Math.min(grown, pace.longestMs / (1 + JITTER));
  return jittered(base, pace.longestMs, question);
}

function jittered(ms: number, longestMs: number, { random }: Pick<RetryQuestion, 'random'>): number {
  return Math.min(Math.round(ms * (1 + JITTER * random)), longestMs);
}
