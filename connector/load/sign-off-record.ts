/** One thing that an invoice is made of, as it stands: a published snapshot of it, or its header in the invoice list. */
export interface InvoicePart {
  /** A billed stream, or `invoices` for the header. */
  readonly stream: string;
  /** The load that published the snapshot; of the header the reading of the list that last changed it. */
  readonly loadId: string;
  /** Null for the header. */
  readonly eTag: string | null;
  readonly records: number;
  /** Canonical decimal texts by currency: the snapshot's sums, the header's total. */
  readonly amounts: Readonly<Record<string, string>>;
  /** Digest of the rows (docs/proof.md), the header's row hash; null where none was kept. */
  readonly rowsDigest: string | null;
  readonly proofSha256: string | null;
}

/** A person's word that an invoice is right, to be recorded. */
export interface NewSignOff {
  readonly signOffId: string;
  readonly invoice: string;
  readonly signedBy: string;
  readonly signedAt: Date;
  /** What was looked at; at least one snapshot. */
  readonly parts: readonly InvoicePart[];
  /** What did not match, in a sentence; null where everything that was checked did. */
  readonly despite: string | null;
}
