import { column, type Column } from '../table.js';

/** The table of invoices: Partner Center's list of them, their amendments flattened (api-contract.md section 11). */
export const INVOICES_TABLE = 'invoices';

/**
 * Columns of {@link INVOICES_TABLE} in the order of the row hash; the first is the primary key. `source` is the member
 * of Partner Center's `Invoice`, compared without regard to case.
 */
export const INVOICE_COLUMNS: readonly Column[] = [
  column(
    'invoice_number',
    'id',
    'text',
    'full',
    "the document's id: G... modern, D... legacy (key, required)",
  ),
  column(
    'amends_of',
    'amendsOf',
    'text',
    'full',
    'the document that this one amends; null for an invoice of its own',
  ),
  column(
    'document_type',
    'documentType',
    'text',
    'full',
    'invoice, credit_note, adjustment_note, void_note, ...; lower case, words joined by _',
  ),
  column('invoice_type', 'invoiceType', 'text', 'full', 'recurring, one_time; lower case, words joined by _'),
  column('status', 'status', 'text', 'full', 'active, void, ...; lower case, words joined by _'),
  column('invoice_date', 'invoiceDate', 'timestamp', 'full', 'date of the document'),
  column(
    'billing_period_start',
    'billingPeriodStartDate',
    'timestamp',
    'full',
    'first instant of the billed period',
  ),
  column(
    'billing_period_end',
    'billingPeriodEndDate',
    'timestamp',
    'full',
    'last instant of the billed period',
  ),
  column(
    'total_charges',
    'totalCharges',
    'decimal',
    'full',
    'what the document charges, with tax and adjustments',
  ),
  column('paid_amount', 'paidAmount', 'decimal', 'full', 'what was paid on it'),
  column('currency', 'currencyCode', 'text', 'full', 'currency of the amounts, upper case'),
  column('currency_symbol', 'currencySymbol', 'text', 'full', 'symbol of the currency'),
  column(
    'invoice_details',
    'invoiceDetails',
    'text',
    'full',
    'what kinds of lines it has: JSON text as it came, without links and attributes',
  ),
];

/**
 * Members that are not kept: addresses that expire or may authorise, at whatever depth of a document they stand, and
 * a document's amendments, which are rows of their own.
 */
export const INVOICE_MEMBERS_LEFT_OUT: readonly string[] = [
  'pdfDownloadLink',
  'taxReceipts',
  'links',
  'attributes',
  'amendments',
];
