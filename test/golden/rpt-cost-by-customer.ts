import type { InvoiceScope } from '../../schemas/scope.js';
import { listedInvoice } from '../listed-invoice.js';
import { lineRecord, type SourceRecord } from '../snapshot.js';
import type { GoldenView } from './golden-case.js';

const at = '2026-11-09T12:00:00Z';

function linesOf(invoice: string): InvoiceScope {
  return { by: 'invoice', stream: 'billed_reconciliation', invoice };
}

/** A line with its amounts; a licence unless a meter is named. */
function line(
  invoice: string,
  subtotal: string,
  tax: string,
  total: string,
  fields: SourceRecord = {},
): SourceRecord {
  return lineRecord({
    ...{ InvoiceNumber: invoice, Subtotal: subtotal, TaxTotal: tax, Total: total, MeterDescription: '' },
    ...fields,
  });
}

const credit = { ChargeType: 'customerCredit', CreditReasonCode: 'Azure Credit Offer' };

/** A report has no status: every kind of column occurs, told and not to be told. */
export const RPT_COST_BY_CUSTOMER: GoldenView = {
  view: 'rpt_cost_by_customer',
  cases: [
    {
      name: 'two customers in two currencies are billed licences, usage and a credit',
      given: {
        invoices: [listedInvoice('G000001')],
        snapshots: [
          {
            ...{ load: 'l1', scope: linesOf('G000001'), at },
            records: [
              line('G000001', '10.10', '1.01', '11.11', { MeterDescription: 'Compute Hours' }),
              line('G000001', '0.05', '0', '0.05', { MeterDescription: 'Storage', CustomerId: 'C1' }),
              line('G000001', '20', '2', '22', { CustomerName: 'Contoso Ltd' }),
              line('G000001', '-5.25', '-0.52', '-5.77', { ChargeType: 'removeQuantity' }),
              line('G000001', '-3', '0', '-3', { ...credit, MeterDescription: 'Compute Hours' }),
              line('G000001', '700', '70', '770', { Currency: 'jpy' }),
              line('G000001', '-1', '0', '-1', { ...credit, ChargeType: 'CustomerCredit', CustomerId: 'c2' }),
            ],
          },
        ],
      },
      expected: [
        {
          ...{ invoice_number: 'G000001', billing_month: '2026-10-01', currency: 'USD', customer_id: 'c1' },
          ...{
            customer_name: 'Contoso Ltd',
            purchases: '14.75',
            usage: '10.15',
            credits: '-3',
            pre_tax: '21.9',
          },
          ...{ tax: '2.49', total: '24.39', lines: '5', snapshot_ids: 'l1' },
          because:
            '20 - 5.25 bought; 10.10 + 0.05 metered, C1 being c1; a credit is no usage though it names a meter; of the names the last',
        },
        {
          ...{ invoice_number: 'G000001', billing_month: '2026-10-01', currency: 'JPY', customer_id: 'c1' },
          ...{ customer_name: 'Contoso', purchases: '700', usage: '0', credits: '0', pre_tax: '700' },
          ...{ tax: '70', total: '770', lines: '1', snapshot_ids: 'l1' },
          because: 'another currency is another row, in upper case',
        },
        {
          ...{ invoice_number: 'G000001', billing_month: '2026-10-01', currency: 'USD', customer_id: 'c2' },
          ...{ customer_name: 'Contoso', purchases: '0', usage: '0', credits: '-1', pre_tax: '-1' },
          ...{ tax: '0', total: '-1', lines: '1', snapshot_ids: 'l1' },
          because: 'letter case of a charge type means nothing',
        },
      ],
    },
    {
      name: 'an export of attribute set basic names no meters, and one line does not state its tax',
      given: {
        snapshots: [
          {
            ...{ load: 'l2', scope: linesOf('G000002'), at, attributeSet: 'basic' },
            request: { billingMonth: '2026-09', billingMonthFrom: 'manifest' },
            records: [line('G000002', '4', '', '4.4'), line('G000002', '6', '0.6', '6.6')],
          },
        ],
      },
      expected: [
        {
          ...{ invoice_number: 'G000002', billing_month: '2026-09-01', currency: 'USD', customer_id: 'c1' },
          ...{ customer_name: 'Contoso', purchases: null, usage: null, credits: '0', pre_tax: '10' },
          ...{ tax: null, total: '11', lines: '2', snapshot_ids: 'l2' },
          because:
            'basic has no MeterDescription: what is usage cannot be told; the tax of two lines is not that of one; the month is that of the export, for no list names the invoice',
        },
      ],
    },
  ],
};
