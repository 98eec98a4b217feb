import type { ProofDocument } from '../../schemas/proof.js';
import type { RowsDigest } from '../../schemas/rows-digest.js';

/** The proof of a published snapshot as the destination keeps it. */
export interface StoredProof {
  /** Made of what `_snapshots` and `_blobs` say now. */
  readonly document: ProofDocument;
  /** The digest that was stored when it was published; null where it was published before proofs were kept. */
  readonly sha256: string | null;
}

/** What names a row to a person. */
export interface RowKey {
  readonly lineItemKey: string;
  readonly occurrence: number;
  /** The scope that its columns say, where it is another one than is looked at, or was not known. */
  readonly scope?: string;
}

/** A row as a table holds it. */
export interface StoredRow extends RowKey {
  readonly rowHash: string;
  /** The values of the table's columns in their declared order, as the database prints them. */
  readonly texts: readonly (string | null)[];
  /** The JSON text of `_extra`. */
  readonly extra: string | null;
}

/** One state of a scope: what is recorded of it, and the rows that readers see. */
export interface ScopeContent {
  /** Of the published snapshot; null where nothing is published. */
  readonly proof: StoredProof | null;
  /** Of the stored row hashes. */
  readonly digest: RowsDigest;
  /** Canonical sum of the amount by currency. */
  readonly sums: Readonly<Record<string, string>>;
  /** Every row once, in any order; never all of them in memory. */
  rows(): AsyncIterable<StoredRow>;
  /** Keys that occur more than once with the same number; ten at most. */
  repeated(): Promise<readonly RowKey[]>;
  /** Rows with that `_row_hash`, in whatever scope of the table; ten at most. */
  rowsOfHash(rowHash: string): Promise<readonly RowKey[]>;
}

/** Rows that no published snapshot accounts for. */
export interface StrayRows {
  readonly rows: number;
  /** Ten at most. */
  readonly keys: readonly RowKey[];
}
