import pg from 'pg';
import type { Batch } from '../../../schemas/batch.js';
import { asConnectorError, TransientError } from '../../../schemas/errors.js';
import type { RowEncoding } from '../../../schemas/row-encoding.js';
import type { SqlConnection, SqlReading, SqlTransaction, SqlValue, TextRow } from '../destination.js';
import type { StagingTarget } from '../staging-target.js';
import { statement } from '../sql-text.js';
import { CopyStaging } from './copy-staging.js';
import { postgresError } from './postgres-error.js';
import { clientConfig, prepareSession, type SessionOptions } from './session.js';

/** Transactions that may be open at once: one publishes, others record answers. */
const MAX_CONNECTIONS = 4;

const ignore = (): void => undefined;

/** A few connections to one server; each transaction has one of them to itself. */
export class PostgresConnection implements SqlConnection {
  readonly dialect = 'postgres';
  private readonly pool: pg.Pool;
  private readonly prepared = new WeakSet<pg.ClientBase>();

  constructor(
    private readonly options: SessionOptions,
    private readonly place: string,
    /** Called before a connection is made; what it throws is what the transaction throws. */
    private readonly guard: () => Promise<void>,
  ) {
    this.pool = new pg.Pool({ ...clientConfig(options), max: MAX_CONNECTIONS });
    // A connection that breaks while idle is replaced by the pool; without a listener it would end the process.
    this.pool.on('error', () => undefined);
  }

  async transaction<T>(work: (transaction: SqlTransaction) => Promise<T>): Promise<T> {
    // Each statement sees what is committed, so that what follows the lock sees what the one before it did.
    return await this.within('BEGIN ISOLATION LEVEL READ COMMITTED', work);
  }

  async reading<T>(work: (reading: SqlReading) => Promise<T>): Promise<T> {
    return await this.within('BEGIN ISOLATION LEVEL REPEATABLE READ READ ONLY', work);
  }

  private async within<T>(begin: string, work: (transaction: PostgresTransaction) => Promise<T>): Promise<T> {
    const client = await this.begin(begin);
    const transaction = new PostgresTransaction(client, this.place);
    let broken = false;
    try {
      const result = await work(transaction);
      await transaction.run('COMMIT');
      return result;
    } catch (error) {
      await transaction.abandon();
      await client.query('ROLLBACK').catch(() => (broken = true));
      throw asConnectorError(error);
    } finally {
      client.off('error', ignore);
      client.release(broken);
    }
  }

  /** A connection with an open transaction. One that broke since it was last used is replaced: nothing is lost yet. */
  private async begin(begin: string): Promise<pg.PoolClient> {
    for (;;) {
      const { client, isNew } = await this.connect();
      // Broken while the driver is idle between two statements: the next statement says so.
      client.on('error', ignore);
      try {
        await client.query(begin);
        return client;
      } catch (error) {
        client.off('error', ignore);
        client.release(true);
        const ours = postgresError(error, this.place);
        if (isNew || !(ours instanceof TransientError)) throw ours;
      }
    }
  }

  async close(): Promise<void> {
    if (!this.pool.ending) await this.pool.end();
  }

  private async connect(): Promise<{ readonly client: pg.PoolClient; readonly isNew: boolean }> {
    try {
      await this.guard();
      const client = await this.pool.connect();
      if (this.prepared.has(client)) return { client, isNew: false };
      await prepareSession(client, this.options).catch((error: unknown) => {
        client.release(true);
        throw error;
      });
      this.prepared.add(client);
      return { client, isNew: true };
    } catch (error) {
      throw postgresError(error, this.place);
    }
  }
}

class PostgresTransaction implements SqlTransaction, SqlReading {
  readonly dialect = 'postgres';
  private readonly staging: CopyStaging;

  constructor(
    private readonly client: pg.ClientBase,
    private readonly place: string,
  ) {
    this.staging = new CopyStaging(client);
  }

  async rows(sql: string, parameters: readonly SqlValue[] = []): Promise<TextRow[]> {
    return (await this.query(sql, parameters)).rows;
  }

  async run(sql: string, parameters: readonly SqlValue[] = []): Promise<number> {
    return (await this.query(sql, parameters)).rowCount ?? 0;
  }

  async *stream(
    sql: string,
    parameters: readonly SqlValue[],
    rows: number,
  ): AsyncGenerator<readonly (string | null)[]> {
    await this.query(`${statement('postgres', 'session', 'declare rows')}\n${sql}`, parameters);
    let read = 0;
    for (;;) {
      const page = await this.guard(() =>
        this.client.query<(string | null)[]>({
          text: statement('postgres', 'session', 'fetch rows'),
          rowMode: 'array',
        }),
      );
      if (page.rows.length === 0) break;
      read += page.rows.length;
      yield* page.rows;
    }
    await this.query(statement('postgres', 'session', 'close rows'), []);
    if (read !== rows) throw new RangeError(`${rows} rows were counted and ${read} read`);
  }

  rowEncoding(target: StagingTarget): RowEncoding {
    return this.staging.rowEncoding(target);
  }

  async stage(target: StagingTarget, batch: Batch): Promise<void> {
    await this.guard(() => this.staging.stage(target, batch));
  }

  async endStaging(target: StagingTarget): Promise<void> {
    await this.guard(() => this.staging.end(target));
  }

  /** After an error: a COPY under way is given up, so that the connection can roll back. */
  async abandon(): Promise<void> {
    await this.staging.abandon();
  }

  private async query(sql: string, parameters: readonly SqlValue[]): Promise<pg.QueryResult<TextRow>> {
    return this.guard(async () => {
      await this.staging.endCopy();
      return this.client.query<TextRow>(sql, [...parameters]);
    });
  }

  private async guard<T>(work: () => Promise<T>): Promise<T> {
    try {
      return await work();
    } catch (error) {
      throw postgresError(error, this.place);
    }
  }
}
