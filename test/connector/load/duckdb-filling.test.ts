import { mkdtempSync, rmSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import fc from 'fast-check';
import { afterAll, beforeAll, expect, test } from 'vitest';
import type { SqlConnection, TextRow } from '../../../connector/load/destination.js';
import type { MakeFilling } from '../../../connector/load/duckdb/batch-stager.js';
import { chooseFilling } from '../../../connector/load/duckdb/choose-filling.js';
import { duckdbConnection } from '../../../connector/load/duckdb/connection.js';
import { openFile } from '../../../connector/load/duckdb/database.js';
import { fillingWithColumns } from '../../../connector/load/duckdb/fill-with-columns.js';
import { fillingWithValues } from '../../../connector/load/duckdb/fill-with-values.js';
import { vectorFault } from '../../../connector/load/duckdb/vector-self-test.js';
import { stagingTable } from '../../../connector/load/publishing.js';
import type { ProgressEvent } from '../../../schemas/progress.js';
import { batchOf, CHARGE, STAGED, TABLE, type Charge } from './charges.js';

const TARGET = stagingTable(TABLE);
const BY_LINE = 'SELECT * FROM temp.staged ORDER BY ALL';

let folder: string;
const connections = new Map<MakeFilling, SqlConnection>();

beforeAll(async () => {
  folder = mkdtempSync(join(tmpdir(), 'duckdb-filling-'));
  for (const makeFilling of [fillingWithColumns, fillingWithValues]) {
    const path = join(folder, `${makeFilling.name}.duckdb`);
    const database = await openFile(path, 'write', { memoryLimit: 256 * 1024 ** 2, threads: 2 });
    connections.set(makeFilling, duckdbConnection(database, path, makeFilling));
  }
});
afterAll(async () => {
  for (const connection of connections.values()) await connection.close();
  rmSync(folder, { recursive: true, force: true });
});

async function staged(makeFilling: MakeFilling, batches: readonly Staged[]): Promise<TextRow[]> {
  const connection = connections.get(makeFilling) as SqlConnection;
  return connection.transaction(async (transaction) => {
    await transaction.run(STAGED);
    for (const { charges, from, blobName } of batches) {
      await transaction.stage(TARGET, { blobName, records: batchOf(charges).slice(from) });
    }
    await transaction.endStaging(TARGET);
    const rows = await transaction.rows(BY_LINE);
    await transaction.run('DROP TABLE temp.staged');
    return rows;
  });
}

interface Staged {
  readonly charges: readonly Charge[];
  /** Rows that are cut off at the start, so that bits of validity do not begin with a byte. */
  readonly from: number;
  readonly blobName: string;
}

const lengths = fc.constantFrom(0, 1, 3, 4, 5, 11, 12, 13, 14, 16, 17, 40, 5000);
const text = fc.oneof(
  { weight: 2, arbitrary: fc.constant(null) },
  { weight: 3, arbitrary: lengths.map((length) => 'x'.repeat(length)) },
  {
    weight: 3,
    arbitrary: fc.string({ unit: 'grapheme', maxLength: 16 }),
  },
  // Twelve and thirteen bytes with a character across the end of what stands in a view.
  {
    weight: 2,
    arbitrary: fc.constantFrom(
      'elevenbyte_é',
      'elevenbytes_é',
      'ten bytes_漢',
      'ninebytes😀',
      'eleven__b_😀',
    ),
  },
);
const decimal = fc.oneof(
  fc.constant(null),
  fc.bigInt({ min: 1n - 10n ** 38n, max: 10n ** 38n - 1n }),
  fc.constantFrom(0n, -1n, 1n, 2n ** 64n, -(2n ** 64n), 2n ** 32n - 1n),
);
const charge: fc.Arbitrary<Charge> = fc.record({
  note: text,
  amount: decimal,
  day: fc.option(fc.integer({ min: -719_162, max: 2_932_896 })),
  instant: fc.option(fc.bigInt({ min: -(10n ** 15n), max: 10n ** 16n })),
  key: fc.uint8Array({ minLength: 16, maxLength: 16 }).map((bytes) => Buffer.from(bytes).toString('hex')),
  line: fc.integer({ min: -(2 ** 31), max: 2 ** 31 - 1 }),
  extra: text,
});
/** A few made records, repeated in another order to any length: sizes around a vector's, cheaply made. */
const batch: fc.Arbitrary<Staged> = fc
  .record({
    made: fc.array(charge, { minLength: 1, maxLength: 12 }),
    size: fc.oneof(fc.integer({ min: 0, max: 70 }), fc.constantFrom(2047, 2048, 2049, 4095, 4096, 4097)),
    step: fc.integer({ min: 1, max: 11 }),
    cut: fc.integer({ min: 0, max: 9 }),
    nothingIn: fc.constantFrom('none', 'note', 'amount', 'day', 'instant', 'extra'),
    blobName: fc.constantFrom('p', 'part-00.gz', 'part-00000.json.gz', 'größer als eine Ansicht.gz'),
  })
  .map(({ made, size, step, cut, nothingIn, blobName }) => ({
    charges: Array.from({ length: size }, (_, row) => ({
      ...(made[(row * step) % made.length] as Charge),
      // A column without any value, as many are, until somewhere in its second vector.
      ...(nothingIn !== 'none' && row < 3000 ? { [nothingIn]: null } : {}),
    })),
    from: Math.min(cut, size),
    blobName,
  }));

test('whole columns and single values make the same table of any batches', async () => {
  await fc.assert(
    fc.asyncProperty(fc.array(batch, { minLength: 1, maxLength: 4 }), async (batches) => {
      const rows = await staged(fillingWithColumns, batches);
      expect(rows).toEqual(await staged(fillingWithValues, batches));
      expect(rows).toHaveLength(batches.reduce((sum, { charges, from }) => sum + charges.length - from, 0));
    }),
    { numRuns: Number(process.env['FUZZ_RUNS'] ?? 25) },
  );
});

test('texts are what they were, next to each other in every length around a view', async () => {
  const notes = Array.from({ length: 4100 }, (_, row) =>
    row % 9 === 0 ? null : [...`${'é漢😀x'.repeat(row % 7)}${row}`].slice(0, row % 40).join(''),
  );
  const charges = notes.map((note, line) => ({ ...CHARGE, note, line }));
  const rows = await staged(fillingWithColumns, [{ charges, from: 0, blobName: 'part' }]);
  const byLine = new Map(rows.map((row) => [Number(row['_line_number']), row['note']]));
  expect(notes.map((_, line) => byLine.get(line))).toEqual(notes);
});

test('this build of DuckDB has the layout that whole columns are copied into, and nobody is told anything', () => {
  const events: ProgressEvent[] = [];
  expect(vectorFault()).toBeNull();
  expect(chooseFilling((event) => events.push(event))).toBe(fillingWithColumns);
  expect(events).toEqual([]);
});
