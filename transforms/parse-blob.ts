import { createHash } from 'node:crypto';
import type { ParsedPart } from '../schemas/batch.js';
import { IntegrityError } from '../schemas/errors.js';
import type { RowEncoding } from '../schemas/row-encoding.js';
import type { Table } from '../schemas/table.js';
import { BlobRecords, type RecordLimits, type RecordSource } from './blob-records.js';
import { DecodedRecords } from './decoded-records.js';
import type { Decoder } from './decoder.js';
import { DamagedGzip, InflatesTooMuch, openBody } from './gunzip.js';
import { ReferenceDecoder } from './reference-record.js';

/** Bounds on what parsing one blob may use. All are positive whole numbers. */
export interface ParseLimits {
  /** Longest line, in bytes; a longer one refuses the blob. */
  readonly lineBytes: number;
  /** Inflated bytes per compressed byte, once `inflationGraceBytes` came out. */
  readonly inflationRatio: number;
  readonly inflationGraceBytes: number;
  /** A batch is full at this many records, or when its values take `batchBytes`; the last record may pass that. */
  readonly batchRows: number;
  readonly batchBytes: number;
  /** Rejected records yielded per blob; more are only counted. */
  readonly keptRejected?: number;
}

const MIB = 1024 * 1024;

/** The limits that hold where none are given (architecture.md sections 4 and 6). */
export const PARSE_LIMITS: Required<ParseLimits> = {
  lineBytes: 16 * MIB,
  inflationRatio: 500,
  inflationGraceBytes: 64 * MIB,
  batchRows: 4096,
  batchBytes: 8 * MIB,
  keptRejected: 10_000,
};

/** The longest line that JavaScript can hold as one text, whatever `limits.line_bytes` says. */
const MAX_LINE_BYTES = 256 * MIB;

/**
 * Parses one blob: gunzip, lines, records, batches, in the order of its lines and at the pace of whoever pulls.
 * Yields batches and rejected records, and last, exactly once, the blob's counts: only they say that the gzip
 * trailer was verified and that what came before may count. How the bytes are cut into chunks changes nothing.
 *
 * A body that came already inflated is recognised by its first bytes. A body of no bytes at all, or one that is
 * neither gzip nor lines of JSON from its first line on, is damaged.
 * @param chunks the blob's bytes as they came, compressed; what it throws is passed on
 * @param decoder the fast one; where it is null, the reference decoder reads every line
 * @param encoding what the fast decoder encodes records to; null: nothing
 * @throws IntegrityError with the facts `blob`, `rule` (`gzip`, `line length`, `line count`, `inflation ratio`) and,
 * where known, `line`: the number of the line that was being read
 */
export async function* parseBlob(
  chunks: AsyncIterable<Uint8Array>,
  blobName: string,
  table: Table,
  limits: Partial<ParseLimits> = {},
  decoder: Decoder | null = null,
  encoding: RowEncoding | null = null,
): AsyncGenerator<ParsedPart, void, undefined> {
  const given = { ...PARSE_LIMITS, ...limits };
  const bounds = { ...given, lineBytes: Math.min(given.lineBytes, MAX_LINE_BYTES) };
  if (decoder === null) {
    const records = new BlobRecords(blobName, table, await ReferenceDecoder.of(table), bounds);
    yield* parseRecords(chunks, blobName, bounds, records);
    return;
  }
  const lines = await decoder.take(table, bounds);
  yield* parseRecords(chunks, blobName, bounds, new DecodedRecords(blobName, lines, bounds, encoding));
  // After an error, or where the rest is not wanted, it is in some state in between, and is not used again.
  decoder.giveBack(lines);
}

async function* parseRecords(
  chunks: AsyncIterable<Uint8Array>,
  blobName: string,
  bounds: Required<ParseLimits> & RecordLimits,
  records: RecordSource,
): AsyncGenerator<ParsedPart, void, undefined> {
  const arrived = new ArrivedBytes();
  let inflatedBytes = 0;
  try {
    const body = await openBody(arrived.count(chunks), bounds);
    for await (const chunk of body.chunks) {
      inflatedBytes += chunk.length;
      yield* records.push(chunk, body.isGzip);
    }
    if (arrived.bytes === 0) throw new DamagedGzip('it has no bytes');
    yield* records.end(body.isGzip);
  } catch (error) {
    throw asIntegrityError(error, blobName, records.lineNumber);
  }
  const { bytes } = arrived;
  yield {
    kind: 'counts',
    counts: { blobName, bytes, inflatedBytes, sha256: arrived.sha256(), ...records.counts() },
  };
}

/** Length and digest of the bytes as they came. */
class ArrivedBytes {
  bytes = 0;
  private readonly digest = createHash('sha256');

  async *count(chunks: AsyncIterable<Uint8Array>): AsyncGenerator<Uint8Array> {
    for await (const chunk of chunks) {
      this.bytes += chunk.length;
      this.digest.update(chunk);
      yield chunk;
    }
  }

  sha256(): string {
    return this.digest.digest('hex');
  }
}

function asIntegrityError(error: unknown, blob: string, line: number): unknown {
  if (error instanceof DamagedGzip) {
    return new IntegrityError({
      message: `blob ${blob} is damaged at line ${line}: ${error.message}`,
      hint: 'it is downloaded again by itself; if it is damaged again, delete its package from the spool and run again',
      facts: { blob, line, rule: 'gzip' },
      cause: error,
    });
  }
  if (error instanceof InflatesTooMuch) {
    return new IntegrityError({
      message: `blob ${blob} inflates too much, at line ${line}: ${error.message}`,
      hint: 'no export is known to be packed that well; look at the blob in the load package',
      facts: { blob, line, rule: 'inflation ratio' },
      cause: error,
    });
  }
  return error;
}
