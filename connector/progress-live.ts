import type { ProgressEvent } from '../schemas/progress.js';
import type { Clock } from './clock.js';
import { afterEvent, NO_PROGRESS, type ProgressState } from './progress-state.js';
import { finishedLine, progressLines, warningLine } from './progress-text.js';
import type { Terminal } from './terminal.js';

/** What shows progress: it takes events, and is stopped when the run is over. */
export interface ProgressView {
  report(event: ProgressEvent): void;
  stop(): void;
}

const REDRAW_MS = 200;

/**
 * Progress on a terminal: one live line per running scope, redrawn at most five times a second however many events
 * come; finished scopes and warnings stay above as lines. Nothing live is left when it is stopped.
 */
export class LiveProgress implements ProgressView {
  #state: ProgressState = NO_PROGRESS;
  readonly #timer: NodeJS.Timeout;
  #stopped = false;

  constructor(
    private readonly terminal: Terminal,
    private readonly clock: Clock,
  ) {
    this.#timer = setInterval(() => this.redraw(), REDRAW_MS);
    this.#timer.unref();
  }

  report(event: ProgressEvent): void {
    const now = this.clock.monotonicMs();
    const before = this.#state;
    this.#state = afterEvent(before, event, now);
    if (event.event === 'warning') this.terminal.write(warningLine(event), this.lines(now));
    if (event.event === 'scope.finished') {
      this.terminal.write(finishedLine(event, before, now), this.lines(now));
    }
  }

  /** Draws the live lines as they are now; called by a timer. */
  redraw(): void {
    this.terminal.show(this.lines(this.clock.monotonicMs()));
  }

  stop(): void {
    clearInterval(this.#timer);
    this.#stopped = true;
    this.redraw();
  }

  private lines(now: number): string[] {
    return this.#stopped ? [] : progressLines(this.#state, now);
  }
}
