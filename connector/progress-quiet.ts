import type { ProgressEvent } from '../schemas/progress.js';
import type { ProgressView } from './progress-live.js';
import { warningLine } from './progress-text.js';
import type { Terminal } from './terminal.js';

/** No progress, only warnings: `--quiet`. */
export class QuietProgress implements ProgressView {
  constructor(private readonly terminal: Terminal) {}

  report(event: ProgressEvent): void {
    if (event.event === 'warning') this.terminal.write(warningLine(event));
  }

  stop(): void {
    // Nothing was drawn and no timer runs.
  }
}
