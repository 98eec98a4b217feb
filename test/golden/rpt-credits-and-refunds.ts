import type { InvoiceScope } from '../../schemas/scope.js';
import { listedInvoice } from '../listed-invoice.js';
import { lineRecord, type SourceRecord } from '../snapshot.js';
import type { ExpectedRow, GoldenView } from './golden-case.js';

const at = '2026-11-09T12:00:00Z';
const LAST_DAY = '2026-09-30T00:00:00Z';

function linesOf(invoice: string): InvoiceScope {
  return { by: 'invoice', stream: 'billed_reconciliation', invoice };
}

/** A line of so many units at a price; amounts are stated, not computed. */
function line(
  reference: string,
  quantity: string,
  price: string,
  subtotal: string,
  fields: SourceRecord = {},
): SourceRecord {
  return lineRecord({
    ...{ ReferenceId: reference, BillableQuantity: quantity, EffectiveUnitPrice: price, Subtotal: subtotal },
    ...{ Total: subtotal, MeterDescription: '' },
    ...fields,
  });
}

const credit = { ChargeType: 'customerCredit', CreditReasonCode: 'Azure Credit Offer' };

/** What every row of the first invoice has unless it says otherwise. */
const row: Readonly<Record<string, string | null>> = {
  ...{ invoice_number: 'G000001', billing_month: '2026-10-01', currency: 'USD', customer_id: 'c1' },
  ...{ credit_reason_code: null, paired_by: 'reference', pair_lines: '1', pair_invoices: 'G000001' },
};
const unpaired: Readonly<Record<string, string | null>> = {
  ...row,
  ...{ pair_status: 'unpaired', paired_by: null, pair_lines: '0', pair_quantity: null, pair_pre_tax: null },
  ...{ pair_invoices: null, quantities_match: null, unit_prices_offset: null },
};

const EXPECTED: readonly ExpectedRow[] = [
  {
    ...{ ...row, reference_id: 'CREDITED', kind: 'credit', charge_type: 'customercredit', pre_tax: '-10.1' },
    ...{
      credit_reason_code: 'Azure Credit Offer',
      pair_status: 'offset',
      pair_quantity: '5',
      pair_pre_tax: '10.1',
    },
    ...{ quantities_match: 'true', unit_prices_offset: 'true', reason: null },
    because:
      'five units were charged at 2.02 under the same reference, and five are credited at -2.02; letter case means nothing',
  },
  {
    ...{ ...row, reference_id: null, kind: 'credit', charge_type: 'customercredit', pre_tax: '-6' },
    ...{
      credit_reason_code: 'Azure Credit Offer',
      paired_by: 'product',
      pair_status: 'offset',
      pair_quantity: '3',
    },
    ...{ pair_pre_tax: '6', pair_invoices: 'G000000', quantities_match: 'true', unit_prices_offset: 'true' },
    reason: null,
    because: 'no reference: found by product, SKU, availability and order date, on the invoice before',
  },
  {
    ...{ ...row, reference_id: 'partly', kind: 'credit', charge_type: 'customercredit', pre_tax: '-2' },
    ...{ credit_reason_code: 'Azure Credit Offer', pair_status: 'quantity_differs', pair_quantity: '4' },
    ...{ pair_pre_tax: '8', quantities_match: 'false', unit_prices_offset: 'true' },
    reason: 'the unit price is offset, the quantity is not that of the charge',
    because: 'one of four units is credited',
  },
  {
    ...{ ...row, reference_id: 'seats', kind: 'refund', charge_type: 'removequantity', pre_tax: '-112.25' },
    ...{ pair_status: 'quantity_differs', pair_quantity: '15', pair_pre_tax: '168.38' },
    ...{ quantities_match: 'false', unit_prices_offset: 'true' },
    reason: 'the unit price is offset, another quantity is charged: a change of seats',
    because: 'api-contract.md 8.3: ten seats are given back and fifteen charged at 12/31*29 each',
  },
  {
    ...{ ...row, reference_id: 'upgrade', kind: 'refund', charge_type: 'convert', pre_tax: '-2316' },
    ...{ pair_status: 'price_differs', pair_quantity: '300', pair_pre_tax: '1476' },
    ...{ quantities_match: 'true', unit_prices_offset: 'false' },
    reason: 'the quantities are equal, no charge has the opposite unit price',
    because: 'api-contract.md 8.3: 300 seats move to another product, its price is another',
  },
  {
    ...{ ...row, reference_id: 'part-upgrade', kind: 'refund', charge_type: 'convert', pre_tax: '-20' },
    ...{ pair_status: 'both_differ', pair_lines: '2', pair_quantity: '9', pair_pre_tax: '27' },
    ...{ quantities_match: 'false', unit_prices_offset: 'false' },
    reason: 'neither quantity nor unit price is that of the charge',
    because: 'ten are given back at 2, six and three charged at 3: the charges are added, 9 is not 10',
  },
  ...['-40', '-5'].map((amount) => ({
    ...{ ...row, reference_id: 'e5', kind: 'refund', charge_type: 'removequantity', pre_tax: amount },
    ...{ pair_status: 'offset', pair_lines: '2', pair_quantity: '20', pair_pre_tax: '45' },
    ...{ quantities_match: 'true', unit_prices_offset: 'true', reason: null },
    because:
      'each half of E5 finds its own price; ten and ten are given back, ten and ten charged, so 20 is 20',
  })),
  {
    ...{ ...row, reference_id: 'no-quantity', kind: 'refund', charge_type: 'removequantity', pre_tax: '-1' },
    ...{ pair_status: 'not_checked', pair_quantity: '1', pair_pre_tax: '1' },
    ...{ quantities_match: null, unit_prices_offset: 'true' },
    reason: 'a line has no billable quantity, or this one no effective unit price',
    because: 'the refund states no quantity: null, never 0',
  },
  {
    ...{ ...unpaired, reference_id: 'lost', kind: 'refund', charge_type: 'removequantity', pre_tax: '-7' },
    reason: 'no charge of this reference is loaded',
    because: 'its only namesake is of another customer',
  },
  {
    ...{
      ...unpaired,
      reference_id: 'cancelled',
      kind: 'refund',
      charge_type: 'cancelimmediate',
      pre_tax: '-94.2',
    },
    reason: 'no charge of this reference is loaded; a cancellation can stand alone',
    because: 'api-contract.md 8.3: a cancellation within its term charges nothing anew',
  },
  {
    ...{ ...unpaired, reference_id: null, kind: 'refund', charge_type: 'removequantity', pre_tax: '-8' },
    reason: 'the line has no reference by which its charge could be found',
    because: 'a refund is found by its reference only',
  },
  {
    ...{
      ...unpaired,
      reference_id: 'of-nothing',
      kind: 'credit',
      charge_type: 'customercredit',
      pre_tax: '-9',
    },
    credit_reason_code: 'Azure Credit Offer',
    reason: 'no charge of this reference, or of this product and order date, is loaded',
    because: 'nothing was charged for product X',
  },
];

/** Every pair_status occurs, unpaired for each of its reasons. */
export const RPT_CREDITS_AND_REFUNDS: GoldenView = {
  view: 'rpt_credits_and_refunds',
  cases: [
    {
      name: 'an invoice gives back what it charged, what the one before charged, and what nothing charged',
      given: {
        invoices: [listedInvoice('G000001'), listedInvoice('G000000', {}, '2026-09')],
        snapshots: [
          {
            ...{ load: 'l0', scope: linesOf('G000000'), at },
            records: [
              line('', '3', '2', '6', { InvoiceNumber: 'G000000', OrderDate: LAST_DAY, ProductId: 'Y' }),
              line('', '3', '2', '6', { InvoiceNumber: 'G000000', OrderDate: LAST_DAY, ProductId: 'Z' }),
            ],
          },
          {
            ...{ load: 'l1', scope: linesOf('G000001'), at },
            records: [
              line('credited', '5', '2.02', '10.10'),
              line('CREDITED', '5', '-2.02', '-10.10', credit),
              line('', '3', '-2', '-6', { ...credit, OrderDate: LAST_DAY, ProductId: 'y' }),
              line('partly', '4', '2', '8'),
              line('partly', '1', '-2', '-2', credit),
              line('seats', '10', '-11.2258064516129032258065', '-112.25', { ChargeType: 'removeQuantity' }),
              line('seats', '15', '11.2258064516129032258065', '168.38', { ChargeType: 'addQuantity' }),
              line('upgrade', '300', '-7.728', '-2316', { ChargeType: 'convert' }),
              line('upgrade', '300', '4.93', '1476', { ChargeType: 'convert', SubscriptionId: 's2' }),
              line('part-upgrade', '10', '-2', '-20', { ChargeType: 'convert' }),
              line('part-upgrade', '6', '3', '18', { ChargeType: 'convert' }),
              line('part-upgrade', '3', '3', '9', { ChargeType: 'convert', SubscriptionId: 's2' }),
              line('e5', '10', '-4', '-40', { ChargeType: 'removeQuantity' }),
              line('e5', '10', '-0.5', '-5', { ChargeType: 'removeQuantity' }),
              line('e5', '10', '4', '40', { ChargeType: 'addQuantity' }),
              line('e5', '10', '0.5', '5', { ChargeType: 'addQuantity' }),
              line('no-quantity', '', '-1', '-1', { ChargeType: 'removeQuantity' }),
              line('no-quantity', '1', '1', '1'),
              line('lost', '1', '-7', '-7', { ChargeType: 'removeQuantity' }),
              line('lost', '1', '7', '7', { CustomerId: 'c2' }),
              line('cancelled', '10', '-9.4297', '-94.2', { ChargeType: 'cancelImmediate' }),
              line('', '1', '-8', '-8', { ChargeType: 'removeQuantity' }),
              line('of-nothing', '1', '-9', '-9', { ...credit, ProductId: 'X' }),
            ],
          },
        ],
      },
      expected: EXPECTED,
    },
  ],
};
