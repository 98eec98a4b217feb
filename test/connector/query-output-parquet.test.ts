import { createWriteStream, mkdtempSync, readdirSync, rmSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { PassThrough } from 'node:stream';
import { DuckDBInstance } from '@duckdb/node-api';
import fc from 'fast-check';
import pg from 'pg';
import { afterEach, beforeEach, describe, expect, test } from 'vitest';
import { systemClock } from '../../connector/clock.js';
import { queryCommand } from '../../connector/commands/query.js';
import type { Destination, QueryResult } from '../../connector/load/destination.js';
import { createDuckdbDestination } from '../../connector/load/duckdb/destination.js';
import { createPostgresDestination } from '../../connector/load/postgres/destination.js';
import { writeParquet } from '../../connector/query-output-parquet.js';
import { configSchema, type Config } from '../../schemas/config.js';
import { decimalText } from '../../schemas/decimal-text.js';
import { createTestDatabase } from '../postgres-server.js';

const LIMITS = { memoryLimit: 128 * 1024 ** 2, threads: 1 };
const OPTIONS = {
  path: (relative: string) => relative,
  report: () => undefined,
  clock: systemClock,
  lockWaitMs: 0,
  connectorVersion: '0.0.0-test',
};

let folder: string;
let file: string;

beforeEach(() => {
  folder = mkdtempSync(join(tmpdir(), 'query-parquet-'));
  file = join(folder, "it's.parquet");
});
afterEach(() => rmSync(folder, { recursive: true, force: true }));

/** What DuckDB, which is not ours, reads from a Parquet file: column types, and rows as exact text. */
async function readParquet(path: string): Promise<{ types: Record<string, string>; rows: unknown[][] }> {
  const instance = await DuckDBInstance.create(':memory:');
  const connection = await instance.connect();
  const described = await connection.run('DESCRIBE SELECT * FROM read_parquet($1)', [path]);
  const types = Object.fromEntries(
    (await described.getRowsJson()).map(([name, type]) => [name as string, type as string]),
  );
  const rows = await (await connection.run('SELECT * FROM read_parquet($1)', [path])).getRowsJson();
  connection.closeSync();
  instance.closeSync();
  return { types, rows };
}

function resultOf(type: string, values: readonly (string | null)[]): QueryResult {
  return {
    columns: [{ name: 'value', type }],
    rows: async function* () {
      for (const value of values) yield await Promise.resolve([value]);
    },
  };
}

function configOf(destination: Record<string, unknown>): Config {
  return configSchema.parse({
    version: 1,
    source: {
      tenant_id: '0e195b37-4574-4539-bc42-0e539b9684c0',
      auth: { method: 'static_token', token: 'not-a-secret' },
    },
    streams: { billed_usage: {} },
    destination,
  });
}

async function queryToFile(config: Config, destination: Destination, sql: string): Promise<void> {
  const stdout = new PassThrough();
  try {
    await queryCommand({ config, destination, sql, format: 'parquet', output: file, stdout });
  } finally {
    await destination.close();
  }
}

describe('Parquet of a DuckDB result', () => {
  async function duckdbQuery(sql: string): Promise<void> {
    const path = join(folder, 'billing.duckdb');
    const config = configOf({ type: 'duckdb', path, memory_limit: '128MiB' });
    if (config.destination.type !== 'duckdb') throw new Error('the configuration is of DuckDB');
    const destination = createDuckdbDestination(config.destination, OPTIONS);
    await (await destination.open('write')).close();
    await queryToFile(config, destination, sql);
  }

  test('is typed, and every value is the one of the database', async () => {
    await duckdbQuery(`SELECT 0.1999968000511991808131::DECIMAL(38, 22) AS price, -1.50::DECIMAL(9, 2) AS small,
      TIMESTAMP '2026-11-01 00:00:00.000001' AS at, TIMESTAMPTZ '2026-11-01 00:00:00+00' AS tz, DATE '2026-11-01' AS day,
      '00112233-4455-6677-8899-aabbccddeeff'::UUID AS key, 7 AS n, 9223372036854775807 AS big, true AS yes,
      0.1::DOUBLE AS f, 'Größe' AS text, [1, 2] AS list, '{"a":1.10}'::JSON AS json, '\\xFFa'::BLOB AS blob,
      NULL::DECIMAL(38, 22) AS no_price, NULL::DATE AS no_day, '' AS empty`);
    const { types, rows } = await readParquet(file);
    expect(types).toEqual({
      price: 'DECIMAL(38,22)',
      small: 'DECIMAL(9,2)',
      at: 'TIMESTAMP',
      tz: 'TIMESTAMP WITH TIME ZONE',
      day: 'DATE',
      key: 'UUID',
      n: 'INTEGER',
      big: 'BIGINT',
      yes: 'BOOLEAN',
      f: 'DOUBLE',
      text: 'VARCHAR',
      list: 'VARCHAR',
      json: 'VARCHAR',
      blob: 'BLOB',
      no_price: 'DECIMAL(38,22)',
      no_day: 'DATE',
      empty: 'VARCHAR',
    });
    const [row = []] = rows;
    expect(row.filter((_, column) => column !== 3)).toEqual([
      '0.1999968000511991808131',
      '-1.50',
      '2026-11-01 00:00:00.000001',
      '2026-11-01',
      '00112233-4455-6677-8899-aabbccddeeff',
      7,
      '9223372036854775807',
      true,
      0.1,
      'Größe',
      '[1,2]',
      '{"a":1.10}',
      '\\xFFa',
      null,
      null,
      '',
    ]);
    expect(readdirSync(folder).sort()).toEqual(['billing.duckdb', "it's.parquet"]);
  });

  test('keeps the order and all rows of a large result, and columns of one name', async () => {
    await duckdbQuery(
      'SELECT range AS id, range AS id, (range * 3)::DECIMAL(38, 22) AS amount FROM range(10000) ORDER BY 1 DESC',
    );
    const { rows } = await readParquet(file);
    expect(rows).toHaveLength(10_000);
    expect(rows[0]).toEqual(['9999', '9999', '29997.0000000000000000000000']);
    expect(rows[9999]).toEqual(['0', '0', '0.0000000000000000000000']);
  });

  test('without rows still has its columns', async () => {
    await duckdbQuery("SELECT 1::DECIMAL(38, 22) AS price, 'a' AS text WHERE false");
    expect(await readParquet(file)).toEqual({
      types: { price: 'DECIMAL(38,22)', text: 'VARCHAR' },
      rows: [],
    });
  });
});

describe('Parquet of a Postgres result', () => {
  test('is typed and exact too, by way of DuckDB', async () => {
    const database = await createTestDatabase();
    try {
      const client = new pg.Client({ connectionString: database.url });
      await client.connect();
      await client.query('CREATE SCHEMA csp');
      await client.end();
      const config = configOf({ type: 'postgres', url: database.url });
      if (config.destination.type !== 'postgres') throw new Error('the configuration is of Postgres');
      await queryToFile(
        config,
        createPostgresDestination(config.destination, OPTIONS),
        `SELECT 0.1999968000511991808131::numeric AS price, CAST(-1.50 AS numeric(9, 2)) AS small,
          timestamp '2026-11-01 00:00:00.000001' AS at, date '2026-11-01' AS day, 7 AS n, true AS yes,
          '00112233-4455-6677-8899-aabbccddeeff'::uuid AS key, 'Größe'::text AS text, NULL::numeric AS no_price`,
      );
    } finally {
      await database.drop();
    }
    expect(await readParquet(file)).toEqual({
      types: {
        price: 'DECIMAL(38,22)',
        small: 'DECIMAL(9,2)',
        at: 'TIMESTAMP',
        day: 'DATE',
        n: 'INTEGER',
        yes: 'BOOLEAN',
        key: 'UUID',
        text: 'VARCHAR',
        no_price: 'DECIMAL(38,22)',
      },
      rows: [
        [
          '0.1999968000511991808131',
          '-1.50',
          '2026-11-01 00:00:00.000001',
          '2026-11-01',
          7,
          true,
          '00112233-4455-6677-8899-aabbccddeeff',
          'Größe',
          null,
        ],
      ],
    });
  });
});

describe('a decimal in Parquet', () => {
  test('is the one that was given, whatever it is', async () => {
    const unscaled = fc.bigInt({ min: 1n - 10n ** 38n, max: 10n ** 38n - 1n });
    await fc.assert(
      fc.asyncProperty(fc.array(unscaled, { minLength: 1, maxLength: 50 }), async (values) => {
        rmSync(file, { force: true });
        await writeParquet(
          resultOf(
            'DECIMAL(38,22)',
            values.map((value) => decimalText(value)),
          ),
          file,
          LIMITS,
        );
        const { rows } = await readParquet(file);
        expect(rows.map(([text]) => BigInt(String(text).replace('.', '')))).toEqual(values);
      }),
      { numRuns: 20 },
    );
  });

  test.each([
    ['one digit too many after the point', 'DECIMAL(38,22)', '0.00000000000000000000001'],
    ['one digit too many before it', 'DECIMAL(38,22)', '10000000000000000'],
    ['what is no number', 'DECIMAL(38,22)', 'NaN'],
    ['too much for a narrow type', 'DECIMAL(5,2)', '-1000'],
  ])('that does not fit is refused, never rounded: %s', async (_, type, text) => {
    await expect(writeParquet(resultOf(type, ['1', text]), file, LIMITS)).rejects.toMatchObject({
      kind: 'config',
      message: expect.stringContaining('column value') as string,
    });
  });
});

test('Parquet also goes to standard output that is no terminal', async () => {
  const { writeResult } = await import('../../connector/query-output.js');
  const stdout = createWriteStream(file);
  await writeResult(resultOf('DECIMAL(38,22)', ['1.5', null]), {
    format: 'parquet',
    file: undefined,
    stdout,
    limits: LIMITS,
  });
  await new Promise<void>((resolve) => stdout.end(() => resolve()));
  expect((await readParquet(file)).rows).toEqual([['1.5000000000000000000000'], [null]]);
});
