import { listedInvoice } from '../listed-invoice.js';
import { lineRecord, usageRecord, type SourceRecord } from '../snapshot.js';
import type { ExpectedRow, GoldenView } from './golden-case.js';

const AT = '2026-11-09T12:00:00Z';

const line = (sku: string, fields: SourceRecord = {}): SourceRecord =>
  lineRecord({ SkuId: sku, Subtotal: '5', Total: '5', MeterDescription: '', ...fields });

const times = (count: number, record: SourceRecord): readonly SourceRecord[] =>
  Array.from({ length: count }, () => record);

/** A group of identical rows of G000001, in dollars. */
function group(
  [stream, sku_id]: readonly [string, string],
  count: number,
  [left_amount, right_amount, difference]: readonly [string, string, string],
  reason: string,
  because: string,
): ExpectedRow {
  return {
    ...{
      currency: 'USD',
      customer_id: 'c1',
      stream,
      sku_id,
      status: 'not_checked',
      line_item_occurrence: '1',
    },
    ...{ left_amount, right_amount, difference, tolerance: '0', rows_left: '1', rows_right: String(count) },
    ...{
      reason,
      snapshot_ids: stream === 'billed_usage' ? 'usage' : 'lines',
      occurrences: String(count),
      because,
    },
  };
}

/** All rows of a stream that have no identical one. */
function unique(stream: string, amount: string, count: number, load: string, because: string): ExpectedRow {
  return {
    ...{
      currency: 'USD',
      customer_id: null,
      stream,
      sku_id: null,
      status: 'matched',
      line_item_occurrence: null,
    },
    ...{ left_amount: amount, right_amount: amount, difference: '0', tolerance: '0' },
    ...{
      rows_left: String(count),
      rows_right: String(count),
      reason: null,
      snapshot_ids: load,
      occurrences: null,
    },
    because,
  };
}

/**
 * Cannot occur: mismatch, within_tolerance and partial (no line is ever said to be a duplicate), left_only and right_only.
 */
export const RECON_POSSIBLE_DUPLICATES: GoldenView = {
  view: 'recon_possible_duplicates',
  cases: [
    {
      name: 'identical lines of every kind, beside lines that differ in one field',
      given: {
        snapshots: [
          {
            load: 'usage',
            scope: { by: 'invoice', stream: 'billed_usage', invoice: 'G000001' },
            at: AT,
            records: [
              ...times(2, usageRecord({ SkuId: 'vm', BillingPreTaxTotal: '3' })),
              usageRecord({ SkuId: 'vm', BillingPreTaxTotal: '4' }),
              usageRecord({ SkuId: 'disk', BillingPreTaxTotal: '0.5' }),
            ],
          },
          {
            load: 'lines',
            scope: { by: 'invoice', stream: 'billed_reconciliation', invoice: 'G000001' },
            at: AT,
            records: [
              ...times(2, line('e5', { SkuName: 'Microsoft 365 E5' })),
              ...times(2, line('meter', { MeterDescription: 'Compute Hours' })),
              ...times(2, line('seats', { ReferenceId: 'r1' })),
              ...times(3, line('plain')),
              line('plain', { OrderId: 'o2' }),
              line('seats', { ReferenceId: 'r2', Subtotal: '-5', Total: '-5' }),
            ],
          },
        ],
      },
      expected: [
        group(
          ['billed_usage', 'vm'],
          2,
          ['3', '6', '3'],
          'a resource can be rated in several equal parts on one day',
          'two rows are equal in every field; the third of this meter has another amount',
        ),
        unique('billed_usage', '4.5', 2, 'usage', 'the vm row of 4 and the disk row'),
        group(
          ['billed_reconciliation', 'e5'],
          2,
          ['5', '10', '5'],
          'Microsoft 365 E5 is charged in two lines of one product, with telephony and without',
          'the halves of E5 are equal-looking and legal',
        ),
        group(
          ['billed_reconciliation', 'meter'],
          2,
          ['5', '10', '5'],
          'a meter is charged in several lines, one for each price tier and for days with and without credit',
          'lines of usage',
        ),
        group(
          ['billed_reconciliation', 'seats'],
          2,
          ['5', '10', '5'],
          'changes of seats on one day can look alike',
          'of one event, r1; the refund r2 is another line',
        ),
        group(
          ['billed_reconciliation', 'plain'],
          3,
          ['5', '15', '10'],
          'two purchases can look alike',
          'three are equal, a fourth is of another order: two may be too much, 10',
        ),
        unique(
          'billed_reconciliation',
          '0',
          2,
          'lines',
          'the line of the other order, 5, and the refund, -5',
        ),
      ],
    },
    {
      name: 'basic usage leaves out what tells resources apart',
      given: {
        snapshots: [
          {
            load: 'basic usage',
            scope: { by: 'invoice', stream: 'billed_usage', invoice: 'G000002' },
            attributeSet: 'basic',
            at: AT,
            records: times(2, usageRecord({ InvoiceNumber: 'G000002', SkuId: 'vm' })),
          },
        ],
      },
      expected: [
        {
          ...group(
            ['billed_usage', 'vm'],
            2,
            ['1', '2', '1'],
            'identical in basic, which lacks fields that could tell them apart',
            'MeterId, ResourceGroup and others are only in full',
          ),
          snapshot_ids: 'basic usage',
        },
      ],
    },
    {
      name: 'an invoice that is only listed',
      given: { invoices: [listedInvoice('G000003')] },
      expected: [
        {
          ...{ currency: 'USD', customer_id: null, stream: null, sku_id: null, status: 'not_checked' },
          ...{ line_item_occurrence: null, left_amount: null, right_amount: null, difference: null },
          ...{ tolerance: null, rows_left: '0', rows_right: '0', snapshot_ids: null, occurrences: null },
          reason: 'the invoice has neither usage nor lines here',
          because: 'it is known and nothing of it was looked at',
        },
      ],
    },
  ],
};
