import { mkdtempSync, rmSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import type { RecordBatch } from 'apache-arrow';
import { afterAll, beforeAll, describe, expect, test } from 'vitest';
import type { SqlConnection, SqlTransaction, TextRow } from '../../../connector/load/destination.js';
import { duckdbConnection } from '../../../connector/load/duckdb/connection.js';
import { stagingTable } from '../../../connector/load/publishing.js';
import { openFile } from '../../../connector/load/duckdb/database.js';
import { fillingWithColumns } from '../../../connector/load/duckdb/fill-with-columns.js';
import { fillingWithValues } from '../../../connector/load/duckdb/fill-with-values.js';
import { batchOf, CHARGE, STAGED, TABLE } from './charges.js';

const TARGET = stagingTable(TABLE);

/** Both ways of filling chunks, with DuckDB working on a thread of its own and on the one that waits for it. */
describe.each([
  { filling: 'whole columns', makeFilling: fillingWithColumns, threads: 1 },
  { filling: 'whole columns', makeFilling: fillingWithColumns, threads: 2 },
  { filling: 'values', makeFilling: fillingWithValues, threads: 2 },
])('staging a batch by $filling on $threads threads', ({ makeFilling, threads }) => {
  let folder: string;
  let connection: SqlConnection;

  beforeAll(async () => {
    folder = mkdtempSync(join(tmpdir(), 'duckdb-stage-'));
    const path = join(folder, 'billing.duckdb');
    connection = duckdbConnection(
      await openFile(path, 'write', { memoryLimit: 128 * 1024 ** 2, threads }),
      path,
      makeFilling,
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

  test('lets other statements in between, and fills what is staged besides: constants, and defaults of columns that are not ours', async () => {
    const target = {
      schema: 'main',
      name: 'charges',
      table: TABLE,
      columns: ['month', ...TARGET.columns, 'load', 'occurrence'],
      constants: [
        { name: 'load', type: 'text', value: 'a text that is longer than a view' },
        { name: 'occurrence', type: 'integer', value: 1 },
        { name: 'month', type: 'date', value: '2026-02-01' },
      ],
      repeats: null,
    } as const;
    const rows = await connection.transaction(async (transaction) => {
      await transaction.run(
        STAGED.replace('TEMPORARY TABLE staged (', "TABLE charges (mine TEXT DEFAULT 'mine', month DATE, "),
      );
      await transaction.run('ALTER TABLE charges ADD COLUMN load VARCHAR');
      await transaction.run('ALTER TABLE charges ADD COLUMN occurrence INTEGER');
      const counts: (string | null | undefined)[] = [];
      for (let part = 1; part <= 20; part += 1) {
        const records = batchOf(Array.from({ length: 900 }, (_, line) => ({ ...CHARGE, line })));
        await transaction.stage(target, { blobName: `part-${part}`, records });
        if (part % 6 !== 0) continue;
        const [row] = await transaction.rows('SELECT count(*) AS n FROM charges');
        counts.push(row?.['n']);
      }
      await transaction.endStaging(target);
      expect(counts).toEqual(['5400', '10800', '16200']);
      const found = await transaction.rows(
        'SELECT mine, month, load, occurrence, count(DISTINCT _blob_name) AS blobs, count(*) AS n FROM charges GROUP BY ALL',
      );
      await transaction.run('DROP TABLE charges');
      return found;
    });
    expect(rows).toEqual([
      {
        mine: 'mine',
        month: '2026-02-01',
        load: 'a text that is longer than a view',
        occurrence: '1',
        blobs: '20',
        n: '18000',
      },
    ]);
  });

  test('ends with what DuckDB refused, or with what is wrong with the batch, and leaves a connection that works', async () => {
    const short = batchOf([CHARGE, CHARGE]);
    (short.data.children[1] as { values: unknown }).values = new Uint32Array(4);
    const many = batchOf(Array.from({ length: 9000 }, (_, line) => ({ ...CHARGE, line })));
    for (const [table, records, expected] of [
      [STAGED, short, { kind: 'system', message: /an Arrow batch holds/ }],
      [
        STAGED.replace('_line_number INTEGER', '_line_number INTEGER CHECK (_line_number < 8000)'),
        many,
        { message: /CHECK/ },
      ],
    ] as const) {
      for (const batches of [1, 10]) {
        const refused = connection.transaction(async (transaction) => {
          await transaction.run(table);
          for (let part = 0; part < batches; part += 1) {
            await transaction.stage(TARGET, { blobName: 'part', records });
          }
          await transaction.endStaging(TARGET);
        });
        await expect(refused).rejects.toMatchObject(expected);
        expect(await staged([batchOf([CHARGE])], 'SELECT count(*) AS n FROM temp.staged')).toEqual([
          { n: '1' },
        ]);
      }
    }
  });
});
