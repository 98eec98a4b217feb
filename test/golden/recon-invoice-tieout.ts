import { listedInvoice } from '../listed-invoice.js';
import { lineRecord, type SourceRecord } from '../snapshot.js';
import type { ExpectedRow, GivenSnapshot, GoldenView } from './golden-case.js';

const AT = '2026-11-09T12:00:00Z';
const STATE = 'state both with partner-billing invoices set';
const UNTOLD = 'the lines carry no tax, and the header does not tell pre-tax from tax';

/** A line by its pre-tax amount and its tax; its total is given where it is not their sum. */
function line(InvoiceNumber: string, [subtotal, tax, total]: readonly string[], more: SourceRecord = {}) {
  return lineRecord({ InvoiceNumber, Subtotal: subtotal, TaxTotal: tax, Total: total, ...more });
}

function lines(
  invoice: string,
  records: readonly (SourceRecord | string)[],
  request: GivenSnapshot['request'] = {},
): GivenSnapshot {
  const scope = { by: 'invoice', stream: 'billed_reconciliation', invoice } as const;
  return { load: `l-${invoice}`, scope, at: AT, records, request };
}

function listed(invoice: string, total: string | null, more: Readonly<Record<string, string | null>> = {}) {
  return listedInvoice(invoice, { total_charges: total, ...more });
}

function row(
  [invoice, measure, status]: readonly [string, string, string],
  [left, right, difference]: readonly (string | null)[],
  [rowsLeft, rowsRight]: readonly [string, string],
  reason: string | null,
  because: string,
  more: Readonly<Record<string, string | null>> = {},
): ExpectedRow {
  const isTotal = measure === 'total';
  return {
    ...{ invoice_number: invoice, currency: 'USD', measure, status, left_amount: left ?? null },
    ...{ right_amount: right ?? null, difference: difference ?? null, tolerance: '0.01' },
    ...{ rows_left: rowsLeft, rows_right: rowsRight, reason },
    ...{ snapshot_ids: isTotal ? `list-1,l-${invoice}` : `l-${invoice}`, billing_month: '2026-10-01' },
    ...{ document_status: 'active', basis: isTotal ? 'header' : 'stated', notes_amount: null },
    ...{ stated_by: isTotal ? null : 'Ada', stated_at: isTotal ? null : '2026-11-11 08:00:00' },
    ...more,
    because,
  };
}

const taxed = (invoice: string) => [
  line(invoice, ['100', '19', '119']),
  line(invoice, ['-10', '-1.9', '-11.9']),
];

/** Every status can occur here, and does. */
export const RECON_INVOICE_TIEOUT: GoldenView = {
  view: 'recon_invoice_tieout',
  cases: [
    {
      name: 'invoices whose lines carry tax',
      given: {
        invoices: [listed('G1', '107.10'), listed('G2', '107.11'), listed('G3', '110'), listed('G4', '119')],
        snapshots: [
          lines('G1', taxed('G1')),
          lines('G2', taxed('G2')),
          lines('G3', taxed('G3')),
          lines('G4', [line('G4', ['90', '17.1', '107.1']), 'no JSON'], { rejectedLimit: 1 }),
        ],
      },
      expected: [
        row(
          ...([['G1', 'total', 'matched'], ['107.1', '107.1', '0'], ['1', '2'], null] as const),
          '119 - 11.9 = 107.1, the header to the cent',
        ),
        row(
          ...([
            ['G2', 'total', 'within_tolerance'],
            ['107.11', '107.1', '-0.01'],
            ['1', '2'],
          ] as const),
          'apart by no more than is allowed for an invoice',
          'one smallest unit is allowed for an invoice',
        ),
        row(
          ...([
            ['G3', 'total', 'mismatch'],
            ['110', '107.1', '-2.9'],
            ['1', '2'],
          ] as const),
          'the lines do not add up to the invoice',
          'the lines carry tax, so the header is held against all of it: 107.1 - 110 = -2.9',
        ),
        row(
          ...([
            ['G4', 'total', 'partial'],
            ['119', '107.1', '-11.9'],
            ['1', '1'],
          ] as const),
          'records of the lines were rejected, so the lines are not whole',
          'one record was no JSON: what it charged is not among the lines',
        ),
      ],
    },
    {
      name: 'invoices whose lines carry no tax',
      given: {
        invoices: [
          ...[listed('G10', '100'), listed('G11', '119'), listed('G12', '90'), listed('G13', '119')],
          ...[listed('G14', '119'), listed('G15', '-119')],
        ],
        snapshots: [
          lines('G10', [line('G10', ['100', '0', '100'])]),
          lines('G11', [line('G11', ['100', '0', '100'])]),
          lines('G12', [line('G12', ['100', '0', '100'])]),
          lines('G13', [line('G13', ['100', '0', '100'])]),
          lines('G14', [line('G14', ['98', '0', '98'])]),
          lines('G15', [line('G15', ['-100', '0', '-100'])]),
        ],
        statements: [
          { invoice: 'G13', currency: 'USD', preTax: '90', tax: '29', at: '2026-11-10T08:00:00Z' },
          { invoice: 'G13', currency: 'USD', preTax: '100', tax: '19', at: '2026-11-11T08:00:00Z' },
          { invoice: 'G14', currency: 'USD', preTax: '119', tax: '0', at: '2026-11-11T08:00:00Z' },
        ],
      },
      expected: [
        row(
          ...([['G10', 'total', 'matched'], ['100', '100', '0'], ['1', '1'], null] as const),
          'no tax on either: equal is equal',
        ),
        row(
          ...([
            ['G11', 'total', 'not_checked'],
            ['119', '100', '-19'],
            ['1', '1'],
          ] as const),
          `${UNTOLD}: ${STATE}`,
          '19 may be the tax or a lost line of 19: nobody can tell from one total',
        ),
        row(
          ...([
            ['G12', 'total', 'mismatch'],
            ['90', '100', '10'],
            ['1', '1'],
          ] as const),
          'the lines do not add up to the invoice',
          'tax makes an invoice greater, never smaller than its lines: this is no tax',
        ),
        row(
          ...([
            ['G13', 'total', 'not_checked'],
            ['119', '100', '-19'],
            ['1', '1'],
          ] as const),
          `${UNTOLD}: see pre_tax, as a person stated it`,
          'the header still does not tell',
        ),
        row(
          ...([['G13', 'pre_tax', 'matched'], ['100', '100', '0'], ['1', '1'], null] as const),
          'the later of two statements holds: 100 before tax',
        ),
        row(
          ...([
            ['G13', 'tax', 'not_checked'],
            ['19', '0', '-19'],
            ['1', '1'],
          ] as const),
          'the lines carry no tax, so there is nothing to hold the tax against',
          'an empty side is never matched',
        ),
        row(
          ...([
            ['G14', 'total', 'not_checked'],
            ['119', '98', '-21'],
            ['1', '1'],
          ] as const),
          `${UNTOLD}: see pre_tax, as a person stated it`,
          'as above',
        ),
        row(
          ...([
            ['G14', 'pre_tax', 'mismatch'],
            ['119', '98', '-21'],
            ['1', '1'],
          ] as const),
          'the lines do not add up to what a person stated of the invoice',
          'all of the 119 is before tax, as the PDF has it: 21 is missing in the lines',
        ),
        row(
          ...([['G14', 'tax', 'matched'], ['0', '0', '0'], ['1', '1'], null] as const),
          'no tax on the PDF and none, said so, in the lines',
        ),
        row(
          ...([
            ['G15', 'total', 'not_checked'],
            ['-119', '-100', '19'],
            ['1', '1'],
          ] as const),
          `${UNTOLD}: ${STATE}`,
          'an invoice below zero has tax below zero: the header is further from zero than the lines',
        ),
      ],
    },
    {
      name: 'invoices with notes: one with lines of its own and one without; one in the header already; a void one',
      given: {
        invoices: [
          listed('G20', '119'),
          listed('G21', '-11.9', { amends_of: 'G20', document_type: 'credit_note' }),
          listed('G22', '-12.5', { amends_of: 'G20', document_type: 'adjustment_note' }),
          listed('G25', '107.1'),
          listed('G26', '-11.9', { amends_of: 'G25', document_type: 'credit_note' }),
          listed('G28', '119', { status: 'void' }),
          listed('G29', '-119', { amends_of: 'G28', document_type: 'void_note' }),
          listed('G30', '50', { status: 'void' }),
        ],
        snapshots: [
          lines('G20', [line('G20', ['100', '19', '119'])]),
          lines('G21', [line('G21', ['-10', '-1.9', '-11.9'])]),
          lines('G25', [line('G25', ['100', '19', '119'])]),
          lines('G28', [line('G28', ['100', '19', '119'])]),
        ],
      },
      expected: [
        row(
          ...([['G20', 'total', 'matched'], ['94.6', '94.6', '0'], ['3', '2'], null] as const),
          'left 119 - 11.9 - 12.5; right 119 - 11.9 of lines and -12.5 of the note that has none',
          { basis: 'header and notes', notes_amount: '-24.4', snapshot_ids: 'list-1,l-G20,l-G21' },
        ),
        row(
          ...([['G25', 'total', 'matched'], ['107.1', '107.1', '0'], ['2', '1'], null] as const),
          'lines of 119 less the note of 11.9 are the header alone, so the header has the note in it',
          { basis: 'header with notes in it', notes_amount: '-11.9' },
        ),
        row(
          ...([['G28', 'total', 'matched'], ['0', '0', '0'], ['2', '1'], null] as const),
          'the void note takes away what the invoice charged, and the lines that stayed are the invoice',
          { basis: 'header and notes', notes_amount: '-119', document_status: 'void' },
        ),
        row(
          ...([
            ['G30', 'total', 'not_checked'],
            ['50', null, null],
            ['1', '0'],
          ] as const),
          'the invoice was declared void, and no lines of it are loaded',
          'its data is gone, and what it cost with it',
          { document_status: 'void', snapshot_ids: 'list-1' },
        ),
      ],
    },
    {
      name: 'what is missing on either side, and currencies',
      given: {
        invoices: [
          ...[listed('G40', '5'), listed('G41', null), listed('G42', '5', { currency: 'EUR' })],
          ...[listed('G43', '5', { currency: 'XXX' }), listed('G45', '0'), listed('D9', '7')],
        ],
        snapshots: [
          lines('G41', [line('G41', ['5', '1', '6'])]),
          lines('G42', [line('G42', ['5', '1', '6'])]),
          lines('G43', [line('G43', ['5', '1', '6'], { Currency: 'XXX' })]),
          lines('G44', [line('G44', ['5', '1', '6'])]),
          lines('G45', []),
        ],
      },
      expected: [
        row(
          ...([
            ['G40', 'total', 'not_checked'],
            ['5', null, null],
            ['1', '0'],
          ] as const),
          'the lines of the invoice are not loaded',
          'nothing to hold the header against; the legacy document D9 never has lines and is no row',
          { snapshot_ids: 'list-1' },
        ),
        row(
          ...([
            ['G41', 'total', 'not_checked'],
            [null, '6', null],
            ['1', '1'],
          ] as const),
          'the invoice list does not say the total of a document',
          'nothing is taken for a total that is not there',
        ),
        row(
          ...([
            ['G42', 'total', 'left_only'],
            ['5', null, null],
            ['1', '0'],
          ] as const),
          'no line is in the currency of the document',
          'amounts of two currencies are never added or compared',
          { currency: 'EUR' },
        ),
        row(
          ...([
            ['G42', 'total', 'right_only'],
            [null, '6', null],
            ['0', '1'],
          ] as const),
          'lines are in a currency that no document of the invoice is in',
          'the other half of the same finding',
        ),
        row(
          ...([
            ['G43', 'total', 'not_checked'],
            ['5', '6', '1'],
            ['1', '1'],
          ] as const),
          'the smallest unit of the currency is not known',
          'ISO 4217 has no decimals for XXX, so nobody can tell what is allowed',
          { currency: 'XXX', tolerance: null },
        ),
        row(
          ...([
            ['G44', 'total', 'not_checked'],
            [null, '6', null],
            ['0', '1'],
          ] as const),
          'the invoice is not in the invoice list as it was read, so its total is not known',
          'it was asked for by number',
          { document_status: null, snapshot_ids: 'l-G44', billing_month: null },
        ),
        row(
          ...([
            ['G45', 'total', 'not_checked'],
            ['0', null, null],
            ['1', '0'],
          ] as const),
          'the lines of the invoice are loaded, and there are none',
          'nothing equals zero here, and an empty side is never matched',
        ),
      ],
    },
  ],
};
