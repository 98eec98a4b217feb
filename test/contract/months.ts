import { expect, test } from 'vitest';
import type { InvoiceListReading, ListedInvoice } from '../../connector/load/invoice-list-reading.js';
import { scopeText, type InvoiceScope, type MonthScope } from '../../schemas/scope.js';
import { listedInvoice as listed } from '../listed-invoice.js';
import { lineRecord, TENANT, unbilledRecord, usageRecord } from '../snapshot.js';
import { Dataset, failure, INVOICE, MONTH, type ContractDatabase } from './dataset.js';

const OCTOBER: MonthScope = { ...MONTH, month: '2026-10' };
const LINES: InvoiceScope = { ...INVOICE, stream: 'billed_reconciliation' };
const NOVEMBER_9 = new Date('2026-11-09T05:00:00Z');

/** What is kept of the invoice list, and what follows from it: closed months, agreements, next checks. */
export function describeMonths(database: () => ContractDatabase): void {
  test('a reading of the list keeps each document once, with exact amounts, and the next one its changes', async () => {
    const dataset = await Dataset.migrated(database());
    const first = [listed('G000001', { total_charges: '1234.5678901234567890123' }), listed('D1')];
    expect(await record(dataset, 'r1', first)).toMatchObject({ inserted: 2, updated: 0, deleted: 0 });
    expect(await record(dataset, 'r2', first)).toMatchObject({ inserted: 0, unchanged: 2, isKept: false });
    const note = listed('G000009', {
      amends_of: 'G000001',
      document_type: 'credit_note',
      total_charges: '-1',
    });
    const second = [listed('G000001', { status: 'void', total_charges: '1234.5678901234567890123' }), note];
    expect(await record(dataset, 'r3', second)).toMatchObject({ inserted: 1, updated: 1, deleted: 1 });
    expect(
      await dataset.rows(
        'SELECT invoice_number, amends_of, status, total_charges, _load_id, _first_load_id FROM {d}.invoices ORDER BY 1',
      ),
    ).toEqual([
      {
        invoice_number: 'G000001',
        amends_of: null,
        status: 'void',
        total_charges: '1234.5678901234567890123',
        _load_id: 'r3',
        _first_load_id: 'r1',
      },
      {
        invoice_number: 'G000009',
        amends_of: 'G000001',
        status: 'active',
        total_charges: '-1',
        _load_id: 'r3',
        _first_load_id: 'r3',
      },
    ]);
    expect(
      await dataset.rows(
        'SELECT invoice_number, status, _load_id, _replaced_by_load_id, _change FROM {d}.invoices_history ORDER BY 1',
      ),
    ).toEqual([
      {
        invoice_number: 'D1',
        status: 'active',
        _load_id: 'r1',
        _replaced_by_load_id: 'r3',
        _change: 'removed',
      },
      {
        invoice_number: 'G000001',
        status: 'active',
        _load_id: 'r1',
        _replaced_by_load_id: 'r3',
        _change: 'changed',
      },
    ]);
    const state = await dataset.read((session) => session.readState());
    expect(state.tenantId).toBe(TENANT);
    expect(state.invoiceListReadAt).toBe(NOVEMBER_9.toISOString());
    expect(state.invoices.map(({ invoice, billingMonth }) => [invoice, billingMonth])).toEqual([
      ['G000001', '2026-10'],
      ['G000009', '2026-10'],
    ]);
    expect(
      await dataset.rows('SELECT load_id, documents, documents_unchanged FROM {d}._invoice_lists ORDER BY 1'),
    ).toEqual([
      { load_id: 'r1', documents: '2', documents_unchanged: '0' },
      { load_id: 'r2', documents: '2', documents_unchanged: '2' },
      { load_id: 'r3', documents: '2', documents_unchanged: '0' },
    ]);
  });

  test('a reading since a month says nothing of older invoices and what amends them, and an empty one removes nothing', async () => {
    const dataset = await Dataset.migrated(database());
    const old = listed('G000001', { invoice_date: '2026-02-08T00:00:00.000000' });
    const lateNote = listed('G000002', { amends_of: 'G000001', invoice_date: '2026-11-08T00:00:00.000000' });
    await record(dataset, 'r1', [old, lateNote, listed('G000003')]);
    expect(await record(dataset, 'r2', [listed('G000004')], '2026-03')).toMatchObject({
      deleted: 1,
      inserted: 1,
    });
    expect(await numbers(dataset)).toEqual(['G000001', 'G000002', 'G000004']);
    expect(await record(dataset, 'r3', [], '2026-03')).toMatchObject({ deleted: 0, isKept: true });
    expect(await numbers(dataset)).toEqual(['G000001', 'G000002', 'G000004']);
  });

  test('a list of another tenant is refused, and columns that a user added to invoices keep their values', async () => {
    const dataset = await Dataset.migrated(database());
    await record(dataset, 'r1', [listed('G000001')]);
    await dataset.byHand('ALTER TABLE {d}.invoices ADD COLUMN approved_by text');
    await dataset.byHand("UPDATE {d}.invoices SET approved_by = 'Ada'");
    const other = reading('r2', [listed('G000009')], null, 'another-tenant');
    expect(await failure(dataset.write((session) => session.recordInvoiceList(other)))).toMatchObject({
      kind: 'config',
      facts: { rule: 'tenant' },
    });
    await record(dataset, 'r3', [listed('G000001', { status: 'void' })]);
    expect(await dataset.rows('SELECT invoice_number, status, approved_by FROM {d}.invoices')).toEqual([
      { invoice_number: 'G000001', status: 'void', approved_by: 'Ada' },
    ]);
  });

  test('a month is superseded when every invoice that the list names for it is published, and its view shows it once', async () => {
    const dataset = await Dataset.migrated(database());
    await dataset.publish(OCTOBER, [
      unbilledRecord({ UsageDate: '2026-10-05T00:00:00Z', BillingPreTaxTotal: '40' }),
    ]);
    await dataset.publish(MONTH, [unbilledRecord({ BillingPreTaxTotal: '3' })]);
    await record(dataset, 'r1', [listed('G000001'), listed('G000002'), listed('D7')]);
    const first = await dataset.publish(INVOICE, [usageRecord({ BillingPreTaxTotal: '10' })]);
    expect(first.superseded).toEqual([]);
    expect(await openTotals(dataset)).toEqual({ billed_usage: '10', unbilled_usage: '43' });
    const second = { ...INVOICE, invoice: 'G000002' };
    const last = await dataset.publish(second, [
      usageRecord({ InvoiceNumber: 'G000002', BillingPreTaxTotal: '31' }),
    ]);
    expect(last.superseded).toEqual([OCTOBER]);
    expect(await openTotals(dataset)).toEqual({ billed_usage: '41', unbilled_usage: '3' });
    const state = await dataset.read((session) => session.readState());
    expect(state.scopes.filter(({ scope }) => scope.by === 'month')).toMatchObject([
      { scope: OCTOBER, state: 'superseded', snapshot: { counts: { staged: 1 } } },
      { scope: MONTH, state: 'published' },
    ]);
    expect(await dataset.value('SELECT count(*) FROM {d}.unbilled_usage')).toBe('2');
  });

  test('reading the list closes a month too; an estimate that comes later is closed as it is published', async () => {
    const dataset = await Dataset.migrated(database());
    await dataset.publish(OCTOBER, [unbilledRecord({ UsageDate: '2026-10-05T00:00:00Z' })]);
    const billed = await dataset.publish(INVOICE, [usageRecord()]);
    expect(billed.superseded).toEqual([]);
    const changes = await record(dataset, 'r1', [listed('G000001')]);
    expect(changes.superseded.map(scopeText)).toEqual(['2026-10-USD']);
    const late = await dataset.publish(OCTOBER, [
      unbilledRecord({ UsageDate: '2026-10-05T00:00:00Z' }),
      unbilledRecord({ UsageDate: '2026-10-06T00:00:00Z' }),
    ]);
    expect(late.superseded).toEqual([OCTOBER]);
    expect(await openTotals(dataset)).toEqual({ billed_usage: '1' });
    // It was asked for in the same run, and its answer comes after.
    const answer = { scope: OCTOBER, askedAt: '2026-11-09T05:00:00Z', answer: 'unchanged', checked: true };
    await dataset.write((session) => session.recordAnswers([{ ...answer, state: 'published' }]));
    expect(await openTotals(dataset)).toEqual({ billed_usage: '1' });
  });

  test('whatever is missing, a month with a billed snapshot is closed on the 15th and not before', async () => {
    const dataset = await Dataset.migrated(database());
    await dataset.publish(OCTOBER, [unbilledRecord({ UsageDate: '2026-10-05T00:00:00Z' })]);
    await record(dataset, 'r1', [listed('G000001'), listed('G000002')]);
    await dataset.publish(INVOICE, [usageRecord()]);
    const close = (now: string) => dataset.write((session) => session.closeMonths(new Date(now)));
    expect(await close('2026-11-14T23:59:59.999Z')).toEqual([]);
    expect(await close('2026-11-15T00:00:00.000Z')).toEqual([OCTOBER]);
    expect(await close('2026-11-15T00:00:00.000Z')).toEqual([]);
  });

  test('an invoice agrees when its usage adds up to its lines by the official join, a cent a line allowed', async () => {
    const dataset = await Dataset.migrated(database());
    const agreements = async () => (await dataset.read((session) => session.readState())).agreements;
    await dataset.publish(LINES, [
      lineRecord({ Subtotal: '10.02', SubscriptionId: 'S1' }),
      lineRecord({ Subtotal: '5', SubscriptionId: 's2' }),
      lineRecord({ Subtotal: '99', SubscriptionId: 's3', MeterDescription: '' }),
      lineRecord({ Subtotal: '-7', SubscriptionId: 's1', ChargeType: 'customerCredit' }),
    ]);
    expect(await agreements()).toEqual([{ invoice: 'G000001', agrees: null, usageLines: 2 }]);
    const usage = (subscription: string, amount: string) =>
      usageRecord({ SubscriptionId: subscription, BillingPreTaxTotal: amount, ...JOINED });
    await dataset.publish(INVOICE, [usage('s1', '10.02'), usage('S2', '4.98')]);
    expect(await agreements()).toEqual([{ invoice: 'G000001', agrees: false, usageLines: 2 }]);
    await dataset.publish(INVOICE, [usage('s1', '10.01'), usage('S2', '2'), usage('s2', '2.99')]);
    expect(await agreements()).toEqual([{ invoice: 'G000001', agrees: true, usageLines: 2 }]);
    await dataset.publish(INVOICE, [usage('s1', '10.01'), usage('S2', '5'), usage('s9', '0.01')]);
    expect(await agreements()).toEqual([{ invoice: 'G000001', agrees: false, usageLines: 2 }]);
    const huge = '9999999999999999.1234567890123456789012';
    await dataset.publish(INVOICE, [usage('s1', huge), usage('s1', huge)]);
    expect(await agreements()).toEqual([{ invoice: 'G000001', agrees: false, usageLines: 2 }]);
  });

  test('next checks are recorded for scopes that are known, and a publish clears them', async () => {
    const dataset = await Dataset.migrated(database());
    await dataset.publish(INVOICE, [usageRecord()]);
    const at = '2026-11-16T05:00:00.000Z';
    await dataset.write((session) =>
      session.recordNextChecks([
        { scope: INVOICE, at },
        { scope: LINES, at },
      ]),
    );
    const scopes = async () => (await dataset.read((session) => session.readState())).scopes;
    expect(await scopes()).toMatchObject([{ scope: INVOICE, nextCheckAt: at }]);
    await dataset.publish(INVOICE, [usageRecord({ Quantity: '3' })]);
    expect(await scopes()).toMatchObject([{ scope: INVOICE, nextCheckAt: null }]);
  });
}

const JOINED = { ProductId: 'P', SkuId: '0001', AvailabilityId: 'A' };

function reading(
  loadId: string,
  invoices: readonly ListedInvoice[],
  since: string | null,
  tenantId = TENANT,
): InvoiceListReading {
  return { tenantId, runId: 'run-1', loadId, readAt: NOVEMBER_9, since, invoices, correlationId: 'c-1' };
}

function record(
  dataset: Dataset,
  loadId: string,
  invoices: readonly ListedInvoice[],
  since: string | null = null,
) {
  return dataset.write((session) => session.recordInvoiceList(reading(loadId, invoices, since)));
}

async function numbers(dataset: Dataset): Promise<(string | null | undefined)[]> {
  const rows = await dataset.rows('SELECT invoice_number FROM {d}.invoices ORDER BY 1');
  return rows.map((row) => row['invoice_number']);
}

async function openTotals(dataset: Dataset): Promise<Record<string, string | null>> {
  const rows = await dataset.rows(
    'SELECT stream, sum(billing_pre_tax_total) AS total FROM {d}.usage_open GROUP BY stream ORDER BY stream',
  );
  return Object.fromEntries(rows.map((row) => [row['stream'] ?? '', row['total'] ?? null]));
}
