import type { Operation } from '../../schemas/graph.js';

/** How an operation stands. `unknown` keeps polling until the deadline, which then quotes it. */
export type Standing = 'running' | 'succeeded' | 'failed' | 'unknown';

/** Status words in lower case: Graph's documents and samples disagree (api-contract.md 2.4). */
const WORDS: Readonly<Record<string, Standing>> = {
  notstarted: 'running',
  running: 'running',
  succeeded: 'succeeded',
  completed: 'succeeded',
  failed: 'failed',
  skipped: 'failed',
};

/** Last part of `@odata.type` in lower case. */
const TYPES: Readonly<Record<string, Standing>> = {
  runningoperation: 'running',
  exportsuccessoperation: 'succeeded',
  failedoperation: 'failed',
};

/**
 * Decides by the status word, in any letter case, and by `@odata.type` together: where only one of them is known
 * it decides, where both are they must agree. A word that nobody knows beside a running type, a contradiction, or
 * neither of them is unknown.
 */
export function standingOf(operation: Operation): Standing {
  const byWord = lookUp(WORDS, operation.status);
  const byType = lookUp(TYPES, operation.type?.split('.').at(-1));
  if (byWord !== null && byType !== null) return byWord === byType ? byWord : 'unknown';
  if (byWord === null && byType === 'running' && operation.status !== undefined) return 'unknown';
  return byWord ?? byType ?? 'unknown';
}

/** Status and type as Graph wrote them, for messages: `paused (#microsoft.graph.partners.billing.runningOperation)`. */
export function statusText(operation: Operation): string {
  const type = operation.type?.split('.').at(-1);
  return `${operation.status ?? 'no status'}${type === undefined ? '' : ` (${type})`}`.slice(0, 200);
}

function lookUp(table: Readonly<Record<string, Standing>>, word: string | undefined): Standing | null {
  const key = word?.trim().toLowerCase() ?? '';
  return Object.hasOwn(table, key) ? (table[key] ?? null) : null;
}
