import type { ConstantColumn } from '../../schemas/row-encoding.js';
import type { Table } from '../../schemas/table.js';

/** Where staged records go. */
export interface StagingTarget {
  /** The relation's schema; null: a temporary table that this transaction created. */
  readonly schema: string | null;
  /** The relation's name, not quoted. */
  readonly name: string;
  /** What the batches are of. */
  readonly table: Table;
  /**
   * The columns that are filled, in the relation's own order: the fields of `arrowSchema(table)`, `_blob_name` (the
   * batch's), and the {@link constants}. For DuckDB they are all that the relation has.
   */
  readonly columns: readonly string[];
  readonly constants: readonly ConstantColumn[];
  /**
   * Where a record goes whose `line_item_key` may be in the relation already, because the relation's primary key would
   * refuse it; null: every record goes into the relation.
   */
  readonly repeats: StagingTarget | null;
}
