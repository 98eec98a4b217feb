/** Row numbers from here on are rows that a restatement added; below it are a scope's own rows. */
export const ADDED_ROWS = 1_000_000_000;

/** Room that a writer must leave for one line, in bytes; no line of a source is longer. */
export const LONGEST_LINE = 16 * 1024;

/**
 * The rows of one scope and attribute set. Each row is made from its number only, so that any slice of ten million
 * can be written without the others.
 */
export interface RowSource {
  /** Own rows, numbered from 0. Rows from {@link ADDED_ROWS} on exist beside them. */
  readonly rows: number;
  /** The amount of a row (scale 10); `revision` counts how often a restatement changed it, from 0. */
  amountOf(row: number, revision: number): bigint;
  /** Writes a row as JSON without a newline at `offset` and says where it ended. */
  write(target: Buffer, offset: number, row: number, revision: number): number;
}
