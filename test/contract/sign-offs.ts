import { expect, test } from 'vitest';
import type { InvoicePart } from '../../connector/load/sign-off-record.js';
import { invoiceParts } from '../../connector/load/sign-offs.js';
import { listedInvoice } from '../listed-invoice.js';
import { lineRecord, TENANT } from '../snapshot.js';
import { Dataset, failure, type ContractDatabase } from './dataset.js';

const SCOPE = { by: 'invoice', stream: 'billed_reconciliation', invoice: 'G000001' } as const;
const SIGNED_AT = new Date('2026-11-10T08:00:00.000Z');

/** Who declared an invoice right, and what became of it since. */
export function describeSignOffs(database: () => ContractDatabase): void {
  test('an invoice is signed as it is, and what differs from that later is told in money', async () => {
    const dataset = await Dataset.migrated(database());
    await list(dataset, 'list-1', '2026-11-09T05:00:00Z', [listedInvoice('G000001', { total_charges: '1' })]);
    await dataset.publish(SCOPE, [lineRecord()]);
    const parts = await partsOf(dataset);
    expect(parts).toMatchObject([
      { stream: 'billed_reconciliation', loadId: 'l1', eTag: 'e1', records: 1, amounts: { USD: '1' } },
      { stream: 'invoices', loadId: 'list-1', eTag: null, records: 1, amounts: { USD: '1' } },
    ]);
    await sign(dataset, 'Ada', parts, null);
    const signed = { invoice: 'G000001', signedBy: 'Ada', signedAt: SIGNED_AT.toISOString(), despite: null };
    expect(await signOffs(dataset)).toEqual([{ ...signed, changes: [] }]);

    await dataset.publish(SCOPE, [lineRecord()], { reload: true });
    expect(await signOffs(dataset)).toEqual([{ ...signed, changes: [] }]);

    await dataset.publish(SCOPE, [lineRecord({ Subtotal: '0.25', Total: '0.25' })]);
    await list(dataset, 'list-2', '2026-11-11T05:00:00Z', [
      listedInvoice('G000001', { total_charges: '3' }),
      listedInvoice('G000009', { total_charges: '-2', amends_of: 'G000001', document_type: 'credit_note' }),
    ]);
    expect(await signOffs(dataset)).toEqual([
      {
        ...signed,
        changes: [
          { of: 'billed_reconciliation', what: 'restated', moved: { USD: '-0.75' } },
          { of: 'invoices', what: 'restated', moved: { USD: '2' } },
          { of: 'G000009', what: 'amended', moved: { USD: '-2' } },
        ],
      },
    ]);

    const error = await failure(sign(dataset, 'Grace', parts, null));
    expect([error.kind, error.message]).toEqual(['mismatch', expect.stringContaining('nothing was signed')]);
    expect(await dataset.value('SELECT count(*) FROM {d}.invoice_sign_offs')).toBe('2');
  });

  test('the last sign-off counts, all are kept, and a dataset that was never migrated has none', async () => {
    const dataset = await Dataset.migrated(database());
    await dataset.publish(SCOPE, [lineRecord()]);
    const parts = await partsOf(dataset);
    await sign(dataset, 'Ada', parts, null);
    await sign(dataset, 'Grace', parts, 'does not match: line_recalc', new Date('2026-11-10T08:00:00.001Z'));
    expect(await signOffs(dataset)).toMatchObject([
      { signedBy: 'Grace', despite: 'does not match: line_recalc', changes: [] },
    ]);
    expect(await dataset.value('SELECT count(*) FROM {d}.invoice_sign_offs')).toBe('2');
    expect(await signOffs(Dataset.unmigrated(database()))).toEqual([]);
  });
}

let signOffIds = 0;

async function sign(
  dataset: Dataset,
  signedBy: string,
  parts: readonly InvoicePart[],
  despite: string | null,
  signedAt = SIGNED_AT,
): Promise<void> {
  signOffIds += 1;
  const signOffId = `sign-off-${signOffIds}`;
  await dataset.write((session) =>
    session.keepSignOff({ signOffId, invoice: 'G000001', signedBy, signedAt, parts, despite }),
  );
}

async function partsOf(dataset: Dataset): Promise<readonly InvoicePart[]> {
  return await dataset.read((session) => session.readDataset((from) => invoiceParts(from, 'G000001')));
}

async function signOffs(dataset: Dataset): Promise<unknown> {
  return (await dataset.read((session) => session.readState())).signOffs;
}

async function list(
  dataset: Dataset,
  loadId: string,
  readAt: string,
  invoices: readonly ReturnType<typeof listedInvoice>[],
): Promise<void> {
  await dataset.write((session) =>
    session.recordInvoiceList({
      ...{ tenantId: TENANT, runId: 'run-1', loadId, readAt: new Date(readAt), since: null },
      ...{ invoices, correlationId: null },
    }),
  );
}
