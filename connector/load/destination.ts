import type { Tolerance } from '../../schemas/config-tolerance.js';
import type { Batch, BlobCounts, ParsedPart } from '../../schemas/batch.js';
import type { InvoiceStatement } from '../../schemas/invoice-statement.js';
import type { RowEncoding } from '../../schemas/row-encoding.js';
import type { Scope } from '../../schemas/scope.js';
import type { AttributeSet, StreamName } from '../../schemas/streams.js';
import type { Report } from '../../schemas/progress.js';
import type { Table } from '../../schemas/table.js';
import type { Clock } from '../clock.js';
import type { InvoiceListReading, InvoiceListChanges } from './invoice-list-reading.js';
import type { PurgedHistory } from './purged-history.js';
import type { ReadCopy } from './read-copy.js';
import type { NewSignOff } from './sign-off-record.js';
import type { ScopeContent, StoredProof, StrayRows } from './scope-content.js';
import type { StagingTarget } from './staging-target.js';
import type { NextCheck, PublishCounts, RecordedState, RunRecord, ScopeAnswer } from './recorded-state.js';

export {
  NOTHING_RECORDED,
  SCOPE_STATES,
  type Agreement,
  type NextCheck,
  type PublishCounts,
  type PublishedSnapshot,
  type RecordedInvoice,
  type RecordedState,
  type RunRecord,
  type ScopeAnswer,
  type ScopeState,
  type ScopeStateName,
  type SignOff,
  type SignOffChange,
} from './recorded-state.js';

/** The SQL dialects, each a folder in `sql/` and in `connector/load/`. */
export const DIALECTS = ['postgres', 'duckdb'] as const;

/** One of {@link DIALECTS}. */
export type Dialect = (typeof DIALECTS)[number];

/** What a destination is made with, beside its own part of the configuration. */
export interface DestinationOptions {
  /** Turns a path of the configuration into an absolute one. */
  readonly path: (relative: string) => string;
  readonly report: Report;
  readonly clock: Clock;
  /** `lock_wait`: how long to wait for a file or a lock that somebody holds, in milliseconds. */
  readonly lockWaitMs: number;
  /** Recorded with each migration. */
  readonly connectorVersion: string;
}

/** What is published: the evidence known before the first record is read. */
export interface PublishRequest {
  readonly table: Table;
  readonly stream: StreamName;
  readonly scope: Scope;
  readonly runId: string;
  readonly loadId: string;
  readonly connectorVersion: string;
  readonly attributeSet: AttributeSet;
  readonly eTag: string;
  /** The tenant of the configuration; the manifest's was compared before. */
  readonly tenantId: string;
  /**
   * Where the month was learnt. For a month scope `export date`, or `manifest` where both agree; for an invoice
   * `manifest`, or null where its path shows none and `billingMonth` is null.
   */
  readonly billingMonthFrom: string | null;
  /** The month that an invoice's manifest shows, `2026-10`; for a month scope the scope's own. */
  readonly billingMonth: string | null;
  readonly operationId: string | null;
  readonly manifestId: string;
  readonly manifestCreatedAt: string | null;
  readonly requestIds: readonly string[];
  /** Without SAS. */
  readonly rootDirectory: string;
  /** The blobs that the manifest lists; each must yield its counts. With their digests as downloaded. */
  readonly blobs: readonly { readonly name: string; readonly bytes: number; readonly sha256: string }[];
  /** Invoice numbers that records of an invoice scope may carry besides the scope's own. */
  readonly acceptInvoiceNumbers: readonly string[];
  /** At most this many rejected records: a number, or a share such as `0.1%`. */
  readonly rejectedLimit: number | string;
  /** Publish an empty snapshot over one that has rows. */
  readonly allowEmpty: boolean;
  /** Publish `basic` over `full`. */
  readonly allowBasicOverFull: boolean;
  /**
   * Puts the scope right: also where this eTag is published already, rows that are not what was parsed, in whatever value
   * and by whatever hand, are replaced. History calls them `reloaded`.
   */
  readonly reload: boolean;
  /** The instant of publishing, stored as `published_at`. */
  readonly now: Date;
}

/** What publishing a snapshot did. */
export interface PublishResult {
  readonly loadId: string;
  readonly counts: PublishCounts;
  readonly sums: Readonly<Record<string, string>>;
  readonly blobs: readonly BlobCounts[];
  /** Records of the snapshot that was replaced; null where nothing was published before. */
  readonly replaced: number | null;
  /** Unbilled scopes that this publish superseded. */
  readonly superseded: readonly Scope[];
  /** The same eTag was published before, by another load: nothing was read or changed; `loadId` is that load's. */
  readonly alreadyPublished: boolean;
}

/** Who holds the dataset, as shown to whoever meets the lock. */
export interface LockHolder {
  readonly runId: string;
  readonly host: string;
  readonly pid: number;
  /** ISO 8601, UTC. */
  readonly since: string;
}

/** The lock of a run on a dataset. */
export interface RunLock {
  release(): Promise<void>;
}

/** What `check` found out about one thing it tried. */
export interface CheckLine {
  /** What was tried. */
  readonly tried: string;
  readonly result: 'ok' | 'failed' | 'not proven';
  /** What was found; for a failure what to do. */
  readonly detail: string;
}

/** The result of an ad-hoc query. Every value is text: decimals canonical, timestamps ISO 8601 without zone; null stays null. */
export interface QueryResult {
  readonly columns: readonly { readonly name: string; readonly type: string }[];
  rows(): AsyncIterable<readonly (string | null)[]>;
}

/**
 * Postgres or DuckDB, behind one interface. One contract suite (test/destination-contract.ts) holds for both.
 * Errors are the connector's own: `locked` when another program holds it, `transient` when it may work later,
 * `config` for missing rights, `integrity` for an unproven snapshot, `system` for a defect.
 */
export interface Destination {
  readonly dialect: Dialect;
  /** Name for logs and records: path or host and database, and dataset; no password. */
  readonly label: string;
  /** The copy that analysts keep open, where one is configured. */
  readonly readCopy: ReadCopy | null;
  /** Takes the dataset for one run; the lock is gone when the process dies. `locked` names who holds it. */
  lockRun(holder: LockHolder): Promise<RunLock>;
  /**
   * Opens the destination for planning or loading. DuckDB's file is held only until `close()`; waits up to
   * `lock_wait`, or `options.waitMs`, for a file that another process holds, then raises `locked` naming the process.
   */
  open(mode: 'read' | 'write', options?: OpenOptions): Promise<DestinationSession>;
  /** Connection, version and rights, each tried without changing anything. */
  check(): Promise<CheckLine[]>;
  /**
   * Runs one statement read-only and hands its rows to `use`; see issue text in README "query". `values` are bound to its
   * `$1`, `$2`, ...; a person's statement has none.
   */
  query<T>(sql: string, use: (result: QueryResult) => Promise<T>, values?: readonly string[]): Promise<T>;
  /** Frees what the destination holds (pools, files). */
  close(): Promise<void>;
}

/**
 * Yields a parsed snapshot from its start, each time it is called; encoded as asked, or with whole records, in which case a
 * destination encodes them itself.
 */
export type PartsSource = (encoding: RowEncoding | null) => AsyncIterable<ParsedPart>;

/** How a destination is opened. */
export interface OpenOptions {
  /** Milliseconds to wait for a file that somebody holds, in place of `lock_wait`; 0 does not wait. */
  readonly waitMs?: number;
  /** Ends the waiting with its reason. */
  readonly signal?: AbortSignal | undefined;
}

/** An open destination. */
export interface DestinationSession {
  /** Migrations, then views (number null), not applied yet, in order. @throws ConfigError when the database is newer than the connector. */
  pendingMigrations(): Promise<
    readonly { readonly number: number | null; readonly name: string; readonly sql: string }[]
  >;
  /** Applies pending migrations under a lock; returns what was applied. Never drops what a user added. */
  migrate(): Promise<readonly string[]>;
  /** What is recorded; an empty state when nothing was ever migrated. */
  readState(): Promise<RecordedState>;
  /**
   * Stages, proves, diffs, merges and records one snapshot in one transaction. A reader sees the whole old or the
   * whole new snapshot. `parts` is called again when the database asks to repeat the transaction.
   */
  publish(request: PublishRequest, parts: PartsSource): Promise<PublishResult>;
  /** The proof of the scope's published snapshot; null where nothing is published. Also of a dataset not migrated yet. */
  readProof(scope: Scope): Promise<StoredProof | null>;
  /** Hands one state of a scope to `use`: its proof and the rows that readers see of it, as they are now. */
  readScope<T>(scope: Scope, use: (content: ScopeContent) => Promise<T>): Promise<T>;
  /** Rows of a stream's table that no published snapshot accounts for, ten of them named. */
  readStrayRows(stream: StreamName): Promise<StrayRows>;
  /** Hands one state of the dataset to `use`, to be read by the statements of this folder. Of a migrated dataset. */
  readDataset<T>(use: (from: DatasetReading) => Promise<T>): Promise<T>;
  /**
   * Records who declared an invoice right, on what is published of it and how it is listed now.
   * @throws MismatchError when that is not what was looked at
   */
  keepSignOff(signOff: NewSignOff): Promise<void>;
  /** Records answers that published nothing, and refusals. */
  recordAnswers(answers: readonly ScopeAnswer[]): Promise<void>;
  /** Keeps what a reading of Partner Center's invoice list found new, changed or gone, with history, in one transaction. */
  recordInvoiceList(reading: InvoiceListReading): Promise<InvoiceListChanges>;
  /** Adds what a person stated of an invoice, under an id that no other statement has. */
  keepStatement(id: string, stated: InvoiceStatement): Promise<void>;
  /** What was stated last of each invoice, by its number. Also of a dataset not migrated yet: nothing. */
  readStatements(): Promise<readonly InvoiceStatement[]>;
  /**
   * Marks as superseded the unbilled scopes of months that are billed by now; returns the ones that were not before.
   * Every publish and every recorded invoice list does this too, in its own transaction.
   */
  closeMonths(now: Date): Promise<readonly Scope[]>;
  /** Records when scopes are to be asked for again. */
  recordNextChecks(checks: readonly NextCheck[]): Promise<void>;
  /** Records a refused snapshot: request, reason, what was counted. */
  recordRefusal(request: PublishRequest, reason: string, kind: string): Promise<void>;
  /** Records a run, at its start and again at its end. */
  recordRun(run: RunRecord): Promise<void>;
  /** Makes the tolerances that views read what the configuration says; returns whether anything was to be written. */
  keepTolerances(tolerances: readonly Tolerance[]): Promise<boolean>;
  /** Removes from history what was replaced before an instant, and records how far; published rows are not touched. */
  purgeHistory(before: Date): Promise<readonly PurgedHistory[]>;
  close(): Promise<void>;
}

/** A value bound to a statement. Never a number that carries money: decimals are bound as text. */
export type SqlValue = string | number | bigint | boolean | null;

/** A row with every value as text. */
export type TextRow = Readonly<Record<string, string | null>>;

/** One open transaction of a driver: what publish, migrations and records are written against, for both dialects. */
export interface SqlTransaction {
  readonly dialect: Dialect;
  /** Runs one statement with `$1`-style parameters and returns its rows as text. */
  rows(sql: string, parameters?: readonly SqlValue[]): Promise<TextRow[]>;
  /** Runs one statement and returns how many rows it changed. */
  run(sql: string, parameters?: readonly SqlValue[]): Promise<number>;
  /** How batches for `target` are best encoded by whoever parses them; null: not. The same object for the same target. */
  rowEncoding(target: StagingTarget): RowEncoding | null;
  /**
   * Appends a batch to `target`, `line_item_key` and `_row_hash` as UUID, and its own constants to each record. Returns
   * when the destination took it. A target whose relation has no primary key never uses its `repeats`.
   */
  stage(target: StagingTarget, batch: Batch): Promise<void>;
  /** Called once after the last `stage`: flushes, `repeats` too, and raises what the destination refused. */
  endStaging(target: StagingTarget): Promise<void>;
}

/** One state of the database, to be read. */
export interface SqlReading extends Pick<SqlTransaction, 'dialect' | 'rows'> {
  /**
   * The rows of one statement as they come, every value as text, never all of them in memory.
   * @param rows how many they are, as counted before: fewer are an error
   */
  stream(
    sql: string,
    parameters: readonly SqlValue[],
    rows: number,
  ): AsyncIterable<readonly (string | null)[]>;
}

/** One state of a dataset, to be read. */
export interface DatasetReading {
  readonly reading: SqlReading;
  readonly dataset: string;
}

/** A driver's connection: begins transactions. */
export interface SqlConnection {
  readonly dialect: Dialect;
  /** Commits when `work` returns, rolls back when it throws; errors come out as the connector's own. */
  transaction<T>(work: (transaction: SqlTransaction) => Promise<T>): Promise<T>;
  /** Reads one state of the database, whatever is published meanwhile; Postgres refuses to write. */
  reading<T>(work: (reading: SqlReading) => Promise<T>): Promise<T>;
  close(): Promise<void>;
}
