import { DuckDBTableFunction, type DuckDBConnection, type DuckDBDataChunk } from '@duckdb/node-api';
import type { Batch } from '../../../schemas/batch.js';
import type { ChunkFilling, StagedColumn } from './staged-columns.js';
import { VECTOR_ROWS } from './vector-memory.js';

/** Name of the table function that statements read batches from. */
export const FEED = 'partner_billing_batches';

/**
 * Batches as a table of SQL: a statement that selects from the table function {@link FEED} gets what is in the queue,
 * and what is added while it runs, until it finds the queue empty. DuckDB asks for rows on its own threads and gets
 * them on Node's, a vector at a time, so that neither waits for long. One statement at a time.
 */
export class BatchFeed {
  readonly #queue: Batch[] = [];
  #columns: readonly StagedColumn[] = [];
  #filling: ChunkFilling | undefined;
  /** Rows of the first batch in the queue that were given already. */
  #given = 0;
  #rowsGiven = 0;
  #failure: unknown;
  readonly #taken: () => void;

  /**
   * Makes the function known to a connection's database; not in a transaction that may be rolled back.
   * @param taken called each time a batch has left the queue
   */
  constructor(connection: DuckDBConnection, taken: () => void) {
    this.#taken = taken;
    connection.registerTableFunction(
      DuckDBTableFunction.create({
        name: FEED,
        bindFunction: (binding) =>
          this.#columns.forEach(({ name, type }) => binding.addResultColumn(name, type)),
        // One thread writes one row group after the other, whole; two would leave parts of some to be merged again.
        initFunction: (scan) => scan.setMaxThreads(1),
        mainFunction: (_scan, chunk) => this.#give(chunk),
      }),
    );
  }

  /** Batches in the queue. */
  get queued(): number {
    return this.#queue.length;
  }

  /** Rows that statements were given since {@link open}. */
  get rowsGiven(): number {
    return this.#rowsGiven;
  }

  /** What went wrong while a chunk was filled; DuckDB's own error only quotes it. */
  get failure(): unknown {
    return this.#failure;
  }

  /** Begins anew, with what the next batches are to fill. */
  open(columns: readonly StagedColumn[], filling: ChunkFilling): void {
    this.reset();
    this.#columns = columns;
    this.#filling = filling;
  }

  /** Forgets what was queued, given and wrong. */
  reset(): void {
    this.clear();
    this.#rowsGiven = 0;
    this.#failure = undefined;
  }

  /** Queues a batch. */
  add(batch: Batch): void {
    if (batch.records.numRows > 0) this.#queue.push(batch);
  }

  /** Drops what is queued: a statement under way finds nothing more. */
  clear(): void {
    this.#queue.length = 0;
    this.#given = 0;
  }

  #give(chunk: DuckDBDataChunk): void {
    const [batch] = this.#queue;
    if (batch === undefined || this.#filling === undefined) {
      chunk.rowCount = 0;
      return;
    }
    try {
      const rows = Math.min(VECTOR_ROWS, batch.records.numRows - this.#given);
      chunk.rowCount = rows;
      this.#filling.fill(chunk, batch, this.#given, rows);
      this.#given += rows;
      this.#rowsGiven += rows;
    } catch (error) {
      this.#failure ??= error;
      throw error;
    }
    if (this.#given < batch.records.numRows) return;
    this.#queue.shift();
    this.#given = 0;
    this.#taken();
  }
}
