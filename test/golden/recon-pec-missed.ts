import { listedInvoice } from '../listed-invoice.js';
import { usageRecord, type SourceRecord } from '../snapshot.js';
import type { ExpectedRow, GoldenView } from './golden-case.js';

const AT = '2026-11-09T12:00:00Z';
const LOST = 'usage without partner earned credit that the meter has at other times';

/** Ten units of 10 dollars on a day, billed with credit (85) or without (100) unless said otherwise. */
function used(
  [entitlement, sku, day]: readonly [entitlement: string, sku: string, day: number],
  rate: '15' | '0.15' | '0',
  fields: SourceRecord = {},
): SourceRecord {
  return usageRecord({
    ...{ EntitlementId: entitlement, SkuId: sku, UsageDate: `2026-10-${String(day).padStart(2, '0')}` },
    ...{ PartnerEarnedCreditPercentage: rate, UnitPrice: '10', Quantity: '10' },
    ...{ BillingPreTaxTotal: rate === '0' ? '100' : '85', ...fields },
  });
}

const EUROS: SourceRecord = { BillingCurrency: 'EUR', PCToBCExchangeRate: '0.5' };

/** Usage without credit that earns none (api-contract.md section 5.4), or costs nothing. */
const NO_CREDIT_TO_LOSE: readonly SourceRecord[] = [
  { AdditionalInfo: '{"ReservationOrderId" : "r1"}' },
  { BenefitType: 'SavingsPlan', BenefitOrderID: 'b1' },
  { BenefitOrderID: 'b1' },
  { MeterName: 'D2s v5 Spot' },
  { SkuName: 'D2s v5 SPOT' },
  { PublisherName: 'Nimbus Software Oy' },
  { BillingPreTaxTotal: '0' },
];

const day = (number: number | null): string | null =>
  number === null ? null : `2026-10-${String(number).padStart(2, '0')}`;

/** A row of G000001 in dollars: credit of 0.15, unless said otherwise. */
function row(
  [entitlement_id, sku_id]: readonly [string | null, string | null],
  status: string,
  [left_amount, right_amount, difference]: readonly (string | null)[],
  [rows_left, rows_right, first, last]: readonly [string, string, number | null, number | null],
  columns: Readonly<Record<string, string | null>>,
  because: string,
): ExpectedRow {
  return {
    ...{ currency: 'USD', entitlement_id, sku_id, status, tolerance: '0.01', snapshot_ids: 'usage' },
    ...{
      left_amount: left_amount ?? null,
      right_amount: right_amount ?? null,
      difference: difference ?? null,
    },
    ...{ rows_left, rows_right, credit_rate: '0.15' },
    ...{ days_without_credit: first === null ? '0' : first === last ? '1' : '2' },
    ...{ first_day_without_credit: day(first), last_day_without_credit: day(last), reason: null },
    ...columns,
    because,
  };
}

/**
 * Cannot occur: partial (a day has credit or has none), left_only and right_only (both sides are of the same usage).
 */
export const RECON_PEC_MISSED: GoldenView = {
  view: 'recon_pec_missed',
  cases: [
    {
      name: 'meters of three subscriptions, with credit on some days and without it on others',
      given: {
        snapshots: [
          {
            load: 'usage',
            scope: { by: 'invoice', stream: 'billed_usage', invoice: 'G000001' },
            at: AT,
            records: [
              used(['e1', 'lost', 1], '15'),
              used(['e1', 'lost', 2], '0.15'),
              used(['e1', 'lost', 3], '0'),
              ...NO_CREDIT_TO_LOSE.map((fields) => used(['e1', 'lost', 4], '0', fields)),
              used(['e1', 'discount', 1], '15'),
              used(['e1', 'discount', 2], '0', { BillingPreTaxTotal: '85' }),
              used(['e1', 'all month', 1], '0', { Quantity: '2', BillingPreTaxTotal: '20' }),
              used(['e1', 'all month', 9], '0', { Quantity: '3', BillingPreTaxTotal: '30' }),
              used(['e2', 'all month', 1], '15'),
              used(['e3', 'all month', 1], '0'),
              used(['e1', 'never', 1], '0', { BillingPreTaxTotal: '3' }),
              used(['e1', 'little', 1], '15'),
              used(['e1', 'little', 2], '0', {
                UnitPrice: '0.06',
                Quantity: '1',
                BillingPreTaxTotal: '0.06',
              }),
              used(['e1', 'no price', 1], '15'),
              used(['e1', 'no price', 2], '0', { UnitPrice: '', BillingPreTaxTotal: '5' }),
              used(['e1', 'euros', 1], '15', { ...EUROS, BillingPreTaxTotal: '42.5' }),
              used(['e1', 'euros', 2], '0', { ...EUROS, BillingPreTaxTotal: '50' }),
              used(['e1', 'unknown', 1], '15', { BillingCurrency: 'XTS' }),
            ],
          },
        ],
      },
      expected: [
        row(
          ['e1', 'lost'],
          'mismatch',
          ['85', '100', '15'],
          ['2', '1', 3, 3],
          { reason: LOST },
          'credit on days 1 and 2 (15 and 0.15 are one rate), none on day 3: 10 x 10 less 15% is 85; day 4 earns none in any case',
        ),
        row(
          ['e1', 'discount'],
          'matched',
          ['85', '85', '0'],
          ['1', '1', 2, 2],
          {},
          'day 2 has no credit and cost no more than with it',
        ),
        row(
          ['e1', 'all month'],
          'mismatch',
          ['42.5', '50', '7.5'],
          ['0', '2', 1, 9],
          { reason: LOST },
          'e2 has credit for this meter and e1 has it on others, so it was lost on both days: (20 + 30) x 0.85',
        ),
        row(
          ['e2', 'all month'],
          'matched',
          ['0', '0', '0'],
          ['1', '0', null, null],
          {},
          'nothing without credit',
        ),
        row(
          ['e3', 'all month'],
          'not_checked',
          [null, '100', null],
          ['0', '1', 1, 1],
          {
            credit_rate: null,
            reason:
              'the Azure subscription had no partner earned credit on the invoice, so that it may earn none',
          },
          'e2 has credit for the meter, but e3 has none for anything: the partner may have no access to it',
        ),
        row(
          ['e1', 'never'],
          'not_checked',
          [null, '3', null],
          ['0', '1', 1, 1],
          {
            credit_rate: null,
            reason: 'the meter had no partner earned credit on the invoice, so that it may earn none',
          },
          'nobody has credit for this meter',
        ),
        row(
          ['e1', 'little'],
          'within_tolerance',
          ['0.051', '0.06', '0.009'],
          ['1', '1', 2, 2],
          { reason: `${LOST}; no more than the tolerance was lost` },
          '0.06 x 0.85 = 0.051: less than a cent was lost',
        ),
        row(
          ['e1', 'no price'],
          'not_checked',
          [null, '5', null],
          ['1', '1', 2, 2],
          {
            reason:
              'UnitPrice, Quantity or PCToBCExchangeRate is missing or too large where there is no credit',
          },
          'without the list price the credit cannot be told',
        ),
        row(
          ['e1', 'euros'],
          'mismatch',
          ['42.5', '50', '7.5'],
          ['1', '1', 2, 2],
          { currency: 'EUR', reason: LOST },
          '10 x 10 dollars at 0.5 are 50 euros, less 15%',
        ),
        row(
          ['e1', 'unknown'],
          'not_checked',
          [null, '0', null],
          ['1', '0', null, null],
          {
            currency: 'XTS',
            tolerance: null,
            reason: 'the smallest unit of the billing currency is not known',
          },
          'XTS is a code for tests',
        ),
      ],
    },
    {
      name: 'basic usage has no rates',
      given: {
        snapshots: [
          {
            load: 'basic usage',
            scope: { by: 'invoice', stream: 'billed_usage', invoice: 'G000002' },
            attributeSet: 'basic',
            at: AT,
            records: [usageRecord({ InvoiceNumber: 'G000002', EntitlementId: 'e1' })],
          },
        ],
      },
      expected: [
        row(
          ['e1', '0001'],
          'not_checked',
          [null, '0', null],
          ['0', '0', null, null],
          {
            credit_rate: null,
            snapshot_ids: 'basic usage',
            reason: 'the usage has no rate of partner earned credit, which only the attribute set full has',
          },
          'PartnerEarnedCreditPercentage is not in basic',
        ),
      ],
    },
    {
      name: 'an invoice that is only listed',
      given: { invoices: [listedInvoice('G000003')] },
      expected: [
        row(
          [null, null],
          'not_checked',
          [null, null, null],
          ['0', '0', null, null],
          { tolerance: null, credit_rate: null, snapshot_ids: null, reason: 'the invoice has no usage here' },
          'it is known and nothing of it was looked at',
        ),
      ],
    },
  ],
};
