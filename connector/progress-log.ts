import type { Logger } from 'pino';
import type { ProgressEvent } from '../schemas/progress.js';
import { scopeText } from '../schemas/scope.js';
import type { LogLevel } from './log-options.js';
import { idsAfter, NO_IDS, type KnownIds, type ProgressIds } from './progress-ids.js';
import type { ProgressView } from './progress-live.js';

/** The level of each event's line. What ended with another exit code than 0 is logged as `error` instead. */
export const EVENT_LEVELS = {
  'run.started': 'info',
  'run.finished': 'info',
  'scope.started': 'info',
  'scope.finished': 'info',
  'export.requested': 'info',
  'export.resumed': 'info',
  'export.polled': 'debug',
  'manifest.read': 'info',
  'blob.bytes': 'trace',
  'blob.whole': 'debug',
  'load.started': 'info',
  'load.records': 'trace',
  'load.waiting': 'info',
  retried: 'warn',
  warning: 'warn',
} as const satisfies Readonly<Record<ProgressEvent['event'], LogLevel>>;

/**
 * Progress as log lines: every event with its facts as fields and, whatever event told them, the ids of its run,
 * load, operation and newest request.
 */
export class LoggedProgress implements ProgressView {
  #known: KnownIds = NO_IDS;

  constructor(private readonly log: Logger) {}

  /** The run that is, or was last, reported; for lines about it that are no progress. */
  get run(): ProgressIds {
    return this.#known.run;
  }

  report(event: ProgressEvent): void {
    const { known, ids } = idsAfter(this.#known, event);
    this.#known = known;
    const { event: name, ...rest } = event;
    const { scope, ...facts } = { scope: undefined, ...rest };
    const where = scope === undefined ? {} : { stream: scope.stream, scope: scopeText(scope) };
    // A warning's own message would be taken for the line's.
    const { message, ...fields } = { message: name, ...facts };
    this.log[levelOf(event)]({ event: name, ...where, ...ids, ...fields }, message);
  }

  stop(): void {
    this.log.flush();
  }
}

function levelOf(event: ProgressEvent): LogLevel {
  return 'exitCode' in event && event.exitCode !== 0 ? 'error' : EVENT_LEVELS[event.event];
}
