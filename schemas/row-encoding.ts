/** A column that batches do not have, with the one value that every staged record gets. A date is `yyyy-mm-dd`. */
export type ConstantColumn =
  | { readonly name: string; readonly type: 'text' | 'date'; readonly value: string }
  | { readonly name: string; readonly type: 'integer'; readonly value: number };

/** How records are to be encoded where they are parsed, so that a destination hands them on as they are. */
export interface RowEncoding {
  /** Rows of `COPY ... FROM STDIN (FORMAT binary)`, without its header and its trailer. */
  readonly format: 'postgres copy binary';
  /** The fields of a row in their order: fields of `arrowSchema(table)`, `_blob_name`, and the constants. */
  readonly columns: readonly string[];
  readonly constants: readonly ConstantColumn[];
}

/** Records of one batch, encoded. */
export interface EncodedRows {
  readonly encoding: RowEncoding;
  /** All rows, one behind the other. */
  readonly bytes: Uint8Array<ArrayBuffer>;
  /** Where each row ends in `bytes`; it begins where the one before it ends. */
  readonly rowEnds: Uint32Array<ArrayBuffer>;
}
