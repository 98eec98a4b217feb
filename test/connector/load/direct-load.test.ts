import { mkdtempSync, rmSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { afterAll, beforeAll, describe, expect, test } from 'vitest';
import type { PublishRequest, SqlConnection } from '../../../connector/load/destination.js';
import { duckdbConnection } from '../../../connector/load/duckdb/connection.js';
import { openFile } from '../../../connector/load/duckdb/database.js';
import { migrate } from '../../../connector/load/migrate.js';
import { PostgresConnection } from '../../../connector/load/postgres/connection.js';
import { publish } from '../../../connector/load/publish.js';
import { STREAMS } from '../../../schemas/streams.js';
import { INVOICE, failure } from '../../contract/dataset.js';
import { createTestDatabase } from '../../postgres-server.js';
import { publishRequest, snapshotOf, usageRecord, type SourceRecord } from '../../snapshot.js';

interface Engine {
  readonly connection: SqlConnection;
  close(): Promise<void>;
}

async function duckdb(): Promise<Engine> {
  const folder = mkdtempSync(join(tmpdir(), 'direct-load-'));
  const path = join(folder, 'billing.duckdb');
  const limits = { memoryLimit: 256 * 1024 ** 2, threads: 1 };
  const connection = duckdbConnection(await openFile(path, 'write', limits), path);
  return {
    connection,
    close: async () => {
      await connection.close();
      rmSync(folder, { recursive: true, force: true });
    },
  };
}

async function postgres(): Promise<Engine> {
  const database = await createTestDatabase();
  const session = { url: database.url, applicationName: 'direct-load', lockWaitMs: 5000 };
  const connection = new PostgresConnection(session, 'the test server', () => Promise.resolve());
  return {
    connection,
    close: async () => {
      await connection.close();
      await database.drop();
    },
  };
}

/** The relations that a publish of the records staged into, try by try; `then` when it failed. */
async function stagedInto(
  { connection }: Engine,
  dataset: string,
  invoice: string,
  records: readonly SourceRecord[],
  fields: Partial<PublishRequest> = {},
): Promise<readonly string[][]> {
  const tries: string[][] = [];
  const watched: SqlConnection = {
    ...connection,
    dialect: connection.dialect,
    transaction: (work) =>
      connection.transaction((transaction) => {
        const names: string[] = [];
        tries.push(names);
        const stage: typeof transaction.stage = (target, batch) => {
          names.push(target.name);
          return transaction.stage(target, batch);
        };
        return work({
          dialect: transaction.dialect,
          rows: (sql, values) => transaction.rows(sql, values),
          run: (sql, values) => transaction.run(sql, values),
          rowEncoding: (target) => transaction.rowEncoding(target),
          stage,
          endStaging: (target) => transaction.endStaging(target),
        });
      }),
  };
  const own = records.map((record) => usageRecord({ InvoiceNumber: invoice, ...record }));
  const snapshot = await snapshotOf(STREAMS.billed_usage.table, { a: own });
  const scope = { ...INVOICE, invoice };
  const request = publishRequest(scope, snapshot, {
    loadId: `l-${invoice}`,
    eTag: `e-${invoice}`,
    ...fields,
  });
  await publish(watched, { dataset }, request, snapshot.parts).catch((error: unknown) => {
    tries.push([(error as Error).name]);
  });
  return tries;
}

describe.each([
  ['DuckDB', duckdb],
  ['Postgres', postgres],
])('the first load of a scope in %s', (_, open) => {
  let engine: Engine;
  let datasets = 0;
  beforeAll(async () => {
    engine = await open();
  });
  afterAll(() => engine.close());

  async function migrated(): Promise<string> {
    datasets += 1;
    const dataset = `d${datasets}`;
    const now = new Date('2026-11-09T12:00:00Z');
    await migrate(engine.connection, { dataset, connectorVersion: '0.0.0-test', now });
    return dataset;
  }

  async function byHand(sql: string): Promise<void> {
    await engine.connection.transaction((transaction) => transaction.run(sql));
  }

  test('goes straight into the table; a later one, a reload and one with a second invoice number are staged', async () => {
    const dataset = await migrated();
    expect(await stagedInto(engine, dataset, 'G1', [{}, {}])).toEqual([['billed_usage']]);
    expect(await stagedInto(engine, dataset, 'G2', [{}])).toEqual([['billed_usage']]);
    const later = { loadId: 'later', eTag: 'later' };
    expect(await stagedInto(engine, dataset, 'G1', [{}], later)).toEqual([['staged']]);
    expect(await stagedInto(engine, dataset, 'G3', [{}], { reload: true })).toEqual([['staged']]);
    const accepted = { acceptInvoiceNumbers: ['C1'] };
    expect(await stagedInto(engine, dataset, 'G4', [{}], accepted)).toEqual([['staged']]);
  });

  test('is staged where the table is no longer as it was made, if an append would not honour that', async () => {
    const dataset = await migrated();
    const { dialect } = engine.connection;
    const table = `${dataset}.billed_usage`;
    await byHand(`ALTER TABLE ${table} ADD COLUMN mine VARCHAR DEFAULT 'x'`);
    const place = dialect === 'postgres' ? 'billed_usage' : 'staged';
    expect(await stagedInto(engine, dataset, 'G1', [{}, {}])).toEqual([[place]]);
    const rows = await engine.connection.transaction((transaction) =>
      transaction.rows(`SELECT mine, line_item_occurrence AS number FROM ${table} ORDER BY 2`),
    );
    expect(rows).toEqual([
      { mine: 'x', number: '1' },
      { mine: 'x', number: '2' },
    ]);
    if (dialect !== 'postgres') return;
    const alterations = [
      `ALTER TABLE ${table} DROP CONSTRAINT billed_usage_pkey`,
      `ALTER TABLE ${table} ADD PRIMARY KEY (invoice_number, line_item_key, line_item_occurrence)`,
      `ALTER TABLE ${table} ENABLE ROW LEVEL SECURITY`,
      `ALTER TABLE ${table} DISABLE ROW LEVEL SECURITY`,
    ];
    const found: string[] = [];
    for (const [index, sql] of alterations.entries()) {
      await byHand(sql);
      found.push(String((await stagedInto(engine, dataset, `H${index}`, [{}]))[0]));
    }
    expect(found).toEqual(['staged', 'billed_usage', 'staged', 'billed_usage']);
    await byHand(`CREATE RULE r AS ON UPDATE TO ${table} DO ALSO NOTHING`);
    expect(await stagedInto(engine, dataset, 'H9', [{}])).toEqual([['staged']]);
  });

  test('is begun again by way of the staging table when the database refuses a row, and so is told what is wrong', async () => {
    const dataset = await migrated();
    const table = `${dataset}.billed_usage`;
    await stagedInto(engine, dataset, 'G1', [{}]);
    const foreign = await stagedInto(engine, dataset, 'G2', [{ InvoiceNumber: 'G1' }, {}]);
    expect(foreign).toEqual([['billed_usage'], ['staged'], ['IntegrityError']]);
    await byHand(
      `CREATE UNIQUE INDEX mine ON ${table} (invoice_number, line_item_key, line_item_occurrence)`,
    );
    const twins = await stagedInto(engine, dataset, 'G3', [{ UnitPrice: '2' }, { UnitPrice: '1' }, {}]);
    expect(twins.at(-1)).not.toEqual(['SystemError']);
    const numbers = await engine.connection.transaction((transaction) =>
      transaction.rows(
        `SELECT unit_price, line_item_occurrence AS number FROM ${table} WHERE invoice_number = 'G3' ORDER BY 2`,
      ),
    );
    expect(numbers.map((row) => Object.values(row).join(' '))).toEqual(['0.5 1', '1 2', '2 3']);
  });

  test('numbers many repeats among many rows, also where they are more than DuckDB gathers or a COPY holds back', async () => {
    const dataset = await migrated();
    const price = (row: number): string => String((row * 7919) % 1000);
    const records = Array.from({ length: 6000 }, (_, row) => ({
      MeterId: row % 3 === 0 ? 'same' : `m${row % 2500}`,
      UnitPrice: price(row),
      Tags: 'x'.repeat(2000),
    }));
    expect(await stagedInto(engine, dataset, 'G1', records)).toEqual([['billed_usage', 'billed_usage']]);
    const expected = new Map<string, number[]>();
    for (const { MeterId, UnitPrice } of records)
      expected.set(MeterId, [...(expected.get(MeterId) ?? []), Number(UnitPrice)]);
    const rows = await engine.connection.transaction((transaction) =>
      transaction.rows(
        `SELECT meter_id, unit_price FROM ${dataset}.billed_usage ORDER BY meter_id, line_item_occurrence`,
      ),
    );
    const found = new Map<string, number[]>();
    for (const row of rows) {
      const meter = row['meter_id'] ?? '';
      found.set(meter, [...(found.get(meter) ?? []), Number(row['unit_price'])]);
    }
    expect(rows).toHaveLength(6000);
    for (const [meter, prices] of expected) expect(found.get(meter)).toEqual(prices.sort((a, b) => a - b));
    const wrong = await engine.connection.transaction((transaction) =>
      transaction.rows(`SELECT line_item_key FROM ${dataset}.billed_usage
        GROUP BY line_item_key HAVING count(DISTINCT line_item_occurrence) <> count(*)
          OR max(line_item_occurrence) <> count(*) OR min(line_item_occurrence) <> 1`),
    );
    expect(wrong).toEqual([]);
  });

  test('that fails in the middle leaves nothing, and goes straight into the table when it is tried again', async () => {
    const dataset = await migrated();
    const snapshot = await snapshotOf(STREAMS.billed_usage.table, { a: [usageRecord(), usageRecord()] }, 1);
    const request = publishRequest(INVOICE, snapshot, { loadId: 'l1', eTag: 'e1' });
    const failing: typeof snapshot.parts = async function* () {
      for await (const part of snapshot.parts()) {
        yield part;
        if (part.kind === 'batch') throw new RangeError('the parser died');
      }
    };
    let tries = 0;
    const counted: typeof snapshot.parts = () => {
      tries += 1;
      return failing();
    };
    const error = await failure(publish(engine.connection, { dataset }, request, counted));
    expect([error.message, tries]).toEqual([expect.stringContaining('the parser died'), 1]);
    const count = await engine.connection.transaction((transaction) =>
      transaction.rows(`SELECT count(*) AS records FROM ${dataset}.billed_usage`),
    );
    expect(count).toEqual([{ records: '0' }]);
    expect(await stagedInto(engine, dataset, 'G000001', [{}, {}])).toEqual([['billed_usage']]);
  });
});
