import { listedInvoice } from '../listed-invoice.js';
import { lineRecord, usageRecord, type SourceRecord } from '../snapshot.js';
import type { ExpectedRow, GoldenView } from './golden-case.js';

const AT = '2026-11-09T12:00:00Z';

const rated = (pricing: string, rate: string, date: string): SourceRecord => ({
  ...{ PricingCurrency: pricing, PCToBCExchangeRate: rate },
  PCToBCExchangeRateDate: date === '' ? '' : `${date}T00:00:00Z`,
});
const used = (pricing: string, rate: string, date: string): SourceRecord =>
  usageRecord({ BillingCurrency: 'EUR', ...rated(pricing, rate, date) });
const charged = (pricing: string, rate: string, date: string): SourceRecord =>
  lineRecord({ Currency: 'EUR', ...rated(pricing, rate, date) });

/** A pair of some currency and euros on G000001. */
function row(
  [pricing_currency, rate_date]: readonly [string | null, string | null],
  [left_amount, right_amount, difference]: readonly (string | null)[],
  [rows_left, rows_right, usage_rows, line_rows]: readonly [string, string, string, string],
  [rate_count, rates]: readonly [string, string | null],
  [status, reason]: readonly [string, string | null],
  because: string,
): ExpectedRow {
  const loads = [...(usage_rows === '0' ? [] : ['usage']), ...(line_rows === '0' ? [] : ['lines'])];
  return {
    ...{ currency: 'EUR', pricing_currency, rate_date, status, left_amount: left_amount ?? null },
    ...{ right_amount: right_amount ?? null, difference: difference ?? null, tolerance: '0' },
    ...{
      rows_left,
      rows_right,
      reason,
      snapshot_ids: loads.join(','),
      rate_count,
      rates,
      usage_rows,
      line_rows,
    },
    because,
  };
}

/**
 * Cannot occur: within_tolerance (a rate is the rate), partial, left_only and right_only (no side is expected to have
 * every rate).
 */
export const RECON_FX_RATES: GoldenView = {
  view: 'recon_fx_rates',
  cases: [
    {
      name: 'an invoice in euros with every way in which rates can be there',
      given: {
        snapshots: [
          {
            load: 'usage',
            scope: { by: 'invoice', stream: 'billed_usage', invoice: 'G000001' },
            at: AT,
            records: [
              used('USD', '0.9', '2026-10-01'),
              used('usd', '0.90', '2026-10-01'),
              used('GBP', '1.1', '2026-10-01'),
              used('EUR', '1', ''),
              used('USD', '', '2026-07-01'),
              used('USD', '0.91', ''),
            ],
          },
          {
            load: 'lines',
            scope: { by: 'invoice', stream: 'billed_reconciliation', invoice: 'G000001' },
            at: AT,
            records: [
              charged('USD', '0.9', '2026-10-01'),
              charged('USD', '0.95', '2026-08-01'),
              charged('GBP', '1.2', '2026-10-01'),
              charged('GBP', '1.2', '2026-10-01'),
              charged('EUR', '1.01', '2026-09-01'),
              charged('', '1', '2026-10-01'),
              charged('USD', '0.92', ''),
            ],
          },
        ],
      },
      expected: [
        row(
          ['USD', '2026-10-01'],
          ['0.9', '0.9', '0'],
          ['3', '3', '2', '1'],
          ['1', '0.9 (3)'],
          ['matched', null],
          'one rate in usage and lines, however it is written',
        ),
        row(
          ['USD', '2026-08-01'],
          ['0.95', '0.95', '0'],
          ['1', '1', '0', '1'],
          ['1', '0.95 (1)'],
          ['matched', null],
          'a credit of August carries the rate of August: another date, no finding',
        ),
        row(
          ['GBP', '2026-10-01'],
          ['1.1', '1.2', '0.1'],
          ['1', '2', '1', '2'],
          ['2', '1.1 (1), 1.2 (2)'],
          ['mismatch', 'several exchange rates for one pair of currencies and one date'],
          'usage has 1.1 and two lines have 1.2',
        ),
        row(
          ['EUR', null],
          ['1', '1', '0'],
          ['1', '1', '1', '0'],
          ['1', '1 (1)'],
          ['matched', null],
          'euros are euros; no date is needed',
        ),
        row(
          ['EUR', '2026-09-01'],
          ['1.01', '1.01', '0'],
          ['1', '1', '0', '1'],
          ['1', '1.01 (1)'],
          ['mismatch', 'an exchange rate other than 1 between a currency and itself'],
          'a euro is no 1.01 euros',
        ),
        row(
          ['USD', '2026-07-01'],
          [null, null, null],
          ['0', '0', '1', '0'],
          ['0', null],
          ['not_checked', 'the rows have no PCToBCExchangeRate'],
          'nothing is compared',
        ),
        row(
          [null, '2026-10-01'],
          ['1', '1', '0'],
          ['1', '1', '0', '1'],
          ['1', '1 (1)'],
          ['not_checked', 'the rows have no PricingCurrency'],
          'a rate from nobody knows what',
        ),
        row(
          ['USD', null],
          ['0.91', '0.92', '0.01'],
          ['1', '1', '1', '1'],
          ['2', '0.91 (1), 0.92 (1)'],
          [
            'not_checked',
            'several exchange rates, and no PCToBCExchangeRateDate to tell whether they are of one date',
          ],
          'they may be of two months',
        ),
      ],
    },
    {
      name: 'an invoice that is only listed',
      given: { invoices: [listedInvoice('G000002', { currency: 'EUR' })] },
      expected: [
        {
          ...row(
            [null, null],
            [null, null, null],
            ['0', '0', '0', '0'],
            ['0', null],
            ['not_checked', 'the invoice has neither usage nor lines here'],
            'it is known and nothing of it was looked at',
          ),
          ...{ tolerance: null, snapshot_ids: null },
        },
      ],
    },
  ],
};
