import type { InvoiceScope } from '../../schemas/scope.js';
import { listedInvoice } from '../listed-invoice.js';
import { lineRecord, type SourceRecord } from '../snapshot.js';
import type { ExpectedRow, GivenSnapshot, GoldenView } from './golden-case.js';

/** Quantity and amount of a line, and what else it says. */
type Line = readonly [product: string, quantity: string, subtotal: string, fields?: SourceRecord];

/** The lines of an invoice, which bills a month in a currency; rates are 1 unless a line says otherwise. */
function month(invoice: string, billed: string, currency: string, lines: readonly Line[]): GivenSnapshot {
  const scope: InvoiceScope = { by: 'invoice', stream: 'billed_reconciliation', invoice };
  const records = lines.map(([product, quantity, subtotal, fields]) =>
    lineRecord({
      ...{ InvoiceNumber: invoice, Currency: currency, PricingCurrency: currency, ProductId: product },
      ...{ BillableQuantity: quantity, Subtotal: subtotal, PCToBCExchangeRate: '1' },
      ...fields,
    }),
  );
  const request = { billingMonth: billed, billingMonthFrom: 'manifest' } as const;
  return { load: invoice, scope, at: '2026-11-09T12:00:00Z', records, request };
}

/** A row of October in that currency; changes of amounts are written out by hand. */
function october(
  currency: string,
  product: string,
  change: string,
  [before, after, difference]: readonly [string | null, string | null, string],
  [volume, price, rate, notSplit]: readonly [string | null, string | null, string | null, string],
  because: string,
  more: Readonly<Record<string, string | null>> = {},
): ExpectedRow {
  return {
    ...{ billing_month: '2026-10-01', previous_month: '2026-09-01', currency, product_id: product, change },
    ...{ charge_type: 'new', previous_amount: before, amount: after, difference },
    ...{ volume_effect: volume, price_effect: price, exchange_rate_effect: rate, not_split: notSplit },
    ...{ reason: null, not_loaded: null },
    ...more,
    because,
  };
}

/** A row of a month without a month before it. */
function alone(
  billed: string,
  previous: string,
  currency: string,
  product: string,
  amount: string,
): ExpectedRow {
  return {
    ...{ billing_month: `${billed}-01`, previous_month: `${previous}-01`, currency, product_id: product },
    ...{ change: 'not_compared', charge_type: 'new', previous_amount: null, amount, difference: null },
    ...{ volume_effect: null, price_effect: null, exchange_rate_effect: null, not_split: null },
    ...{ reason: `no invoice of ${previous} in ${currency} is loaded`, not_loaded: null },
    because: 'with nothing to compare it with, it is not called new',
  };
}

const usd = { PricingCurrency: 'USD' };

/** Every change occurs, and every reason for which effects cannot be told apart but amounts beyond 10^12. */
export const RPT_MONTH_OVER_MONTH: GoldenView = {
  view: 'rpt_month_over_month',
  cases: [
    {
      name: 'quantities and prices change at one exchange rate',
      given: {
        snapshots: [
          month('G000001', '2026-09', 'CHF', [
            ['more', '10', '20'],
            ['dearer', '10', '20'],
            ['both', '4', '8', { ChargeType: 'New' }],
            ['both', '6', '12'],
            ['thirds', '3', '10'],
            ['same', '7', '7'],
            ['small', '0.003', '1'],
            ['gone', '1', '9.99'],
            ['returned', '5', '-10', { ChargeType: 'removeQuantity' }],
          ]),
          month('G000002', '2026-10', 'CHF', [
            ['more', '12', '24'],
            ['dearer', '10', '25'],
            ['BOTH', '12', '30'],
            ['thirds', '1', '3.33'],
            ['same', '7', '7'],
            ['small', '0.006', '2'],
            ['new', '1', '0.01'],
          ]),
          month('G000003', '2026-10', 'CHF', [['returned', '10', '-20', { ChargeType: 'removeQuantity' }]]),
        ],
      },
      expected: [
        ...['more', 'dearer', 'thirds', 'same', 'gone'].map((product, index) =>
          alone('2026-09', '2026-08', 'CHF', product, ['20', '20', '10', '7', '9.99'][index] ?? ''),
        ),
        alone('2026-09', '2026-08', 'CHF', 'both', '20'),
        alone('2026-09', '2026-08', 'CHF', 'small', '1'),
        { ...alone('2026-09', '2026-08', 'CHF', 'returned', '-10'), charge_type: 'removequantity' },
        october(
          'CHF',
          'more',
          'changed',
          ['20', '24', '4'],
          ['4', '0', '0', '0'],
          'two more at 20/10 = 2 each',
        ),
        october(
          'CHF',
          'dearer',
          'changed',
          ['20', '25', '5'],
          ['0', '5', '0', '0'],
          'ten at 2.5 instead of 2',
        ),
        october(
          ...(['CHF', 'BOTH', 'changed', ['20', '30', '10'], ['4', '6', '0', '0']] as const),
          'two more at 2 are 4; twelve at 0.5 more are 6. Letter case of a product or charge type means nothing',
        ),
        october(
          ...(['CHF', 'thirds', 'changed', ['10', '3.33', '-6.67']] as const),
          ...([['-6.6666666666', '-0.0033333334', '0', '0']] as const),
          '-2 x 3.3333333333 = -6.6666666666, 10/3 being rounded to ten decimals; price is what is left of -6.67',
        ),
        october(
          'CHF',
          'small',
          'changed',
          ['1', '2', '1'],
          ['1', '0', '0', '0'],
          'less than a unit: 1 x (0.006/0.003 - 1)',
        ),
        october('CHF', 'same', 'unchanged', ['7', '7', '0'], ['0', '0', '0', '0'], 'nothing changed'),
        october(
          ...(['CHF', 'gone', 'gone', ['9.99', null, '-9.99'], ['-9.99', '0', '0', '0']] as const),
          'all of it is volume',
        ),
        october('CHF', 'new', 'new', [null, '0.01', '0.01'], ['0.01', '0', '0', '0'], 'all of it is volume'),
        october(
          ...(['CHF', 'returned', 'changed', ['-10', '-20', '-10'], ['-10', '0', '0', '0']] as const),
          'five more were given back at 2: quantities below zero; both invoices of a month count',
          { charge_type: 'removequantity' },
        ),
      ],
    },
    {
      name: 'usage priced in dollars is billed in euros at another rate in each month',
      given: {
        snapshots: [
          month('G000011', '2026-09', 'EUR', [
            ['meter', '100', '90', { ...usd, PCToBCExchangeRate: '0.9' }],
            ['rate-only', '10', '9', { ...usd, PCToBCExchangeRate: '0.9' }],
          ]),
          month('G000012', '2026-10', 'EUR', [
            ['meter', '120', '144', { ...usd, PCToBCExchangeRate: '0.8' }],
            ['rate-only', '10', '8', { ...usd, PCToBCExchangeRate: '0.8' }],
          ]),
        ],
      },
      expected: [
        alone('2026-09', '2026-08', 'EUR', 'meter', '90'),
        alone('2026-09', '2026-08', 'EUR', 'rate-only', '9'),
        october(
          ...(['EUR', 'meter', 'changed', ['90', '144', '54'], ['18', '54', '-18', '0']] as const),
          '20 more at 0.90 are 18; 144 EUR are 180 USD, 162 EUR at the rate before: 162 - 90 - 18 = 54; 144 - 162 = -18',
        ),
        october(
          ...(['EUR', 'rate-only', 'changed', ['9', '8', '-1'], ['0', '0', '-1', '0']] as const),
          '10 USD both times: 9 EUR at 0.9, 8 EUR at 0.8',
        ),
      ],
    },
    {
      name: 'effects cannot be told apart',
      given: {
        snapshots: [
          month('G000021', '2026-09', 'GBP', [
            ['no-quantity', '', '1'],
            ['priced-anew', '1', '1', usd],
            ['two-rates', '1', '1'],
            ['two-rates', '1', '2', { PCToBCExchangeRate: '0.5' }],
            ['netted', '5', '10'],
            ['netted', '5', '-10'],
            ['tiny-rate', '1', '1', { PCToBCExchangeRate: '0.0001' }],
            ['boom', '1', '1'],
          ]),
          month('G000022', '2026-10', 'GBP', [
            ['no-quantity', '1', '1.5'],
            ['priced-anew', '1', '3'],
            ['two-rates', '2', '3'],
            ['netted', '5', '10'],
            ['tiny-rate', '1', '2'],
            ['boom', '10001', '10001'],
          ]),
        ],
      },
      expected: [
        ...['no-quantity', 'priced-anew', 'two-rates', 'netted', 'tiny-rate', 'boom'].map((product, index) =>
          alone('2026-09', '2026-08', 'GBP', product, ['1', '1', '3', '0', '1', '1'][index] ?? ''),
        ),
        october(
          ...(['GBP', 'no-quantity', 'changed', ['1', '1.5', '0.5'], [null, null, null, '0.5']] as const),
          'a blank quantity is not zero',
          { reason: 'a line has no billable quantity' },
        ),
        october(
          ...(['GBP', 'priced-anew', 'changed', ['1', '3', '2'], [null, null, null, '2']] as const),
          'prices in dollars and in pounds are no change of a price',
          { reason: 'the lines have several pricing currencies, or one has none' },
        ),
        october(
          ...(['GBP', 'two-rates', 'unchanged', ['3', '3', '0'], [null, null, null, '0']] as const),
          'no single rate of September to reckon at; the amounts are equal all the same',
          { reason: 'the lines of one month have several exchange rates, or one has none' },
        ),
        october(
          ...(['GBP', 'netted', 'changed', ['0', '10', '10'], [null, null, null, '10']] as const),
          'five and five given back are no quantity to take an average price of',
          { reason: 'the quantities of the two months are zero or of different sign' },
        ),
        october(
          ...(['GBP', 'tiny-rate', 'changed', ['1', '2', '1'], [null, null, null, '1']] as const),
          '0.0001 is below 0.001',
          { reason: 'an amount, a quantity or an exchange rate is too large or too small to be split' },
        ),
        october(
          ...(['GBP', 'boom', 'changed', ['1', '10001', '10000'], [null, null, null, '10000']] as const),
          '10,001 is more than ten thousand times 1',
          { reason: 'the two months are too far apart to be split' },
        ),
      ],
    },
    {
      name: 'a month is missing between two, and an invoice and a credit note are listed that are not loaded',
      given: {
        invoices: [
          listedInvoice('G000031', { currency: 'SEK' }, '2026-08'),
          listedInvoice('G000032', { currency: 'SEK' }),
          listedInvoice('G000041', { currency: 'NOK' }, '2026-09'),
          listedInvoice('G000042', { currency: 'nok' }),
          listedInvoice('G000043', { currency: 'NOK' }),
          listedInvoice(
            'G000044',
            { currency: 'NOK', document_type: 'credit_note', amends_of: 'G000041' },
            '2026-09',
          ),
          listedInvoice('G000045', { currency: 'NOK', status: 'void' }),
          listedInvoice('G000046', { currency: 'NOK', document_type: 'void_note', amends_of: 'G000045' }),
        ],
        snapshots: [
          month('G000031', '2026-08', 'SEK', [['p', '1', '1']]),
          month('G000032', '2026-10', 'SEK', [['p', '1', '1']]),
          month('G000041', '2026-09', 'NOK', [['p', '1', '1']]),
          month('G000042', '2026-10', 'NOK', [['p', '1', '1']]),
        ],
      },
      expected: [
        alone('2026-08', '2026-07', 'SEK', 'p', '1'),
        alone('2026-10', '2026-09', 'SEK', 'p', '1'),
        { ...alone('2026-09', '2026-08', 'NOK', 'p', '1'), not_loaded: 'G000044' },
        october(
          'NOK',
          'p',
          'unchanged',
          ['1', '1', '0'],
          ['0', '0', '0', '0'],
          'void documents bill nothing',
          {
            not_loaded: 'G000043,G000044',
          },
        ),
      ],
    },
  ],
};
