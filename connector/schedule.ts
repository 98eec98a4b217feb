import { asConnectorError, type ConnectorError } from '../schemas/errors.js';
import type { Clock } from './clock.js';
import { durationText } from './quantity-text.js';
import type { ScheduleView } from './schedule-health.js';
import type { ScheduleState, ScheduleStore } from './schedule-state.js';
import type { Timetable } from './timetable.js';

/** How one run ended. */
export interface RunResult {
  /** As `partner-billing sync` would have exited. */
  readonly exitCode: number;
  /** In a few words, without secrets. */
  readonly outcome: string;
}

/** What a schedule is given. */
export interface ScheduleParts {
  readonly clock: Clock;
  /** Aborted when the process is told to stop. */
  readonly signal: AbortSignal;
  /** When runs are due, as the configuration says now. Called before each run; may fail. */
  readonly readTimetable: () => Promise<Timetable>;
  /** One run, with the configuration as it is now; ends early when `signal` is aborted. */
  readonly runOnce: () => Promise<RunResult>;
  readonly store: ScheduleStore;
  /** Says something to whoever reads the log. */
  readonly tell: (text: string) => Promise<void>;
  readonly warn: (text: string) => Promise<void>;
  /** Says that a run failed. */
  readonly fail: (error: ConnectorError) => Promise<void>;
  /** Called after every change of {@link Schedule.view}. */
  readonly changed?: () => void;
}

/** Looks at the wall clock at least this often, because timers stand still while a machine sleeps. */
const LOOK_EVERY_MS = 60_000;
/** A run that begins later than this after its due time was missed, and is said to be. */
const PUNCTUAL_MS = 120_000;
/** A run that was cut off is begun this often in all, so that one that kills its process does not for ever. */
const MOST_STARTS = 3;
/** What a shell sees of a process that died (README, "Exit codes"). */
const PROCESS_DIED = 1;
/** A clock that was set back by less does not make what was handled come again. */
const CLOCK_STEP_MS = 3_600_000;

/**
 * Runs at the due times of a timetable, one run at a time, until it is told to stop. One rule covers a process that
 * was down, a machine that slept and a run that took long: after a due time there is one run that began at it or
 * later; due times that passed meanwhile share it. A run that was cut off is begun again, three times at most. No
 * failure ends it.
 */
export class Schedule {
  readonly #parts: ScheduleParts;
  readonly #since: Date;
  #timetable: Timetable;
  #state: ScheduleState;
  #announced = 0;
  #running = false;
  #stopped = false;
  #storeFails = false;

  private constructor(parts: ScheduleParts, timetable: Timetable, state: ScheduleState) {
    this.#parts = parts;
    this.#since = parts.clock.now();
    this.#timetable = timetable;
    this.#state = state;
  }

  /** Opens a schedule where the last one left off. Nothing was missed of a timetable that was not there before. */
  static async open(parts: ScheduleParts, timetable: Timetable): Promise<Schedule> {
    const { cron, timeZone } = timetable;
    const known = await parts.store.read();
    const old = known ?? { version: 1, handled: '', running: null, lastRun: null, failuresInARow: 0 };
    const goesOn = known !== null && (timetable.isSameAs(known) || known.running !== null);
    const handled = goesOn ? known.handled : parts.clock.now().toISOString();
    const schedule = new Schedule(parts, timetable, { ...old, cron, timeZone, handled });
    await schedule.#giveUpOrGoOn();
    return schedule;
  }

  /** How it stands. */
  view(): ScheduleView {
    const { lastRun, running, failuresInARow } = this.#state;
    const { cron, timeZone } = this.#timetable;
    const runs = this.#running ? running : null;
    return {
      state: this.#stopped ? 'stopped' : runs === null ? 'waiting' : 'running',
      since: this.#since,
      cron,
      timeZone,
      nextRun: this.#timetable.next(this.#parts.clock.now()),
      runningSince: runs?.startedAt ?? null,
      lastRun,
      failuresInARow,
    };
  }

  /** Runs until the signal is aborted. True when that cut a run off, which the next start begins again. */
  async run(): Promise<boolean> {
    const { signal } = this.#parts;
    let cut = false;
    while (!signal.aborted) {
      const due = this.#due();
      if (due === null) await this.#waitForNext();
      else cut = await this.#runFor(due);
    }
    this.#stopped = true;
    this.#parts.changed?.();
    return cut;
  }

  /** The due time to run for now: the newest one that no run was started for, or that of a run that was cut off. */
  #due(): Date | null {
    const now = this.#parts.clock.now();
    const handled = new Date(this.#state.handled);
    // A clock that once ran ahead must not silence the schedule until that day comes.
    if (handled.getTime() - now.getTime() > CLOCK_STEP_MS) {
      this.#state = { ...this.#state, handled: now.toISOString() };
      return null;
    }
    const latest = this.#timetable.latest(now);
    if (latest !== null && latest > handled) return latest;
    return this.#state.running === null ? null : handled;
  }

  async #waitForNext(): Promise<void> {
    const { clock, signal, tell } = this.#parts;
    const now = clock.now();
    const next = this.#timetable.next(now);
    if (next !== null && next.getTime() !== this.#announced) {
      this.#announced = next.getTime();
      await tell(`schedule: next run ${this.#timetable.text(next)}`);
    }
    const left = next === null ? LOOK_EVERY_MS : next.getTime() - now.getTime();
    try {
      await clock.sleep(Math.max(1, Math.min(left, LOOK_EVERY_MS)), signal);
    } catch (error) {
      if (!signal.aborted) throw error;
    }
  }

  /** One run for a due time. True when it was cut off. */
  async #runFor(due: Date): Promise<boolean> {
    const { clock, signal, tell } = this.#parts;
    const startedAt = clock.now();
    const begun = clock.monotonicMs();
    const starts = this.#startsSoFar(due) + 1;
    await tell(`schedule: ${this.#reason(due, startedAt)}`);
    await this.#keep({
      ...this.#state,
      handled: due.toISOString(),
      running: { startedAt: startedAt.toISOString(), starts },
    });
    this.#running = true;
    this.#parts.changed?.();
    const result = await this.#result();
    this.#running = false;
    if (signal.aborted && result.exitCode !== 0) return true;
    await this.#keep({
      ...this.#state,
      cron: this.#timetable.cron,
      timeZone: this.#timetable.timeZone,
      running: null,
      lastRun: {
        due: due.toISOString(),
        startedAt: startedAt.toISOString(),
        finishedAt: clock.now().toISOString(),
        ...result,
      },
      failuresInARow: result.exitCode === 0 ? 0 : this.#state.failuresInARow + 1,
    });
    this.#parts.changed?.();
    const took = durationText(clock.monotonicMs() - begun);
    await tell(
      `schedule: the run due ${this.#timetable.text(due)} ended after ${took}: ${result.outcome}, exit ${result.exitCode}`,
    );
    return false;
  }

  async #result(): Promise<RunResult> {
    const { readTimetable, runOnce, signal, fail } = this.#parts;
    try {
      const timetable = await readTimetable();
      signal.throwIfAborted();
      await this.#take(timetable);
      return await runOnce();
    } catch (thrown) {
      const error = asConnectorError(thrown);
      if (!signal.aborted) await fail(error);
      return { exitCode: error.exitCode, outcome: error.kind };
    }
  }

  async #take(timetable: Timetable): Promise<void> {
    if (timetable.isSameAs(this.#timetable)) return;
    this.#timetable = timetable;
    // Due times of the new timetable count from now on.
    this.#state = { ...this.#state, handled: this.#parts.clock.now().toISOString() };
    await this.#parts.tell(`schedule: from now on ${timetable.cron} in ${timetable.timeZone}`);
  }

  #startsSoFar(due: Date): number {
    const { running, handled } = this.#state;
    return running !== null && handled === due.toISOString() ? running.starts : 0;
  }

  #reason(due: Date, now: Date): string {
    const at = this.#timetable.text(due);
    const { lastRun } = this.#state;
    const starts = this.#startsSoFar(due);
    if (starts > 0) return `the run due ${at} was cut off; it begins again (${starts + 1} of ${MOST_STARTS})`;
    const during =
      lastRun !== null && due > new Date(lastRun.startedAt) && due <= new Date(lastRun.finishedAt);
    if (during) return `${at} came while the run before was going on; one run follows now`;
    if (now.getTime() - due.getTime() < PUNCTUAL_MS) return `the run due ${at} begins`;
    return `the run due ${at} was missed; one run makes up for all that were`;
  }

  /** A run that was cut off is begun again by {@link run}, unless that was tried often enough. */
  async #giveUpOrGoOn(): Promise<void> {
    const { running, handled, failuresInARow } = this.#state;
    if (running === null || running.starts < MOST_STARTS) return await this.#keep(this.#state);
    const outcome = `cut off ${running.starts} times`;
    const at = this.#timetable.text(new Date(handled));
    await this.#parts.warn(
      `the run due ${at} was ${outcome} and is given up; the next due time is waited for`,
    );
    await this.#keep({
      ...this.#state,
      running: null,
      lastRun: {
        due: handled,
        startedAt: running.startedAt,
        finishedAt: this.#parts.clock.now().toISOString(),
        outcome,
        exitCode: PROCESS_DIED,
      },
      failuresInARow: failuresInARow + 1,
    });
  }

  /** Keeps the state in memory, and on disk where that can be done: a full disk must not end the schedule. */
  async #keep(state: ScheduleState): Promise<void> {
    this.#state = state;
    try {
      await this.#parts.store.write(state);
      this.#storeFails = false;
    } catch (thrown) {
      if (this.#storeFails) return;
      this.#storeFails = true;
      const { message, hint } = asConnectorError(thrown);
      await this.#parts.warn(
        `the schedule's state cannot be kept, so a restart may miss a run or repeat one: ${message}; ${hint}`,
      );
    }
  }
}
