import type { Logger } from 'pino';
import type { ProgressEvent } from '../schemas/progress.js';
import { scopeText } from '../schemas/scope.js';
import type { LogLevel } from './log-options.js';
import type { ProgressView } from './progress-live.js';

/** Progress as log lines: every event with its facts as fields, those that only count at `trace`. */
export class LoggedProgress implements ProgressView {
  constructor(private readonly log: Logger) {}

  report(event: ProgressEvent): void {
    const { event: name, scope, ...facts } = event;
    const where = scope === undefined ? {} : { stream: scope.stream, scope: scopeText(scope) };
    // A warning's own message would be taken for the line's.
    const { message, ...fields } = { message: name, ...facts };
    this.log[levelOf(event)]({ event: name, ...where, ...fields }, message);
  }

  stop(): void {
    this.log.flush();
  }
}

function levelOf(event: ProgressEvent): LogLevel {
  switch (event.event) {
    case 'warning':
    case 'retried':
      return 'warn';
    case 'scope.started':
    case 'export.requested':
    case 'export.resumed':
    case 'manifest.read':
    case 'load.started':
    case 'load.waiting':
      return 'info';
    case 'scope.finished':
      return event.exitCode === 0 ? 'info' : 'error';
    case 'export.polled':
    case 'blob.whole':
      return 'debug';
    case 'blob.bytes':
    case 'load.records':
      return 'trace';
  }
}
