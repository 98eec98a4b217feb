import { listedInvoice } from '../listed-invoice.js';
import { lineRecord, usageRecord, type SourceRecord } from '../snapshot.js';
import type { ExpectedRow, GivenSnapshot, GoldenView } from './golden-case.js';

const SETTLED = '2026-03-16T09:00:00Z';
const YOUNG = '2026-03-14T23:00:00Z';
/** February 2026 has 28 days. */
const FEBRUARY = Array.from({ length: 28 }, (_, index) => `2026-02-${String(index + 1).padStart(2, '0')}`);
const ALL_BUT_TWO = FEBRUARY.filter((day) => day !== '2026-02-11' && day !== '2026-02-28');

function listed(invoice: string) {
  return listedInvoice(invoice, { invoice_date: '2026-03-08T07:00:00.000000' }, '2026-02');
}

/** A cent of usage on each of the days. */
function usage(
  invoice: string,
  days: readonly string[],
  at = SETTLED,
  attributeSet: 'full' | 'basic' = 'full',
): GivenSnapshot {
  const scope = { by: 'invoice', stream: 'billed_usage', invoice } as const;
  const records = days.map((day) =>
    usageRecord({ InvoiceNumber: invoice, UsageDate: `${day}T00:00:00Z`, BillingPreTaxTotal: '0.01' }),
  );
  return { load: `u-${invoice}`, scope, attributeSet, at, records };
}

function lines(
  invoice: string,
  subtotals: readonly string[],
  more: SourceRecord = {},
  attributeSet: 'full' | 'basic' = 'full',
): GivenSnapshot {
  const scope = { by: 'invoice', stream: 'billed_reconciliation', invoice } as const;
  const records = subtotals.map((Subtotal) => lineRecord({ InvoiceNumber: invoice, Subtotal, ...more }));
  return { load: `l-${invoice}`, scope, attributeSet, at: SETTLED, records };
}

function row(
  [invoice, status]: readonly [string, string],
  [left, right, difference, tolerance]: readonly (string | null)[],
  [rowsLeft, rowsRight]: readonly [string, string],
  [present, missing, missingDays]: readonly (string | null)[],
  reason: string | null,
  because: string,
): ExpectedRow {
  return {
    ...{ invoice_number: invoice, currency: 'USD', status, left_amount: left ?? null },
    ...{ right_amount: right ?? null, difference: difference ?? null, tolerance: tolerance ?? null },
    ...{ rows_left: rowsLeft, rows_right: rowsRight, reason, snapshot_ids: `u-${invoice},l-${invoice}` },
    ...{ billing_month: '2026-02-01', days_in_period: '28', days_present: present ?? null },
    ...{ days_missing: missing ?? null, missing_days: missingDays ?? null },
    because,
  };
}

const YOUNG_REASON =
  'the usage was last read before the 15th of the month after: it may still change until then';
const TWO = '2026-02-11, 2026-02-28';
const ALL = FEBRUARY.join(', ');

/** Every status can occur here, and does. */
export const RECON_USAGE_COMPLETENESS: GoldenView = {
  view: 'recon_usage_completeness',
  cases: [
    {
      name: 'settled invoices of February',
      given: {
        invoices: ['G1', 'G2', 'G3', 'G4', 'G5', 'G6', 'G7'].map(listed),
        snapshots: [
          usage('G1', FEBRUARY),
          lines('G1', ['0.2', '0.08']),
          usage('G2', FEBRUARY),
          lines('G2', ['0.2', '0.07']),
          usage('G3', ALL_BUT_TWO),
          lines('G3', ['0.26']),
          usage('G4', ALL_BUT_TWO),
          lines('G4', ['0.28']),
          usage('G5', FEBRUARY),
          lines('G5', ['0.3']),
          usage('G6', []),
          lines('G6', ['0.28']),
          usage('G7', ['2026-02-05']),
          lines('G7', ['3'], { MeterDescription: '' }),
        ],
      },
      expected: [
        row(
          ...([
            ['G1', 'matched'],
            ['0.28', '0.28', '0', '0.02'],
          ] as const),
          ...([['28', '2'], ['28', '0', null], null] as const),
          '28 days of a cent, and lines of 0.20 and 0.08',
        ),
        row(
          ...([
            ['G2', 'within_tolerance'],
            ['0.28', '0.27', '-0.01', '0.02'],
          ] as const),
          ...([
            ['28', '2'],
            ['28', '0', null],
          ] as const),
          'usage has more decimals than the lines: apart by no more than is allowed for them',
          'two lines allow 2 x 0.01',
        ),
        row(
          ...([
            ['G3', 'within_tolerance'],
            ['0.26', '0.26', '0', '0.01'],
          ] as const),
          ...([
            ['26', '1'],
            ['26', '2', TWO],
          ] as const),
          'it ties with the lines, though days of the month have no usage',
          'nothing ran on two days, and nothing is charged for them',
        ),
        row(
          ...([
            ['G4', 'mismatch'],
            ['0.26', '0.28', '0.02', '0.01'],
          ] as const),
          ...([
            ['26', '1'],
            ['26', '2', TWO],
          ] as const),
          'days of the month have no usage, and it does not tie with the lines',
          'two cents are charged for which no usage is there, on the two days',
        ),
        row(
          ...([
            ['G5', 'partial'],
            ['0.28', '0.3', '0.02', '0.01'],
          ] as const),
          ...([
            ['28', '1'],
            ['28', '0', null],
          ] as const),
          'every day has usage, and it does not tie with the lines: recon_usage_vs_invoice shows where',
          'no day is missing, so what is wrong is within a group, and that check says mismatch',
        ),
        row(
          ...([
            ['G6', 'right_only'],
            [null, '0.28', '0.28', '0.01'],
          ] as const),
          ...([
            ['0', '1'],
            ['0', '28', ALL],
          ] as const),
          'lines charge usage, and no usage is there',
          'the usage is loaded, settled and empty',
        ),
        row(
          ...([
            ['G7', 'left_only'],
            ['0.01', null, '-0.01', '0'],
          ] as const),
          ['1', '0'],
          ['1', '27', FEBRUARY.filter((day) => day !== '2026-02-05').join(', ')],
          'usage is there, and no line charges any',
          'the one line is a licence',
        ),
      ],
    },
    {
      name: 'an invoice whose usage is young',
      given: {
        invoices: [listed('G10'), listed('G11')],
        snapshots: [
          usage('G10', ALL_BUT_TWO, YOUNG),
          lines('G10', ['0.28']),
          usage('G11', FEBRUARY, YOUNG),
          lines('G11', ['0.28']),
        ],
      },
      expected: [
        row(
          ...([
            ['G10', 'partial'],
            ['0.26', '0.28', '0.02', '0.01'],
          ] as const),
          ...([['26', '1'], ['26', '2', TWO], YOUNG_REASON] as const),
          'the two days may still come until the 15th of March',
        ),
        row(
          ...([
            ['G11', 'matched'],
            ['0.28', '0.28', '0', '0.01'],
          ] as const),
          ...([['28', '1'], ['28', '0', null], null] as const),
          'it ties, at any age',
        ),
      ],
    },
    {
      name: 'what cannot be told, and usage that was loaded as basic',
      given: {
        invoices: [listed('G20'), listed('G21'), listed('G22'), listed('G23')],
        snapshots: [
          usage('G21', FEBRUARY, SETTLED, 'basic'),
          lines('G21', ['0.28']),
          usage('G22', FEBRUARY),
          lines('G22', ['0.28'], { MeterDescription: undefined }, 'basic'),
          usage('G23', []),
          lines('G23', ['9'], { MeterDescription: '' }),
        ],
      },
      expected: [
        {
          ...row(
            ...([
              ['G20', 'not_checked'],
              [null, null, null, '0'],
              ['0', '0'],
              ['0', '28', ALL],
            ] as const),
            'neither the usage nor the lines of the invoice are loaded',
            'it is listed only',
          ),
          snapshot_ids: null,
        },
        row(
          ...([
            ['G21', 'matched'],
            ['0.28', '0.28', '0', '0.01'],
          ] as const),
          ...([['28', '1'], ['28', '0', null], null] as const),
          'days and amounts are in basic too',
        ),
        row(
          ...([
            ['G22', 'not_checked'],
            ['0.28', null, null, '0'],
            ['28', '0'],
            ['28', '0', null],
          ] as const),
          'the lines were loaded as basic, which does not say which of them charge usage: it takes full',
          'basic has no MeterDescription',
        ),
        row(
          ...([
            ['G23', 'not_checked'],
            [null, null, null, '0'],
            ['0', '0'],
            ['0', '28', ALL],
          ] as const),
          'there is no usage, and no line that charges any',
          'an invoice of licences only',
        ),
      ],
    },
  ],
};
