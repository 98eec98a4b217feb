import { createHash } from 'node:crypto';
import { isUtf8 } from 'node:buffer';
import type { RejectedRecord } from '../schemas/batch.js';
import type { RecordRejection } from './record-rejection.js';
import type { Line } from './split-lines.js';

/** A rejected line is kept up to this many bytes of text. */
export const KEPT_LINE_BYTES = 64 * 1024;
/** `\xNN`. */
const ESCAPE_BYTES = 4;
/** A field's name is kept up to this many UTF-16 units: it is the source's, and may be of any length. */
const KEPT_NAME_UNITS = 256;
/** A part of rejected records is full at this many, or when their lines take this many bytes. */
const PART_RECORDS = 256;
const PART_BYTES = 4 * 1024 * 1024;

/** Collects the rejected records of one blob: the first `keptRecords` are kept for a person, all are counted. */
export class RejectedRecords {
  private records: RejectedRecord[] = [];
  private lineBytes = 0;
  private rejected = 0;

  constructor(
    private readonly blobName: string,
    private readonly keptRecords: number,
  ) {}

  /** How many were added, kept or not. */
  get count(): number {
    return this.rejected;
  }

  /** Whether `take` must be called before the next `add`, so that memory stays bounded. */
  get isFull(): boolean {
    return this.records.length >= PART_RECORDS || this.lineBytes >= PART_BYTES;
  }

  /** Adds a rejected line. */
  add(line: Line, rejection: RecordRejection): void {
    this.rejected += 1;
    if (this.rejected > this.keptRecords) return;
    const text = printableLine(line.bytes);
    this.lineBytes += text.length;
    this.records.push({
      blobName: this.blobName,
      lineNumber: line.number,
      field: rejection.field === null ? null : keptFieldName(rejection.field),
      reason: rejection.reason,
      line: text,
      lineBytes: line.bytes.length,
      lineSha256: createHash('sha256').update(line.bytes).digest('hex'),
    });
  }

  /** What was kept since the last call. */
  take(): readonly RejectedRecord[] {
    const { records } = this;
    this.records = [];
    this.lineBytes = 0;
    return records;
  }
}

/**
 * A line as text that both databases can hold: NUL and bytes that are no UTF-8 are written `\xNN`, all else stays.
 * At most {@link KEPT_LINE_BYTES} bytes of UTF-8, cut between characters; the line's length and digest tell the rest.
 */
export function printableLine(line: Buffer): string {
  const text = Buffer.allocUnsafe(KEPT_LINE_BYTES);
  let length = 0;
  for (let at = 0; at < line.length;) {
    const first = line[at] ?? 0;
    const width = characterWidth(line, at);
    const isEscaped = width === 0 || first === 0;
    if (length + (isEscaped ? ESCAPE_BYTES : width) > text.length) break;
    if (isEscaped) text.write(escape(first), length);
    else if (width === 1) text[length] = first;
    else line.copy(text, length, at, at + width);
    length += isEscaped ? ESCAPE_BYTES : width;
    at += Math.max(width, 1);
  }
  return text.toString('utf8', 0, length);
}

function escape(byte: number): string {
  return `\\x${byte.toString(16).padStart(2, '0')}`;
}

/** A field's name as it is kept: whole, or its first 256 UTF-16 units without half a character. */
export function keptFieldName(name: string): string {
  return name.length <= KEPT_NAME_UNITS
    ? name
    : name.slice(0, KEPT_NAME_UNITS).replace(/[\ud800-\udbff]$/, '');
}

/** How many bytes the UTF-8 character at `at` has; 0 where there is none. */
function characterWidth(line: Buffer, at: number): number {
  const first = line[at] ?? 0;
  if (first < 0x80) return 1;
  const width = first < 0xe0 ? 2 : first < 0xf0 ? 3 : 4;
  const character = line.subarray(at, at + width);
  return character.length === width && isUtf8(character) ? width : 0;
}
