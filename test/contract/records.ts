import { expect, test } from 'vitest';
import { NOTHING_RECORDED } from '../../connector/load/destination.js';
import { STREAMS } from '../../schemas/streams.js';
import { snapshotOf, unbilledRecord, usageRecord, publishRequest, TENANT } from '../snapshot.js';
import { Dataset, failure, INVOICE, MONTH, type ContractDatabase } from './dataset.js';
import { viewNames } from '../view-names.js';

/** Migrations, and what is recorded beside the data. */
export function describeRecords(database: () => ContractDatabase): void {
  test('a dataset that was never migrated reads as empty and shows what migrating would run', async () => {
    const dataset = Dataset.unmigrated(database());
    const state = await dataset.write((session) => session.readState());
    expect(state).toEqual(NOTHING_RECORDED);
    const pending = await dataset.write((session) => session.pendingMigrations());
    const migrations = pending.filter(({ number }) => number !== null);
    expect(migrations.map(({ number }) => number)).toEqual(migrations.map((_, index) => index + 1));
    expect(pending.slice(migrations.length).map(({ name }) => name)).toEqual(
      viewNames(dataset.destination.dialect),
    );
    expect(pending[0]?.sql).toMatch(new RegExp(`^CREATE SCHEMA "${dataset.name}";`));
    expect(pending.map(({ sql }) => sql).join('')).not.toContain('{{');
    expect(await dataset.write((session) => session.migrate())).toEqual(pending.map(({ name }) => name));
    expect(await dataset.write((session) => session.migrate())).toEqual([]);
    expect(await dataset.write((session) => session.pendingMigrations())).toEqual([]);
  });

  test('a dataset that a newer or a different connector migrated is refused, and not changed', async () => {
    const dataset = await Dataset.migrated(database());
    await dataset.byHand(
      `INSERT INTO {d}._migrations SELECT 999, 'from_the_future', checksum, applied_at, connector_version FROM {d}._migrations WHERE number = 1`,
    );
    await dataset.byHand(`DELETE FROM {d}._views`);
    const before = await dataset.everything();
    for (const refused of [
      () => dataset.write((session) => session.migrate()),
      () => dataset.read((session) => session.pendingMigrations()),
    ]) {
      expect(await failure(refused())).toMatchObject({
        kind: 'config',
        message: expect.stringContaining('which this version of the connector does not know') as string,
        facts: { migration: 'from_the_future' },
      });
    }
    expect(await dataset.everything()).toBe(before);
    expect(await dataset.value('SELECT count(*) FROM {d}._views')).toBe('0');
    await dataset.byHand(`DELETE FROM {d}._migrations WHERE number = 999`);
    await dataset.byHand(`UPDATE {d}._migrations SET checksum = 'other' WHERE number = 2`);
    const other = await failure(dataset.write((session) => session.pendingMigrations()));
    expect(other.message).toContain('is not the one that this connector ships');
  });

  test('the live columns of every table are the declared ones, in their order and types', async () => {
    const dataset = await Dataset.migrated(database());
    const types = { text: 'VARCHAR', decimal: 'DECIMAL(38,22)', date: 'DATE', timestamp: 'TIMESTAMP' };
    for (const { table } of Object.values(STREAMS)) {
      const month = table.scopedBy === 'month' ? ['billing_month DATE'] : [];
      const declared = table.columns.map(({ name, type }) => `${name} ${types[type]}`);
      const own = [
        'line_item_key UUID',
        'line_item_occurrence INTEGER',
        '_row_hash UUID',
        '_load_id VARCHAR',
      ];
      const rest = ['_first_load_id VARCHAR', '_blob_name VARCHAR', '_line_number INTEGER', '_extra JSON'];
      const expected = [...month, ...declared, ...own, ...rest];
      expect(await columnsOf(dataset, table.name)).toEqual(expected);
      if (table.scopedBy === 'month') continue;
      const history = [...expected, '_replaced_by_load_id VARCHAR', '_change VARCHAR'];
      expect(await columnsOf(dataset, `${table.name}_history`)).toEqual(history);
    }
  });

  test('the state tells each scope, its published snapshot, its last answer and the last run', async () => {
    const dataset = await Dataset.migrated(database());
    await dataset.publish(INVOICE, [usageRecord()], { eTag: 'e-one' });
    const other = { ...INVOICE, invoice: 'G000002' };
    const askedAt = '2026-11-10T00:00:00.000Z';
    const run = {
      runId: 'r1',
      startedAt: askedAt,
      finishedAt: null,
      connectorVersion: '1.2.3',
      outcome: 'running',
      exitCode: null,
      counts: '{}',
    };
    const ended = {
      ...run,
      finishedAt: '2026-11-10T00:01:00.500Z',
      outcome: 'done',
      exitCode: 0,
      counts: '{"scopes":2}',
    };
    await dataset.write(async (session) => {
      await session.recordAnswers([
        { scope: INVOICE, state: null, askedAt, answer: 'unchanged', checked: true },
        { scope: other, state: 'no data', askedAt, answer: 'no data (5000)', checked: true },
        { scope: MONTH, state: null, askedAt, answer: 'asked', checked: false },
      ]);
      await session.recordRun(run);
      await session.recordRun(ended);
    });
    const state = await dataset.read((session) => session.readState());
    expect(state.tenantId).toBe(TENANT);
    expect(state.lastRun).toEqual(ended);
    expect(state.scopes).toEqual([
      {
        scope: INVOICE,
        state: 'published',
        firstAskedAt: '2026-11-09T12:00:00.000Z',
        lastAskedAt: askedAt,
        lastCheckedAt: askedAt,
        lastAnswer: 'unchanged',
        nextCheckAt: null,
        allowedEmptyAt: null,
        firstManifestAt: '2026-11-08T10:00:00.000Z',
        snapshot: {
          loadId: 'l1',
          eTag: 'e-one',
          attributeSet: 'full',
          publishedAt: '2026-11-09T12:00:00.000Z',
          manifestCreatedAt: '2026-11-08T10:00:00.000Z',
          billingMonth: null,
          sums: { USD: '1' },
          counts: {
            blobs: 1,
            read: 1,
            staged: 1,
            rejected: 0,
            inserted: 1,
            updated: 0,
            deleted: 0,
            unchanged: 0,
            rounded: 0,
          },
        },
      },
      {
        scope: other,
        state: 'no data',
        firstAskedAt: askedAt,
        lastAskedAt: askedAt,
        lastCheckedAt: askedAt,
        lastAnswer: 'no data (5000)',
        nextCheckAt: null,
        allowedEmptyAt: null,
        firstManifestAt: null,
        snapshot: null,
      },
      {
        scope: MONTH,
        state: 'pending',
        firstAskedAt: askedAt,
        lastAskedAt: askedAt,
        lastCheckedAt: null,
        lastAnswer: 'asked',
        nextCheckAt: null,
        allowedEmptyAt: null,
        firstManifestAt: null,
        snapshot: null,
      },
    ]);
  });

  test('a refusal is recorded with its reason, twice like once, and what is published stays published', async () => {
    const dataset = await Dataset.migrated(database());
    await dataset.publish(INVOICE, [usageRecord()], { eTag: 'good' });
    const snapshot = await snapshotOf(STREAMS.billed_usage.table, { a: [] });
    const request = publishRequest(INVOICE, snapshot, { loadId: 'bad', eTag: 'bad' });
    for (const reason of ['first', 'the export is empty']) {
      await dataset.write((session) => session.recordRefusal(request, reason, 'integrity'));
    }
    const refused = await dataset.rows("SELECT * FROM {d}._snapshots WHERE outcome = 'refused'");
    expect(refused).toMatchObject([
      {
        load_id: 'bad',
        outcome_kind: 'integrity',
        outcome_reason: 'the export is empty',
        published_at: null,
        proof: null,
      },
    ]);
    const { scopes } = await dataset.read((session) => session.readState());
    expect(scopes).toMatchObject([
      { state: 'refused', lastAnswer: 'the export is empty', snapshot: { eTag: 'good', loadId: 'l1' } },
    ]);
    await dataset.publish(INVOICE, [usageRecord({ Quantity: '4' })]);
    const after = await dataset.read((session) => session.readState());
    expect(after.scopes).toMatchObject([{ state: 'published', snapshot: { loadId: 'l2' } }]);
  });

  test('a published snapshot records where it came from, what it proved and what the service added', async () => {
    const dataset = await Dataset.migrated(database());
    await dataset.publish(MONTH, [unbilledRecord({ NewField: 1.1 }), unbilledRecord({ NewField: 'x' })]);
    const [row] = await dataset.rows('SELECT * FROM {d}._snapshots');
    expect(row).toMatchObject({
      run_id: 'run-1',
      stream: 'unbilled_usage',
      scope: '2026-11-USD',
      billing_month: '2026-11-01',
      billing_month_from: 'export date',
      etag: 'e1',
      attribute_set: 'full',
      table_version: '1',
      tenant_id: TENANT,
      operation_id: 'operation-1',
      manifest_id: 'manifest-1',
      manifest_created_at: '2026-11-08T10:00:00',
      request_ids: '["request-1","request-2"]',
      outcome: 'published',
      published_at: '2026-11-09T12:00:00',
      unknown_fields: '{"NewField":2}',
      sums: '{"USD":"2"}',
      records_read: '2',
      rows_inserted: '2',
    });
    expect(await dataset.rows('SELECT blob_name, records_staged, unknown_fields FROM {d}._blobs')).toEqual([
      { blob_name: 'part-1.json.gz', records_staged: '2', unknown_fields: '{"NewField":2}' },
    ]);
  });

  test('columns, indexes and views that a user added survive, also in rows that change', async () => {
    const dataset = await Dataset.migrated(database());
    await dataset.publish(INVOICE, [usageRecord({ MeterId: 'a' }), usageRecord({ MeterId: 'b' })]);
    await dataset.byHand(`ALTER TABLE {d}.billed_usage ADD COLUMN "My Note" VARCHAR DEFAULT 'none'`);
    await dataset.byHand(`UPDATE {d}.billed_usage SET "My Note" = 'seen ' || meter_id`);
    await dataset.byHand(`CREATE VIEW {d}.mine AS SELECT meter_id, "My Note" AS note FROM {d}.billed_usage`);
    const changed = await dataset.publish(INVOICE, [
      usageRecord({ MeterId: 'a' }),
      usageRecord({ MeterId: 'b', Quantity: '3' }),
      usageRecord({ MeterId: 'c' }),
    ]);
    expect(changed.counts).toMatchObject({ unchanged: 1, updated: 1, inserted: 1 });
    await dataset.write((session) => session.migrate());
    expect(await dataset.rows('SELECT meter_id, note FROM {d}.mine ORDER BY meter_id')).toEqual([
      { meter_id: 'a', note: 'seen a' },
      { meter_id: 'b', note: 'seen b' },
      { meter_id: 'c', note: 'none' },
    ]);
  });
}

async function columnsOf(dataset: Dataset, table: string): Promise<string[]> {
  const sql = `SELECT * FROM ${dataset.name}.${table} WHERE false`;
  return dataset.destination.query(sql, ({ columns }) =>
    Promise.resolve(columns.map(({ name, type }) => `${name} ${type}`)),
  );
}
