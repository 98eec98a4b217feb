import { setTimeout as wait } from 'node:timers/promises';

/** Time, passed in wherever it matters so that tests need not wait. */
export interface Clock {
  /** The wall clock: for records and for what Graph's words `current` and `last` mean, never for measuring. */
  now(): Date;
  /** Milliseconds of a clock that never jumps: for waits, deadlines and durations. */
  monotonicMs(): number;
  /** Resolves after `ms` milliseconds; rejects with the signal's reason when it is aborted first. */
  sleep(ms: number, signal?: AbortSignal): Promise<void>;
}

/** The machine's own time. */
export const systemClock: Clock = {
  now: () => new Date(),
  monotonicMs: () => performance.now(),
  sleep: async (ms, signal) => {
    try {
      await wait(ms, undefined, signal === undefined ? {} : { signal });
    } catch (error) {
      signal?.throwIfAborted();
      throw error;
    }
  },
};
