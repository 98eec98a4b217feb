import { asConnectorError, gravestExitCode, type ConnectorError, type Fact } from '../schemas/errors.js';
import type { StreamName } from '../schemas/streams.js';
import type { PublishCounts } from './load/destination.js';

/**
 * What became of one scope.
 * - `published`: a new snapshot is what readers see now.
 * - `reloaded`: it was published anew by name (`--reload`); what was changed by hand is put right.
 * - `unchanged`: Graph's eTag and attribute set are those of the published snapshot, or an empty one is published and
 *   Graph still has no data; no blob was read.
 * - `no data`: Graph has none for it, and none is expected; nothing was published before.
 * - `pending`: Graph has none for it yet; every run asks again, and from the 12th on it is `failed`.
 * - `kept`: the answer was empty or of another month; the old snapshot stays, with a warning.
 * - `refused`: what arrived was not proven whole, or too much of it was rejected; the old snapshot stays.
 * - `failed`: it could not be asked for or loaded; the next run goes on where this one stopped.
 * - `superseded`: an unbilled scope whose month is billed by now: kept as it last was, and no longer asked for. A scope
 *   that was asked for in the same run has an entry of its own for that.
 */
export type ScopeOutcome =
  | 'published'
  | 'reloaded'
  | 'unchanged'
  | 'no data'
  | 'pending'
  | 'kept'
  | 'refused'
  | 'failed'
  | 'superseded';

/** What a run did with one scope. Sums are canonical decimal texts by currency. */
export interface ScopeSummary {
  readonly stream: StreamName;
  readonly scope: string;
  readonly outcome: ScopeOutcome;
  readonly exitCode: number;
  /** Why the plan asked for it; why a superseded scope is no longer asked for. */
  readonly reason: string;
  readonly eTag?: string;
  readonly counts?: PublishCounts;
  readonly sums?: Readonly<Record<string, string>>;
  /** Records that the published snapshot lacks because they were rejected; absent where none was. */
  readonly rejected?: number;
  /** Fields that no column holds, with the number of records that had them. */
  readonly drift?: Readonly<Record<string, number>>;
  readonly error?: ErrorSummary;
  readonly warnings: readonly string[];
}

/** An error as a summary shows it; secrets were removed when it was built. */
export interface ErrorSummary {
  readonly kind: string;
  readonly message: string;
  readonly hint: string;
  readonly facts: Readonly<Record<string, string | number | boolean | null>>;
}

/**
 * What reading Partner Center's invoice list came to.
 * - `read`: it names documents, and they are recorded.
 * - `empty`: it names none; documents recorded before are kept.
 * - `failed`: it could not be read; the run went on with the documents recorded before.
 */
export interface InvoiceListSummary {
  readonly outcome: 'read' | 'empty' | 'failed';
  readonly exitCode: number;
  /** How many it names; null where it could not be read. */
  readonly documents: number | null;
  /** Null where it could not be read, or is kept in the spool while somebody holds the file. */
  readonly changes: {
    readonly inserted: number;
    readonly updated: number;
    readonly deleted: number;
    readonly unchanged: number;
  } | null;
  readonly error?: ErrorSummary;
  readonly warnings: readonly string[];
}

/**
 * What became of the read copy (`destination.read_copy`).
 * - `published`: a copy of the destination as it is now is what analysts find.
 * - `current`: it held the same data already.
 * - `failed`: the copy that is there is older than the data.
 */
export interface ReadCopySummary {
  readonly outcome: 'published' | 'current' | 'failed';
  readonly exitCode: number;
  readonly path: string;
  readonly error?: ErrorSummary;
}

/**
 * What purging history came to (`retention`).
 * - `purged`: rows that were replaced before `before` are gone.
 * - `nothing due`: none was that old.
 * - `left`: somebody holds the file; the next run purges.
 * - `failed`: it could not be purged; nothing was, and the next run tries again.
 */
export interface RetentionSummary {
  readonly outcome: 'purged' | 'nothing due' | 'left' | 'failed';
  readonly exitCode: number;
  /** ISO 8601, UTC. */
  readonly before: string;
  /** Rows of history removed, by stream; streams of which none was are left out. */
  readonly rows: Readonly<Record<string, number>>;
  readonly error?: ErrorSummary;
}

/** What a run did. Printed as one JSON document by `sync --json`; instants are ISO 8601 in UTC. */
export interface RunSummary {
  readonly runId: string;
  readonly connectorVersion: string;
  readonly startedAt: string;
  readonly finishedAt: string;
  /** In a few words: `nothing changed`, `2 published, 6 unchanged`, `1 failed, 3 published`. */
  readonly outcome: string;
  /** The gravest exit code of the scopes, the invoice list, retention and the read copy. */
  readonly exitCode: number;
  /** Null where no stream discovers its invoices. */
  readonly invoiceList: InvoiceListSummary | null;
  readonly scopes: readonly ScopeSummary[];
  /** Null where no read copy is configured. */
  readonly readCopy: ReadCopySummary | null;
  /** Null where history is kept for ever. */
  readonly retention: RetentionSummary | null;
  /** How many scopes were not asked for; `plan` says why. */
  readonly left: number;
  readonly warnings: readonly string[];
}

const OUTCOMES_BY_GRAVITY: readonly ScopeOutcome[] = [
  'failed',
  'refused',
  'kept',
  'pending',
  'published',
  'reloaded',
  'superseded',
  'no data',
  'unchanged',
];

/** An error as a summary shows it: the connector's own as they are, anything else as a defect. */
export function errorSummary(thrown: unknown): ErrorSummary {
  const error: ConnectorError = asConnectorError(thrown);
  const facts = Object.entries(error.facts)
    .filter(([, value]) => value !== undefined)
    .map(([name, value]) => [name, printable(value)] as const);
  return { kind: error.kind, message: error.message, hint: error.hint, facts: Object.fromEntries(facts) };
}

function printable(value: Fact): string | number | boolean | null {
  if (typeof value === 'bigint') return value.toString();
  return value ?? null;
}

/** The outcome of a run in a few words, gravest first; says so when nothing changed or nothing was asked for. */
export function outcomeText(scopes: readonly ScopeSummary[], list: InvoiceListSummary | null = null): string {
  const listFailed = list?.outcome === 'failed' ? ['invoice list failed'] : [];
  if (scopes.length === 0) return listFailed[0] ?? 'nothing to do';
  if (scopes.every((scope) => scope.outcome === 'unchanged'))
    return [...listFailed, 'nothing changed'].join(', ');
  const counted = OUTCOMES_BY_GRAVITY.map(
    (outcome) => [outcome, scopes.filter((scope) => scope.outcome === outcome).length] as const,
  )
    .filter(([, count]) => count > 0)
    .map(([outcome, count]) => `${count} ${outcome}`);
  return [...listFailed, ...counted].join(', ');
}

/** The exit code of a run: the gravest of its scopes' and the invoice list's (70, 6, 4, 2, 5, 3, 7, 0 in that order). */
export function exitCodeOf(scopes: readonly ScopeSummary[], list: InvoiceListSummary | null = null): number {
  return gravestExitCode([...scopes.map((scope) => scope.exitCode), list?.exitCode ?? 0]);
}
