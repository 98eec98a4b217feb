import { STREAMS } from '../../schemas/streams.js';
import { editedLines } from './content-edits.js';
import type { DataVersion } from './data-version.js';
import { rowsOfPart } from './restatement.js';
import { LONGEST_LINE, type RowSource } from './row-source.js';

const CHUNK = 256 * 1024;
const NEWLINE = 0x0a;

/** Which of a version's blobs. */
export interface BlobPart {
  readonly index: number;
  readonly count: number;
}

/** A stretch of a blob's lines, and how many lines it holds. */
export interface LineChunk {
  readonly bytes: Buffer;
  readonly lines: number;
}

/** The lines of a blob before compression, made as they are read: memory does not grow with their number. */
export function blobLines(source: RowSource, version: DataVersion, part: BlobPart): Generator<LineChunk> {
  return version.faults.some((fault) => fault.startsWith('rows-'))
    ? faultyLines(source, version, part)
    : plainLines(source, version, part);
}

function* plainLines(source: RowSource, version: DataVersion, part: BlobPart): Generator<LineChunk> {
  let chunk = Buffer.allocUnsafe(CHUNK);
  let used = 0;
  let lines = 0;
  for (const [row, revision] of rowsOfPart(source, version.restatement, part.index, part.count)) {
    if (used + LONGEST_LINE > CHUNK) {
      yield { bytes: chunk.subarray(0, used), lines };
      chunk = Buffer.allocUnsafe(CHUNK);
      used = 0;
      lines = 0;
    }
    used = source.write(chunk, used, row, revision);
    chunk[used++] = NEWLINE;
    lines++;
  }
  if (used > 0) yield { bytes: chunk.subarray(0, used), lines };
}

function* faultyLines(source: RowSource, version: DataVersion, part: BlobPart): Generator<LineChunk> {
  const { faults, scope, attributeSet } = version;
  const end = Buffer.from(faults.includes('rows-crlf') ? '\r\n' : '\n');
  const blank = Buffer.from(faults.includes('rows-blank-lines') ? `\n  ${end.toString()}` : '');
  const { table } = STREAMS[scope.stream];
  const scratch = Buffer.allocUnsafe(LONGEST_LINE);
  if (faults.includes('rows-bom')) yield { bytes: Buffer.from([0xef, 0xbb, 0xbf]), lines: 0 };
  if (faults.includes('rows-none')) return;
  let ordinal = 0;
  let pending: Buffer | null = null;
  for (const [row, revision] of rowsOfPart(source, version.restatement, part.index, part.count)) {
    const line = scratch.toString('utf8', 0, source.write(scratch, 0, row, revision));
    const place = { table, attributeSet, blob: part.index, ordinal: ordinal++ };
    const edited = editedLines(line, place, faults);
    for (const bytes of edited) {
      if (pending !== null) yield { bytes: Buffer.concat([pending, end, blank]), lines: 1 };
      pending = bytes;
    }
  }
  if (pending === null) return;
  const tail = faults.includes('rows-no-final-newline') ? [pending] : [pending, end, blank];
  yield { bytes: Buffer.concat(tail), lines: 1 };
}
