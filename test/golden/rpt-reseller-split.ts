import type { InvoiceScope } from '../../schemas/scope.js';
import { listedInvoice } from '../listed-invoice.js';
import { lineRecord, type SourceRecord } from '../snapshot.js';
import type { GoldenView } from './golden-case.js';

const LINES: InvoiceScope = { by: 'invoice', stream: 'billed_reconciliation', invoice: 'G000001' };

function line(reseller: string, subtotal: string, fields: SourceRecord = {}): SourceRecord {
  return lineRecord({ Tier2MpnId: reseller, Subtotal: subtotal, TaxTotal: '0.1', Total: '9', ...fields });
}

/** All four kinds of reseller occur. */
export const RPT_RESELLER_SPLIT: GoldenView = {
  view: 'rpt_reseller_split',
  cases: [
    {
      name: 'an invoice is sold through two resellers, directly, through a removed reseller, and not stated',
      given: {
        invoices: [listedInvoice('G000001')],
        snapshots: [
          {
            ...{ load: 'l1', scope: LINES, at: '2026-11-09T12:00:00Z' },
            records: [
              line('67890', '10.10'),
              line('67890', '-2.05', { CustomerId: 'C1' }),
              line('67890', '1', { CustomerId: 'c2' }),
              line('6048879', '5'),
              line('0', '7', { Total: '' }),
              line('-1', '3'),
              line('', '4'),
              line('', '8', { Currency: 'EUR' }),
            ],
          },
        ],
      },
      expected: [
        {
          ...{ reseller: 'reseller', reseller_mpn_id: '67890', currency: 'USD', pre_tax: '9.05', tax: '0.3' },
          ...{ total: '27', customers: '2', lines: '3', billing_month: '2026-10-01', snapshot_ids: 'l1' },
          because: '10.10 - 2.05 + 1; C1 is c1, so that there are two customers',
        },
        {
          ...{ reseller: 'reseller', reseller_mpn_id: '6048879', currency: 'USD', pre_tax: '5', tax: '0.1' },
          ...{ total: '9', customers: '1', lines: '1', billing_month: '2026-10-01', snapshot_ids: 'l1' },
          because: 'each reseller is a row',
        },
        {
          ...{ reseller: 'direct', reseller_mpn_id: '0', currency: 'USD', pre_tax: '7', tax: '0.1' },
          ...{ total: null, customers: '1', lines: '1', billing_month: '2026-10-01', snapshot_ids: 'l1' },
          because: '0 means sold without a reseller; its line states no total',
        },
        {
          ...{ reseller: 'removed', reseller_mpn_id: '-1', currency: 'USD', pre_tax: '3', tax: '0.1' },
          ...{ total: '9', customers: '1', lines: '1', billing_month: '2026-10-01', snapshot_ids: 'l1' },
          because: '-1 means that the reseller was removed',
        },
        {
          ...{ reseller: 'unknown', reseller_mpn_id: null, currency: 'USD', pre_tax: '4', tax: '0.1' },
          ...{ total: '9', customers: '1', lines: '1', billing_month: '2026-10-01', snapshot_ids: 'l1' },
          because: 'blank is not 0: nothing is stated',
        },
        {
          ...{ reseller: 'unknown', reseller_mpn_id: null, currency: 'EUR', pre_tax: '8', tax: '0.1' },
          ...{ total: '9', customers: '1', lines: '1', billing_month: '2026-10-01', snapshot_ids: 'l1' },
          because: 'currencies are never added',
        },
      ],
    },
  ],
};
