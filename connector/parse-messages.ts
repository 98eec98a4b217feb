import type { Schema } from 'apache-arrow';
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

/** What a parse worker says. A batch crosses as one buffer, transferred. */
export type ParseMessage =
  | { readonly kind: 'batch'; readonly blobName: string; readonly packed: PackedBatch }
  | { readonly kind: 'rejected'; readonly rejected: readonly RejectedRecord[] }
  | { readonly kind: 'counts'; readonly counts: BlobCounts }
  | { readonly kind: 'error'; readonly error: ErrorRecord }
  | { readonly kind: 'done' };

/** What is said to a parse worker: a package to parse, when the one before is done; or one more part may be sent. */
export type ParseRequest = { readonly kind: 'task'; readonly task: ParseTask } | { readonly kind: 'credit' };

/** A part as a message, and what of it is transferred instead of copied. */
export function partMessage(part: ParsedPart): { message: ParseMessage; transfer: ArrayBuffer[] } {
  if (part.kind !== 'batch') return { message: part, transfer: [] };
  const { blobName, records } = part.batch;
  const packed = packBatch(records);
  return { message: { kind: 'batch', blobName, packed }, transfer: [packed.buffer] };
}

/**
 * The part in a message.
 * @param schema of the batches of the table
 * @throws the error that the worker met, as the class it was
 */
export function partOf(message: Exclude<ParseMessage, { kind: 'done' }>, schema: Schema): ParsedPart {
  if (message.kind === 'error') throw errorOf(message.error);
  if (message.kind !== 'batch') return message;
  const { blobName, packed } = message;
  return { kind: 'batch', batch: { blobName, records: unpackBatch(packed, schema) } };
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
