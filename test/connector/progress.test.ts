import { afterEach, beforeEach, describe, expect, it, vi } from 'vitest';
import type { Clock } from '../../connector/clock.js';
import { LiveProgress } from '../../connector/progress-live.js';
import { PlainProgress } from '../../connector/progress-plain.js';
import { QuietProgress } from '../../connector/progress-quiet.js';
import { afterEvent, NO_PROGRESS } from '../../connector/progress-state.js';
import { eventLine, progressLines } from '../../connector/progress-text.js';
import type { ProgressEvent } from '../../schemas/progress.js';
import type { Scope } from '../../schemas/scope.js';
import { shown, terminal } from './seen-terminal.js';

const INVOICE: Scope = { by: 'invoice', stream: 'billed_usage', invoice: 'G016907411' };
const MONTH: Scope = { by: 'month', stream: 'unbilled_usage', month: '2026-11', currency: 'USD' };

/** The lines after events, each given with its time in milliseconds; seen at `now`. */
function linesAfter(events: readonly (readonly [number, ProgressEvent])[], now: number): string[] {
  const state = events.reduce((before, [at, event]) => afterEvent(before, event, at), NO_PROGRESS);
  return progressLines(state, now).map((line) => line.replace(/ {2,}/g, ' | '));
}

const started = (scope: Scope): ProgressEvent => ({
  event: 'scope.started',
  scope,
  reason: 'never asked for',
});
const polled = (status: string, waitMs: number): ProgressEvent => ({
  event: 'export.polled',
  scope: INVOICE,
  status,
  waitMs,
});

function clockAt(): Clock & { ms: number } {
  return {
    ms: 0,
    now: () => new Date(0),
    monotonicMs() {
      return this.ms;
    },
    sleep: () => Promise.resolve(),
  };
}

describe('progressLines', () => {
  it('shows what a scope does, for how long and how far it is, from export to load', () => {
    const events: [number, ProgressEvent][] = [
      [0, { event: 'run.started', runId: 'r' }],
      [0, started(INVOICE)],
    ];
    const at = (now: number) => linesAfter(events, now)[0]?.replace(/^billed_usage G016907411 \| /, '');
    expect(at(500)).toBe('waiting to export for 0 s');
    events.push([1000, { event: 'export.requested', scope: INVOICE }]);
    expect(at(3900)).toBe('exporting for 2 s');
    events.push([2000, polled('running (runningOperation)', 10_000)]);
    expect(at(4500)).toBe('exporting for 3 s: running, polled again in 8 s');
    expect(at(191_500)).toBe('exporting for 3 min 10 s: running, polled again now');
    events.push([200_000, { event: 'manifest.read', scope: INVOICE, eTag: 'e', blobs: 3, blobsOnDisk: 1 }]);
    expect(at(201_000)).toBe('downloading for 1 s: blob 2 of 3, 0 B');
    events.push([201_000, { event: 'blob.bytes', scope: INVOICE, blob: 'a', bytes: 1_500_000 }]);
    events.push([201_000, { event: 'blob.bytes', scope: INVOICE, blob: 'b', bytes: 10 }]);
    expect(at(201_000)).toBe('downloading for 1 s: blob 2 of 3, 1.5 MB');
    events.push([202_000, { event: 'blob.whole', scope: INVOICE, blob: 'a', bytes: 3_000_000 }]);
    expect(at(202_000)).toBe('downloading for 2 s: blob 3 of 3, 3.0 MB');
    events.push([203_000, { event: 'blob.whole', scope: INVOICE, blob: 'b', bytes: 1_000_000 }]);
    expect(at(208_000)).toBe('waiting to load for 5 s: 3 blobs, 4.0 MB');
    events.push([210_000, { event: 'load.started', scope: INVOICE, blobs: 3, loadId: 'l' }]);
    expect(at(210_500)).toBe('loading for 0 s: blob 1 of 3, 0 records');
    events.push([214_000, { event: 'load.records', scope: INVOICE, records: 123_456, blobsDone: 1 }]);
    expect(at(214_000)).toBe('loading for 4 s: blob 2 of 3, 123,456 records, 30,864/s');
    events.push([215_000, { event: 'load.records', scope: INVOICE, records: 150_000, blobsDone: 3 }]);
    expect(at(215_000)).toBe('loading for 5 s: blob 3 of 3, 150,000 records, 30,000/s');
    events.push([216_000, { event: 'scope.finished', scope: INVOICE, outcome: 'published', exitCode: 0 }]);
    expect(linesAfter(events, 216_000)).toEqual([]);
  });

  it('begins the time and the count of a load anew when it is loaded again', () => {
    const events: [number, ProgressEvent][] = [
      [0, { event: 'load.started', scope: INVOICE, blobs: 1, loadId: 'a' }],
      [60_000, { event: 'load.records', scope: INVOICE, records: 9, blobsDone: 0 }],
      [90_000, { event: 'load.started', scope: INVOICE, blobs: 1, loadId: 'b' }],
    ];
    expect(linesAfter(events, 92_000)[0]).toContain('loading for 2 s: blob 1 of 1, 0 records, 0/s');
  });

  it('leaves no line of a run that is over', () => {
    const over: ProgressEvent = {
      event: 'run.finished',
      runId: 'r',
      outcome: 'nothing changed',
      exitCode: 0,
    };
    const events: [number, ProgressEvent][] = [
      [0, started(INVOICE)],
      [1, over],
    ];
    expect(linesAfter(events, 2)).toEqual([]);
  });

  it('shows retries and waiting until something else happens', () => {
    const retried: ProgressEvent = {
      event: 'retried',
      scope: INVOICE,
      what: 'poll',
      cause: '503',
      attempt: 1,
      waitMs: 5000,
    };
    const events: [number, ProgressEvent][] = [
      [0, started(INVOICE)],
      [0, retried],
    ];
    expect(linesAfter(events, 1000)[0]).toContain(
      'waiting to export for 1 s: poll failed, tried again in 4 s',
    );
    expect(linesAfter([...events, [5000, polled('running', 0)]], 5000)[0]).toContain(
      'exporting for 0 s: running',
    );
    const waiting: ProgressEvent = {
      event: 'load.waiting',
      scope: INVOICE,
      holder: 'duckdb (PID 7)',
      waitedMs: 1,
    };
    expect(linesAfter([...events, [1, waiting]], 2)[0]).toContain('waiting for duckdb (PID 7), 0 s');
  });

  it('shows what the run as a whole waits for, and drops it when something goes on', () => {
    const waiting: ProgressEvent = { event: 'load.waiting', holder: 'run 7', waitedMs: 0 };
    expect(linesAfter([[0, waiting]], 3000)).toEqual(['run | waiting for run 7, 3 s']);
    expect(
      linesAfter(
        [
          [0, waiting],
          [1, waiting],
        ],
        3000,
      ),
    ).toHaveLength(1);
    expect(
      linesAfter(
        [
          [0, waiting],
          [9, started(INVOICE)],
        ],
        9,
      ),
    ).toHaveLength(1);
  });

  it('shows scopes in the order in which they began', () => {
    const events: [number, ProgressEvent][] = [
      [0, started(MONTH)],
      [0, started(INVOICE)],
      [1, { event: 'export.requested', scope: MONTH }],
    ];
    expect(linesAfter(events, 1).map((line) => line.split(' | ')[0])).toEqual([
      'unbilled_usage 2026-11-USD',
      'billed_usage G016907411',
    ]);
  });
});

describe('eventLine', () => {
  it('tells changes once, and nothing of what only counts', () => {
    const state = afterEvent(NO_PROGRESS, polled('running', 1), 0);
    expect(eventLine(polled('running', 1), state, 0)).toBeNull();
    expect(eventLine(polled('succeeded', 0), state, 0)).toContain('Graph says succeeded');
    expect(eventLine({ event: 'blob.bytes', scope: INVOICE, blob: 'a', bytes: 1 }, state, 0)).toBeNull();
    expect(
      eventLine({ event: 'load.records', scope: INVOICE, records: 1, blobsDone: 0 }, state, 0),
    ).toBeNull();
  });

  it('says what became of a scope, its records and its time', () => {
    const loading = afterEvent(
      afterEvent(NO_PROGRESS, started(INVOICE), 0),
      { event: 'load.records', scope: INVOICE, records: 2000, blobsDone: 1 },
      5,
    );
    const finished: ProgressEvent = {
      event: 'scope.finished',
      scope: INVOICE,
      outcome: 'published',
      exitCode: 0,
    };
    expect(eventLine(finished, loading, 12_000)?.replace(/ {2,}/g, ' | ')).toBe(
      'billed_usage G016907411 | published (2,000 records, 12 s)',
    );
  });

  it('writes a warning with its scope and what to do', () => {
    const warning: ProgressEvent = {
      event: 'warning',
      scope: MONTH,
      message: 'it shrank',
      hint: 'look at it',
    };
    expect(eventLine(warning, NO_PROGRESS, 0)).toBe(
      'warning: unbilled_usage 2026-11-USD: it shrank (look at it)',
    );
    expect(eventLine({ event: 'warning', message: 'x', hint: '' }, NO_PROGRESS, 0)).toBe('warning: x');
  });
});

describe('LiveProgress', () => {
  it('keeps finished scopes and warnings as lines above the live ones, and leaves none of those behind', () => {
    const { terminal: screen, written } = terminal(true);
    const clock = clockAt();
    const view = new LiveProgress(screen, clock);
    view.report(started(INVOICE));
    view.report(started(MONTH));
    view.redraw();
    expect(shown(written)).toMatch(/^billed_usage.*\nunbilled_usage.*\n$/);
    written.length = 0;
    view.report({ event: 'warning', message: 'odd', hint: '' });
    expect(shown(written)).toMatch(/^<up 2>warning: odd\nbilled_usage.*\nunbilled_usage.*\n$/);
    written.length = 0;
    view.report({ event: 'scope.finished', scope: INVOICE, outcome: 'unchanged', exitCode: 0 });
    expect(written).toHaveLength(1);
    expect(shown(written)).toMatch(/^<up 2>billed_usage G016907411 +unchanged.*\nunbilled_usage.*\n$/);
    written.length = 0;
    view.stop();
    expect(shown(written)).toBe('<up 1>');
    view.report({ event: 'scope.finished', scope: MONTH, outcome: 'failed', exitCode: 3 });
    view.stop();
    expect(shown(written)).toMatch(/^<up 1>unbilled_usage 2026-11-USD +failed.*\n$/);
  });

  it('writes nothing when nothing changed', () => {
    const { terminal: screen, written } = terminal(true);
    const clock = clockAt();
    const view = new LiveProgress(screen, clock);
    view.report(started(INVOICE));
    view.redraw();
    const count = written.length;
    view.redraw();
    expect(written).toHaveLength(count);
    clock.ms = 1000;
    view.redraw();
    expect(written).toHaveLength(count + 1);
    view.stop();
  });
});

describe('the pace of progress', () => {
  beforeEach(() => void vi.useFakeTimers());
  afterEach(() => void vi.useRealTimers());

  it('is at most five redraws a second on a terminal, however many events come', () => {
    const { terminal: screen, written } = terminal(true);
    const clock = clockAt();
    const view = new LiveProgress(screen, clock);
    view.report(started(INVOICE));
    for (let ms = 1; ms <= 10_000; ms += 1) {
      clock.ms = ms;
      view.report({ event: 'load.records', scope: INVOICE, records: ms, blobsDone: 0 });
      vi.advanceTimersByTime(1);
    }
    view.stop();
    expect(written.length).toBeGreaterThan(40);
    expect(written.length).toBeLessThanOrEqual(51);
    expect(shown(written.slice(-1))).toBe('<up 1>');
  });

  it('is one line per running scope every ten seconds where nobody looks at a terminal', () => {
    const { terminal: screen, written } = terminal(false);
    const clock = clockAt();
    const view = new PlainProgress(screen, clock);
    view.report(started(INVOICE));
    for (let ms = 1; ms <= 60_000; ms += 100) {
      clock.ms = ms;
      view.report({ event: 'load.records', scope: INVOICE, records: ms, blobsDone: 0 });
      vi.advanceTimersByTime(100);
    }
    view.stop();
    vi.advanceTimersByTime(60_000);
    expect(written.slice(1).map((line) => /loading for (.*?):/.exec(line)?.[1])).toEqual(
      // The clock is read when the timer fires, up to 99 ms early here.
      ['9 s', '19 s', '29 s', '39 s', '49 s', '59 s'],
    );
  });
});

describe('PlainProgress', () => {
  it('writes a line at every change and, when it is time, one per running scope', () => {
    const { terminal: screen, written } = terminal(false);
    const clock = clockAt();
    const view = new PlainProgress(screen, clock);
    view.report(started(INVOICE));
    view.report(polled('running', 60_000));
    view.report(polled('running', 60_000));
    clock.ms = 10_000;
    view.tell();
    view.stop();
    expect(written.map((line) => line.replace(/ {2,}/g, ' | '))).toEqual([
      'billed_usage G016907411 | begun: never asked for\n',
      'billed_usage G016907411 | Graph says running\n',
      'billed_usage G016907411 | exporting for 10 s: running, polled again in 50 s\n',
    ]);
  });
});

describe('QuietProgress', () => {
  it('writes warnings and nothing else', () => {
    const { terminal: screen, written } = terminal(true);
    const view = new QuietProgress(screen);
    view.report(started(INVOICE));
    view.report({ event: 'warning', message: 'odd', hint: '' });
    view.stop();
    expect(written).toEqual(['warning: odd\n']);
  });
});
