import type { Data } from 'apache-arrow';
import { decimalText } from '../../../schemas/decimal-text.js';
import { SystemError } from '../../../schemas/errors.js';
import { arrowSchema, LINEAGE_FIELDS } from '../../../schemas/table-arrow.js';
import type { Batch } from '../../../schemas/batch.js';
import type { Table } from '../../../schemas/table.js';
import type { StagingTarget } from '../staging-target.js';
import { ByteWriter } from './byte-writer.js';
import type { RowRange } from './seen-keys.js';

const TAB = 0x09;
const NEWLINE = 0x0a;
const RETURN = 0x0d;
const BACKSLASH = 0x5c;
const NULL_TEXT = Buffer.from('\\N');
const DAY_MICROS = 86_400_000_000n;

/** Writes the value of one row. */
type WriteValue = (row: number, out: ByteWriter) => void;

/**
 * Rows of a batch in the text format of Postgres' `COPY ... FROM STDIN`, in pieces of about half a mebibyte: the columns of
 * the target in their order. Values are read from Arrow's buffers, never through `Vector.get`:
 * decimals and timestamps go from their integers to exact text. Texts hold no NUL, which Postgres cannot store.
 * @throws SystemError when the batch has not the schema of the table
 */
export function* copyText(batch: Batch, target: StagingTarget, rows: readonly RowRange[]): Generator<Buffer> {
  if (rows.length === 0) return;
  const writers = columnWriters(batch, target);
  const out = new ByteWriter();
  for (const { from, to } of rows) {
    for (let row = from; row < to; row += 1) {
      writers.forEach((write, column) => {
        if (column > 0) out.byte(TAB);
        write(row, out);
      });
      out.byte(NEWLINE);
      if (out.isFull) yield out.take();
    }
  }
  if (out.length > 0) yield out.take();
}

function columnWriters({ records, blobName }: Batch, target: StagingTarget): WriteValue[] {
  const { table } = target;
  const writers = new Map<string, WriteValue>([['_blob_name', always(blobName)]]);
  for (const { name, value } of target.constants) writers.set(name, always(String(value)));
  arrowSchema(table).fields.forEach((field, index) => {
    const data = records.data.children[index];
    const is = records.schema.fields[index];
    if (data === undefined || is?.name !== field.name || String(is.type) !== String(field.type)) {
      throw new SystemError({
        message: `batch of ${table.name}: column ${index + 1} is ${is?.name ?? 'missing'}, not ${field.name} ${String(field.type)}`,
        hint: 'this is a defect of the connector; nothing was published',
      });
    }
    writers.set(field.name, nullable(data, valueWriter(data, table, index)));
  });
  return target.columns.map((name) => {
    const writer = writers.get(name);
    if (writer !== undefined) return writer;
    throw new SystemError({
      message: `column ${name} of ${target.name} is filled by nothing`,
      hint: 'this is a defect of the connector; nothing was published',
    });
  });
}

function always(text: string): WriteValue {
  const bytes = escaped(text);
  return (_, out) => out.bytes(bytes);
}

function nullable(data: Data, write: WriteValue): WriteValue {
  if (data.nullCount === 0) return write;
  return (row, out) => {
    if (data.getValid(row)) write(row, out);
    else out.bytes(NULL_TEXT);
  };
}

function valueWriter(data: Data, table: Table, index: number): WriteValue {
  const column = table.columns[index];
  if (column !== undefined) {
    switch (column.type) {
      case 'text':
        return textWriter(data);
      case 'decimal':
        return decimalWriter(bytesOf(data));
      case 'date':
        return cached((row) => (data.values as Int32Array)[row] ?? 0, dateText);
      case 'timestamp':
        return timestampWriter(bytesOf(data));
    }
  }
  const name = Object.keys(LINEAGE_FIELDS)[index - table.columns.length];
  if (name === '_line_number') return cached((row) => (data.values as Int32Array)[row] ?? 0, String);
  return name === '_extra' ? textWriter(data) : uuidWriter(data.values as Uint8Array);
}

function bytesOf(data: Data): DataView {
  const { buffer, byteOffset, byteLength } = data.values as Uint8Array;
  return new DataView(buffer, byteOffset, byteLength);
}

function textWriter(data: Data): WriteValue {
  const bytes = data.values as Uint8Array;
  const offsets = data.valueOffsets as Int32Array;
  return (row, out) => {
    const start = offsets[row] ?? 0;
    out.escaped(bytes, start, offsets[row + 1] ?? start, ESCAPES);
  };
}

/** The letter that follows a backslash for a byte that COPY reads specially; 0 for all others. */
const ESCAPES = new Uint8Array(256);
ESCAPES[BACKSLASH] = BACKSLASH;
ESCAPES[TAB] = 0x74;
ESCAPES[NEWLINE] = 0x6e;
ESCAPES[RETURN] = 0x72;

function escaped(text: string): Buffer {
  const bytes = Buffer.from(text);
  const out = new ByteWriter();
  out.escaped(bytes, 0, bytes.length, ESCAPES);
  return Buffer.from(out.take());
}

function decimalWriter(view: DataView): WriteValue {
  return (row, out) => {
    const low = view.getBigUint64(row * 16, true);
    const high = view.getBigInt64(row * 16 + 8, true);
    if (low === 0n && high === 0n) out.ascii('0');
    else out.ascii(decimalText((high << 64n) | low));
  };
}

function timestampWriter(view: DataView): WriteValue {
  return cached((row) => view.getBigInt64(row * 8, true), timestampText);
}

/** Dates and timestamps repeat from row to row. */
function cached<T>(read: (row: number) => T, format: (value: T) => string): WriteValue {
  let last: T | undefined;
  let text = '';
  return (row, out) => {
    const value = read(row);
    if (value !== last) {
      last = value;
      text = format(value);
    }
    out.ascii(text);
  };
}

function dateText(days: number): string {
  return new Date(days * 86_400_000).toISOString().slice(0, 10);
}

function timestampText(micros: bigint): string {
  const inDay = ((micros % DAY_MICROS) + DAY_MICROS) % DAY_MICROS;
  const seconds = new Date(Number(inDay / 1000n)).toISOString().slice(11, 19);
  return `${dateText(Number((micros - inDay) / DAY_MICROS))} ${seconds}.${String(inDay % 1_000_000n).padStart(6, '0')}`;
}

/** Postgres reads a UUID without its hyphens too. */
function uuidWriter(bytes: Uint8Array): WriteValue {
  return (row, out) => out.hex(bytes, row * 16, row * 16 + 16);
}
