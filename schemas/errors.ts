import { redact } from './redact.js';

/**
 * The kinds of error and the exit code of each (docs: README, "Exit codes").
 * 1 is never used on purpose (the process died); 130 and 143 follow SIGINT and SIGTERM.
 */
export const EXIT_CODES = {
  config: 2,
  transient: 3,
  data: 4,
  locked: 5,
  integrity: 6,
  mismatch: 7,
  system: 70,
} as const;

/** What an error means for whoever runs the connector: who must act, and whether a retry can help. */
export type ErrorKind = keyof typeof EXIT_CODES;

/** Exit codes from the gravest to "done": of several scopes the first that occurs is the run's. */
export const EXIT_CODES_BY_GRAVITY = [70, 6, 4, 2, 5, 3, 7, 0] as const;

/** A fact of an error: small, printable, never a secret. */
export type Fact = string | number | bigint | boolean | null | undefined;

/** What an error is made from. Message, hint and text facts are redacted when the error is built. */
export interface ErrorDetail {
  /** What happened, in one sentence, with the place (file, line, column, field, blob, scope). */
  readonly message: string;
  /** What to do about it. */
  readonly hint: string;
  /** The facts behind the message, for logs and `--json`. */
  readonly facts?: Readonly<Record<string, Fact>>;
  /** The error that led to this one. */
  readonly cause?: unknown;
}

/**
 * The base of every error that the connector raises. SAS signatures and bearer tokens are removed from its
 * message, hint and text facts by construction.
 */
export abstract class ConnectorError extends Error {
  /** Who must act; decides the exit code. */
  abstract readonly kind: ErrorKind;
  /** What to do about it. */
  readonly hint: string;
  /** The facts behind the message; never a secret. */
  readonly facts: Readonly<Record<string, Fact>>;

  constructor(detail: ErrorDetail) {
    super(redact(detail.message), detail.cause === undefined ? undefined : { cause: detail.cause });
    this.name = new.target.name;
    this.hint = redact(detail.hint);
    this.facts = Object.fromEntries(
      Object.entries(detail.facts ?? {}).map(([key, value]) => [
        key,
        typeof value === 'string' ? redact(value) : value,
      ]),
    );
  }

  /** The process exit code of this error's kind. */
  get exitCode(): number {
    return EXIT_CODES[this.kind];
  }
}

/** Configuration, permission or sign-in: a person must act. Exit 2. */
export class ConfigError extends ConnectorError {
  readonly kind = 'config';
}

/** May succeed later; the next run resumes. The only kind that is ever retried. Exit 3. */
export class TransientError extends ConnectorError {
  readonly kind = 'transient';
}

/** More records rejected than the limit allows; nothing of the snapshot is published. Exit 4. */
export class DataError extends ConnectorError {
  readonly kind = 'data';
}

/** Another run, or another program, holds the dataset. Exit 5. */
export class LockedError extends ConnectorError {
  readonly kind = 'locked';
}

/** What arrived could not be proven whole; nothing of the snapshot is published. Exit 6. */
export class IntegrityError extends ConnectorError {
  readonly kind = 'integrity';
}

/** Loaded, but a reconciliation check failed. Exit 7. */
export class MismatchError extends ConnectorError {
  readonly kind = 'mismatch';
}

/** A defect of ours. Exit 70. */
export class SystemError extends ConnectorError {
  readonly kind = 'system';
}

/**
 * Turns anything thrown into an error of ours: ours stay as they are, anything else is a defect (`system`),
 * because whoever talks to the outside world is to classify its errors where it meets them.
 */
export function asConnectorError(thrown: unknown): ConnectorError {
  if (thrown instanceof ConnectorError) return thrown;
  const text = thrown instanceof Error ? `${thrown.name}: ${thrown.message}` : String(thrown);
  return new SystemError({
    message: `unexpected error: ${text}`,
    hint: 'this is a defect of the connector; report it with the lines above (secrets are removed from them)',
    cause: thrown,
  });
}

/** The gravest of several exit codes (order: 70, 6, 4, 2, 5, 3, 7, 0); 0 for none. */
export function gravestExitCode(codes: Iterable<number>): number {
  const seen = new Set(codes);
  return EXIT_CODES_BY_GRAVITY.find((code) => seen.has(code)) ?? 0;
}
