import { ConnectorError } from '../schemas/errors.js';

/** An error as logs show it: named fields only, so that nothing that a library hangs on its errors gets out. */
export interface ErrorRecord {
  readonly type: string;
  readonly message: string;
  readonly kind?: string;
  readonly code?: string;
  readonly hint?: string;
  readonly facts?: Readonly<Record<string, string | number | boolean | null>>;
  readonly stack?: string;
  readonly cause?: ErrorRecord;
}

const MAX_CAUSES = 5;

/** What is known of a thrown value and of what led to it, five deep; with stacks only where they are asked for. */
export function errorRecord(thrown: unknown, withStacks: boolean, depth = 0): ErrorRecord {
  if (!(thrown instanceof Error)) return { type: typeof thrown, message: String(thrown) };
  const ours = thrown instanceof ConnectorError ? thrown : null;
  const code = 'code' in thrown && typeof thrown.code === 'string' ? thrown.code : undefined;
  const goesOn = thrown.cause !== undefined && thrown.cause !== thrown && depth < MAX_CAUSES;
  return {
    type: thrown.name,
    message: thrown.message,
    ...(ours === null ? {} : { kind: ours.kind, hint: ours.hint, facts: factsOf(ours) }),
    ...(code === undefined ? {} : { code }),
    ...(withStacks && thrown.stack !== undefined ? { stack: thrown.stack } : {}),
    ...(goesOn ? { cause: errorRecord(thrown.cause, withStacks, depth + 1) } : {}),
  };
}

function factsOf(error: ConnectorError): Record<string, string | number | boolean | null> {
  const facts = Object.entries(error.facts).map(
    ([name, value]) => [name, typeof value === 'bigint' ? value.toString() : (value ?? null)] as const,
  );
  return Object.fromEntries(facts);
}

/**
 * An error as a person reads it: what happened, the facts that the message does not show, and what to do. Causes and
 * stacks only where they are asked for.
 */
export function errorText(error: ConnectorError, withStacks: boolean): string {
  const facts = Object.entries(factsOf(error))
    .filter(([, value]) => value !== null && value !== '' && !error.message.includes(String(value)))
    .map(([name, value]) => `  ${name}: ${value}`);
  const causes = withStacks ? causeLines(errorRecord(error, true)) : [];
  return [`error: ${error.message}`, ...facts, ...causes, `hint: ${error.hint}`].join('\n');
}

function causeLines(record: ErrorRecord): string[] {
  const own = (record.stack ?? `${record.type}: ${record.message}`).split('\n').map((line) => `  ${line}`);
  return record.cause === undefined ? own : [...own, '  because of', ...causeLines(record.cause)];
}
