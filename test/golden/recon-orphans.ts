import { listedInvoice } from '../listed-invoice.js';
import { lineRecord, usageRecord, type SourceRecord } from '../snapshot.js';
import type { ExpectedRow, GivenSnapshot, GoldenView } from './golden-case.js';

const AT = '2026-11-09T12:00:00Z';
const IS_BASIC = 'the lines are basic, which do not say whether they charge usage';

const used = (
  customer: string,
  subscription: string,
  amount: string,
  fields: SourceRecord = {},
): SourceRecord =>
  usageRecord({ CustomerId: customer, SubscriptionId: subscription, BillingPreTaxTotal: amount, ...fields });

const charged = (
  customer: string,
  subscription: string,
  amount: string,
  fields: SourceRecord = {},
): SourceRecord =>
  lineRecord({
    CustomerId: customer,
    SubscriptionId: subscription,
    Subtotal: amount,
    Total: amount,
    ...fields,
  });

function given(
  load: string,
  stream: 'billed_usage' | 'billed_reconciliation',
  invoice: string,
  records: readonly SourceRecord[],
  attributeSet: 'full' | 'basic' = 'full',
): GivenSnapshot {
  const own = records.map((record) => ({ ...record, InvoiceNumber: invoice }));
  return { load, scope: { by: 'invoice', stream, invoice }, attributeSet, at: AT, records: own };
}

/** A row in dollars of the invoice whose loads those are; a matched one that is in both unless said otherwise. */
function row(
  [customer_id, subscription_id, line_kind]: readonly (string | null)[],
  [left_amount, right_amount, difference]: readonly (string | null)[],
  [rows_left, rows_right]: readonly [string, string],
  columns: Readonly<Record<string, string | null>>,
  because: string,
): ExpectedRow {
  return {
    ...{ currency: 'USD', customer_id: customer_id ?? null, subscription_id: subscription_id ?? null },
    ...{ line_kind: line_kind ?? null, status: 'matched', left_amount: left_amount ?? null },
    ...{ right_amount: right_amount ?? null, difference: difference ?? null, tolerance: null },
    ...{
      rows_left,
      rows_right,
      reason: null,
      snapshot_ids: 'usage,lines',
      orphan: null,
      is_expected: 'false',
    },
    ...columns,
    because,
  };
}

const unchecked = (reason: string, is_expected: 'true' | 'false' = 'false') => ({
  status: 'not_checked',
  reason,
  is_expected,
});

/**
 * Cannot occur: mismatch and within_tolerance (amounts are not compared here), partial.
 */
export const RECON_ORPHANS: GoldenView = {
  view: 'recon_orphans',
  cases: [
    {
      name: 'an invoice with everything: in both, on one side only, and lines of which no usage is expected',
      given: {
        snapshots: [
          given('usage', 'billed_usage', 'G000001', [
            used('C1', 'S1', '1'),
            used('c1', 's1', '2'),
            used('c1', 's2', '4'),
            used('c2', 's3', '5'),
            used('c1', 's4', '0'),
          ]),
          given('lines', 'billed_reconciliation', 'G000001', [
            charged('c1', 's1', '2.99'),
            charged('c1', 's5', '6'),
            charged('c3', 's6', '7'),
            charged('c1', 's1', '-1', { ChargeType: 'CustomerCredit' }),
            charged('c1', 's7', '8', { MeterDescription: '' }),
            charged('c1', 's8', '9', { MeterDescription: '', TermAndBillingCycle: '1 Year Reservation' }),
            charged('c1', 's9', '10', { MeterDescription: '', ProductCategory: 'SavingsPlan' }),
          ]),
        ],
      },
      expected: [
        row(
          ['c1', 's1', 'usage'],
          ['3', '2.99', '-0.01'],
          ['2', '1'],
          {},
          'in both, whatever the letter case of the ids; the cent is for another check',
        ),
        row(
          ['c1', 's2', 'usage'],
          ['4', null, '-4'],
          ['1', '0'],
          {
            ...{ status: 'left_only', orphan: 'subscription' },
            reason: 'the subscription has usage and no line that charges it',
          },
          'c1 has lines, but none of s2',
        ),
        row(
          ['c2', 's3', 'usage'],
          ['5', null, '-5'],
          ['1', '0'],
          {
            ...{ status: 'left_only', orphan: 'customer' },
            reason: 'the customer has usage and no line on the invoice',
          },
          'c2 has no line at all',
        ),
        row(
          ['c1', 's4', 'usage'],
          ['0', null, '0'],
          ['1', '0'],
          unchecked('no line is expected: the usage costs nothing', 'true'),
          'a reservation or a savings plan covers it, so no line charges it',
        ),
        row(
          ['c1', 's5', 'usage'],
          [null, '6', '6'],
          ['0', '1'],
          {
            ...{ status: 'right_only', orphan: 'subscription' },
            reason: 'the subscription is charged for usage and has none',
          },
          'c1 has usage, but none of s5',
        ),
        row(
          ['c3', 's6', 'usage'],
          [null, '7', '7'],
          ['0', '1'],
          {
            ...{ status: 'right_only', orphan: 'customer' },
            reason: 'the customer is charged for usage and has none',
          },
          'c3 has no usage at all',
        ),
        row(
          ['c1', 's1', 'credit'],
          [null, '-1', '-1'],
          ['0', '1'],
          unchecked('no usage is expected: credits can be computed for the whole period', 'true'),
          'a credit is no charge for usage, though its line names a meter',
        ),
        row(
          ['c1', 's7', 'other'],
          [null, '8', '8'],
          ['0', '1'],
          unchecked(
            'no usage is expected: licences, software and marketplace purchases have no daily usage',
            'true',
          ),
          'a line without a meter charges no usage',
        ),
        row(
          ['c1', 's8', 'reservation'],
          [null, '9', '9'],
          ['0', '1'],
          unchecked('no usage is expected: usage that a reservation covers costs nothing', 'true'),
          'its term says that it is a reservation',
        ),
        row(
          ['c1', 's9', 'savings plan'],
          [null, '10', '10'],
          ['0', '1'],
          unchecked('no usage is expected: usage that a savings plan covers costs nothing', 'true'),
          'its category says that it is a savings plan',
        ),
      ],
    },
    {
      name: 'one side of an invoice is not here: nothing is an orphan',
      given: {
        snapshots: [
          given('only usage', 'billed_usage', 'G000002', [used('c1', 's1', '1')]),
          given('only lines', 'billed_reconciliation', 'G000003', [charged('c1', 's1', '1')]),
        ],
        invoices: [listedInvoice('G000005', { currency: 'eur' })],
      },
      expected: [
        row(
          ['c1', 's1', 'usage'],
          ['1', null, '-1'],
          ['1', '0'],
          { ...unchecked('the invoice has no lines here'), snapshot_ids: 'only usage' },
          'its lines were not loaded',
        ),
        row(
          ['c1', 's1', 'usage'],
          [null, '1', '1'],
          ['0', '1'],
          { ...unchecked('the invoice has no usage here'), snapshot_ids: 'only lines' },
          'its usage was not loaded',
        ),
        row(
          [null, null, null],
          [null, null, null],
          ['0', '0'],
          {
            ...unchecked('the invoice has neither usage nor lines here'),
            currency: 'EUR',
            snapshot_ids: null,
          },
          'it is listed and nothing else',
        ),
      ],
    },
    {
      name: 'basic lines do not say what they charge, only that they are there',
      given: {
        snapshots: [
          given('full usage', 'billed_usage', 'G000004', [used('c1', 's1', '1'), used('c1', 's2', '2')]),
          given(
            'basic lines',
            'billed_reconciliation',
            'G000004',
            [charged('c1', 's1', '1', { MeterDescription: '' })],
            'basic',
          ),
        ],
      },
      expected: [
        row(
          ['c1', 's1', 'usage'],
          ['1', null, '-1'],
          ['1', '0'],
          { ...unchecked(IS_BASIC), snapshot_ids: 'full usage,basic lines' },
          'the line of s1 may charge it',
        ),
        row(
          ['c1', 's1', 'other'],
          [null, '1', '1'],
          ['0', '1'],
          { ...unchecked(IS_BASIC), snapshot_ids: 'full usage,basic lines' },
          'it may charge usage',
        ),
        row(
          ['c1', 's2', 'usage'],
          ['2', null, '-2'],
          ['1', '0'],
          {
            ...{ status: 'left_only', orphan: 'subscription', snapshot_ids: 'full usage,basic lines' },
            reason: 'the subscription has usage and no line that charges it',
          },
          's2 has no line of any kind',
        ),
      ],
    },
  ],
};
