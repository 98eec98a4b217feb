import type {
  Destination,
  DestinationSession,
  PublishRequest,
  PublishResult,
  TextRow,
} from '../../connector/load/destination.js';
import type { ConnectorError } from '../../schemas/errors.js';
import type { InvoiceScope, MonthScope, Scope } from '../../schemas/scope.js';
import { STREAMS } from '../../schemas/streams.js';
import { publishRequest, snapshotOf, type Snapshot, type SourceRecord } from '../snapshot.js';

/** A database to test a destination on. */
export interface ContractDatabase {
  /** A destination over the database with that dataset. */
  destination(dataset: string): Destination;
  /**
   * Runs a statement by hand, as a user with every right would; no session of ours is open meanwhile. `dataset` says
   * where, for drivers that test each dataset in a database of its own.
   */
  byHand(sql: string, dataset: string): Promise<void>;
  /** Rows of a query whose values are all text, in a session of a user's whose time zone is that. */
  inTimeZone(timeZone: string, sql: string, dataset: string): Promise<TextRow[]>;
  close(): Promise<void>;
}

export const INVOICE: InvoiceScope = { by: 'invoice', stream: 'billed_usage', invoice: 'G000001' };
export const MONTH: MonthScope = { by: 'month', stream: 'unbilled_usage', month: '2026-11', currency: 'USD' };

let datasets = 0;

/** One dataset of a database, with what tests do to it in one line. */
export class Dataset {
  readonly name: string;
  readonly destination: Destination;
  private loads = 0;
  private open: DestinationSession | undefined;

  private constructor(readonly database: ContractDatabase) {
    datasets += 1;
    this.name = `d${datasets}`;
    this.destination = database.destination(this.name);
  }

  /** A dataset that nothing was ever done to. */
  static unmigrated(database: ContractDatabase): Dataset {
    return new Dataset(database);
  }

  /** A dataset with its tables. */
  static async migrated(database: ContractDatabase): Promise<Dataset> {
    const dataset = new Dataset(database);
    await dataset.write((session) => session.migrate());
    return dataset;
  }

  async write<T>(work: (session: DestinationSession) => Promise<T>): Promise<T> {
    return this.with('write', work);
  }

  /** Keeps one session open for all publishes in `work`; nothing is queried meanwhile. */
  async inOneSession(work: () => Promise<void>): Promise<void> {
    await this.write(async (session) => {
      this.open = session;
      try {
        await work();
      } finally {
        this.open = undefined;
      }
    });
  }

  async read<T>(work: (session: DestinationSession) => Promise<T>): Promise<T> {
    return this.with('read', work);
  }

  /** Publishes records of a scope as load `l1`, `l2`, ... with eTag `e1`, `e2`, ... */
  async publish(
    scope: Scope,
    records: readonly (SourceRecord | string)[],
    fields: Partial<PublishRequest> = {},
  ): Promise<PublishResult> {
    return this.publishSnapshot(
      scope,
      await snapshotOf(STREAMS[scope.stream].table, { 'part-1.json.gz': records }),
      fields,
    );
  }

  async publishSnapshot(
    scope: Scope,
    snapshot: Snapshot,
    fields: Partial<PublishRequest> = {},
  ): Promise<PublishResult> {
    this.loads += 1;
    const request = publishRequest(scope, snapshot, {
      loadId: `l${this.loads}`,
      eTag: `e${this.loads}`,
      ...fields,
    });
    return this.write((session) => session.publish(request, snapshot.parts));
  }

  /** The error with which a publish is refused. @throws when it is not */
  async refused(
    scope: Scope,
    records: readonly (SourceRecord | string)[],
    fields: Partial<PublishRequest> = {},
  ): Promise<ConnectorError> {
    return failure(this.publish(scope, records, fields));
  }

  /** Rows of a read-only query; `{d}` is the dataset. */
  async rows(sql: string): Promise<TextRow[]> {
    return this.destination.query(sql.replaceAll('{d}', this.name), async (result) => {
      const found: TextRow[] = [];
      for await (const row of result.rows()) {
        found.push(Object.fromEntries(result.columns.map(({ name }, index) => [name, row[index] ?? null])));
      }
      return found;
    });
  }

  /** A statement by hand in the dataset's database; `{d}` is the dataset. */
  async byHand(sql: string): Promise<void> {
    await this.database.byHand(sql.replaceAll('{d}', this.name), this.name);
  }

  /** Rows of a query whose values are all text, in a session with that time zone; `{d}` is the dataset. */
  async inTimeZone(timeZone: string, sql: string): Promise<TextRow[]> {
    return this.database.inTimeZone(timeZone, sql.replaceAll('{d}', this.name), this.name);
  }

  /** The one value of a read-only query. */
  async value(sql: string): Promise<string | null> {
    const [row] = await this.rows(sql);
    return Object.values(row ?? {})[0] ?? null;
  }

  /** Everything that a table holds, as comparable text; to prove that nothing changed. */
  async everything(): Promise<string> {
    const tables = ['billed_usage', 'billed_usage_history', 'unbilled_usage', 'unbilled_totals'];
    const records = ['_snapshots', '_blobs', '_rejected_records', '_scopes', '_dataset'];
    const each = [...tables, ...records].map(
      (table) => `SELECT '${table}' AS name, CAST(t AS VARCHAR) AS line FROM {d}.${table} t`,
    );
    const rows = await this.rows(each.join(' UNION ALL '));
    return rows
      .map((row) => `${row['name'] ?? ''} ${row['line'] ?? ''}`)
      .sort()
      .join('\n');
  }

  private async with<T>(
    mode: 'read' | 'write',
    work: (session: DestinationSession) => Promise<T>,
  ): Promise<T> {
    if (this.open !== undefined) return work(this.open);
    const session = await this.destination.open(mode);
    try {
      return await work(session);
    } finally {
      await session.close();
    }
  }
}

/** The error that a promise is rejected with. @throws when it is fulfilled */
export async function failure(promise: Promise<unknown>): Promise<ConnectorError> {
  let result: unknown;
  try {
    result = await promise;
  } catch (error) {
    return error as ConnectorError;
  }
  throw new Error(`expected a failure, found ${JSON.stringify(result)}`);
}
