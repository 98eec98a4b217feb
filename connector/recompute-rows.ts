import { RowsDigestSum, type RowsDigest } from '../schemas/rows-digest.js';
import type { Table } from '../schemas/table.js';
import { StoredRowHasher } from '../transforms/stored-row.js';
import { uuidText } from '../transforms/uuid-text.js';
import type { RowKey, ScopeContent, StoredRow } from './load/scope-content.js';

/** Rows that are named at most. */
const NAMED_ROWS = 10;

/** Rows with something in common, ten of them named. */
export interface NamedRows {
  readonly rows: number;
  readonly keys: readonly RowKey[];
}

/** What recomputing the hashes of a scope's rows from their values found. */
export interface RecomputedRows {
  /** Of the hashes that the values have now. */
  readonly digest: RowsDigest;
  /** Rows whose `_row_hash` is not that of their values. */
  readonly changed: NamedRows;
  /** Rows whose `line_item_key` is not that of their values. */
  readonly rekeyed: NamedRows;
}

/** Reads every row of a scope once and hashes it anew; memory does not grow with the rows. */
export async function recomputeRows(
  content: ScopeContent,
  table: Table,
  signal: AbortSignal,
): Promise<RecomputedRows> {
  const hasher = await StoredRowHasher.of(table);
  const sum = new RowsDigestSum();
  const changed = new RowNames();
  const rekeyed = new RowNames();
  for await (const row of content.rows()) {
    signal.throwIfAborted();
    const { lineItemKey, rowHash } = hasher.hash(row.texts, row.extra);
    sum.add(rowHash);
    if (uuidText(rowHash) !== row.rowHash) changed.add(row);
    if (uuidText(lineItemKey) !== row.lineItemKey) rekeyed.add(row);
  }
  return { digest: sum.digest(), changed, rekeyed };
}

class RowNames implements NamedRows {
  rows = 0;
  readonly keys: RowKey[] = [];

  add({ lineItemKey, occurrence }: StoredRow): void {
    this.rows += 1;
    if (this.keys.length < NAMED_ROWS) this.keys.push({ lineItemKey, occurrence });
  }
}
