import type { Batch } from '../../../schemas/batch.js';
import { SystemError } from '../../../schemas/errors.js';
import { identifier, nameList, qualified, statement, type SqlText } from '../sql-text.js';
import type { StagingTarget } from '../staging-target.js';
import { BatchFeed, FEED } from './batch-feed.js';
import type { OpenDatabase } from './database.js';
import { resultOf } from './insert-progress.js';
import { assertTypes, stagedColumns, type ChunkFilling, type StagedColumn } from './staged-columns.js';

/** Batches that make a statement worth its while. */
const ENOUGH = 4;
/** Batches that wait at most: `stage` returns when there are fewer. At a batch's limit of 8 MiB they are 64 MiB. */
const MOST = 8;

/** How chunks are filled: {@link fillingWithColumns}, or the documented way. */
export type MakeFilling = (columns: readonly StagedColumn[]) => ChunkFilling;

/**
 * Stages batches by `INSERT ... SELECT` from a {@link BatchFeed}, one statement for as many batches as arrive while it
 * runs: DuckDB compresses and writes on its own thread while Node's parses, downloads and beats. Between two calls of
 * {@link settle} a statement may be under way, and the connection is not free for another.
 */
export class BatchStager {
  readonly #database: OpenDatabase;
  readonly #makeFilling: MakeFilling;
  readonly #feed: BatchFeed;
  #target: StagingTarget | undefined;
  #insert: SqlText | undefined;
  #running: Promise<void> | undefined;
  #rowsInserted = 0;
  #failure: { readonly error: unknown } | undefined;
  #wake: () => void = () => undefined;

  constructor(database: OpenDatabase, makeFilling: MakeFilling) {
    this.#database = database;
    this.#makeFilling = makeFilling;
    this.#feed = new BatchFeed(database.connection, () => this.#wake());
  }

  /** Takes a batch; returns when few enough wait. @throws what DuckDB refused, of this batch or one before */
  async stage(target: StagingTarget, batch: Batch): Promise<void> {
    if (this.#target !== target) await this.#turnTo(target);
    this.#feed.add(batch);
    if (this.#feed.queued >= ENOUGH) this.#run();
    while (this.#feed.queued >= MOST && this.#failure === undefined) {
      await new Promise<void>((resolve) => {
        this.#wake = resolve;
      });
    }
    this.#assertWell();
  }

  /** Returns when all that was staged is in the relation, and the connection is free. @throws what DuckDB refused */
  async settle(): Promise<void> {
    while (this.#running !== undefined || (this.#feed.queued > 0 && this.#failure === undefined)) {
      this.#run();
      await this.#running;
    }
    this.#assertWell();
    const { rowsGiven } = this.#feed;
    if (rowsGiven === this.#rowsInserted) return;
    throw new SystemError({
      message: `DuckDB inserted ${this.#rowsInserted} rows of ${rowsGiven} that were staged`,
      hint: 'this is a defect of the connector or of DuckDB; nothing was published',
    });
  }

  /** As {@link settle}, and the next batch is looked at as the first of its target. */
  async end(): Promise<void> {
    await this.settle();
    this.#target = undefined;
  }

  /** Gives up what was staged, on the way out of a transaction; the connection is free on return. Never throws. */
  async abandon(): Promise<void> {
    this.#feed.clear();
    if (this.#running !== undefined) this.#database.connection.interrupt();
    await this.#running;
    this.#feed.reset();
    this.#rowsInserted = 0;
    this.#target = undefined;
    this.#failure = undefined;
  }

  async #turnTo(target: StagingTarget): Promise<void> {
    await this.settle();
    const columns = stagedColumns(target);
    const fills = {
      relation: qualified(target.schema ?? 'temp', target.name),
      columns: nameList(target.columns),
      batches: identifier(FEED),
    };
    const found = await this.#database.connection.run(statement('duckdb', 'staging', 'columns', fills));
    assertTypes(columns, found.columnTypes());
    this.#feed.open(columns, this.#makeFilling(columns));
    this.#insert = statement('duckdb', 'staging', 'insert', fills);
    this.#rowsInserted = 0;
    this.#target = target;
  }

  /** Starts a statement unless one is under way. Its end starts the next one where enough came too late for it. */
  #run(): void {
    if (this.#running !== undefined || this.#insert === undefined) return;
    this.#running = this.#runOnce(this.#insert)
      .catch((error: unknown) => {
        this.#failure ??= { error: this.#feed.failure ?? error };
        this.#feed.clear();
      })
      .then(() => {
        this.#running = undefined;
        if (this.#feed.queued >= ENOUGH) this.#run();
        this.#wake();
      });
  }

  async #runOnce(insert: SqlText): Promise<void> {
    const { connection, threads } = this.#database;
    const { rowsChanged } =
      threads > 1 ? await resultOf(await connection.start(insert)) : await connection.run(insert);
    this.#rowsInserted += rowsChanged;
  }

  #assertWell(): void {
    if (this.#failure !== undefined) throw this.#failure.error;
  }
}
