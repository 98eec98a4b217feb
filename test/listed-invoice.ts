import { createHash } from 'node:crypto';
import type { ListedInvoice } from '../schemas/invoice-record.js';
import { INVOICE_COLUMNS } from '../schemas/tables/invoices.js';

/** A document of Partner Center's list by the columns of `invoices`; in order, and of October 2026, unless said otherwise. */
export function listedInvoice(
  invoice: string,
  values: Readonly<Record<string, string | null>> = {},
  billingMonth: string | null = '2026-10',
): ListedInvoice {
  const all: Readonly<Record<string, string | null>> = {
    invoice_number: invoice,
    document_type: 'invoice',
    status: 'active',
    invoice_date: '2026-11-08T07:13:00.000000',
    total_charges: '1',
    currency: 'USD',
    ...values,
  };
  const ordered = Object.fromEntries(INVOICE_COLUMNS.map(({ name }) => [name, all[name] ?? null]));
  const digest = createHash('md5').update(JSON.stringify(ordered)).digest('hex');
  const rowHash = digest.replace(/^(.{8})(.{4})(.{4})(.{4})(.{12})$/, '$1-$2-$3-$4-$5');
  return { billingMonth, record: { values: ordered, extra: null, rowHash } };
}
