import type { BlobCounts, ParsedPart, RejectedRecord } from '../schemas/batch.js';
import {
  asConnectorError,
  ConfigError,
  DataError,
  IntegrityError,
  LockedError,
  MismatchError,
  SystemError,
  TransientError,
  type ConnectorError,
  type ErrorDetail,
  type ErrorKind,
  type Fact,
} from '../schemas/errors.js';
import type { RowEncoding } from '../schemas/row-encoding.js';
import { arrowSchema, hashSchema } from '../schemas/table-arrow.js';
import type { Table } from '../schemas/table.js';
import type { ParseLimits } from '../transforms/parse-blob.js';
import type { DecoderName } from './decoder-choice.js';
import { packBatch, unpackBatch, type PackedBatch } from './packed-batch.js';

/** The work of a parse worker: one package. */
export interface ParseTask {
  /** The blobs' names and the paths of their files, in the order in which they are parsed. */
  readonly blobs: readonly { readonly name: string; readonly path: string }[];
  readonly table: Table;
  readonly limits: Partial<ParseLimits>;
  readonly decoder: DecoderName;
  /** What the fast decoder encodes records to; null: nothing. */
  readonly encoding: RowEncoding | null;
  /** How many parts the worker may be ahead of whoever takes them. */
  readonly credits: number;
}

/** An error on its way between threads: classes do not survive it, facts do. */
export interface ErrorRecord {
  readonly kind: ErrorKind;
  readonly message: string;
  readonly hint: string;
  readonly facts: Readonly<Record<string, Fact>>;
  readonly cause: string | null;
}

/** Encoded records on their way between threads. */
interface PackedRows {
  readonly bytes: Uint8Array<ArrayBuffer>;
  readonly rowEnds: Uint32Array<ArrayBuffer>;
}

/** What a parse worker says. A batch crosses as one buffer, and its encoded rows as two; all are transferred. */
export type ParseMessage =
  | {
      readonly kind: 'batch';
      readonly blobName: string;
      readonly packed: PackedBatch;
      readonly rows: PackedRows | null;
    }
  | { readonly kind: 'rejected'; readonly rejected: readonly RejectedRecord[] }
  | { readonly kind: 'counts'; readonly counts: BlobCounts }
  | { readonly kind: 'error'; readonly error: ErrorRecord }
  | { readonly kind: 'done' };

/** What is said to a parse worker: a package to parse, when the one before is done; or one more part may be sent. */
export type ParseRequest = { readonly kind: 'task'; readonly task: ParseTask } | { readonly kind: 'credit' };

/** A part as a message, and what of it is transferred instead of copied. */
export function partMessage(part: ParsedPart): { message: ParseMessage; transfer: ArrayBuffer[] } {
  if (part.kind !== 'batch') return { message: part, transfer: [] };
  const { blobName, records, encoded } = part.batch;
  const packed = packBatch(records);
  const rows = encoded === undefined ? null : { bytes: encoded.bytes, rowEnds: encoded.rowEnds };
  return {
    message: { kind: 'batch', blobName, packed, rows },
    transfer: [packed.buffer, ...(rows === null ? [] : [rows.bytes.buffer, rows.rowEnds.buffer])],
  };
}

/**
 * The part in a message.
 * @param task whose part it is
 * @throws the error that the worker met, as the class it was
 */
export function partOf(
  message: Exclude<ParseMessage, { kind: 'done' }>,
  { table, encoding }: Pick<ParseTask, 'table' | 'encoding'>,
): ParsedPart {
  if (message.kind === 'error') throw errorOf(message.error);
  if (message.kind !== 'batch') return message;
  const { blobName, packed, rows } = message;
  if (rows === null || encoding === null)
    return { kind: 'batch', batch: { blobName, records: unpackBatch(packed, arrowSchema(table)) } };
  const records = unpackBatch(packed, hashSchema(table));
  return { kind: 'batch', batch: { blobName, records, encoded: { encoding, ...rows } } };
}

/** An error as a record; one that is not ours becomes a `system` error first. */
export function errorRecord(thrown: unknown): ErrorRecord {
  const { kind, message, hint, facts, cause } = asConnectorError(thrown);
  const text = cause instanceof Error ? (cause.stack ?? cause.message) : null;
  return { kind, message, hint, facts, cause: text };
}

const CLASSES: Readonly<Record<ErrorKind, new (detail: ErrorDetail) => ConnectorError>> = {
  config: ConfigError,
  transient: TransientError,
  data: DataError,
  locked: LockedError,
  integrity: IntegrityError,
  mismatch: MismatchError,
  system: SystemError,
};

function errorOf({ kind, message, hint, facts, cause }: ErrorRecord): ConnectorError {
  return new CLASSES[kind]({ message, hint, facts, ...(cause === null ? {} : { cause: new Error(cause) }) });
}
