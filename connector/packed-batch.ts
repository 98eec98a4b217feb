import { DataType, makeData, RecordBatch, Struct, type Data, type Schema } from 'apache-arrow';

/** A run of bytes in the buffer of a {@link PackedBatch}: where it begins, and its length. */
type Span = readonly [start: number, bytes: number];

interface PackedColumn {
  readonly nullCount: number;
  /** Absent where there are no nulls. */
  readonly bitmap?: Span;
  /** Of a text column. */
  readonly offsets?: Span;
  readonly values: Span;
}

/** A record batch on its way between threads: one buffer, which is transferred, and where in it the columns are. */
export interface PackedBatch {
  readonly rows: number;
  readonly buffer: ArrayBuffer;
  readonly columns: readonly PackedColumn[];
}

/** Arrow asks for 8; 64 is a line of the processor's cache. */
const ALIGNMENT = 64;

/**
 * Packs a batch. Where all of it lies in one buffer already, as the fast decoder makes it, nothing is copied and the buffer
 * is the batch's own: once it is transferred, the batch is empty.
 */
export function packBatch({ data, numRows }: RecordBatch): PackedBatch {
  const buffers = data.children.flatMap(viewsOf);
  const first = buffers[0]?.buffer;
  const owner =
    first instanceof ArrayBuffer && buffers.every(({ buffer }) => buffer === first) ? first : null;
  if (owner !== null) return packed(numRows, owner, data.children, (view) => view.byteOffset);
  const places = new Map<Uint8Array, number>();
  let size = 0;
  for (const view of buffers) {
    places.set(view, size);
    size = Math.ceil((size + view.byteLength) / ALIGNMENT) * ALIGNMENT;
  }
  const target = new Uint8Array(size + ALIGNMENT);
  for (const [view, at] of places) target.set(view, at);
  const at = [...places.values()];
  let next = 0;
  return packed(numRows, target.buffer, data.children, () => at[next++] ?? 0);
}

function packed(
  rows: number,
  buffer: ArrayBuffer,
  children: readonly Data[],
  place: (view: Uint8Array) => number,
): PackedBatch {
  const columns = children.map((child) => {
    const spans = viewsOf(child).map((view): Span => [place(view), view.byteLength]);
    const values = spans.pop() ?? [0, 0];
    const offsets = DataType.isUtf8(child.type) ? spans.pop() : undefined;
    const bitmap = spans.pop();
    return {
      ...{ nullCount: child.nullCount, values },
      ...(offsets === undefined ? {} : { offsets }),
      ...(bitmap === undefined ? {} : { bitmap }),
    };
  });
  return { rows, buffer, columns };
}

/** The bytes of a column: the bitmap where there are nulls, the offsets where it is text, the values. */
function viewsOf({ nullCount, nullBitmap, type, valueOffsets, values }: Data): Uint8Array[] {
  const bytes = (view: ArrayBufferView): Uint8Array =>
    new Uint8Array(view.buffer, view.byteOffset, view.byteLength);
  return [
    ...(nullCount > 0 ? [bytes(nullBitmap)] : []),
    ...(DataType.isUtf8(type) ? [bytes(valueOffsets as Int32Array)] : []),
    bytes(values as ArrayBufferView),
  ];
}

/** The batch that was packed; `schema` is the one that it has. Its columns are views of the buffer. */
export function unpackBatch({ rows, buffer, columns }: PackedBatch, schema: Schema): RecordBatch {
  const bytes = ([start, length]: Span): Uint8Array => new Uint8Array(buffer, start, length);
  const children = schema.fields.map(({ type }, index) => {
    const { nullCount, bitmap, offsets, values = [0, 0] } = columns[index] ?? { nullCount: 0 };
    const arrow = type as DataType;
    const Values = arrow.ArrayType as unknown as new (
      buffer: ArrayBuffer,
      start: number,
      length: number,
    ) => ArrayBufferView & { readonly BYTES_PER_ELEMENT: number };
    const { BYTES_PER_ELEMENT } = Values as unknown as { readonly BYTES_PER_ELEMENT: number };
    return makeData({
      ...{ type: arrow, length: rows, nullCount },
      nullBitmap: bitmap === undefined ? null : bytes(bitmap),
      ...(offsets === undefined ? {} : { valueOffsets: new Int32Array(buffer, offsets[0], offsets[1] / 4) }),
      data: new Values(buffer, values[0], values[1] / BYTES_PER_ELEMENT),
    } as never) as Data;
  });
  const type = new Struct(schema.fields);
  return new RecordBatch(schema, makeData({ type, length: rows, nullCount: 0, children }));
}
