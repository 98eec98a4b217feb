import type { ConstantColumn, EncodedRows, RowEncoding } from '../schemas/row-encoding.js';
import { SystemError } from '../schemas/errors.js';
import * as layout from './decoder-layout.js';
import type { DecoderColumns } from './decoder-columns.js';
import type { BatchRecord } from './batch-builder.js';
import { constantField, referenceRow, unknownField } from './reference-row.js';

/** A FIELD of decoder-layout.ts. */
interface Field {
  readonly kind: number;
  readonly at: number;
  readonly length: number;
}

/** A piece of a decoder's memory that grows when more is needed; what was in it is lost then. */
class Room {
  private at = 0;
  private size = 0;

  constructor(private readonly columns: DecoderColumns) {}

  of(bytes: number): number {
    if (bytes <= this.size) return this.at;
    this.size = Math.max(bytes, 2 * this.size);
    this.at = this.columns.memory.allocate(this.size);
    return this.at;
  }
}

/** Encodes the rows of the batch that stands in a decoder's memory, as a destination asked for it. */
export class RowEncoder {
  private encoding: RowEncoding | null = null;
  private constants: readonly ConstantColumn[] = [];
  private checked: { readonly row: number; readonly record: BatchRecord }[] = [];
  private blobName = '';
  private fields = 0;
  /** Bytes that a row takes at most, its texts not counted. */
  private rowBytes = 0;
  private readonly list: Room;
  private readonly constantBytes: Room;
  private readonly out: Room;
  private readonly ends: Room;

  constructor(private readonly columns: DecoderColumns) {
    this.list = new Room(columns);
    this.constantBytes = new Room(columns);
    this.out = new Room(columns);
    this.ends = new Room(columns);
  }

  /**
   * From now on batches are encoded so, or not at all.
   * @throws SystemError for a column that nothing fills
   */
  begin(encoding: RowEncoding | null, blobName: string): void {
    this.encoding = encoding;
    this.blobName = blobName;
    this.checked = [];
    if (encoding === null) return;
    const { memory } = this.columns;
    this.constants = [...encoding.constants, { name: '_blob_name', type: 'text', value: blobName }];
    const constants = new Map(
      this.constants.map((constant) => [constant.name, constantField(constant)] as const),
    );
    const bytes = Buffer.concat([...constants.values()]);
    // The module reads 16 bytes at a time; behind an allocation there are more.
    let at = this.constantBytes.of(bytes.length);
    memory.bytes.set(bytes, at);
    const places = new Map<string, Field>();
    for (const [name, { length }] of constants) {
      places.set(name, { kind: layout.FIELD_CONSTANT, at, length });
      at += length;
    }
    const fields = encoding.columns.map((name) => places.get(name) ?? this.batchField(name));
    this.fields = this.list.of(fields.length * layout.FIELD_BYTES);
    fields.forEach(({ kind, at: address, length }, index) => {
      const field = this.fields + index * layout.FIELD_BYTES;
      memory.setWord(field + layout.FIELD_KIND, kind);
      memory.setWord(field + layout.FIELD_AT, address);
      memory.setWord(field + layout.FIELD_LENGTH, length);
    });
    this.rowBytes = fields.reduce((sum, field) => sum + roomOf(field), 2);
  }

  /** A row of the batch is checked when it is encoded: it must become what the reference decoder read. */
  expect(row: number, record: BatchRecord): void {
    if (this.encoding !== null) this.checked.push({ row, record });
  }

  /**
   * The rows since the last batch, in buffers of their own that can be transferred; null where none are asked for.
   * @throws SystemError where a checked row became something else
   */
  encode(): EncodedRows | null {
    const { encoding } = this;
    if (encoding === null) return null;
    const { memory, declared, extra } = this.columns;
    const rows = memory.state(layout.RUN_ROWS);
    const texts = [...declared, extra].reduce((sum, at) => sum + memory.word(at + layout.COLUMN_USED), 0);
    const out = this.out.of(rows * this.rowBytes + texts + layout.ENCODED_OVERRUN);
    const ends = this.ends.of(rows * 4);
    const size = memory.encodeRows(this.fields, encoding.columns.length, rows, out, ends);
    const encoded = {
      encoding,
      bytes: memory.bytes.slice(out, out + size),
      rowEnds: new Uint32Array(memory.bytes.slice(ends, ends + rows * 4).buffer),
    };
    this.check(encoded);
    return encoded;
  }

  private check({ encoding, bytes, rowEnds }: EncodedRows): void {
    const { checked, constants, blobName } = this;
    this.checked = [];
    for (const { row, record } of checked) {
      const start = row === 0 ? 0 : (rowEnds[row - 1] ?? 0);
      const expected = referenceRow(this.columns.table, encoding, constants, record);
      if (Buffer.compare(bytes.subarray(start, rowEnds[row]), expected) === 0) continue;
      const line = record.lineNumber;
      throw new SystemError({
        message: `blob ${blobName}: line ${line} was encoded in another way than it was read`,
        hint: 'this is a defect of the connector, and nothing was published; report it, and load with PARTNER_BILLING_DECODER=reference',
        facts: { blob: blobName, line },
      });
    }
  }

  private batchField(name: string): Field {
    const { memory, table, declared, extra, keys, hashes, lineNumbers } = this.columns;
    const at = declared[table.columns.findIndex((column) => column.name === name)];
    if (at !== undefined) return { kind: memory.word(at + layout.COLUMN_KIND), at, length: 0 };
    switch (name) {
      case 'line_item_key':
        return { kind: layout.FIELD_SIXTEEN, at: keys, length: 0 };
      case '_row_hash':
        return { kind: layout.FIELD_SIXTEEN, at: hashes, length: 0 };
      case '_line_number':
        return { kind: layout.FIELD_INTEGER, at: lineNumbers, length: 0 };
      case '_extra':
        return { kind: layout.TEXT, at: extra, length: 0 };
    }
    throw unknownField(name);
  }
}

function roomOf({ kind, length }: Field): number {
  if (kind === layout.FIELD_CONSTANT) return length;
  return kind === layout.TEXT ? layout.FIELD_TEXT_ROOM : layout.FIELD_ROOM;
}
