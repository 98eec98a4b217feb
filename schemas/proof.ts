/** The form of {@link ProofDocument} that is written today. */
export const PROOF_VERSION = 1;

/** A blob of a snapshot as its proof names it. */
export interface ProofBlob {
  readonly name: string;
  /** Bytes as they came, compressed. */
  readonly bytes: number;
  readonly inflated_bytes: number;
  /** SHA-256 of the bytes as they came, lower-case hex. */
  readonly sha256: string;
  readonly records_read: number;
  readonly records_staged: number;
  readonly records_rejected: number;
  readonly numbers_rounded: number;
  /** Sorted by field. */
  readonly unknown_fields: readonly UnknownField[];
}

/** A field that no column holds, and how many records had it. */
export interface UnknownField {
  readonly field: string;
  readonly records: number;
}

/**
 * What a published snapshot is proven by, under the names of `_snapshots` and `_blobs` (docs/proof.md). Integers are
 * safe ones, decimals canonical text, instants ISO 8601 in UTC with milliseconds, texts are sorted by UTF-16 unit.
 */
export interface ProofDocument {
  /** Null where the snapshot was published before proofs were kept; `rows_digest` is null too then. */
  readonly proof_version: number | null;
  readonly stream: string;
  readonly scope: string;
  readonly tenant_id: string;
  /** `2026-10`; null where it is not known. */
  readonly billing_month: string | null;
  readonly billing_month_from: string | null;
  readonly load_id: string;
  readonly run_id: string;
  readonly published_at: string;
  readonly etag: string;
  readonly attribute_set: string;
  readonly table_version: number;
  readonly connector_version: string;
  readonly operation_id: string | null;
  readonly manifest_id: string;
  readonly manifest_created_at: string | null;
  /** In the order in which they were met. */
  readonly request_ids: readonly string[];
  /** Without a SAS. */
  readonly root_directory: string;
  /** Sorted by name. */
  readonly blobs: readonly ProofBlob[];
  readonly records_read: number;
  readonly records_staged: number;
  readonly records_rejected: number;
  /** Records that carried no tenant. */
  readonly records_without_tenant: number;
  readonly numbers_rounded: number;
  /** Invoice numbers of the records, most frequent first; empty for a month scope. */
  readonly invoice_numbers: readonly string[];
  /** Sorted by field. */
  readonly unknown_fields: readonly UnknownField[];
  /** Sorted by currency; `sum` is a canonical decimal. */
  readonly sums: readonly { readonly currency: string; readonly sum: string }[];
  /** `rowsDigestText` of the rows that readers see. */
  readonly rows_digest: string | null;
}

/**
 * The one text of a proof, whose UTF-8 bytes are digested: JSON as RFC 8785 has it, which here means that members
 * are sorted by name, nothing stands between tokens, and texts escape no more than they must.
 */
export function proofText(document: ProofDocument): string {
  return JSON.stringify(sorted(document));
}

function sorted(value: unknown): unknown {
  if (Array.isArray(value)) return value.map(sorted);
  if (typeof value !== 'object' || value === null) return value;
  const members = Object.entries(value).sort(([a], [b]) => (a < b ? -1 : 1));
  return Object.fromEntries(members.map(([name, member]) => [name, sorted(member)]));
}
