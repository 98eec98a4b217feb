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
 * Progress on a terminal: one live line per running scope, redrawn at most five times a second; finished scopes and
 * warnings stay above as lines.
 */
export class LiveProgress implements ProgressView {
  #state: ProgressState = NO_PROGRESS;
  readonly #timer: NodeJS.Timeout;

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
    if (event.event === 'warning') this.terminal.write(warningLine(event));
    if (event.event === 'scope.finished') {
      this.terminal.show(progressLines(this.#state, now));
      this.terminal.write(finishedLine(event, before, now));
    }
  }

  /** Draws the live lines as they are now; called by a timer. */
  redraw(): void {
    this.terminal.show(progressLines(this.#state, this.clock.monotonicMs()));
  }

  stop(): void {
    clearInterval(this.#timer);
    this.terminal.show([]);
  }
}
