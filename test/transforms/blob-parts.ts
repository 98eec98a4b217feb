import { gzipSync } from 'node:zlib';
import { DataType, type Data, type RecordBatch } from 'apache-arrow';
import type { BlobCounts, ParsedPart, RejectedRecord } from '../../schemas/batch.js';
import { decimalText } from '../../schemas/decimal-text.js';
import { BILLED_USAGE } from '../../schemas/tables/billed-usage.js';
import type { Table } from '../../schemas/table.js';
import type { ParseLimits } from '../../transforms/parse-blob.js';
import { dateText, timestampText } from '../../transforms/timestamp.js';
import { parseBoth } from './both-decoders.js';

/** A row of a batch, every value as its canonical text. */
export type TextRow = Record<string, string | null>;

/** Everything that parsing a blob yielded. */
export interface Parsed {
  readonly batches: readonly RecordBatch[];
  readonly rows: readonly TextRow[];
  readonly rejected: readonly RejectedRecord[];
  readonly counts: BlobCounts;
  readonly kinds: readonly ParsedPart['kind'][];
}

/** The bytes in chunks of the given sizes, used over and over; whole where none are given. */
export async function* inChunks(bytes: Buffer, sizes: readonly number[] = []): AsyncGenerator<Uint8Array> {
  let at = 0;
  for (let index = 0; at < bytes.length; index += 1) {
    const size = sizes.length === 0 ? bytes.length : (sizes[index % sizes.length] ?? 1);
    yield await Promise.resolve(bytes.subarray(at, at + size));
    at += size;
  }
}

/** Gathers the parts of one blob. */
export async function gather(parts: AsyncIterable<ParsedPart> | readonly ParsedPart[]): Promise<Parsed> {
  const all: ParsedPart[] = [];
  for await (const part of parts) all.push(part);
  const last = all.at(-1);
  if (last?.kind !== 'counts') throw new Error('the last part is no counts');
  const batches = all.flatMap((part) => (part.kind === 'batch' ? [part.batch.records] : []));
  return {
    batches,
    rows: batches.flatMap(rowsOf),
    rejected: all.flatMap((part) => (part.kind === 'rejected' ? part.rejected : [])),
    counts: last.counts,
    kinds: all.map(({ kind }) => kind),
  };
}

/** Parses bytes as one blob, by both decoders, which must agree. */
export async function parseBytes(
  bytes: Buffer,
  options: { table?: Table; limits?: Partial<ParseLimits>; sizes?: readonly number[] } = {},
): Promise<Parsed> {
  const { table = BILLED_USAGE, limits = {}, sizes = [] } = options;
  return gather(await parseBoth(() => inChunks(bytes, sizes), 'blob', table, limits));
}

/** Parses lines as one gzipped blob. */
export function parseLines(
  lines: readonly string[],
  options: { table?: Table; limits?: Partial<ParseLimits>; sizes?: readonly number[] } = {},
): Promise<Parsed> {
  return parseBytes(gzipSync(lines.map((line) => `${line}\n`).join('')), options);
}

/** A usage record with everything that is required, and the given members. */
export function usageLine(members: Readonly<Record<string, unknown>> = {}): string {
  return JSON.stringify({ InvoiceNumber: 'G1', BillingCurrency: 'USD', BillingPreTaxTotal: 1, ...members });
}

/** A usage record with everything that is required, and members written out as JSON. */
export function rawUsageLine(members: string): string {
  return `{"InvoiceNumber":"G1","BillingCurrency":"USD","BillingPreTaxTotal":1,${members}}`;
}

/** The rows of a batch, read from its buffers by hand: no test goes through `Vector.get` for money either. */
export function rowsOf(batch: RecordBatch): TextRow[] {
  return Array.from({ length: batch.numRows }, (_, row) =>
    Object.fromEntries(
      batch.schema.fields.map(({ name }, index) => {
        const data = batch.data.children[index];
        if (data === undefined) throw new Error(`no column ${name}`);
        return [name, textAt(data, row)];
      }),
    ),
  );
}

function textAt(data: Data, row: number): string | null {
  const bitmap = data.nullBitmap;
  const isNull = data.nullCount > 0 && ((bitmap[row >> 3] ?? 0) & (1 << (row & 7))) === 0;
  if (isNull) return null;
  const values: unknown = data.values;
  const { type } = data;
  if (values instanceof Uint32Array && DataType.isDecimal(type)) {
    const word = (index: number) => BigInt(values[4 * row + index] ?? 0) << BigInt(32 * index);
    return decimalText(BigInt.asIntN(128, word(0) | word(1) | word(2) | word(3)));
  }
  if (values instanceof BigInt64Array) return timestampText(values[row] ?? 0n);
  if (values instanceof Int32Array)
    return DataType.isDate(type) ? dateText(values[row] ?? 0) : String(values[row]);
  if (!(values instanceof Uint8Array)) throw new Error('no values');
  if (DataType.isFixedSizeBinary(type)) {
    const hex = Buffer.from(values.subarray(16 * row, 16 * row + 16)).toString('hex');
    return hex.replace(/^(.{8})(.{4})(.{4})(.{4})(.{12})$/, '$1-$2-$3-$4-$5');
  }
  const offsets: unknown = data.valueOffsets;
  if (!(offsets instanceof Int32Array)) throw new Error('no offsets');
  return Buffer.from(values.subarray(offsets[row], offsets[row + 1])).toString('utf8');
}
