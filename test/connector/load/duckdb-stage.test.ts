import { mkdtempSync, rmSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { makeData, RecordBatch, Struct, type Data } from 'apache-arrow';
import { afterAll, beforeAll, describe, expect, test } from 'vitest';
import type { SqlConnection, SqlTransaction, TextRow } from '../../../connector/load/destination.js';
import { duckdbConnection } from '../../../connector/load/duckdb/connection.js';
import { stagingTable } from '../../../connector/load/publishing.js';
import { openFile } from '../../../connector/load/duckdb/database.js';
import { column, defineTable } from '../../../schemas/table.js';
import { arrowSchema } from '../../../schemas/table-arrow.js';

/** One column of every type; what else a declaration needs is not looked at here. */
const TABLE = defineTable({
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

const TARGET = stagingTable(TABLE);
const STAGED = `CREATE TEMPORARY TABLE staged (note VARCHAR, amount DECIMAL(38, 22), day DATE, instant TIMESTAMP,
  line_item_key UUID, _row_hash UUID, _line_number INTEGER, _extra VARCHAR, _blob_name VARCHAR)`;

interface Charge {
  readonly note: string | null;
  /** Value times 10^22. */
  readonly amount: bigint | null;
  readonly day: number | null;
  readonly instant: bigint | null;
  readonly key: string;
  readonly line: number;
  readonly extra: string | null;
}

const CHARGE: Charge = {
  note: 'usage',
  amount: 1_999_968_000_511_991_808_131n,
  day: 20_000,
  instant: 1_764_547_200_000_001n,
  key: '00112233445566778899aabbccddeeff',
  line: 1,
  extra: null,
};

let folder: string;
let connection: SqlConnection;

beforeAll(async () => {
  folder = mkdtempSync(join(tmpdir(), 'duckdb-stage-'));
  const path = join(folder, 'billing.duckdb');
  connection = duckdbConnection(
    await openFile(path, 'write', { memoryLimit: 128 * 1024 ** 2, threads: 1 }),
    path,
  );
});
afterAll(async () => {
  await connection.close();
  rmSync(folder, { recursive: true, force: true });
});

/** Stages batches, runs `sql` over them and gives everything back. */
async function staged(
  batches: readonly RecordBatch[],
  sql = 'SELECT * FROM temp.staged ORDER BY _line_number',
): Promise<TextRow[]> {
  return connection.transaction(async (transaction) => {
    await transaction.run(STAGED);
    for (const [index, records] of batches.entries()) {
      await transaction.stage(TARGET, { blobName: `part-${index}.json.gz`, records });
    }
    await transaction.endStaging(TARGET);
    const rows = await transaction.rows(sql);
    await transaction.run('DROP TABLE temp.staged');
    return rows;
  });
}

describe('staging a batch', () => {
  test('keeps every type exactly, at its ends too, and null as null', async () => {
    const rows = await staged([
      batchOf([
        CHARGE,
        {
          ...CHARGE,
          line: 2,
          note: 'Größe 漢字 😀',
          amount: -1n,
          day: -719_162,
          instant: -1n,
          extra: '{"A":1.10}',
        },
        { ...CHARGE, line: 3, note: '', amount: 10n ** 38n - 1n, key: 'ffffffffffffffffffffffffffffffff' },
        { ...CHARGE, line: 4, note: null, amount: null, day: null, instant: null, key: '0'.repeat(32) },
        { ...CHARGE, line: 5, amount: 1n - 10n ** 38n, instant: 253_402_300_799_999_999n },
        { ...CHARGE, line: 6, amount: 0n, note: 'x'.repeat(100_000) },
      ]),
    ]);
    expect(rows.map(({ note }) => note)).toEqual([
      'usage',
      'Größe 漢字 😀',
      '',
      null,
      'usage',
      'x'.repeat(100_000),
    ]);
    expect(rows.map(({ amount }) => amount)).toEqual([
      '0.1999968000511991808131',
      '-0.0000000000000000000001',
      '9999999999999999.9999999999999999999999',
      null,
      '-9999999999999999.9999999999999999999999',
      '0',
    ]);
    expect(rows.map(({ day }) => day).slice(0, 4)).toEqual(['2024-10-04', '0001-01-01', '2024-10-04', null]);
    expect(rows.map(({ instant }) => instant).slice(0, 5)).toEqual([
      '2025-12-01 00:00:00.000001',
      '1969-12-31 23:59:59.999999',
      '2025-12-01 00:00:00.000001',
      null,
      '9999-12-31 23:59:59.999999',
    ]);
    expect(rows.map((row) => row['line_item_key']).slice(1, 4)).toEqual([
      '00112233-4455-6677-8899-aabbccddeeff',
      'ffffffff-ffff-ffff-ffff-ffffffffffff',
      '00000000-0000-0000-0000-000000000000',
    ]);
    expect(rows.map((row) => row['_row_hash'])).toEqual(rows.map((row) => row['line_item_key']));
    expect(rows[1]).toMatchObject({ _extra: '{"A":1.10}', _blob_name: 'part-0.json.gz', _line_number: '2' });
  });

  test('takes any number of rows, nulls anywhere, in batches of any size', async () => {
    const sizes = [1, 2047, 2048, 2049, 10_000, 0, 5];
    let line = 0;
    let sum = 0n;
    const batches = sizes.map((size) =>
      batchOf(
        Array.from({ length: size }, () => {
          line += 1;
          const amount = line % 7 === 0 ? null : BigInt(line) * 10n ** 22n + BigInt(line);
          sum += amount ?? 0n;
          return { ...CHARGE, line, amount, note: line % 5 === 0 ? null : `note ${line} é` };
        }),
      ),
    );
    const total = sizes.reduce((one, other) => one + other, 0);
    const [row] = await staged(
      batches,
      `SELECT count(*) AS n, count(note) AS notes, count(amount) AS amounts, sum(amount) AS sum,
        count(*) FILTER (WHERE note IS NOT NULL AND note <> 'note ' || _line_number || ' é') AS wrong,
        count(DISTINCT _blob_name) AS blobs, min(_line_number) AS first, max(_line_number) AS last FROM temp.staged`,
    );
    const text = sum.toString().padStart(23, '0');
    expect(row).toEqual({
      n: String(total),
      notes: String(total - Math.floor(total / 5)),
      amounts: String(total - Math.floor(total / 7)),
      sum: `${text.slice(0, -22)}.${text.slice(-22).replace(/0+$/, '')}`,
      wrong: '0',
      blobs: '6',
      first: '1',
      last: String(total),
    });
  });

  test('reads a part of a batch as well as a whole one', async () => {
    const whole = batchOf(
      Array.from({ length: 20 }, (_, index) => ({
        ...CHARGE,
        line: index + 1,
        note: index % 3 === 0 ? null : `n${index}`,
        amount: BigInt(index) * 10n ** 22n,
      })),
    );
    const rows = await staged([whole.slice(3, 12)]);
    expect(rows.map(({ note, amount }) => [note, amount])).toEqual(
      [3, 4, 5, 6, 7, 8, 9, 10, 11].map((index) => [index % 3 === 0 ? null : `n${index}`, String(index)]),
    );
  });

  test('refuses a staging table of other types, above all of another scale', async () => {
    for (const [from, to] of [
      ['DECIMAL(38, 22)', 'DECIMAL(38, 18)'],
      ['note VARCHAR', 'note BLOB'],
      ['instant TIMESTAMP', 'instant TIMESTAMPTZ'],
      [', _blob_name VARCHAR', ''],
    ] as const) {
      const refused = connection.transaction(async (transaction) => {
        await transaction.run(STAGED.replace(from, to));
        await transaction.stage(TARGET, { blobName: 'part', records: batchOf([CHARGE]) });
      });
      await expect(refused, to).rejects.toMatchObject({ kind: 'system', message: /staging|columns/ });
    }
  });

  test('leaves nothing when the transaction fails before, during or after the flush', async () => {
    for (const rows of [10, 9000]) {
      const failing = connection.transaction(async (transaction: SqlTransaction) => {
        await transaction.run(STAGED);
        const charges = Array.from({ length: rows }, () => CHARGE);
        await transaction.stage(TARGET, { blobName: 'part', records: batchOf(charges) });
        throw new Error('a blob proved damaged');
      });
      await expect(failing).rejects.toThrow();
      expect(await staged([batchOf([CHARGE])], 'SELECT count(*) AS n FROM temp.staged')).toEqual([
        { n: '1' },
      ]);
    }
  });

  test('that was not ended is not committed', async () => {
    const forgotten = connection.transaction(async (transaction) => {
      await transaction.run(STAGED);
      await transaction.stage(TARGET, { blobName: 'part', records: batchOf([CHARGE]) });
    });
    await expect(forgotten).rejects.toMatchObject({
      kind: 'system',
      message: expect.stringContaining('not ended') as string,
    });
  });
});

/** Fills Arrow buffers by hand, as the parser does. */
function batchOf(charges: readonly Charge[]): RecordBatch {
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
