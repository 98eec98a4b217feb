import type { Scope } from '../../schemas/scope.js';
import { listedInvoice } from '../listed-invoice.js';
import { lineRecord, unbilledRecord, usageRecord } from '../snapshot.js';
import type { ExpectedRow, GivenSnapshot, GoldenView } from './golden-case.js';

/** An estimate that Microsoft made and we published at `made`. */
function estimate(
  load: string,
  [month, currency]: readonly [string, string],
  made: string,
  amounts: readonly string[],
): GivenSnapshot {
  const scope: Scope = { by: 'month', stream: 'unbilled_usage', month, currency };
  const records = amounts.map((BillingPreTaxTotal, index) =>
    unbilledRecord({
      ...{ BillingPreTaxTotal, BillingCurrency: currency.toLowerCase(), MeterId: `m${index}` },
      UsageDate: `${month}-05T00:00:00Z`,
    }),
  );
  return { load, scope, at: made, records, request: { manifestCreatedAt: made } };
}

function usage(invoice: string, currency: string, amounts: readonly string[]): GivenSnapshot {
  const scope: Scope = { by: 'invoice', stream: 'billed_usage', invoice };
  const records = amounts.map((BillingPreTaxTotal, index) =>
    usageRecord({
      ...{ InvoiceNumber: invoice, BillingPreTaxTotal, BillingCurrency: currency, MeterId: `m${index}` },
    }),
  );
  return { load: `u-${invoice}`, scope, at: '2026-11-09T12:00:00Z', records };
}

function row(
  [month, currency, status]: readonly [string, string, string],
  [left, right, difference, tolerance, share]: readonly (string | null)[],
  [rowsLeft, rowsRight]: readonly [string, string],
  [snapshots, isLast, invoices]: readonly [string, 'true' | 'false' | null, string | null],
  reason: string | null,
  because: string,
): ExpectedRow {
  return {
    ...{
      billing_month: `${month}-01`,
      currency,
      stream: 'unbilled_usage',
      status,
      left_amount: left ?? null,
    },
    ...{ right_amount: right ?? null, difference: difference ?? null, tolerance: tolerance ?? null },
    ...{ share_of_billed: share ?? null, rows_left: rowsLeft, rows_right: rowsRight, reason },
    ...{ snapshot_ids: snapshots, is_last: isLast, invoice_numbers: invoices },
    because,
  };
}

const NOT_FINAL = 'an estimate of before the 15th of the month after, when it was not final yet';

/** left_only and right_only cannot occur: a month that has one side only is not_checked, as the view says. */
export const RECON_UNBILLED_VS_BILLED: GoldenView = {
  view: 'recon_unbilled_vs_billed',
  cases: [
    {
      name: 'a month with three estimates and two invoices',
      given: {
        invoices: [
          listedInvoice('G1'),
          listedInvoice('G2'),
          listedInvoice('G3', { status: 'void' }),
          listedInvoice('G4', { document_type: 'credit_note', amends_of: 'G1', total_charges: '-1' }),
        ],
        snapshots: [
          estimate('e1', ['2026-10', 'USD'], '2026-10-20T06:00:00Z', ['50']),
          estimate('e2', ['2026-10', 'USD'], '2026-11-02T06:00:00Z', ['60', '39.99']),
          estimate('e3', ['2026-10', 'USD'], '2026-11-05T06:00:00Z', ['60', '40']),
          usage('G1', 'USD', ['70', '10']),
          usage('G2', 'USD', ['20']),
          usage('G3', 'USD', ['1000']),
          usage('G4', 'USD', ['-1']),
        ],
      },
      expected: [
        row(
          ...([
            ['2026-10', 'USD', 'partial'],
            ['50', '100', '50', '0.03', '0.5'],
          ] as const),
          ...([['1', '3'], ['e1,u-G1,u-G2', 'false', 'G1,G2'], NOT_FINAL] as const),
          'of the 20th of October: 50 of 100. The void invoice and the credit note were never estimated',
        ),
        row(
          ...([
            ['2026-10', 'USD', 'within_tolerance'],
            ['99.99', '100', '0.01', '0.03', '0.9999'],
          ] as const),
          ...([
            ['2', '3'],
            ['e2,u-G1,u-G2', 'false', 'G1,G2'],
          ] as const),
          'apart by no more than is allowed for the lines of the invoices',
          'three records of usage allow 3 x 0.01',
        ),
        row(
          ...([
            ['2026-10', 'USD', 'matched'],
            ['100', '100', '0', '0.03', '1'],
          ] as const),
          ...([['2', '3'], ['e3,u-G1,u-G2', 'true', 'G1,G2'], null] as const),
          '60 + 40 = 70 + 10 + 20',
        ),
      ],
    },
    {
      name: 'an estimate that was made when the month was settled',
      given: {
        invoices: [listedInvoice('G10', { currency: 'EUR' })],
        snapshots: [
          estimate('e10', ['2026-10', 'EUR'], '2026-11-15T00:00:00Z', ['8']),
          usage('G10', 'EUR', ['10']),
        ],
      },
      expected: [
        row(
          ...([
            ['2026-10', 'EUR', 'mismatch'],
            ['8', '10', '2', '0.01', '0.8'],
          ] as const),
          ...([
            ['1', '1'],
            ['e10,u-G10', 'true', 'G10'],
          ] as const),
          'the month was settled when the estimate was made, and the invoices charge another amount',
          'on the 15th usage of October is settled',
        ),
      ],
    },
    {
      name: 'an invoice of the month that is not loaded yet',
      given: {
        invoices: [
          listedInvoice('G20', { currency: 'GBP' }),
          listedInvoice('G21', { currency: 'GBP' }),
          listedInvoice('G22', { currency: 'CHF' }),
        ],
        snapshots: [
          estimate('e20', ['2026-10', 'GBP'], '2026-11-05T06:00:00Z', ['9']),
          usage('G20', 'GBP', ['9']),
        ],
      },
      expected: [
        row(
          ...([
            ['2026-10', 'GBP', 'partial'],
            ['9', '9', '0', '0.01', '1'],
          ] as const),
          ...([
            ['1', '1'],
            ['e20,u-G20', 'true', 'G20'],
          ] as const),
          'an invoice of the month is not loaded yet',
          'G21 may charge anything, so that the two are equal now says nothing. G22 has no estimate and is not loaded: no row',
        ),
      ],
    },
    {
      name: 'one side only, an empty estimate, an unknown currency, and another stream',
      given: {
        invoices: [
          listedInvoice('G30', {}, '2026-08'),
          listedInvoice('G31', { currency: 'SEK' }),
          listedInvoice('G32', { currency: 'XXX' }),
          listedInvoice('G33', { currency: 'NOK' }),
        ],
        snapshots: [
          usage('G30', 'USD', ['7']),
          estimate('e29', ['2026-11', 'USD'], '2026-11-20T06:00:00Z', ['3']),
          estimate('e31', ['2026-10', 'SEK'], '2026-11-05T06:00:00Z', []),
          usage('G31', 'SEK', ['4']),
          estimate('e32', ['2026-10', 'XXX'], '2026-11-05T06:00:00Z', ['6']),
          usage('G32', 'XXX', ['6']),
          {
            load: 'l-G33',
            scope: { by: 'invoice', stream: 'billed_reconciliation', invoice: 'G33' },
            at: '2026-11-09T12:00:00Z',
            records: [lineRecord({ InvoiceNumber: 'G33', Currency: 'NOK', Subtotal: '11' })],
          },
        ],
      },
      expected: [
        row(
          ...([
            ['2026-08', 'USD', 'not_checked'],
            [null, '7', null, '0.01', null],
          ] as const),
          ...([
            ['0', '1'],
            ['u-G30', null, 'G30'],
          ] as const),
          'no estimate of the month was ever loaded',
          'August was loaded when it was billed already',
        ),
        row(
          ...([
            ['2026-11', 'USD', 'not_checked'],
            ['3', null, null, null, null],
          ] as const),
          ...([
            ['1', '0'],
            ['e29', 'true', null],
          ] as const),
          'no invoice of the month is loaded',
          'November is open',
        ),
        row(
          ...([
            ['2026-10', 'SEK', 'not_checked'],
            [null, '4', null, '0.01', null],
          ] as const),
          ...([
            ['0', '1'],
            ['e31,u-G31', 'true', 'G31'],
          ] as const),
          'the estimate had no records',
          'an empty side is never matched, nor taken for zero',
        ),
        row(
          ...([
            ['2026-10', 'XXX', 'not_checked'],
            ['6', '6', '0', null, '1'],
          ] as const),
          ...([
            ['1', '1'],
            ['e32,u-G32', 'true', 'G32'],
          ] as const),
          'the smallest unit of the currency is not known',
          'ISO 4217 has no decimals for XXX',
        ),
        {
          ...row(
            ...([
              ['2026-10', 'NOK', 'not_checked'],
              [null, '11', null, '0.01', null],
            ] as const),
            ...([
              ['0', '1'],
              ['l-G33', null, 'G33'],
            ] as const),
            'no estimate of the month was ever loaded',
            'the estimate of its lines would be that of unbilled_reconciliation',
          ),
          stream: 'unbilled_reconciliation',
        },
      ],
    },
  ],
};
