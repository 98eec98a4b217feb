import type { Clock } from '../../clock.js';
import { LockedError } from '../../../schemas/errors.js';
import type { Report } from '../../../schemas/progress.js';

/** How long to wait for a file, by which clock, and who is told. */
export interface FileWait {
  readonly lockWaitMs: number;
  readonly clock: Clock;
  readonly report: Report;
  /** Ends the waiting with its reason. */
  readonly signal?: AbortSignal | undefined;
}

const FIRST_WAIT_MS = 250;
const LONGEST_WAIT_MS = 2000;

/**
 * Tries `open` until it succeeds, waiting while another program has the file: a little longer each time, two seconds
 * at most, and not beyond `lockWaitMs` in all. Every wait is reported with who holds the file.
 * @throws LockedError when the time is up; any other error of `open` at once
 */
export async function waitForFile<T>(open: () => Promise<T>, wait: FileWait): Promise<T> {
  const { lockWaitMs, clock, report, signal } = wait;
  const begun = clock.monotonicMs();
  for (let waitMs = FIRST_WAIT_MS; ; waitMs = Math.min(waitMs * 2, LONGEST_WAIT_MS)) {
    try {
      return await open();
    } catch (error) {
      if (!(error instanceof LockedError)) throw error;
      const waitedMs = clock.monotonicMs() - begun;
      if (waitedMs >= lockWaitMs) throw stillHeld(error, waitedMs);
      report({ event: 'load.waiting', holder: holderOf(error), waitedMs });
      await clock.sleep(Math.min(waitMs, lockWaitMs - waitedMs), signal);
    }
  }
}

function holderOf({ facts }: LockedError): string {
  return `${String(facts['program'])} (PID ${String(facts['pid'])})`;
}

function stillHeld(error: LockedError, waitedMs: number): LockedError {
  const seconds = Math.round(waitedMs / 1000);
  return new LockedError({
    message: seconds === 0 ? error.message : `${error.message}, still after ${seconds} s`,
    hint: `${error.hint}; what was downloaded is kept for the next run`,
    facts: { ...error.facts, waitedMs: Math.round(waitedMs) },
    cause: error,
  });
}
