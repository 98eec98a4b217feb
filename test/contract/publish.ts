import { expect, test } from 'vitest';
import { usageRecord, unbilledRecord, snapshotOf, TENANT } from '../snapshot.js';
import { BILLED_USAGE } from '../../schemas/tables/billed-usage.js';
import { Dataset, INVOICE, MONTH, type ContractDatabase } from './dataset.js';

const ROWS = `SELECT meter_id, quantity, line_item_occurrence, _load_id, _first_load_id, _blob_name, _line_number
  FROM {d}.billed_usage ORDER BY meter_id, line_item_occurrence`;
const HISTORY = `SELECT meter_id, quantity, line_item_occurrence, _load_id, _replaced_by_load_id, _change
  FROM {d}.billed_usage_history ORDER BY _replaced_by_load_id, meter_id, line_item_occurrence`;

/** What publishing does to the rows of a scope. */
export function describePublish(database: () => ContractDatabase): void {
  test('a first load inserts every record and says so', async () => {
    const dataset = await Dataset.migrated(database());
    const result = await dataset.publish(INVOICE, [
      usageRecord({ MeterId: 'a' }),
      usageRecord({ MeterId: 'b' }),
    ]);
    expect(result.counts).toEqual({
      blobs: 1,
      read: 2,
      staged: 2,
      rejected: 0,
      inserted: 2,
      updated: 0,
      deleted: 0,
      unchanged: 0,
      rounded: 0,
    });
    expect(result.sums).toEqual({ USD: '2' });
    expect(result.alreadyPublished).toBe(false);
    expect(await dataset.rows(ROWS)).toEqual([
      row('a', '2', 1, 'l1', 'l1', 1),
      row('b', '2', 1, 'l1', 'l1', 2),
    ]);
  });

  test('the same records under a new eTag change no row, not even their lineage', async () => {
    const dataset = await Dataset.migrated(database());
    const records = [
      usageRecord({ MeterId: 'a' }),
      usageRecord({ MeterId: 'b' }),
      usageRecord({ MeterId: 'b' }),
    ];
    await dataset.publish(INVOICE, records);
    const before = await dataset.rows(
      'SELECT * FROM {d}.billed_usage ORDER BY line_item_key, line_item_occurrence',
    );
    const result = await dataset.publish(INVOICE, [...records].reverse());
    expect(result.counts).toMatchObject({ inserted: 0, updated: 0, deleted: 0, unchanged: 3 });
    expect(
      await dataset.rows('SELECT * FROM {d}.billed_usage ORDER BY line_item_key, line_item_occurrence'),
    ).toEqual(before);
    expect(await dataset.rows(HISTORY)).toEqual([]);
  });

  test('a restated snapshot keeps unchanged rows, updates changed ones, removes and adds; history has the old rows', async () => {
    const dataset = await Dataset.migrated(database());
    await dataset.publish(
      INVOICE,
      ['a', 'b', 'c'].map((MeterId) => usageRecord({ MeterId })),
    );
    const result = await dataset.publish(INVOICE, [
      usageRecord({ MeterId: 'd' }),
      usageRecord({ MeterId: 'b', Quantity: '3' }),
      usageRecord({ MeterId: 'a' }),
    ]);
    expect(result.counts).toMatchObject({ inserted: 1, updated: 1, deleted: 1, unchanged: 1 });
    expect(await dataset.rows(ROWS)).toEqual([
      row('a', '2', 1, 'l1', 'l1', 1),
      row('b', '3', 1, 'l2', 'l1', 2),
      row('d', '2', 1, 'l2', 'l2', 1),
    ]);
    expect(await dataset.rows(HISTORY)).toEqual([
      past('b', '2', 1, 'l1', 'l2', 'changed'),
      past('c', '2', 1, 'l1', 'l2', 'removed'),
    ]);
  });

  test('identical records are all kept, and losing one from the middle renumbers none of the others', async () => {
    const dataset = await Dataset.migrated(database());
    const priced = (UnitPrice: string) => usageRecord({ MeterId: 'a', UnitPrice });
    await dataset.publish(INVOICE, [priced('1'), priced('2'), priced('2'), priced('3')]);
    const numbers =
      'SELECT unit_price, line_item_occurrence FROM {d}.billed_usage ORDER BY line_item_occurrence';
    expect(await dataset.rows(numbers)).toEqual([price('1', 1), price('2', 2), price('2', 3), price('3', 4)]);
    await dataset.publish(INVOICE, [priced('3'), priced('2'), priced('1')]);
    expect(await dataset.rows(numbers)).toEqual([price('1', 1), price('2', 2), price('3', 4)]);
    const again = await dataset.publish(INVOICE, [
      priced('9'),
      priced('3'),
      priced('2'),
      priced('1'),
      priced('4'),
    ]);
    expect(again.counts).toMatchObject({ inserted: 2, updated: 0, unchanged: 3 });
    expect(await dataset.rows(numbers)).toEqual([
      price('1', 1),
      price('2', 2),
      price('4', 3),
      price('3', 4),
      price('9', 5),
    ]);
  });

  test('other scopes of the table are not touched', async () => {
    const dataset = await Dataset.migrated(database());
    await dataset.publish(INVOICE, [usageRecord()]);
    const other = { ...INVOICE, invoice: 'G000002' };
    await dataset.publish(other, [usageRecord({ InvoiceNumber: 'G000002', Quantity: '7' })]);
    await dataset.publish(INVOICE, [usageRecord({ Quantity: '5' })]);
    const rows = await dataset.rows('SELECT invoice_number, quantity FROM {d}.billed_usage ORDER BY 1');
    expect(rows).toEqual([
      { invoice_number: 'G000001', quantity: '5' },
      { invoice_number: 'G000002', quantity: '7' },
    ]);
  });

  test('full over basic writes its differences to history as reloaded', async () => {
    const dataset = await Dataset.migrated(database());
    await dataset.publish(INVOICE, [usageRecord({ MeterId: null })], { attributeSet: 'basic' });
    await dataset.publish(INVOICE, [usageRecord({ MeterId: 'a' })]);
    expect(await dataset.rows('SELECT meter_id, _change FROM {d}.billed_usage_history')).toEqual([
      { meter_id: null, _change: 'reloaded' },
    ]);
  });

  test('an eTag that is published already is left alone, and a repeat of the same load returns what it did', async () => {
    const dataset = await Dataset.migrated(database());
    const first = await dataset.publish(INVOICE, [usageRecord()], { eTag: 'same' });
    const before = await dataset.everything();
    const other = await dataset.publish(INVOICE, [usageRecord()], { eTag: 'same' });
    expect(other).toMatchObject({
      loadId: 'l1',
      alreadyPublished: true,
      counts: { inserted: 0, unchanged: 1 },
    });
    const repeat = await dataset.publish(INVOICE, [usageRecord()], { eTag: 'same', loadId: 'l1' });
    expect(repeat).toEqual(first);
    expect(await dataset.everything()).toBe(before);
  });

  test('records of an accepted credit note belong to the invoice, and go when it no longer has them', async () => {
    const dataset = await Dataset.migrated(database());
    const note = usageRecord({ InvoiceNumber: 'C000009', Quantity: '-1' });
    const accepted = { acceptInvoiceNumbers: ['C000009'] };
    await dataset.publish(INVOICE, [usageRecord(), note], accepted);
    expect(await dataset.value('SELECT count(*) FROM {d}.billed_usage')).toBe('2');
    const unchanged = await dataset.publish(INVOICE, [note, usageRecord()], accepted);
    expect(unchanged.counts).toMatchObject({ unchanged: 2, inserted: 0 });
    const own = await dataset.refused({ ...INVOICE, invoice: 'C000009' }, [note]);
    expect(own.facts).toMatchObject({ rule: 'ownership' });
    const gone = await dataset.publish(INVOICE, [usageRecord()]);
    expect(gone.counts).toMatchObject({ unchanged: 1, deleted: 1 });
    expect(await dataset.rows('SELECT invoice_number, _change FROM {d}.billed_usage_history')).toEqual([
      { invoice_number: 'C000009', _change: 'removed' },
    ]);
  });

  test('an unbilled month is keyed by month and currency, keeps totals of each snapshot and no history', async () => {
    const dataset = await Dataset.migrated(database());
    await dataset.publish(MONTH, [
      unbilledRecord({ CustomerId: 'c1' }),
      unbilledRecord({ CustomerId: 'c2', BillingPreTaxTotal: '0.1' }),
    ]);
    const eur = { ...MONTH, currency: 'EUR' };
    await dataset.publish(eur, [unbilledRecord({ BillingCurrency: 'EUR' })]);
    await dataset.publish(MONTH, [unbilledRecord({ CustomerId: 'c1', BillingPreTaxTotal: '1.25' })]);
    const rows = `SELECT billing_month, billing_currency, customer_id, billing_pre_tax_total, line_item_occurrence
      FROM {d}.unbilled_usage ORDER BY billing_currency`;
    expect(await dataset.rows(rows)).toEqual([
      {
        billing_month: '2026-11-01',
        billing_currency: 'EUR',
        customer_id: 'c1',
        billing_pre_tax_total: '1',
        line_item_occurrence: '1',
      },
      {
        billing_month: '2026-11-01',
        billing_currency: 'USD',
        customer_id: 'c1',
        billing_pre_tax_total: '1.25',
        line_item_occurrence: '1',
      },
    ]);
    const totals = `SELECT load_id, stream, billing_month, currency, customer_id, subscription_id, records, amount
      FROM {d}.unbilled_totals ORDER BY load_id, customer_id`;
    const total = {
      stream: 'unbilled_usage',
      billing_month: '2026-11-01',
      subscription_id: 's1',
      records: '1',
    };
    expect(await dataset.rows(totals)).toEqual([
      { ...total, load_id: 'l1', currency: 'USD', customer_id: 'c1', amount: '1' },
      { ...total, load_id: 'l1', currency: 'USD', customer_id: 'c2', amount: '0.1' },
      { ...total, load_id: 'l2', currency: 'EUR', customer_id: 'c1', amount: '1' },
      { ...total, load_id: 'l3', currency: 'USD', customer_id: 'c1', amount: '1.25' },
    ]);
  });

  test('reconciliation lines of both kinds are published too', async () => {
    const dataset = await Dataset.migrated(database());
    const line = { PartnerId: TENANT, Currency: 'USD', Subtotal: '10.5', BillableQuantity: '2' };
    await dataset.publish({ by: 'invoice', stream: 'billed_reconciliation', invoice: 'G1' }, [
      { ...line, InvoiceNumber: 'G1' },
    ]);
    const month = {
      by: 'month',
      stream: 'unbilled_reconciliation',
      month: '2026-11',
      currency: 'USD',
    } as const;
    const result = await dataset.publish(month, [line, line]);
    expect(result.sums).toEqual({ USD: '21' });
    expect(await dataset.value('SELECT sum(subtotal) FROM {d}.unbilled_reconciliation')).toBe('21');
  });

  test('several blobs and batches make one snapshot', async () => {
    const dataset = await Dataset.migrated(database());
    const many = (blob: string) =>
      Array.from({ length: 50 }, (_, index) => usageRecord({ MeterId: `${blob}${index}` }));
    const snapshot = await snapshotOf(
      BILLED_USAGE,
      { 'a.gz': many('a'), 'b.gz': many('b'), 'empty.gz': [] },
      7,
    );
    const result = await dataset.publishSnapshot(INVOICE, snapshot);
    expect(result.counts).toMatchObject({ blobs: 3, read: 100, inserted: 100 });
    const lineage =
      'SELECT _blob_name, count(DISTINCT _line_number) AS lines FROM {d}.billed_usage GROUP BY 1 ORDER BY 1';
    expect(await dataset.rows(lineage)).toEqual([
      { _blob_name: 'a.gz', lines: '50' },
      { _blob_name: 'b.gz', lines: '50' },
    ]);
  });
}

function row(
  meter: string,
  quantity: string,
  occurrence: number,
  load: string,
  first: string,
  line: number,
): object {
  return {
    meter_id: meter,
    quantity,
    line_item_occurrence: String(occurrence),
    _load_id: load,
    _first_load_id: first,
    _blob_name: 'part-1.json.gz',
    _line_number: String(line),
  };
}

function past(
  meter: string,
  quantity: string,
  occurrence: number,
  load: string,
  by: string,
  change: string,
): object {
  return {
    meter_id: meter,
    quantity,
    line_item_occurrence: String(occurrence),
    _load_id: load,
    _replaced_by_load_id: by,
    _change: change,
  };
}

function price(unit: string, occurrence: number): object {
  return { unit_price: unit, line_item_occurrence: String(occurrence) };
}
