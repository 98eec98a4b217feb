import { EXIT_CODES } from '../schemas/errors.js';
import type { FinishedRun } from './schedule-state.js';

/** How a schedule stands. */
export interface ScheduleView {
  readonly state: 'waiting' | 'running' | 'stopped';
  /** When this process began. */
  readonly since: Date;
  readonly cron: string;
  readonly timeZone: string;
  /** The next due time after now; null where there is none. */
  readonly nextRun: Date | null;
  /** When the run that is going on began. */
  readonly runningSince: string | null;
  readonly lastRun: FinishedRun | null;
  /** Runs that ended since the last one with exit code 0. */
  readonly failuresInARow: number;
}

/**
 * What the health file and `GET /healthz` say; instants are ISO 8601 in UTC. `healthy` is about the data and the
 * process: false once it stopped, after a run that a person must look at, and after three runs in a row that could
 * only be asked to come again. Whoever reads the file compares `writtenAt`: older than three minutes means that the
 * process is gone.
 */
export interface Health {
  readonly healthy: boolean;
  readonly state: ScheduleView['state'];
  readonly since: string;
  readonly writtenAt: string;
  readonly cron: string;
  readonly timeZone: string;
  readonly nextRun: string | null;
  readonly runningSince: string | null;
  readonly lastRun: FinishedRun | null;
  readonly failuresInARow: number;
}

/** Milliseconds between two writings of the health file; it promises a minute. */
export const HEALTH_EVERY_MS = 30_000;

const PATIENCE = 3;

/** The health of a schedule that stands so, at an instant. Pure. */
export function healthOf(view: ScheduleView, now: Date): Health {
  return {
    healthy: view.state !== 'stopped' && isWell(view),
    state: view.state,
    since: view.since.toISOString(),
    writtenAt: now.toISOString(),
    cron: view.cron,
    timeZone: view.timeZone,
    nextRun: view.nextRun?.toISOString() ?? null,
    runningSince: view.runningSince,
    lastRun: view.lastRun,
    failuresInARow: view.failuresInARow,
  };
}

function isWell({ lastRun, failuresInARow }: ScheduleView): boolean {
  if (lastRun === null || lastRun.exitCode === 0) return true;
  const comesAgain = lastRun.exitCode === EXIT_CODES.transient || lastRun.exitCode === EXIT_CODES.locked;
  return comesAgain && failuresInARow < PATIENCE;
}
