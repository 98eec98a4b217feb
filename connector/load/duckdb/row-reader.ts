import type { DuckDBConnection, DuckDBDataChunk, DuckDBResult } from '@duckdb/node-api';
import { SystemError } from '../../../schemas/errors.js';
import { valueText } from './value-text.js';

/** Rows of a result, read to its proven end. */
export class RowReader {
  readonly #result: DuckDBResult;
  readonly #rows: number;
  #ended = false;

  /** @param rows how many the result has */
  constructor(result: DuckDBResult, rows: number) {
    this.#result = result;
    this.#rows = rows;
  }

  /** @throws SystemError when the result ends early: a streamed one just ends where an error occurs */
  async *read(): AsyncGenerator<readonly (string | null)[]> {
    let read = 0;
    for (;;) {
      const chunk = await this.#next();
      if (chunk === undefined) break;
      read += chunk.rowCount;
      yield* textRows(chunk);
    }
    if (read === this.#rows) return;
    throw new SystemError({
      message: `the result has ${this.#rows} rows, but only ${read} could be read`,
      hint: 'check the disk and destination.temp_directory, and try again; what was printed is incomplete',
    });
  }

  /** Ends a result that was not read to its end: it would keep the file open, and locked, after its connection. */
  async end(connection: DuckDBConnection): Promise<void> {
    if (!this.#ended) connection.interrupt();
    while (!this.#ended) await this.#next().catch(() => (this.#ended = true));
  }

  async #next(): Promise<DuckDBDataChunk | undefined> {
    const chunk = this.#ended ? null : await this.#result.fetchChunk();
    if (chunk !== null && chunk.rowCount > 0) return chunk;
    this.#ended = true;
    return undefined;
  }
}

/** By column first: the library looks its vectors up again for every value otherwise. */
function* textRows(chunk: DuckDBDataChunk): Generator<readonly (string | null)[]> {
  const columns = Array.from({ length: chunk.columnCount }, (_, column) =>
    chunk.convertColumnValues(column, valueText),
  );
  const { rowCount } = chunk;
  for (let row = 0; row < rowCount; row += 1) yield columns.map((values) => values[row] ?? null);
}
