import { listedInvoice } from '../listed-invoice.js';
import { lineRecord, usageRecord, type SourceRecord } from '../snapshot.js';
import type { ExpectedRow, GoldenView } from './golden-case.js';

const AT = '2026-11-09T12:00:00Z';
const OFF_LITTLE = 'neither recipe gives the subtotal; the nearer one is off by no more than the tolerance';
const OFF = 'neither recipe gives the subtotal: it is not what its price, quantity and exchange rate make';

/** A line whose SKU is its name here; a licence in US dollars unless said otherwise. */
function line(
  name: string,
  [price, quantity, subtotal]: readonly [price: string, quantity: string, subtotal: string],
  fields: SourceRecord = {},
): SourceRecord {
  return lineRecord({
    ...{ SkuId: name, EffectiveUnitPrice: price, BillableQuantity: quantity, Subtotal: subtotal },
    ...{ Total: subtotal, MeterDescription: '', ...fields },
  });
}

/** What the view says of such a line of G000001. */
function row(name: string, columns: Readonly<Record<string, string | null>>, because: string): ExpectedRow {
  const common = { currency: 'USD', customer_id: 'c1', rows_left: '1', rows_right: '1' };
  return { sku_id: name, ...common, snapshot_ids: 'lines', ...columns, because };
}

const matched = (
  name: string,
  matched_recipe: 'product' | 'unit',
  [product_amount, unit_amount, right_amount]: readonly [string, string, string],
  tolerance: string,
  because: string,
): ExpectedRow =>
  row(
    name,
    {
      ...{ status: 'matched', matched_recipe, product_amount, unit_amount, left_amount: right_amount },
      ...{ right_amount, difference: '0', tolerance, reason: null },
    },
    because,
  );

const off = (
  name: string,
  [product_amount, unit_amount, left_amount, right_amount]: readonly [string, string, string, string],
  [difference, tolerance]: readonly [string, string],
  because: string,
  status: 'within_tolerance' | 'mismatch' = 'within_tolerance',
): ExpectedRow =>
  row(
    name,
    {
      ...{ status, matched_recipe: 'none', product_amount, unit_amount, left_amount, right_amount },
      ...{ difference, tolerance, reason: status === 'mismatch' ? OFF : OFF_LITTLE },
    },
    because,
  );

const unchecked = (
  name: string,
  reason: string,
  columns: Readonly<Record<string, string | null>>,
  because: string,
): ExpectedRow =>
  row(
    name,
    {
      ...{ status: 'not_checked', matched_recipe: null, product_amount: null, unit_amount: null },
      ...{ left_amount: null, right_amount: '1', difference: null, tolerance: null, rows_left: '0', reason },
      ...columns,
    },
    because,
  );

const meter = { MeterDescription: 'Analytics Logs Data Ingestion (1 GB)' };

/** Microsoft's own worked lines (api-contract.md section 8.3): prices are unit price / days of the cycle x days. */
const WORKED: readonly SourceRecord[] = [
  line('tier 2 of logs', ['2.5415', '32', '81.33'], meter),
  line('10.08/30x28, 12', ['9.408', '12', '112.89']),
  line('10.08/30x28, 12 back', ['-9.408', '12', '-112.89']),
  line('10.08/30x28, 8', ['9.408', '8', '75.26']),
  line('12/31x29, 10', ['11.2258064516129032', '10', '112.25']),
  line('12/31x29, 10 back', ['-11.2258064516129032', '10', '-112.25']),
  line('12/31x29, 15', ['11.2258064516129032', '15', '168.38']),
  line('12/31x26, 15', ['10.0645161290322581', '15', '150.96']),
  line('12/31x26, 25', ['10.0645161290322581', '25', '251.61']),
  line('12/31x24, 25', ['9.2903225806451613', '25', '232.25']),
  line('12/31x24, 23', ['9.2903225806451613', '23', '213.67']),
  line('12/31x22, 23', ['8.5161290322580645', '23', '195.87']),
  line('12/31x22, 20', ['8.5161290322580645', '20', '170.32']),
  line('12/31x11, 20', ['4.2580645161290323', '20', '85.16']),
  line('12/31x11, 30', ['4.2580645161290323', '30', '127.74']),
  line('10.08/31x29, 10', ['9.4296774193548387', '10', '94.2']),
  line('10.08/30x23, 300', ['7.728', '300', '2316']),
  line('6.43/30x23, 300', ['4.9296666666666666', '300', '1476']),
  line('250/12x11, 10', ['229.1666666666666667', '10', '2291.6']),
  line('table of fields', ['0.03825', '0.005001', '0.01'], {
    ...meter,
    ...{ Currency: 'EUR', Total: '0.045', PCToBCExchangeRate: '0.846202666' },
  }),
];

const WORKED_ROWS: readonly ExpectedRow[] = [
  off(
    'tier 2 of logs',
    ['81.32', '81.28', '81.32', '81.33'],
    ['0.01', '0.02'],
    '2.5415 x 32 = 81.328, only rounding half up makes 81.33; usage at rate 1: (1 + 1) x 0.01 is let pass',
  ),
  matched('10.08/30x28, 12', 'product', ['112.89', '112.8', '112.89'], '0.12', '112.896 cut; 9.40 x 12'),
  matched(
    '10.08/30x28, 12 back',
    'product',
    ['-112.89', '-112.8', '-112.89'],
    '0.12',
    'cut toward zero: downward it would be -112.90',
  ),
  matched('10.08/30x28, 8', 'product', ['75.26', '75.2', '75.26'], '0.08', '75.264 cut; 9.40 x 8'),
  matched('12/31x29, 10', 'product', ['112.25', '112.2', '112.25'], '0.1', '112.258 cut; 11.22 x 10'),
  matched('12/31x29, 10 back', 'product', ['-112.25', '-112.2', '-112.25'], '0.1', 'cut toward zero'),
  matched('12/31x29, 15', 'product', ['168.38', '168.3', '168.38'], '0.15', '168.387 cut; 11.22 x 15'),
  matched('12/31x26, 15', 'product', ['150.96', '150.9', '150.96'], '0.15', '150.968 cut; 10.06 x 15'),
  matched('12/31x26, 25', 'product', ['251.61', '251.5', '251.61'], '0.25', '251.613 cut; 10.06 x 25'),
  matched('12/31x24, 25', 'product', ['232.25', '232.25', '232.25'], '0.25', 'both: 232.258 cut; 9.29 x 25'),
  matched('12/31x24, 23', 'product', ['213.67', '213.67', '213.67'], '0.23', 'both: 213.677 cut; 9.29 x 23'),
  matched('12/31x22, 23', 'product', ['195.87', '195.73', '195.87'], '0.23', '195.871 cut; 8.51 x 23'),
  matched('12/31x22, 20', 'product', ['170.32', '170.2', '170.32'], '0.2', '170.323 cut; 8.51 x 20'),
  matched('12/31x11, 20', 'product', ['85.16', '85', '85.16'], '0.2', '85.161 cut; 4.25 x 20'),
  matched('12/31x11, 30', 'product', ['127.74', '127.5', '127.74'], '0.3', '127.742 cut; 4.25 x 30'),
  matched('10.08/31x29, 10', 'unit', ['94.29', '94.2', '94.2'], '0.1', '94.297 cut is not it; 9.42 x 10 is'),
  matched(
    '10.08/30x23, 300',
    'unit',
    ['2318.4', '2316', '2316'],
    '1',
    '7.72 x 300; 300 cents would be let pass, but a hundred in all are the most',
  ),
  matched(
    '6.43/30x23, 300',
    'unit',
    ['1478.9', '1476', '1476'],
    '1',
    '4.92 x 300; the product, 1478.89999999999998, is 1478.9 to ten decimals and only then cut',
  ),
  matched('250/12x11, 10', 'unit', ['2291.66', '2291.6', '2291.6'], '0.1', '229.16 x 10'),
  {
    ...off(
      'table of fields',
      ['0', '0.00015003', '0.00015003', '0.01'],
      ['0.00984997', '0.0184620267'],
      'its columns are unrelated examples (nor is its total its subtotal): 0.000191 cut is 0, 0.03 x 0.005001 is next to nothing; it passes only because a cent does',
    ),
    currency: 'EUR',
  },
];

/**
 * Cannot occur: partial (a line is whole), left_only and right_only (both sides are of one line).
 */
export const RECON_LINE_RECALC: GoldenView = {
  view: 'recon_line_recalc',
  cases: [
    {
      name: "Microsoft's worked lines, and others that the recipes are tried on",
      given: {
        snapshots: [
          {
            load: 'lines',
            scope: { by: 'invoice', stream: 'billed_reconciliation', invoice: 'G000001' },
            at: AT,
            records: [
              ...WORKED,
              line('two decimals shown', ['11.23', '10', '112.25']),
              line('euros', ['2.5415', '32', '68.81'], {
                ...meter,
                ...{ Currency: 'eur', PCToBCExchangeRate: '0.846202666' },
              }),
              line('yen', ['1.006', '1', '154'], {
                ...meter,
                ...{ Currency: 'JPY', PCToBCExchangeRate: '154.880004' },
              }),
              line('wrong', ['10.08', '5', '51.4']),
              line('wrong usage', ['2.5415', '32', '81.35'], meter),
              line('no price', ['', '5', '1']),
              line('no quantity', ['1', '', '1']),
              line('unknown currency', ['1', '1', '1'], { Currency: 'XTS' }),
              line('no pricing currency', ['1', '1', '1'], { PricingCurrency: '' }),
              line('unknown pricing currency', ['1', '1', '1'], { PricingCurrency: 'XTS' }),
              line('no rate', ['1', '1', '1'], { Currency: 'EUR' }),
              line('too large', ['2000000000000', '1', '1']),
            ],
          },
        ],
      },
      expected: [
        ...WORKED_ROWS,
        off(
          'two decimals shown',
          ['112.3', '112.3', '112.3', '112.25'],
          ['-0.05', '0.1'],
          '11.2258 shown as 11.23: 11.23 x 10 is 0.05 more, and 10 x 0.01 is let pass',
        ),
        {
          ...matched(
            'euros',
            'product',
            ['68.81', '68.8', '68.81'],
            '0.0184620267',
            '81.328 is cut to 81.32, which makes 68.813; 2.5415 x rate is cut to 2.15; (1 + 0.846202666) x 0.01 is let pass',
          ),
          currency: 'EUR',
        },
        {
          ...matched(
            'yen',
            'product',
            ['154', '155', '154'],
            '2.54880004',
            'cut to 1.00 dollars, then 154.88 to whole yen; 155.8 yen a unit is cut to 155; 1 + 154.880004 x 0.01 yen pass',
          ),
          currency: 'JPY',
        },
        off('wrong', ['50.4', '50.4', '50.4', '51.4'], ['1', '0.05'], '10.08 x 5 = 50.40', 'mismatch'),
        off(
          'wrong usage',
          ['81.32', '81.28', '81.32', '81.35'],
          ['0.03', '0.02'],
          '32 units are no licences: two cuts can lose 0.02, not 0.32',
          'mismatch',
        ),
        unchecked('no price', 'the line has no EffectiveUnitPrice', {}, 'nothing to multiply'),
        unchecked('no quantity', 'the line has no BillableQuantity', {}, 'nothing to multiply by'),
        unchecked(
          'unknown currency',
          'the smallest unit of the billing currency is not known',
          { currency: 'XTS' },
          'XTS is a code for tests: nobody says how many decimals it has',
        ),
        unchecked(
          'no pricing currency',
          'the line has no PricingCurrency',
          {},
          'the inner cut cannot be made',
        ),
        unchecked(
          'unknown pricing currency',
          'the smallest unit of the pricing currency is not known',
          {},
          'the inner cut cannot be made',
        ),
        unchecked(
          'no rate',
          'the line has no PCToBCExchangeRate',
          { currency: 'EUR' },
          'dollars to euros without a rate; it is never taken for 1',
        ),
        unchecked(
          'too large',
          'the line has numbers too large to be multiplied exactly',
          {},
          'exact products are made of factors below 10^12',
        ),
      ],
    },
    {
      name: 'basic lines do not say that they charge usage',
      given: {
        snapshots: [
          {
            load: 'basic lines',
            scope: { by: 'invoice', stream: 'billed_reconciliation', invoice: 'G000002' },
            attributeSet: 'basic',
            at: AT,
            records: [line('logs', ['2.5415', '32', '81.33'], { InvoiceNumber: 'G000002' })],
          },
        ],
      },
      expected: [
        {
          ...off(
            'logs',
            ['81.32', '81.28', '81.32', '81.33'],
            ['0.01', '0.32'],
            'without MeterDescription the 32 units may be licences: 32 x 0.01 pass',
          ),
          snapshot_ids: 'basic lines',
        },
      ],
    },
    {
      name: 'an invoice that is only listed, and one of which only usage is here',
      given: {
        invoices: [listedInvoice('G000003', { currency: 'EUR' })],
        snapshots: [
          {
            load: 'usage',
            scope: { by: 'invoice', stream: 'billed_usage', invoice: 'G000004' },
            at: AT,
            records: [usageRecord({ InvoiceNumber: 'G000004' })],
          },
        ],
      },
      expected: (['EUR', null] as const).map((currency) => ({
        ...{ sku_id: null, currency, customer_id: null, rows_left: '0', rows_right: '0', snapshot_ids: null },
        ...{ status: 'not_checked', matched_recipe: null, product_amount: null, unit_amount: null },
        ...{ left_amount: null, right_amount: null, difference: null, tolerance: null },
        reason: 'the invoice has no lines here',
        because: 'both are known, by the list and by their usage, and have no line; nothing was checked',
      })),
    },
  ],
};
