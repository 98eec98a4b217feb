import { IntegrityError } from '../schemas/errors.js';

/** A line that is not blank. */
export interface Line {
  /** Its number in the blob, from 1; blank lines count. */
  readonly number: number;
  /** Its bytes without the line's end and without a byte-order mark. Valid until the next line is asked for. */
  readonly bytes: Buffer;
}

const LF = 0x0a;
const CR = 0x0d;
const OPENING_BRACE = 0x7b;
const BYTE_ORDER_MARK = Buffer.from([0xef, 0xbb, 0xbf]);
/** What an unfinished line may hold besides its own bytes: a byte-order mark and a CR. */
export const AROUND_A_LINE = BYTE_ORDER_MARK.length + 1;
/** Line numbers are stored in 32 bits. */
const MAX_LINES = 2 ** 31 - 1;

/**
 * Cuts a blob's bytes into lines at LF or CR LF, however the bytes are cut into chunks. The last line needs no end.
 * A byte-order mark is left out wherever a line begins with it: joined files have one at every seam. Blank lines
 * (nothing but spaces, tabs and CR) are counted and left out.
 * @throws IntegrityError (rule `line length`) at a line of more than `maxBytes` bytes, however far it goes on, and
 * (rule `line count`) beyond 2^31 - 1 lines.
 */
export class LineSplitter {
  private pending: Buffer[] = [];
  private pendingBytes = 0;
  private finished = 0;

  constructor(
    private readonly blobName: string,
    private readonly maxBytes: number,
  ) {}

  /** Number of the line that is being read, or that was yielded last and is looked at, from 1. */
  get lineNumber(): number {
    return this.finished + 1;
  }

  /** The lines that end in this chunk. Must be read to the end before the next call. */
  *push(chunk: Uint8Array): Generator<Line> {
    const bytes = Buffer.from(chunk.buffer, chunk.byteOffset, chunk.byteLength);
    let start = 0;
    for (let end = bytes.indexOf(LF); end !== -1; end = bytes.indexOf(LF, start)) {
      const line = this.line(bytes.subarray(start, end));
      if (line !== null) yield line;
      this.finished += 1;
      start = end + 1;
    }
    this.keep(bytes.subarray(start));
  }

  /** The last line, where no line end follows it. */
  *end(): Generator<Line> {
    const line = this.line(Buffer.alloc(0));
    if (line !== null) yield line;
  }

  private keep(rest: Buffer): void {
    if (rest.length === 0) return;
    this.pending.push(Buffer.from(rest));
    this.pendingBytes += rest.length;
    if (this.pendingBytes > this.maxBytes + AROUND_A_LINE) throw this.tooLong();
  }

  /** The finished line made of what was kept and `tail`; null where it is blank. */
  private line(tail: Buffer): Line | null {
    const whole = this.pending.length === 0 ? tail : Buffer.concat([...this.pending, tail]);
    this.pending = [];
    this.pendingBytes = 0;
    return lineOf(whole, this.lineNumber, { blobName: this.blobName, maxBytes: this.maxBytes });
  }

  private tooLong(): IntegrityError {
    return lineTooLong(this.lineNumber, { blobName: this.blobName, maxBytes: this.maxBytes });
  }
}

/** Whose lines are cut, and how long one may be. */
export interface LineBounds {
  readonly blobName: string;
  readonly maxBytes: number;
}

/**
 * The line in bytes that were cut at an LF, which is not among them; null where it is blank.
 * @throws IntegrityError as {@link LineSplitter} does
 */
export function lineOf(bytes: Buffer, number: number, bounds: LineBounds): Line | null {
  const line = withoutMark(withoutCr(bytes));
  if (line.length > bounds.maxBytes) throw lineTooLong(number, bounds);
  if (number > MAX_LINES) throw tooManyLines(bounds.blobName);
  return isBlank(line) ? null : { number, bytes: line };
}

/** The error for a line that is too long. */
export function lineTooLong(line: number, { blobName, maxBytes }: LineBounds): IntegrityError {
  return new IntegrityError({
    message: `blob ${blobName}: line ${line} is longer than ${maxBytes} bytes`,
    hint: 'look at the blob in the load package; raise limits.line_bytes only if such a line is meant',
    facts: { blob: blobName, line, rule: 'line length', limit: maxBytes },
  });
}

/** Whether the first byte of a line that is no white space opens an object. */
export function looksLikeJson(line: Buffer): boolean {
  return line.find((byte) => byte !== 0x20 && byte !== 0x09 && byte !== CR) === OPENING_BRACE;
}

function tooManyLines(blobName: string): IntegrityError {
  return new IntegrityError({
    message: `blob ${blobName}: more than ${MAX_LINES} lines`,
    hint: 'no export is known to make such a blob; look at it in the load package',
    facts: { blob: blobName, rule: 'line count', limit: MAX_LINES },
  });
}

function withoutCr(line: Buffer): Buffer {
  return line.at(-1) === CR ? line.subarray(0, -1) : line;
}

function withoutMark(line: Buffer): Buffer {
  const { length } = BYTE_ORDER_MARK;
  if (line[0] !== BYTE_ORDER_MARK[0]) return line;
  return line.subarray(0, length).equals(BYTE_ORDER_MARK) ? line.subarray(length) : line;
}

function isBlank(line: Buffer): boolean {
  return line.every((byte) => byte === 0x20 || byte === 0x09 || byte === CR);
}
