import fc from 'fast-check';
import { expect, test } from 'vitest';
import { STREAMS } from '../../schemas/streams.js';
import type { Scope } from '../../schemas/scope.js';
import { snapshotOf, unbilledRecord, usageRecord, type SourceRecord } from '../snapshot.js';
import { Dataset, INVOICE, MONTH, type ContractDatabase } from './dataset.js';

/** Few keys and values, so that keys repeat, and rows are twins or differ in a measure. */
const record = fc.record({
  MeterId: fc.constantFrom('a', 'b', 'c', 'd', null),
  UnitPrice: fc.constantFrom('1', '2', '10', '-1', null),
  CustomerName: fc.constantFrom('Contoso', 'Fabrikam', null),
});
const snapshots = fc.tuple(fc.array(record, { maxLength: 14 }), fc.integer({ min: 1, max: 9 }));

/** The first load of a scope, which goes another way into the database than all later ones. */
export function describeFirstLoad(database: () => ContractDatabase, numRuns: number): void {
  test('records of one key are numbered from 1 in the order of their measures, whatever order and batch they come in', async () => {
    const dataset = await Dataset.migrated(database());
    const priced = (MeterId: string, UnitPrice: string | null) => usageRecord({ MeterId, UnitPrice });
    const snapshot = await snapshotOf(
      STREAMS.billed_usage.table,
      {
        x: [priced('a', '3'), priced('a', '1'), priced('b', '5'), priced('c', '7'), priced('c', '7')],
        y: [priced('d', '1'), priced('a', null), priced('a', '1'), priced('c', '-7'), priced('b', '6')],
      },
      2,
    );
    const { counts } = await dataset.publishSnapshot(INVOICE, snapshot);
    expect(counts).toMatchObject({ read: 10, inserted: 10, updated: 0, unchanged: 0 });
    const sql = `SELECT meter_id, line_item_occurrence AS number, unit_price, _blob_name AS blob, _line_number AS line
      FROM {d}.billed_usage ORDER BY 1, 2`;
    const rows = await dataset.rows(sql);
    expect(rows.map((row) => Object.values(row).join(' ').replace('  ', ' null '))).toEqual([
      'a 1 null y 2',
      'a 2 1 x 2',
      'a 3 1 y 3',
      'a 4 3 x 1',
      'b 1 5 x 3',
      'b 2 6 y 5',
      'c 1 -7 y 4',
      'c 2 7 x 4',
      'c 3 7 x 5',
      'd 1 1 y 1',
    ]);
  });

  test('any first load leaves the rows, proof and digest that it leaves by way of the staging table', async () => {
    const direct = await Dataset.migrated(database());
    const staged = await Dataset.migrated(database());
    let runs = 0;
    await fc.assert(
      fc.asyncProperty(snapshots, async ([records, batchRows]) => {
        runs += 1;
        const load = (dataset: Dataset, accepted: readonly string[]): Promise<unknown> =>
          loaded(dataset, `G${runs}`, { records, batchRows, accepted });
        // A second number that may occur is what a first load is staged for.
        expect(await load(direct, [])).toEqual(await load(staged, ['other']));
      }),
      { numRuns },
    );
    expect(runs).toBeGreaterThanOrEqual(numRuns);
  }, 240_000);

  test('a month is loaded so too, beside another currency, with the sums that are kept of it', async () => {
    const dataset = await Dataset.migrated(database());
    const euro = (MeterId: string) => unbilledRecord({ MeterId, BillingCurrency: 'EUR' });
    await dataset.publish({ ...MONTH, currency: 'EUR' }, [euro('a'), euro('a'), euro('b')]);
    const records = [
      unbilledRecord({ MeterId: 'a', UnitPrice: '2' }),
      unbilledRecord({ MeterId: 'a', UnitPrice: '1' }),
      unbilledRecord({ MeterId: 'a', BillingCurrency: 'usd' }),
    ];
    const { counts } = await dataset.publish(MONTH, records);
    expect(counts).toMatchObject({ inserted: 3 });
    const rows =
      await dataset.rows(`SELECT billing_currency, meter_id, unit_price, line_item_occurrence AS number
      FROM {d}.unbilled_usage WHERE billing_month = DATE '2026-11-01' ORDER BY 1 DESC, 2, 4`);
    expect(rows.map((row) => Object.values(row).join(' ')).sort()).toEqual([
      'EUR a 0.5 1',
      'EUR a 0.5 2',
      'EUR b 0.5 1',
      'USD a 1 1',
      'USD a 2 2',
      'usd a 0.5 1',
    ]);
    const totals = 'SELECT currency, records, amount FROM {d}.unbilled_totals ORDER BY 1';
    expect(await dataset.rows(totals)).toEqual([
      { currency: 'EUR', records: '3', amount: '3' },
      { currency: 'USD', records: '3', amount: '3' },
    ]);
  });

  test('a record of an invoice that has the very key already is told as what it is, and nothing stays', async () => {
    const dataset = await Dataset.migrated(database());
    const other: Scope = { ...INVOICE, invoice: 'G000002' };
    await dataset.publish(other, [usageRecord({ InvoiceNumber: 'G000002' })]);
    const before = await dataset.everything();
    const error = await dataset.refused(INVOICE, [usageRecord({ InvoiceNumber: 'G000002' }), usageRecord()]);
    expect(error).toMatchObject({ kind: 'integrity', facts: { rule: 'invoice', records: 1 } });
    expect(error.message).toMatch(/another invoice number than G000001: G000002 \(1\)$/);
    expect(await dataset.everything()).toBe(before);
    expect((await dataset.publish(INVOICE, [usageRecord()])).counts).toMatchObject({ inserted: 1 });
  });

  test('columns that a user added get their defaults, and a row that was put there by hand stops a first load', async () => {
    const dataset = await Dataset.migrated(database());
    await dataset.byHand(`ALTER TABLE {d}.billed_usage ADD COLUMN "My Note" VARCHAR DEFAULT 'none'`);
    await dataset.byHand(`ALTER TABLE {d}.billed_usage ADD COLUMN empty VARCHAR`);
    await dataset.publish(INVOICE, [usageRecord({ MeterId: 'a' }), usageRecord({ MeterId: 'a' })]);
    const notes =
      'SELECT "My Note" AS note, empty, line_item_occurrence AS number FROM {d}.billed_usage ORDER BY 3';
    expect(await dataset.rows(notes)).toEqual([
      { note: 'none', empty: null, number: '1' },
      { note: 'none', empty: null, number: '2' },
    ]);
    await dataset.byHand(
      `UPDATE {d}.billed_usage SET invoice_number = 'G000007' WHERE line_item_occurrence = 2`,
    );
    const error = await dataset.refused({ ...INVOICE, invoice: 'G000007' }, [
      usageRecord({ InvoiceNumber: 'G000007' }),
    ]);
    expect(error).toMatchObject({ kind: 'integrity', facts: { rule: 'ownership' } });
  });
}

interface FirstLoad {
  readonly records: readonly SourceRecord[];
  readonly batchRows: number;
  readonly accepted: readonly string[];
}

/** What the first load of an invoice leaves. */
async function loaded(dataset: Dataset, invoice: string, load: FirstLoad): Promise<unknown> {
  const half = Math.floor(load.records.length / 2);
  const own = load.records.map((one) => usageRecord({ ...one, InvoiceNumber: invoice }));
  const blobs = { x: own.slice(0, half), y: own.slice(half) };
  const snapshot = await snapshotOf(STREAMS.billed_usage.table, blobs, load.batchRows);
  const { counts, sums } = await dataset.publishSnapshot({ ...INVOICE, invoice }, snapshot, {
    acceptInvoiceNumbers: load.accepted,
  });
  const kept = `SELECT records_staged, sums, rows_inserted, proof, rows_digest FROM {d}._snapshots WHERE scope = '${invoice}'`;
  const rows = `SELECT * FROM {d}.billed_usage WHERE invoice_number = '${invoice}'
    ORDER BY line_item_key, line_item_occurrence`;
  return { counts, sums, rows: await dataset.rows(rows), snapshot: await dataset.rows(kept) };
}
