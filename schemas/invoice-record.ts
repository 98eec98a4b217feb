/** One document of Partner Center's invoice list, ready to be kept: an invoice or one of its amendments. */
export interface InvoiceRecord {
  /**
   * Canonical text by column of `INVOICE_COLUMNS`, every column present: decimals in plain notation without trailing
   * zeros, instants as `YYYY-MM-DDTHH:MM:SS.ffffff` in UTC, null for absent, blank and sentinel values.
   */
  readonly values: Readonly<Record<string, string | null>>;
  /** JSON object of the members that no column holds, names sorted, each value its raw token; null for none. */
  readonly extra: string | null;
  /** UUID over the values and the extra members, in the encoding of every other `_row_hash`. */
  readonly rowHash: string;
}

/** A document of the list with the month that it bills. */
export interface ListedInvoice {
  readonly record: InvoiceRecord;
  /** `2026-10`; null where the document does not tell. */
  readonly billingMonth: string | null;
}
