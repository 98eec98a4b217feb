import { asConnectorError, TransientError, type ConnectorError } from '../schemas/errors.js';

/** Signals that stop a run in good order, with the exit code of each (128 and the signal's number). */
export const INTERRUPTION_EXIT_CODES = { SIGINT: 130, SIGTERM: 143 } as const;

/** A signal that stops a run in good order. */
export type InterruptionSignal = keyof typeof INTERRUPTION_EXIT_CODES;

/** Why a run was told to stop: the reason that its abort signal carries. */
export class Interruption extends Error {
  constructor(readonly signal: InterruptionSignal) {
    super(`stopped by ${signal}`);
    this.name = 'Interruption';
  }

  /** The exit code of a process that this signal stopped. */
  get exitCode(): number {
    return INTERRUPTION_EXIT_CODES[this.signal];
  }
}

/** How to go on after a run was stopped. */
export function goesOn(stopped: Interruption): string {
  return `${stopped.message}; nothing is lost: the same command goes on from here`;
}

/** What was thrown as the connector's error. An aborted run is no defect: what is on disk stays, and the next run goes on. */
export function interrupted(thrown: unknown, signal: AbortSignal): ConnectorError {
  const error = asConnectorError(thrown);
  if (!signal.aborted || error.kind !== 'system') return error;
  return new TransientError({
    message: 'interrupted before it was finished',
    hint: 'run the same command again: it goes on where this one stopped',
    cause: thrown,
  });
}
