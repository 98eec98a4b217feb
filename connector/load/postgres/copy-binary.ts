import { SystemError } from '../../../schemas/errors.js';
import type { EncodedRows } from '../../../schemas/row-encoding.js';
import type { RowRange } from './seen-keys.js';

/** What a COPY in binary format begins with: its signature, no flags, no extension of the header. */
export const COPY_HEADER = Buffer.from('PGCOPY\n\xff\r\n\0\0\0\0\0\0\0\0\0', 'latin1');
/** What it ends with: a row of -1 fields. */
export const COPY_TRAILER = Buffer.from([0xff, 0xff]);

const PIECE_BYTES = 256 * 1024;
/** Pieces shorter than this are copied together, because each waits for the one before it. */
const SMALL_BYTES = 64 * 1024;
const NULL_LENGTH = -1;

/** Rows of a batch, encoded before, in pieces of a few hundred kibibytes. Long ones are views of the batch's own bytes. */
export function* encodedRows({ bytes, rowEnds }: EncodedRows, rows: readonly RowRange[]): Generator<Buffer> {
  let small: Buffer[] = [];
  let smallBytes = 0;
  for (const { from, to } of rows) {
    const end = rowStart(rowEnds, to);
    for (let at = rowStart(rowEnds, from); at < end; at += PIECE_BYTES) {
      const piece = Buffer.from(bytes.buffer, bytes.byteOffset + at, Math.min(PIECE_BYTES, end - at));
      small.push(piece);
      smallBytes += piece.length;
      if (smallBytes < SMALL_BYTES) continue;
      yield* small.length > 1 ? [Buffer.concat(small)] : small;
      small = [];
      smallBytes = 0;
    }
  }
  if (small.length > 0) yield Buffer.concat(small);
}

/** The same rows with the fields that `columns` names, in that order, in one new piece. */
export function reorderedRows(
  encoded: EncodedRows,
  rows: readonly RowRange[],
  columns: readonly string[],
): Buffer {
  const { encoding, bytes, rowEnds } = encoded;
  const buffer = Buffer.from(bytes.buffer, bytes.byteOffset, bytes.byteLength);
  const places = columns.map((name) => encoding.columns.indexOf(name));
  if (places.includes(-1)) throw brokenRow();
  const count = Buffer.alloc(2);
  count.writeInt16BE(columns.length);
  const pieces: Buffer[] = [];
  for (const { from, to } of rows) {
    for (let row = from; row < to; row += 1) {
      const fields = fieldsOf(buffer, rowStart(rowEnds, row), rowStart(rowEnds, row + 1));
      if (fields.length !== encoding.columns.length) throw brokenRow();
      pieces.push(count);
      for (const place of places) pieces.push(fields[place] as Buffer);
    }
  }
  return Buffer.concat(pieces);
}

function rowStart(rowEnds: Uint32Array, row: number): number {
  return row === 0 ? 0 : (rowEnds[row - 1] ?? 0);
}

/** The fields of one row, each with its length in front. */
function fieldsOf(bytes: Buffer, start: number, end: number): Buffer[] {
  const fields: Buffer[] = [];
  for (let at = start + 2; at < end;) {
    const length = bytes.readInt32BE(at);
    const next = at + 4 + (length === NULL_LENGTH ? 0 : length);
    fields.push(bytes.subarray(at, next));
    at = next;
  }
  return fields;
}

function brokenRow(): SystemError {
  return new SystemError({
    message: 'encoded rows have not the fields that they were to have',
    hint: 'this is a defect of the connector; nothing was published',
  });
}
