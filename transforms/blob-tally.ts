import type { BlobCounts, ParsedPart } from '../schemas/batch.js';
import type { ParsedRecord } from './parse-record.js';
import { keptFieldName, RejectedRecords } from './rejected-records.js';
import type { RecordRejection } from './record-rejection.js';
import type { Line } from './split-lines.js';

/** This many unknown names are counted one by one; a source that makes names out of data must not fill memory. */
const COUNTED_NAMES = 1000;
/** Where the unknown names beyond that are counted, each time one is met. */
const OTHER_NAMES = '(other names)';

/** What is counted of one blob's records, and the rejected ones until they are taken. */
export class BlobTally {
  /** Records that became rows of a batch. */
  staged = 0;
  private rounded = 0;
  private readonly rejected: RejectedRecords;
  private readonly unknownFields = new Map<string, number>();

  constructor(blobName: string, keptRejected: number) {
    this.rejected = new RejectedRecords(blobName, keptRejected);
  }

  /** Lines that were not blank. */
  get read(): number {
    return this.staged + this.rejected.count;
  }

  /** Whether rejected records are to be taken before the next line. */
  get isFull(): boolean {
    return this.rejected.isFull;
  }

  /** Counts a record that became a row. */
  stage({ extra, rounded }: Pick<ParsedRecord, 'extra' | 'rounded'>): void {
    this.staged += 1;
    this.rounded += rounded;
    for (const { name, unknown } of extra) if (unknown) this.countUnknown(name);
  }

  /** Counts a rejected line, and keeps it where there are not too many. */
  reject(line: Line, rejection: RecordRejection): void {
    this.rejected.add(line, rejection);
  }

  /** Whether so many more names are still counted each by itself. */
  hasNamesLeft(more: number): boolean {
    return this.unknownFields.size + more <= COUNTED_NAMES;
  }

  /** Counts records that have an unknown field. */
  countUnknown(name: string, records = 1): void {
    const kept = keptFieldName(name);
    const known = this.unknownFields.has(kept) || this.hasNamesLeft(1);
    const counted = known ? kept : OTHER_NAMES;
    this.unknownFields.set(counted, (this.unknownFields.get(counted) ?? 0) + records);
  }

  /** The rejected records since the last call. */
  *takeRejected(): Generator<ParsedPart> {
    const rejected = this.rejected.take();
    if (rejected.length > 0) yield { kind: 'rejected', rejected };
  }

  /** What was counted so far. */
  counts(): Omit<BlobCounts, 'blobName' | 'bytes' | 'inflatedBytes' | 'sha256'> {
    return {
      recordsRead: this.read,
      recordsStaged: this.staged,
      recordsRejected: this.rejected.count,
      unknownFields: Object.fromEntries(this.unknownFields),
      roundedNumbers: this.rounded,
    };
  }
}
