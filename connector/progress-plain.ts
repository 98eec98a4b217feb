import type { ProgressEvent } from '../schemas/progress.js';
import type { Clock } from './clock.js';
import type { ProgressView } from './progress-live.js';
import { afterEvent, NO_PROGRESS, type ProgressState } from './progress-state.js';
import { eventLine, progressLines } from './progress-text.js';
import type { Terminal } from './terminal.js';

const INTERVAL_MS = 10_000;

/** Progress where nobody looks at a terminal: a line at every change, and every 10 seconds one per running scope. */
export class PlainProgress implements ProgressView {
  #state: ProgressState = NO_PROGRESS;
  readonly #timer: NodeJS.Timeout;

  constructor(
    private readonly terminal: Terminal,
    private readonly clock: Clock,
  ) {
    this.#timer = setInterval(() => this.tell(), INTERVAL_MS);
    this.#timer.unref();
  }

  report(event: ProgressEvent): void {
    const now = this.clock.monotonicMs();
    const line = eventLine(event, this.#state, now);
    this.#state = afterEvent(this.#state, event, now);
    if (line !== null) this.terminal.write(line);
  }

  /** Writes where every running scope is; called by a timer. */
  tell(): void {
    for (const line of progressLines(this.#state, this.clock.monotonicMs())) this.terminal.write(line);
  }

  stop(): void {
    clearInterval(this.#timer);
  }
}
