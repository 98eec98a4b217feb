import { listedInvoice } from '../listed-invoice.js';
import { lineRecord, usageRecord, type SourceRecord } from '../snapshot.js';
import type { ExpectedRow, GivenSnapshot, GoldenView } from './golden-case.js';

/** After the 15th of November nothing of October is young any more. */
const SETTLED = '2026-11-16T09:00:00Z';
const YOUNG = '2026-11-14T23:00:00Z';
/** What the official join goes by, beside the subscription. */
const JOINED = { ProductId: 'P', SkuId: '0001', AvailabilityId: 'A' };

function usage(InvoiceNumber: string, SubscriptionId: string, amount: string, more: SourceRecord = {}) {
  return usageRecord({ ...JOINED, InvoiceNumber, SubscriptionId, BillingPreTaxTotal: amount, ...more });
}

function line(InvoiceNumber: string, SubscriptionId: string, subtotal: string, more: SourceRecord = {}) {
  return lineRecord({ ...JOINED, InvoiceNumber, SubscriptionId, Subtotal: subtotal, ...more });
}

function loaded(
  stream: 'billed_usage' | 'billed_reconciliation',
  invoice: string,
  at: string,
  records: readonly SourceRecord[],
  attributeSet: 'full' | 'basic' = 'full',
): GivenSnapshot {
  const load = `${stream === 'billed_usage' ? 'u' : 'l'}-${invoice}`;
  return { load, scope: { by: 'invoice', stream, invoice }, attributeSet, at, records };
}

/** The columns of a row that was compared, in the order that they are reasoned in. */
function compared(
  invoice: string,
  subscription: string,
  status: string,
  [left, right, difference, tolerance]: readonly (string | null)[],
  [rowsLeft, rowsRight]: readonly [string, string],
  reason: string | null,
  because: string,
): ExpectedRow {
  return {
    ...{ invoice_number: invoice, currency: 'USD', customer_id: 'c1', subscription_id: subscription },
    ...{ product_id: 'P', sku_id: '0001', availability_id: 'A', status },
    ...{ left_amount: left ?? null, right_amount: right ?? null, difference: difference ?? null },
    ...{ tolerance: tolerance ?? null, rows_left: rowsLeft, rows_right: rowsRight, reason },
    ...{ snapshot_ids: `u-${invoice},l-${invoice}`, billing_month: '2026-10-01' },
    because,
  };
}

/** The columns of a row of an invoice whose groups cannot be told. */
function unchecked(
  invoice: string,
  [left, right]: readonly (string | null)[],
  rows: readonly [string, string],
  reason: string,
  snapshots: string | null,
  because: string,
): ExpectedRow {
  return {
    ...compared(invoice, '', 'not_checked', [left ?? null, right ?? null, null, null], rows, reason, because),
    ...{ customer_id: null, subscription_id: null, product_id: null, sku_id: null, availability_id: null },
    ...{ snapshot_ids: snapshots },
  };
}

const settled: readonly GivenSnapshot[] = [
  loaded('billed_usage', 'G1', SETTLED, [
    usage('G1', 's-tiers', '3.125'),
    usage('G1', 's-tiers', '0.375', { UsageDate: '2026-10-06T00:00:00Z' }),
    usage('G1', 's-rounded', '10.0049'),
    usage('G1', 's-apart', '8.00'),
    usage('G1', 's-no-line', '0.01'),
    usage('G1', 's-reserved', '0', { BenefitType: 'SavingsPlan' }),
    usage('G1', 's-unknown', '2', { BillingCurrency: 'XXX' }),
  ]),
  loaded('billed_reconciliation', 'G1', SETTLED, [
    line('G1', 'S-TIERS', '0', { ProductId: 'p', UnitPrice: '0' }),
    line('G1', 's-tiers', '3.5'),
    line('G1', 's-rounded', '10'),
    line('G1', 's-apart', '5'),
    line('G1', 's-apart', '2.97'),
    line('G1', 's-no-usage', '4'),
    line('G1', 's-unknown', '2', { Currency: 'XXX' }),
    line('G1', 's-tiers', '-1.5', { ChargeType: 'CustomerCredit', CreditReasonCode: 'Azure Credit Offer' }),
    line('G1', 's-licence', '120', { MeterDescription: '' }),
  ]),
];

/** Every status can occur here, and does. */
export const RECON_USAGE_VS_INVOICE: GoldenView = {
  view: 'recon_usage_vs_invoice',
  cases: [
    {
      name: 'a settled invoice, with a group of every kind',
      given: { invoices: [listedInvoice('G1')], snapshots: settled },
      expected: [
        compared(
          ...(['G1', 'S-TIERS', 'matched', ['3.5', '3.5', '0', '0.02'], ['2', '2'], null] as const),
          '3.125 + 0.375 = 0 + 3.5: two days against the lines of two tiers, whose ids differ in letter case only; two lines allow 2 x 0.01. The credit of 1.5 has no usage and is none',
        ),
        compared(
          ...(['G1', 's-rounded', 'within_tolerance', ['10.0049', '10', '-0.0049', '0.01']] as const),
          ['1', '1'],
          'usage has more decimals than the lines: apart by no more than is allowed for them',
          '10 - 10.0049 = -0.0049, and one line allows 0.01',
        ),
        compared(
          ...(['G1', 's-apart', 'mismatch', ['8', '7.97', '-0.03', '0.02'], ['1', '2']] as const),
          'usage and lines are further apart than is allowed for the lines',
          '5 + 2.97 - 8 = -0.03, and two lines allow 0.02; read on the 16th it is settled',
        ),
        compared(
          ...(['G1', 's-no-line', 'left_only', ['0.01', null, '-0.01', '0'], ['1', '0']] as const),
          'usage is there, and no line charges it',
          'no line, so nothing is allowed: 0 x 0.01',
        ),
        compared(
          ...(['G1', 's-reserved', 'within_tolerance', ['0', null, '0', '0'], ['1', '0']] as const),
          'no line charges this usage, and it costs nothing',
          'usage that a savings plan covers is shown with no cost, and the plan is charged elsewhere',
        ),
        compared(
          ...(['G1', 's-no-usage', 'right_only', [null, '4', '4', '0.01'], ['0', '1']] as const),
          'a line charges usage, and no usage is there',
          'the line names a meter, so it charges usage; the licence does not and is in no group',
        ),
        {
          ...compared(
            ...(['G1', 's-unknown', 'not_checked', ['2', '2', '0', null], ['1', '1']] as const),
            'the smallest unit of the currency is not known',
            'ISO 4217 has no decimals for XXX, so nobody can tell what is allowed, though it is equal',
          ),
          currency: 'XXX',
        },
      ],
    },
    {
      name: 'an invoice whose usage is young: read on the 14th',
      given: {
        invoices: [listedInvoice('G2')],
        snapshots: [
          loaded('billed_usage', 'G2', YOUNG, [usage('G2', 's1', '1'), usage('G2', 's2', '1')]),
          loaded('billed_reconciliation', 'G2', SETTLED, [
            line('G2', 's1', '1'),
            line('G2', 's2', '2'),
            line('G2', 's3', '3'),
          ]),
        ],
      },
      expected: [
        compared(
          ...(['G2', 's1', 'matched', ['1', '1', '0', '0.01'], ['1', '1'], null] as const),
          'what is equal is equal at any age',
        ),
        compared(
          ...(['G2', 's2', 'partial', ['1', '2', '1', '0.01'], ['1', '1']] as const),
          'the usage was last read before the 15th of the month after: it may still change until then',
          '1 apart, and usage of October settles until the 15th of November; that the lines are newer changes nothing',
        ),
        compared(
          ...(['G2', 's3', 'partial', [null, '3', '3', '0.01'], ['0', '1']] as const),
          'the usage was last read before the 15th of the month after: it may still change until then',
          'the usage behind the line may still come',
        ),
      ],
    },
    {
      name: 'young usage that Graph has since confirmed is settled',
      given: {
        invoices: [listedInvoice('G3')],
        snapshots: [
          loaded('billed_usage', 'G3', YOUNG, [usage('G3', 's1', '1')]),
          loaded('billed_reconciliation', 'G3', YOUNG, [line('G3', 's1', '2')]),
        ],
        sql: [
          "UPDATE {d}._scopes SET last_checked_at = '2026-11-20 06:00:00' WHERE stream = 'billed_usage' AND scope = 'G3'",
        ],
      },
      expected: [
        compared(
          ...(['G3', 's1', 'mismatch', ['1', '2', '1', '0.01'], ['1', '1']] as const),
          'usage and lines are further apart than is allowed for the lines',
          'on the 20th Graph still had the same eTag, so nothing is to be waited for',
        ),
      ],
    },
    {
      name: 'invoices of which something is missing',
      given: {
        invoices: [
          listedInvoice('G4'),
          listedInvoice('G9', { document_type: 'credit_note', amends_of: 'G4' }),
        ],
        snapshots: [
          loaded('billed_usage', 'G5', SETTLED, [usage('G5', 's1', '1'), usage('G5', 's2', '2')]),
          loaded('billed_reconciliation', 'G6', SETTLED, [line('G6', 's1', '3')]),
          loaded('billed_usage', 'G7', SETTLED, [usage('G7', 's1', '4')], 'basic'),
          loaded('billed_reconciliation', 'G7', SETTLED, [line('G7', 's1', '4')]),
          loaded('billed_usage', 'G8', SETTLED, []),
          loaded('billed_reconciliation', 'G8', SETTLED, [line('G8', 's1', '9', { MeterDescription: '' })]),
        ],
      },
      expected: [
        unchecked(
          ...(['G4', [null, null], ['0', '0']] as const),
          'neither the usage nor the lines of the invoice are loaded',
          null,
          'it is listed only; the credit note that amends it has no usage and is no row',
        ),
        {
          ...unchecked(
            ...(['G5', ['3', null], ['2', '0'], 'the lines of the invoice are not loaded', 'u-G5'] as const),
            '1 + 2 = 3 is there, and nothing to hold it against',
          ),
          billing_month: null,
        },
        {
          ...unchecked(
            ...(['G6', [null, '3'], ['0', '1'], 'the usage of the invoice is not loaded', 'l-G6'] as const),
            'an empty side is never matched; no list and no manifest tells the month',
          ),
          billing_month: null,
        },
        {
          ...unchecked(
            ...(['G7', ['4', '4'], ['1', '1']] as const),
            'the usage was loaded as basic, which has no availability_id to join it by: it takes full',
            'u-G7,l-G7',
            'basic has no AvailabilityId, so equal sums prove nothing of the groups',
          ),
          billing_month: null,
        },
        {
          ...unchecked(
            ...(['G8', [null, null], ['0', '0'], 'there is no usage, and no line that charges any'] as const),
            'u-G8,l-G8',
            'an invoice of licences only',
          ),
          ...{ billing_month: null, currency: null, tolerance: null },
        },
      ],
    },
    {
      name: 'lines that were loaded as basic',
      given: {
        invoices: [listedInvoice('G10')],
        snapshots: [
          loaded('billed_usage', 'G10', SETTLED, [usage('G10', 's1', '4')]),
          loaded(
            ...(['billed_reconciliation', 'G10', SETTLED] as const),
            [line('G10', 's1', '4', { MeterDescription: undefined })],
            'basic',
          ),
        ],
      },
      expected: [
        unchecked(
          ...(['G10', ['4', null], ['1', '0']] as const),
          'the lines were loaded as basic, which does not say which of them charge usage: it takes full',
          'u-G10,l-G10',
          'basic has no MeterDescription, so no line can be told to charge usage',
        ),
      ],
    },
  ],
};
