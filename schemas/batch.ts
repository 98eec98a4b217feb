import type { RecordBatch } from 'apache-arrow';
import type { EncodedRows } from './row-encoding.js';

/** Records of one blob, and where they came from. */
export interface Batch {
  /** Name of the blob, as the manifest gives it. */
  readonly blobName: string;
  /** With the schema of `arrowSchema(table)`; where the records are encoded, with that of `hashSchema(table)`. */
  readonly records: RecordBatch;
  /** The records as a destination asked for them, where the decoder can encode them. */
  readonly encoded?: EncodedRows;
}

/** A record that failed validation, kept so that a person can look at it. */
export interface RejectedRecord {
  readonly blobName: string;
  /** Number of the line in its blob, from 1. */
  readonly lineNumber: number;
  /** The field that failed, as the source spells it; null where the line as a whole is wrong. */
  readonly field: string | null;
  /** Why, in one short sentence that carries no customer data. */
  readonly reason: string;
  /** The line, at most 64 KiB of it; NUL and bytes that are no UTF-8 are escaped as `\xNN`. */
  readonly line: string;
  /** Length of the whole line in bytes. */
  readonly lineBytes: number;
  /** SHA-256 of the whole line's bytes, lower-case hex. */
  readonly lineSha256: string;
}

/** Counts of one blob, known when its last byte has been read and its gzip trailer verified. */
export interface BlobCounts {
  readonly blobName: string;
  /** Bytes of the blob as it came. */
  readonly bytes: number;
  /** Bytes after inflation; equal to `bytes` where the blob came already inflated. */
  readonly inflatedBytes: number;
  /** SHA-256 of the blob as it came, lower-case hex. */
  readonly sha256: string;
  /** Lines that were not blank: `recordsStaged + recordsRejected`. */
  readonly recordsRead: number;
  readonly recordsStaged: number;
  readonly recordsRejected: number;
  /** Unknown fields met, by name as the source spells it, with the number of records that had them (drift). */
  readonly unknownFields: Readonly<Record<string, number>>;
  /** Numbers that had more fractional digits than a column holds and were rounded; their text is in `_extra`. */
  readonly roundedNumbers: number;
}

/** What parsing a blob yields, in order; `counts` comes last, exactly once, and only if the blob is proven whole. */
export type ParsedPart =
  | { readonly kind: 'batch'; readonly batch: Batch }
  | { readonly kind: 'rejected'; readonly rejected: readonly RejectedRecord[] }
  | { readonly kind: 'counts'; readonly counts: BlobCounts };
