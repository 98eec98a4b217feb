import type { BlobCounts, ParsedPart } from '../schemas/batch.js';
import type { Table } from '../schemas/table.js';
import { BatchBuilder } from './batch-builder.js';
import { DamagedGzip } from './gunzip.js';
import { RecordHasher } from './line-item-key.js';
import { extraText, RecordParser, type ParsedRecord } from './parse-record.js';
import { RecordRejection } from './record-rejection.js';
import { keptFieldName, RejectedRecords } from './rejected-records.js';
import { LineSplitter, type Line } from './split-lines.js';
import { canonicalText } from './stored-value.js';

/** Bounds on what the records of one blob may use; see `ParseLimits`. */
export interface RecordLimits {
  readonly lineBytes: number;
  readonly batchRows: number;
  readonly batchBytes: number;
  readonly keptRejected: number;
}

/** This many unknown names are counted one by one; a source that makes names out of data must not fill memory. */
const COUNTED_NAMES = 1000;
/** Where the unknown names beyond that are counted, each time one is met. */
const OTHER_NAMES = '(other names)';
const OPENING_BRACE = 0x7b;

/** The records of one blob on their way from bytes to batches. Everything here is synchronous; see `parseBlob`. */
export class BlobRecords {
  private readonly lines: LineSplitter;
  private readonly parser: RecordParser;
  private readonly batches: BatchBuilder;
  private readonly rejected: RejectedRecords;
  private readonly unknownFields = new Map<string, number>();
  private staged = 0;
  private rounded = 0;

  private constructor(
    private readonly blobName: string,
    private readonly table: Table,
    private readonly hasher: RecordHasher,
    limits: RecordLimits,
  ) {
    this.lines = new LineSplitter(blobName, limits.lineBytes);
    this.parser = new RecordParser(table);
    this.batches = new BatchBuilder(table, limits.batchRows, limits.batchBytes);
    this.rejected = new RejectedRecords(blobName, limits.keptRejected);
  }

  /** The records of one blob; asynchronous because the hash function is compiled first. */
  static async of(blobName: string, table: Table, limits: RecordLimits): Promise<BlobRecords> {
    return new BlobRecords(blobName, table, await RecordHasher.of(table), limits);
  }

  /** Number of the line that is being read, from 1. */
  get lineNumber(): number {
    return this.lines.lineNumber;
  }

  /**
   * Takes inflated bytes; yields what became full.
   * @param wasGzip whether a checksum will vouch for the bytes; if not, the first line must look like JSON
   * @throws IntegrityError of {@link LineSplitter}; DamagedGzip where the first line is no JSON and must be
   */
  *push(chunk: Uint8Array, wasGzip: boolean): Generator<ParsedPart> {
    for (const line of this.lines.push(chunk)) yield* this.add(line, wasGzip);
  }

  /** The last line where no line end follows it, and everything that is left. Throws as {@link push} does. */
  *end(wasGzip: boolean): Generator<ParsedPart> {
    for (const line of this.lines.end()) yield* this.add(line, wasGzip);
    yield* this.takeRejected();
    yield* this.takeBatch();
  }

  /** What was counted so far. */
  counts(): Omit<BlobCounts, 'blobName' | 'bytes' | 'inflatedBytes' | 'sha256'> {
    return {
      recordsRead: this.staged + this.rejected.count,
      recordsStaged: this.staged,
      recordsRejected: this.rejected.count,
      unknownFields: Object.fromEntries(this.unknownFields),
      roundedNumbers: this.rounded,
    };
  }

  private *add(line: Line, wasGzip: boolean): Generator<ParsedPart> {
    const isFirst = this.staged + this.rejected.count === 0;
    if (isFirst && !wasGzip && !looksLikeJson(line.bytes)) {
      throw new DamagedGzip('it is neither gzip nor lines of JSON');
    }
    try {
      this.stage(line.number, this.parser.parse(line.bytes));
    } catch (error) {
      if (!(error instanceof RecordRejection)) throw error;
      this.rejected.add(line, error);
    }
    if (this.rejected.isFull) yield* this.takeRejected();
    if (this.batches.isFull) yield* this.takeBatch();
  }

  private stage(lineNumber: number, record: ParsedRecord): void {
    const { values, extra } = record;
    const texts = this.table.columns.map(({ type }, index) => canonicalText(type, values[index] ?? null));
    const hashes = this.hasher.hash(texts, extra);
    this.batches.add({ values, hashes, lineNumber, extra: extraText(extra) });
    this.staged += 1;
    this.rounded += record.rounded;
    for (const { name, unknown } of extra) if (unknown) this.countUnknown(keptFieldName(name));
  }

  private countUnknown(name: string): void {
    const known = this.unknownFields.has(name) || this.unknownFields.size < COUNTED_NAMES;
    const counted = known ? name : OTHER_NAMES;
    this.unknownFields.set(counted, (this.unknownFields.get(counted) ?? 0) + 1);
  }

  private *takeRejected(): Generator<ParsedPart> {
    const rejected = this.rejected.take();
    if (rejected.length > 0) yield { kind: 'rejected', rejected };
  }

  private *takeBatch(): Generator<ParsedPart> {
    const records = this.batches.take();
    if (records !== null) yield { kind: 'batch', batch: { blobName: this.blobName, records } };
  }
}

/** Whether the first byte that is no white space opens an object. */
function looksLikeJson(line: Buffer): boolean {
  return line.find((byte) => byte !== 0x20 && byte !== 0x09 && byte !== 0x0d) === OPENING_BRACE;
}
