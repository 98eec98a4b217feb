import fc from 'fast-check';
import { afterAll, beforeAll, describe, expect, test } from 'vitest';
import { loadDecoder } from '../../../../connector/decoder-choice.js';
import type { PartsSource, SqlTransaction } from '../../../../connector/load/destination.js';
import { migrate } from '../../../../connector/load/migrate.js';
import { PostgresConnection } from '../../../../connector/load/postgres/connection.js';
import { publish } from '../../../../connector/load/publish.js';
import type { StagingTarget } from '../../../../connector/load/staging-target.js';
import { canonicalDecimal } from '../../../../schemas/decimal-text.js';
import { STREAMS, type StreamName } from '../../../../schemas/streams.js';
import { arrowSchema } from '../../../../schemas/table-arrow.js';
import type { Table } from '../../../../schemas/table.js';
import { PARSE_LIMITS, parseBlob } from '../../../../transforms/parse-blob.js';
import { INVOICE } from '../../../contract/dataset.js';
import { createTestDatabase, type TestDatabase } from '../../../postgres-server.js';
import { publishRequest, snapshotOf, usageRecord, type SourceRecord } from '../../../snapshot.js';
import { fastDecoder } from '../../../transforms/both-decoders.js';

let database: TestDatabase;
let connection: PostgresConnection;
beforeAll(async () => {
  database = await createTestDatabase();
  const session = { url: database.url, applicationName: 'copy-binary', lockWaitMs: 5000 };
  connection = new PostgresConnection(session, 'the test server', () => Promise.resolve());
});
afterAll(async () => {
  await connection.close();
  await database.drop();
});

const USAGE = STREAMS.billed_usage.table;
const TYPES = { text: 'text', decimal: 'numeric', date: 'date', timestamp: 'timestamp' } as const;
const LINEAGE: Readonly<Record<string, string>> = {
  ...{ line_item_key: 'uuid', _row_hash: 'uuid', _line_number: 'integer', _extra: 'json' },
  ...{ _blob_name: 'text', occurrence: 'integer', month: 'date', load: 'text' },
};
const CONSTANTS: StagingTarget['constants'] = [
  { name: 'occurrence', type: 'integer', value: 1 },
  { name: 'month', type: 'date', value: '1999-12-01' },
  { name: 'load', type: 'text', value: 'Lädt 1' },
];

/** A temporary table with all columns of a batch, backwards, and constants. */
function targetNamed(name: string, table: Table): StagingTarget {
  const columns = [
    ...['month', '_blob_name'],
    ...arrowSchema(table)
      .fields.map((field) => field.name)
      .reverse(),
    ...['occurrence', 'load'],
  ];
  return { schema: null, name, table, columns, constants: CONSTANTS, repeats: null };
}

async function createTable(
  transaction: SqlTransaction,
  { name, table, columns }: StagingTarget,
): Promise<void> {
  const types = new Map(table.columns.map((column) => [column.name, TYPES[column.type] as string]));
  const definitions = columns.map((column) => `${column} ${types.get(column) ?? LINEAGE[column] ?? ''}`);
  await transaction.run(`CREATE TEMPORARY TABLE ${name} (${definitions.join(', ')}) ON COMMIT DROP`);
}

async function* inOneChunk(lines: readonly string[]): AsyncGenerator<Uint8Array> {
  yield await Promise.resolve(Buffer.from(lines.length === 0 ? '\n' : lines.join('\n')));
}

/** Loads the lines into a target, encoded for it or not; returns how many batches were encoded. */
async function load(
  transaction: SqlTransaction,
  target: StagingTarget,
  lines: readonly string[],
  isEncoded: boolean,
): Promise<number> {
  await createTable(transaction, target);
  const encoding = isEncoded ? transaction.rowEncoding(target) : null;
  let encoded = 0;
  const blob = parseBlob(inOneChunk(lines), 'blöb', target.table, { batchRows: 7 }, fastDecoder, encoding);
  for await (const part of blob) {
    if (part.kind !== 'batch') continue;
    if (part.batch.encoded !== undefined) encoded += 1;
    await transaction.stage(target, part.batch);
  }
  await transaction.endStaging(target);
  return encoded;
}

/** Loads lines in both formats, expects each column to be the same as text, and returns the texts of a column. */
async function loadBoth(table: Table, lines: readonly string[], column: string): Promise<(string | null)[]> {
  const binary = targetNamed('by_binary', table);
  const text = targetNamed('by_text', table);
  return connection.transaction(async (transaction) => {
    expect(await load(transaction, binary, lines, true)).toBe(Math.ceil(lines.length / 7));
    expect(await load(transaction, text, lines, false)).toBe(0);
    for (const name of binary.columns) {
      const of = (from: string): string => `SELECT _line_number, CAST(${name} AS text) FROM ${from}`;
      const differing = await transaction.rows(
        `(${of('by_binary')} EXCEPT ALL ${of('by_text')}) UNION ALL (${of('by_text')} EXCEPT ALL ${of('by_binary')})`,
      );
      expect({ name, differing }).toEqual({ name, differing: [] });
    }
    const found = `SELECT CAST(${column} AS text) AS value FROM by_binary ORDER BY _line_number`;
    return (await transaction.rows(found)).map((row) => row['value'] ?? null);
  });
}

const decimals = fc
  .tuple(fc.boolean(), fc.bigInt({ min: 0n, max: 10n ** 38n - 1n }), fc.nat(37), fc.nat(22))
  .map(([negative, digits, cut, zeros]) => {
    const short = (digits / 10n ** BigInt(cut)) * 10n ** BigInt(Math.min(zeros, cut));
    const text = short.toString().padStart(23, '0');
    return canonicalDecimal(`${negative ? '-' : ''}${text.slice(0, -22)}.${text.slice(-22)}`);
  });
const instants = fc
  .tuple(
    fc.oneof(
      fc.date({
        min: new Date('0002-01-01T00:00:00Z'),
        max: new Date('9999-12-31T23:59:59Z'),
        noInvalidDate: true,
      }),
      fc
        .constantFrom('0002-01-01', '1969-12-31', '1970-01-01', '1999-12-31', '2000-01-01', '9999-12-31')
        .map((day) => new Date(`${day}T23:59:59Z`)),
    ),
    fc.nat(999_999),
  )
  .map(([at, micros]) => `${at.toISOString().slice(0, 19)}.${String(micros).padStart(6, '0')}Z`);
const texts = fc.oneof(
  fc.string({ unit: 'grapheme', maxLength: 40 }).map((text) => text.replaceAll('\0', '')),
  fc.constantFrom('\\N', '\\.', 'tab\tline\nreturn\rback\\slash', '😀'.repeat(5000), ' ', 'ÿ\u{10FFFF}'),
);

function recordsOf(stream: StreamName): fc.Arbitrary<SourceRecord> {
  const { columns, required } = STREAMS[stream].table;
  const fields = columns.map(({ name, source, type }) => {
    const value = type === 'text' ? texts : type === 'decimal' ? decimals : instants;
    const isRequired = required.includes(name);
    return [source, isRequired ? value.filter((text) => text.trim() !== '') : fc.option(value)] as const;
  });
  return fc.record({
    ...Object.fromEntries(fields),
    ...{ Unknown: fc.option(texts), other: fc.option(fc.nat()) },
  });
}

describe('records encoded by the decoder', () => {
  test.each(['billed_usage', 'billed_reconciliation'] as const)(
    'come out of Postgres as those sent as text do, column by column: %s',
    async (stream) => {
      const { table, name } = STREAMS[stream];
      const first = table.columns[0]?.name ?? '';
      await fc.assert(
        fc.asyncProperty(fc.array(recordsOf(name), { minLength: 1, maxLength: 30 }), async (records) => {
          const lines = records.map((record) => JSON.stringify(record));
          expect(await loadBoth(table, lines, first)).toHaveLength(lines.length);
        }),
        { numRuns: 12 },
      );
    },
  );

  test('hold each decimal as its canonical text', async () => {
    const found = ['0', '1', '-1', '10000', '0.0001', '0.00010001', '-0.1', '9999', '9999.9999', '120000000'];
    found.push('9999999999999999.9999999999999999999999', '-9999999999999999.9999999999999999999999');
    found.push('0.0000000000000000000001', '1000000000000000', '-1000000000000000.0000000000000000000001');
    for (let digits = 1; digits <= 22; digits += 1)
      found.push(`0.${'0'.repeat(digits - 1)}7`, `3.${'1'.repeat(digits)}`);
    for (let digits = 1; digits <= 16; digits += 1)
      found.push(`8${'0'.repeat(digits - 1)}`, '5'.repeat(digits));
    const lines = found.map((quantity) => JSON.stringify(usageRecord({ Quantity: quantity })));
    expect(await loadBoth(USAGE, lines, 'quantity')).toEqual(found);
    await fc.assert(
      fc.asyncProperty(fc.array(decimals, { minLength: 1, maxLength: 200 }), async (values) => {
        const records = values.map((quantity) => JSON.stringify(usageRecord({ Quantity: quantity })));
        expect(await loadBoth(USAGE, records, 'quantity')).toEqual(values);
      }),
      { numRuns: 5 },
    );
  });

  test('refuse the snapshot where they are not what the reference decoder read', async () => {
    const decoder = loadDecoder();
    const broken = await decoder.take(USAGE, { ...PARSE_LIMITS, batchRows: 7 });
    const { memory } = broken;
    const encodeRows = memory.encodeRows.bind(memory);
    memory.encodeRows = (fields, count, rows, out, ends) => {
      const size = encodeRows(fields, count, rows, out, ends);
      memory.bytes[out + size - 1] = 0;
      return size;
    };
    decoder.giveBack(broken);
    const target = targetNamed('refused', USAGE);
    const encoding = await connection.transaction((transaction) =>
      Promise.resolve(transaction.rowEncoding(target)),
    );
    const lines = Array.from({ length: 3 }, () => JSON.stringify(usageRecord()));
    const blob = parseBlob(inOneChunk(lines), 'a', USAGE, { batchRows: 7 }, decoder, encoding);
    const parsing = (async () => {
      for await (const part of blob) expect(part.kind).not.toBe('batch');
    })();
    await expect(parsing).rejects.toMatchObject({ kind: 'system', facts: { blob: 'a', line: 3 } });
  });

  test('are published as those sent as text are: a first load with repeated keys, and a restated one', async () => {
    const keys = Array.from({ length: 60 }, (_, row) => `m${(row * 7) % 23}`);
    const records = (price: string): SourceRecord[] =>
      keys.map((MeterId, row) =>
        usageRecord({
          MeterId,
          Quantity: String(row % 5),
          UnitPrice: price,
          ...(row % 3 === 0 ? { New: row } : {}),
        }),
      );
    for (const [dataset, isEncoded] of [
      ['binary', true],
      ['plain', false],
    ] as const) {
      const now = new Date('2026-11-09T12:00:00Z');
      await migrate(connection, { dataset, connectorVersion: '0.0.0-test', now });
      for (const [loadId, price] of [
        ['l1', '0.5'],
        ['l2', '0.25'],
      ] as const) {
        const snapshot = await snapshotOf(USAGE, { a: records(price) });
        const lines = records(price).map((record) => JSON.stringify(record));
        const parts: PartsSource = (encoding) =>
          parseBlob(
            inOneChunk(lines),
            'a',
            USAGE,
            { batchRows: 11 },
            fastDecoder,
            isEncoded ? encoding : null,
          );
        const request = publishRequest(INVOICE, snapshot, { loadId, eTag: loadId });
        const { counts } = await publish(connection, { dataset }, request, parts);
        expect(counts).toMatchObject(loadId === 'l1' ? { inserted: 60 } : { updated: 60 });
      }
    }
    const differing = await connection.transaction((transaction) =>
      transaction.rows(
        `WITH b AS (SELECT CAST(t AS text) AS line FROM "binary".billed_usage t),
              p AS (SELECT CAST(t AS text) AS line FROM plain.billed_usage t)
         (SELECT * FROM b EXCEPT ALL SELECT * FROM p) UNION ALL (SELECT * FROM p EXCEPT ALL SELECT * FROM b)`,
      ),
    );
    expect(differing).toEqual([]);
  });
});
