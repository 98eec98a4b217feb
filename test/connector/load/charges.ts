import { makeData, RecordBatch, Struct, type Data } from 'apache-arrow';
import { column, defineTable } from '../../../schemas/table.js';
import { arrowSchema } from '../../../schemas/table-arrow.js';

/** One column of every type; what else a declaration needs is not looked at here. */
export const TABLE = defineTable({
  name: 'charges',
  version: 1,
  scopedBy: 'invoice',
  columns: [
    column('note', 'Note', 'text', 'full', 'a text'),
    column('amount', 'Amount', 'decimal', 'full', 'a decimal'),
    column('day', 'Day', 'date', 'full', 'a date'),
    column('instant', 'Instant', 'timestamp', 'full', 'a timestamp'),
  ],
  identity: ['note'],
  measures: ['amount'],
  required: [],
  amount: 'amount',
  currency: 'note',
  tenant: 'note',
});
const SCHEMA = arrowSchema(TABLE);

/** The staging table of {@link TABLE}. */
export const STAGED = `CREATE TEMPORARY TABLE staged (note VARCHAR, amount DECIMAL(38, 22), day DATE, instant TIMESTAMP,
  line_item_key UUID, _row_hash UUID, _line_number INTEGER, _extra VARCHAR, _blob_name VARCHAR)`;

/** A record of {@link TABLE}. */
export interface Charge {
  readonly note: string | null;
  /** Value times 10^22. */
  readonly amount: bigint | null;
  readonly day: number | null;
  readonly instant: bigint | null;
  readonly key: string;
  readonly line: number;
  readonly extra: string | null;
}

/** One to make others of. */
export const CHARGE: Charge = {
  note: 'usage',
  amount: 1_999_968_000_511_991_808_131n,
  day: 20_000,
  instant: 1_764_547_200_000_001n,
  key: '00112233445566778899aabbccddeeff',
  line: 1,
  extra: null,
};

/** Fills Arrow buffers by hand, as the parser does. */
export function batchOf(charges: readonly Charge[]): RecordBatch {
  const keys = Buffer.concat(charges.map(({ key }) => Buffer.from(key, 'hex')));
  const children = [
    textData(
      charges.map(({ note }) => note),
      0,
    ),
    fixedData(
      1,
      charges.map(({ amount }) => amount),
      decimalWords,
    ),
    fixedData(
      2,
      charges.map(({ day }) => day),
      (days) => Int32Array.from(days, (value) => value ?? 0),
    ),
    fixedData(
      3,
      charges.map(({ instant }) => instant),
      (micros) => BigInt64Array.from(micros, (value) => value ?? 0n),
    ),
    makeData({ type: typeAt(4), length: charges.length, data: keys, nullCount: 0 } as never),
    makeData({ type: typeAt(5), length: charges.length, data: keys, nullCount: 0 } as never),
    fixedData(
      6,
      charges.map(({ line }) => line),
      (lines) => Int32Array.from(lines, (value) => value ?? 0),
    ),
    textData(
      charges.map(({ extra }) => extra),
      7,
    ),
  ] as Data[];
  const data = makeData({ type: new Struct(SCHEMA.fields), length: charges.length, nullCount: 0, children });
  return new RecordBatch(SCHEMA, data);
}

function typeAt(field: number): unknown {
  return SCHEMA.fields[field]?.type;
}

function validity(values: readonly unknown[]): { nullBitmap: Uint8Array; nullCount: number } {
  const nullBitmap = new Uint8Array(Math.ceil(values.length / 64) * 8);
  values.forEach((value, index) => {
    if (value !== null) nullBitmap[index >> 3] = (nullBitmap[index >> 3] ?? 0) | (1 << (index & 7));
  });
  return { nullBitmap, nullCount: values.filter((value) => value === null).length };
}

function textData(texts: readonly (string | null)[], field: number): unknown {
  const bytes = texts.map((text) => Buffer.from(text ?? ''));
  const valueOffsets = new Int32Array(texts.length + 1);
  bytes.forEach((one, index) => (valueOffsets[index + 1] = (valueOffsets[index] ?? 0) + one.length));
  const data = Buffer.concat(bytes);
  return makeData({
    type: typeAt(field),
    length: texts.length,
    valueOffsets,
    data,
    ...validity(texts),
  } as never);
}

function fixedData<T>(
  field: number,
  values: readonly (T | null)[],
  fill: (values: readonly (T | null)[]) => unknown,
) {
  return makeData({
    type: typeAt(field),
    length: values.length,
    data: fill(values),
    ...validity(values),
  } as never);
}

function decimalWords(values: readonly (bigint | null)[]): Uint32Array {
  return Uint32Array.from(
    values.flatMap((value) =>
      [0n, 32n, 64n, 96n].map((shift) => Number(((value ?? 0n) >> shift) & 0xffffffffn)),
    ),
  );
}
