import { describe, expect, it } from 'vitest';
import type { Clock } from '../../connector/clock.js';
import { LiveProgress } from '../../connector/progress-live.js';
import { PlainProgress } from '../../connector/progress-plain.js';
import { QuietProgress } from '../../connector/progress-quiet.js';
import { afterEvent, NO_PROGRESS } from '../../connector/progress-state.js';
import { eventLine, progressLines } from '../../connector/progress-text.js';
import { bytesText, countText, durationText } from '../../connector/quantity-text.js';
import { Terminal, type TextSink } from '../../connector/terminal.js';
import type { ProgressEvent } from '../../schemas/progress.js';
import type { Scope } from '../../schemas/scope.js';

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

function terminal(isTTY: boolean, size: { columns?: number; rows?: number } = {}) {
  const written: string[] = [];
  const sink: TextSink = { write: (text) => written.push(text), isTTY, ...size };
  return { terminal: new Terminal(sink, (text) => text.replaceAll('secret', '***')), written };
}

/** What was written, with the sequence that erases live lines made readable. */
const shown = (written: readonly string[]) =>
  written
    .join('')
    .replaceAll('\u001b[0J', '')
    .replace(/\[(\d)A/g, '<up $1>')
    .replaceAll('\u001b', '');

describe('progressLines', () => {
  it('shows what a scope does, from export to load', () => {
    const events: [number, ProgressEvent][] = [[0, started(INVOICE)]];
    const at = (now: number) => linesAfter(events, now)[0];
    expect(at(500)).toBe('billed_usage G016907411 | waiting for its turn | (0.5 s)');
    events.push([1000, { event: 'export.requested', scope: INVOICE }]);
    expect(at(2000)).toBe('billed_usage G016907411 | export asked for | (2.0 s)');
    events.push([2000, polled('running', 10_000)]);
    expect(at(4500)).toContain('exporting: Graph says running, polled again in 8.0 s');
    expect(at(12_500)).toContain('exporting: Graph says running, polled again now');
    events.push([60_000, { event: 'manifest.read', scope: INVOICE, eTag: 'e', blobs: 2 }]);
    events.push([61_000, { event: 'blob.bytes', scope: INVOICE, blob: 'a', bytes: 1_500_000 }]);
    events.push([61_000, { event: 'blob.bytes', scope: INVOICE, blob: 'b', bytes: 10 }]);
    expect(at(61_000)).toContain('downloading: 0 of 2 blobs, 1.5 MB | (1 min 1 s)');
    events.push([62_000, { event: 'blob.whole', scope: INVOICE, blob: 'a', bytes: 3_000_000 }]);
    expect(at(62_000)).toContain('downloading: 1 of 2 blobs, 3.0 MB');
    events.push([63_000, { event: 'blob.whole', scope: INVOICE, blob: 'b', bytes: 1_000_000 }]);
    expect(at(63_000)).toContain('downloaded 2 blobs, 4.0 MB; waiting to load');
    events.push([64_000, { event: 'load.started', scope: INVOICE, blobs: 2 }]);
    events.push([65_000, { event: 'load.records', scope: INVOICE, records: 123_456, blobsDone: 1 }]);
    expect(at(65_000)).toContain('loading: 123,456 records, 1 of 2 blobs');
    events.push([66_000, { event: 'scope.finished', scope: INVOICE, outcome: 'published', exitCode: 0 }]);
    expect(linesAfter(events, 66_000)).toEqual([]);
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
    expect(linesAfter(events, 1000)[0]).toContain('poll failed, tried again in 4.0 s');
    expect(linesAfter([...events, [5000, polled('running', 0)]], 5000)[0]).toContain('Graph says running');
    const waiting: ProgressEvent = {
      event: 'load.waiting',
      scope: INVOICE,
      holder: 'duckdb (PID 7)',
      waitedMs: 1,
    };
    expect(linesAfter([...events, [1, waiting]], 2)[0]).toContain('waiting for duckdb (PID 7)');
  });

  it('shows what the run as a whole waits for, and drops it when something goes on', () => {
    const waiting: ProgressEvent = { event: 'load.waiting', holder: 'run 7', waitedMs: 0 };
    expect(linesAfter([[0, waiting]], 3000)).toEqual(['run | waiting for run 7 | (3.0 s)']);
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
    expect(written.join('')).toMatch(/^billed_usage.*\nunbilled_usage.*\n$/);
    written.length = 0;
    view.report({ event: 'warning', message: 'odd', hint: '' });
    expect(shown(written)).toMatch(/^<up 2>warning: odd\nbilled_usage.*\nunbilled_usage.*\n$/);
    written.length = 0;
    view.report({ event: 'scope.finished', scope: INVOICE, outcome: 'unchanged', exitCode: 0 });
    expect(shown(written.slice(-1))).toMatch(
      /^<up 1>billed_usage G016907411 +unchanged.*\nunbilled_usage.*\n$/,
    );
    written.length = 0;
    view.stop();
    expect(shown(written)).toBe('<up 1>');
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
      'billed_usage G016907411 | exporting: Graph says running, polled again in 50 s | (10 s)\n',
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

describe('Terminal', () => {
  it('scrubs what stays and what is live', () => {
    const { terminal: screen, written } = terminal(true);
    screen.show(['a secret line']);
    screen.write('another secret');
    expect(written.join('')).not.toContain('secret');
  });

  it('lets no control character of what a server said through, and keeps live lines on one line each', () => {
    const { terminal: screen, written } = terminal(false);
    screen.write('a\u001b[31mred\u0007\u009b2J\rb\tc\nd');
    expect(written).toEqual(['a?[31mred??2J?b\tc\nd\n']);
    const live = terminal(true, { columns: 0, rows: 0 });
    live.terminal.show(['x\ny']);
    expect(live.written).toEqual(['x y\n']);
  });

  it('shows no live lines where nobody looks', () => {
    const { terminal: screen, written } = terminal(false);
    screen.show(['live']);
    screen.write('stays');
    expect(written).toEqual(['stays\n']);
  });

  it('cuts live lines to the width and to the height of the screen, so that redrawing fits', () => {
    const { terminal: screen, written } = terminal(true, { columns: 30, rows: 6 });
    screen.show(Array.from({ length: 9 }, (_, index) => `${index} ${'x'.repeat(100)}`));
    const lines = written.join('').trimEnd().split('\n');
    expect(lines).toHaveLength(4);
    expect(lines.at(-1)).toBe('... and 6 more');
    expect(Math.max(...lines.map((line) => line.length))).toBeLessThan(30);
  });
});

describe('quantities', () => {
  it.each([
    [0, '0 B'],
    [999, '999 B'],
    [1000, '1.0 kB'],
    [999_499, '999 kB'],
    [999_501, '1.0 MB'],
    [41_234_567, '41.2 MB'],
    [5_000_000_000_000, '5.0 TB'],
    [7e15, '7000 TB'],
  ])('writes %d bytes as %s', (bytes, text) => {
    expect(bytesText(bytes)).toBe(text);
  });

  it.each([
    [0, '0.0 s'],
    [-5, '0.0 s'],
    [9949, '9.9 s'],
    [9951, '10 s'],
    [59_499, '59 s'],
    [59_500, '1 min 0 s'],
    [3_599_000, '59 min 59 s'],
    [7_800_000, '2 h 10 min'],
    [273_600_000, '3 d 4 h'],
  ])('writes %d ms as %s', (ms, text) => {
    expect(durationText(ms)).toBe(text);
  });

  it('separates thousands', () => {
    expect([0, 999, 1000, 1234567].map(countText)).toEqual(['0', '999', '1,000', '1,234,567']);
  });
});
