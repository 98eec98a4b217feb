import { describe, expect, it } from 'vitest';
import { ConfigError, LockedError } from '../../schemas/errors.js';
import { Interruption } from '../../connector/interruption.js';
import { Schedule, type RunResult } from '../../connector/schedule.js';
import { healthOf } from '../../connector/schedule-health.js';
import type { ScheduleState, ScheduleStore } from '../../connector/schedule-state.js';
import { Timetable } from '../../connector/timetable.js';
import { DrivenClock } from '../driven-clock.js';

/** State that outlives a process. */
class MemoryStore implements ScheduleStore {
  state: ScheduleState | null = null;
  fails = false;

  read(): Promise<ScheduleState | null> {
    return Promise.resolve(this.state);
  }

  write(state: ScheduleState): Promise<void> {
    if (this.fails) return Promise.reject(new Error('disk full'));
    this.state = state;
    return Promise.resolve();
  }
}

const DONE: RunResult = { exitCode: 0, outcome: 'done' };

/** A machine on which processes of the schedule are started, stopped and killed. */
class Machine {
  readonly clock: DrivenClock;
  readonly store = new MemoryStore();
  /** When each run began. */
  readonly runs: string[] = [];
  readonly said: string[] = [];
  timetable = new Timetable('15 3 * * *', 'UTC');
  readTimetable = (): Promise<Timetable> => Promise.resolve(this.timetable);
  /** What a run does. */
  run: (signal: AbortSignal) => Promise<RunResult> = () => Promise.resolve(DONE);

  constructor(start: string) {
    this.clock = new DrivenClock(start);
  }

  async start() {
    const stop = new AbortController();
    const say = (kind: string) => (text: string) => {
      this.said.push(`${kind}${text}`);
      return Promise.resolve();
    };
    const schedule = await Schedule.open(
      {
        clock: this.clock,
        signal: stop.signal,
        readTimetable: () => this.readTimetable(),
        runOnce: () => {
          this.runs.push(this.clock.now().toISOString().slice(0, 16));
          return this.run(stop.signal);
        },
        store: this.store,
        tell: say(''),
        warn: say('warning: '),
        fail: (error) => say('error: ')(error.message),
      },
      this.timetable,
    );
    const ended = schedule.run();
    return {
      schedule,
      ended,
      /** SIGTERM: resolves with whether a run was cut off. */
      stop: async () => {
        stop.abort(new Interruption('SIGTERM'));
        return await ended;
      },
      health: () => healthOf(schedule.view(), this.clock.now()),
    };
  }
}

/** A run that ends when the test says so, or with exit 3 when it is told to stop. */
function heldRun() {
  let end: (result: RunResult) => void = () => undefined;
  const run = (signal: AbortSignal) =>
    new Promise<RunResult>((resolve) => {
      end = resolve;
      signal.addEventListener('abort', () => resolve({ exitCode: 3, outcome: 'transient' }));
    });
  return { run, end: () => end(DONE) };
}

describe('a schedule', () => {
  it('runs at each due time and names the zone of every time', async () => {
    const machine = new Machine('2026-11-27T12:00:00Z');
    machine.timetable = new Timetable('15 3 * * *', 'Europe/Berlin');
    const { stop } = await machine.start();
    await machine.clock.passTo('2026-11-29T12:00:00Z');
    expect(machine.runs).toEqual(['2026-11-28T02:15', '2026-11-29T02:15']);
    expect(await stop()).toBe(false);
    expect(machine.said).toEqual([
      'schedule: next run 2026-11-28 03:15 Europe/Berlin (+01:00)',
      'schedule: the run due 2026-11-28 03:15 Europe/Berlin (+01:00) begins',
      'schedule: the run due 2026-11-28 03:15 Europe/Berlin (+01:00) ended after 0.0 s: done, exit 0',
      'schedule: next run 2026-11-29 03:15 Europe/Berlin (+01:00)',
      'schedule: the run due 2026-11-29 03:15 Europe/Berlin (+01:00) begins',
      'schedule: the run due 2026-11-29 03:15 Europe/Berlin (+01:00) ended after 0.0 s: done, exit 0',
      'schedule: next run 2026-11-30 03:15 Europe/Berlin (+01:00)',
    ]);
  });

  it('misses nothing of the time before it was first started', async () => {
    const machine = new Machine('2026-11-27T12:00:00Z');
    const { stop } = await machine.start();
    await machine.clock.passTo('2026-11-28T03:14:59Z');
    expect(machine.runs).toEqual([]);
    await stop();
  });

  it('makes up once for nights that a process was down, and goes on as before', async () => {
    const machine = new Machine('2026-11-27T12:00:00Z');
    expect(await (await machine.start()).stop()).toBe(false);
    await machine.clock.passTo('2026-12-01T09:00:00Z');
    const { stop } = await machine.start();
    await machine.clock.passTo('2026-12-02T09:00:00Z');
    expect(machine.runs).toEqual(['2026-12-01T09:00', '2026-12-02T03:15']);
    expect(machine.said).toContain(
      'schedule: the run due 2026-12-01 03:15 UTC was missed; one run makes up for all that were',
    );
    await stop();
  });

  it('does not repeat a run because it was restarted', async () => {
    const machine = new Machine('2026-11-27T12:00:00Z');
    const first = await machine.start();
    await machine.clock.passTo('2026-11-28T03:20:00Z');
    await first.stop();
    const second = await machine.start();
    await machine.clock.passTo('2026-11-28T09:00:00Z');
    expect(machine.runs).toEqual(['2026-11-28T03:15']);
    await second.stop();
  });

  it('makes up once after a machine slept, within a minute of its waking', async () => {
    const machine = new Machine('2026-11-27T12:00:00Z');
    const { stop } = await machine.start();
    await machine.clock.passTo('2026-11-27T18:00:30Z');
    machine.clock.set('2026-11-30T08:00:00Z');
    await machine.clock.passTo('2026-11-30T08:01:00Z');
    expect(machine.runs).toHaveLength(1);
    await machine.clock.passTo('2026-11-30T23:00:00Z');
    expect(machine.runs).toHaveLength(1);
    await stop();
  });

  it('is never due again because the clock was set back a little', async () => {
    const machine = new Machine('2026-11-28T03:14:00Z');
    const { stop } = await machine.start();
    await machine.clock.passTo('2026-11-28T03:15:10Z');
    machine.clock.set('2026-11-28T03:10:00Z');
    await machine.clock.passTo('2026-11-28T04:00:00Z');
    expect(machine.runs).toEqual(['2026-11-28T03:15']);
    await stop();
  });

  it('is not silenced by a clock that once ran years ahead', async () => {
    const machine = new Machine('2035-01-01T12:00:00Z');
    await (await machine.start()).stop();
    machine.clock.set('2026-11-27T12:00:00Z');
    const { stop } = await machine.start();
    await machine.clock.passTo('2026-11-28T09:00:00Z');
    expect(machine.runs).toEqual(['2026-11-28T03:15']);
    await stop();
  });

  it('runs at the turn of the clocks as its timetable says', async () => {
    const machine = new Machine('2026-10-24T12:00:00Z');
    machine.timetable = new Timetable('30 2 * * *', 'Europe/Berlin');
    const { stop } = await machine.start();
    await machine.clock.passTo('2026-10-25T12:00:00Z');
    expect(machine.runs).toEqual(['2026-10-25T00:30']);
    machine.clock.set('2027-03-27T12:00:00Z');
    machine.runs.length = 0;
    await machine.clock.passTo('2027-03-28T12:00:00Z');
    expect(machine.runs).toEqual(['2027-03-27T12:01', '2027-03-28T01:00']);
    await stop();
  });
});

describe('a run that takes long', () => {
  it('is never joined by another; due times that pass meanwhile share one run after it', async () => {
    const machine = new Machine('2026-11-27T12:30:00Z');
    machine.timetable = new Timetable('0 * * * *', 'UTC');
    const held = heldRun();
    machine.run = held.run;
    const { stop, health } = await machine.start();
    await machine.clock.passTo('2026-11-27T16:30:00Z');
    expect(machine.runs).toEqual(['2026-11-27T13:00']);
    expect(health()).toMatchObject({ state: 'running', runningSince: '2026-11-27T13:00:00.000Z' });
    machine.run = () => Promise.resolve(DONE);
    held.end();
    await machine.clock.passTo('2026-11-27T17:30:00Z');
    expect(machine.runs).toEqual(['2026-11-27T13:00', '2026-11-27T16:30', '2026-11-27T17:00']);
    expect(machine.said).toContain(
      'schedule: 2026-11-27 16:00 UTC came while the run before was going on; one run follows now',
    );
    await stop();
  });

  it('is cut off when the process is told to stop, and begun again by the next one', async () => {
    const machine = new Machine('2026-11-27T12:00:00Z');
    machine.run = heldRun().run;
    const first = await machine.start();
    await machine.clock.passTo('2026-11-28T03:20:00Z');
    expect(await first.stop()).toBe(true);
    machine.run = () => Promise.resolve(DONE);
    const second = await machine.start();
    await machine.clock.passTo('2026-11-28T09:00:00Z');
    expect(machine.runs).toEqual(['2026-11-28T03:15', '2026-11-28T03:20']);
    expect(machine.said).toContain(
      'schedule: the run due 2026-11-28 03:15 UTC was cut off; it begins again (2 of 3)',
    );
    expect(await second.stop()).toBe(false);
  });

  it('that ends well although the process was told to stop is not begun again', async () => {
    const machine = new Machine('2026-11-27T12:00:00Z');
    machine.run = (signal) => new Promise((resolve) => signal.addEventListener('abort', () => resolve(DONE)));
    const first = await machine.start();
    await machine.clock.passTo('2026-11-28T03:20:00Z');
    expect(await first.stop()).toBe(false);
    const second = await machine.start();
    await machine.clock.passTo('2026-11-28T09:00:00Z');
    expect(machine.runs).toHaveLength(1);
    await second.stop();
  });

  it('and kills its process is begun three times, then given up, which is not healthy', async () => {
    const machine = new Machine('2026-11-27T12:00:00Z');
    machine.run = () => new Promise(() => undefined);
    await machine.start();
    await machine.clock.passTo('2026-11-28T03:20:00Z');
    for (let restart = 0; restart < 2; restart += 1) {
      await machine.start();
      await machine.clock.passTo('2026-11-28T04:00:00Z');
    }
    expect(machine.runs).toHaveLength(3);
    machine.run = () => Promise.resolve(DONE);
    const last = await machine.start();
    expect(machine.said).toContain(
      'warning: the run due 2026-11-28 03:15 UTC was cut off 3 times and is given up; the next due time is waited for',
    );
    expect(last.health()).toMatchObject({ healthy: false, lastRun: { outcome: 'cut off 3 times' } });
    await machine.clock.passTo('2026-11-29T04:00:00Z');
    expect(machine.runs.slice(3)).toEqual(['2026-11-29T03:15']);
    expect(last.health()).toMatchObject({ healthy: true, lastRun: DONE });
    await last.stop();
  });
});

describe('a failure', () => {
  it('of a run, thrown or not, does not end the schedule', async () => {
    const machine = new Machine('2026-11-27T12:00:00Z');
    const locked = new LockedError({ message: 'another run holds it', hint: 'wait' });
    const nights: (() => Promise<RunResult>)[] = [
      () => Promise.reject(locked),
      () => Promise.reject(new Error('a defect')),
      () => Promise.resolve({ exitCode: 4, outcome: 'data' }),
    ];
    machine.run = () => (nights.shift() ?? (() => Promise.resolve(DONE)))();
    const { stop, health } = await machine.start();
    await machine.clock.passTo('2026-11-28T12:00:00Z');
    expect(health()).toMatchObject({ healthy: true, lastRun: { exitCode: 5, outcome: 'locked' } });
    await machine.clock.passTo('2026-11-29T12:00:00Z');
    expect(health()).toMatchObject({ healthy: false, lastRun: { exitCode: 70 }, failuresInARow: 2 });
    await machine.clock.passTo('2026-11-30T12:00:00Z');
    expect(health()).toMatchObject({ healthy: false, lastRun: { exitCode: 4 } });
    await machine.clock.passTo('2026-12-01T12:00:00Z');
    expect(health()).toMatchObject({ healthy: true, lastRun: { exitCode: 0 }, failuresInARow: 0 });
    expect(machine.said.filter((text) => text.startsWith('error: '))).toEqual([
      'error: another run holds it',
      'error: unexpected error: Error: a defect',
    ]);
    await stop();
  });

  it('that could come again three times in a row is not healthy', async () => {
    const machine = new Machine('2026-11-27T12:00:00Z');
    machine.run = () => Promise.resolve({ exitCode: 3, outcome: 'transient' });
    const { stop, health } = await machine.start();
    const mornings = ['2026-11-28T12:00:00Z', '2026-11-29T12:00:00Z', '2026-11-30T12:00:00Z'];
    const seen: boolean[] = [];
    for (const morning of mornings) {
      await machine.clock.passTo(morning);
      seen.push(health().healthy);
    }
    expect(seen).toEqual([true, true, false]);
    await stop();
  });

  it('of the configuration is said, and the next due time is waited for', async () => {
    const machine = new Machine('2026-11-27T12:00:00Z');
    const broken = new ConfigError({ message: 'connector.yaml:3: no such key', hint: 'mend it' });
    machine.readTimetable = () => Promise.reject(broken);
    const { stop, health } = await machine.start();
    await machine.clock.passTo('2026-11-28T12:00:00Z');
    expect([machine.runs, health().lastRun]).toMatchObject([[], { exitCode: 2, outcome: 'config' }]);
    expect(machine.said).toContain('error: connector.yaml:3: no such key');
    machine.readTimetable = () => Promise.resolve(machine.timetable);
    await machine.clock.passTo('2026-11-29T12:00:00Z');
    expect(machine.runs).toEqual(['2026-11-29T03:15']);
    await stop();
  });

  it('to keep the state is said once and does not stop a run', async () => {
    const machine = new Machine('2026-11-27T12:00:00Z');
    const { stop } = await machine.start();
    machine.store.fails = true;
    await machine.clock.passTo('2026-11-29T12:00:00Z');
    expect(machine.runs).toHaveLength(2);
    expect(machine.said.filter((text) => text.includes('state cannot be kept'))).toHaveLength(1);
    await stop();
  });
});

describe('a changed timetable', () => {
  it('holds from the next run on, and makes nothing up', async () => {
    const machine = new Machine('2026-11-27T12:00:00Z');
    const { stop } = await machine.start();
    machine.timetable = new Timetable('0 1,4 * * *', 'UTC');
    await machine.clock.passTo('2026-11-29T02:00:00Z');
    expect(machine.runs).toEqual(['2026-11-28T03:15', '2026-11-28T04:00', '2026-11-29T01:00']);
    expect(machine.said).toContain('schedule: from now on 0 1,4 * * * in UTC');
    await stop();
  });

  it('makes nothing up at a restart, but begins a run that was cut off again', async () => {
    const machine = new Machine('2026-11-27T12:00:00Z');
    await (await machine.start()).stop();
    machine.timetable = new Timetable('0 6 * * *', 'UTC');
    await machine.clock.passTo('2026-11-28T12:00:00Z');
    const second = await machine.start();
    await machine.clock.passTo('2026-11-28T13:00:00Z');
    expect(machine.runs).toEqual([]);
    machine.run = heldRun().run;
    await machine.clock.passTo('2026-11-29T06:10:00Z');
    expect(await second.stop()).toBe(true);
    machine.run = () => Promise.resolve(DONE);
    machine.timetable = new Timetable('0 22 * * *', 'UTC');
    const third = await machine.start();
    await machine.clock.passTo('2026-11-29T12:00:00Z');
    expect(machine.runs).toEqual(['2026-11-29T06:00', '2026-11-29T06:10']);
    await third.stop();
  });
});
