import type { BlobCounts, ParsedPart } from '../schemas/batch.js';
import type { Table } from '../schemas/table.js';
import { BatchBuilder } from './batch-builder.js';
import { BlobTally } from './blob-tally.js';
import { DamagedGzip } from './gunzip.js';
import { RecordRejection } from './record-rejection.js';
import type { ReferenceDecoder } from './reference-record.js';
import { LineSplitter, looksLikeJson, type Line } from './split-lines.js';

/** Bounds on what the records of one blob may use; see `ParseLimits`. */
export interface RecordLimits {
  readonly lineBytes: number;
  readonly batchRows: number;
  readonly batchBytes: number;
  readonly keptRejected: number;
}

/** The records of one blob on their way from bytes to batches. Everything here is synchronous; see `parseBlob`. */
export interface RecordSource {
  /** Number of the line that is being read, from 1. */
  readonly lineNumber: number;
  /**
   * Takes inflated bytes; yields what became full.
   * @param wasGzip whether a checksum will vouch for the bytes; if not, the first line must look like JSON
   * @throws IntegrityError of {@link LineSplitter}; DamagedGzip where the first line is no JSON and must be
   */
  push(chunk: Uint8Array, wasGzip: boolean): Generator<ParsedPart>;
  /** The last line where no line end follows it, and everything that is left. Throws as {@link push} does. */
  end(wasGzip: boolean): Generator<ParsedPart>;
  /** What was counted so far. */
  counts(): Omit<BlobCounts, 'blobName' | 'bytes' | 'inflatedBytes' | 'sha256'>;
}

/** The records of one blob, all of them read by the reference decoder. */
export class BlobRecords implements RecordSource {
  private readonly lines: LineSplitter;
  private readonly batches: BatchBuilder;
  private readonly tally: BlobTally;

  constructor(
    private readonly blobName: string,
    table: Table,
    private readonly reference: ReferenceDecoder,
    limits: RecordLimits,
  ) {
    this.lines = new LineSplitter(blobName, limits.lineBytes);
    this.batches = new BatchBuilder(table, limits.batchRows, limits.batchBytes);
    this.tally = new BlobTally(blobName, limits.keptRejected);
  }

  get lineNumber(): number {
    return this.lines.lineNumber;
  }

  *push(chunk: Uint8Array, wasGzip: boolean): Generator<ParsedPart> {
    for (const line of this.lines.push(chunk)) yield* this.add(line, wasGzip);
  }

  *end(wasGzip: boolean): Generator<ParsedPart> {
    for (const line of this.lines.end()) yield* this.add(line, wasGzip);
    yield* this.tally.takeRejected();
    yield* this.takeBatch();
  }

  counts(): ReturnType<BlobTally['counts']> {
    return this.tally.counts();
  }

  private *add(line: Line, wasGzip: boolean): Generator<ParsedPart> {
    if (this.tally.read === 0 && !wasGzip && !looksLikeJson(line.bytes)) {
      throw new DamagedGzip('it is neither gzip nor lines of JSON');
    }
    try {
      const record = this.reference.read(line);
      this.batches.add(record);
      this.tally.stage(record.parsed);
    } catch (error) {
      if (!(error instanceof RecordRejection)) throw error;
      this.tally.reject(line, error);
    }
    if (this.tally.isFull) yield* this.tally.takeRejected();
    if (this.batches.isFull) yield* this.takeBatch();
  }

  private *takeBatch(): Generator<ParsedPart> {
    const records = this.batches.take();
    if (records !== null) yield { kind: 'batch', batch: { blobName: this.blobName, records } };
  }
}
