import { randomUUID } from 'node:crypto';
import { invoiceScope, dayText, nextMonthStart } from './data-scope.js';
import type { Exchange, Headers } from './exchange.js';
import type { FaultSwitch } from './fault-switch.js';
import { invoiceFilter } from './invoice-filter.js';
import { plainText, scaled } from './exact-number.js';
import { listedDocuments, type ListedDocument } from './listed-documents.js';
import type { Settings, SandboxInvoice } from './options.js';
import type { SandboxData } from './sandbox-data.js';

/** What Partner Center is made of here. */
export interface PartnerCenterParts {
  readonly settings: Settings;
  readonly data: SandboxData;
  readonly faults: FaultSwitch;
}

/** Stands for a number whose digits must come out as they are: no JavaScript number on the way. */
const NUMBER = 'exact number ';
const SYMBOLS: Readonly<Record<string, string>> = {
  USD: '$',
  EUR: '€',
  GBP: '£',
  JPY: '¥',
  INR: '₹',
  CHF: 'CHF',
};
const ORIGINAL_PAGE = 500;
const NO_DATE = '0001-01-01T00:00:00';

/**
 * Answers Partner Center's list of invoices (api-contract.md section 11):
 * `GET /v1/invoices?size=n&offset=n&filter=...`, with relative links to the next page, notes nested below the invoice
 * they amend, a void invoice and legacy ones. The total charges of an invoice of the sandbox are the sum of its reconciliation lines' totals, as exact digits.
 */
export async function answerInvoices(parts: PartnerCenterParts, exchange: Exchange): Promise<void> {
  const { settings, faults } = parts;
  const headers = partnerCenterHeaders(exchange);
  const refuse = (status: number, code: string, description: string): void =>
    exchange.sendJson(status, { code, description, data: [], source: 'PartnerFD' }, headers);
  if (
    exchange.header('authorization') !== `Bearer ${settings.partnerCenterToken}` ||
    faults.fires('invoices-401')
  ) {
    refuse(401, '900420', 'The token is meant for another audience.');
    return;
  }
  if (exchange.method !== 'GET' || exchange.url.pathname !== '/v1/invoices' || faults.fires('invoices-403')) {
    refuse(403, '900329', 'This endpoint does not accept app-only tokens.');
    return;
  }
  if (faults.fires('invoices-429')) {
    const message = 'Rate limit is exceeded. Try again in 57 seconds.';
    exchange.sendJson(429, { statusCode: 429, message }, { ...headers, 'Retry-After': '57' });
    return;
  }
  if (faults.fires('invoices-500')) {
    exchange.sendJson(500, { code: '2000', description: 'Internal error.' }, headers);
    return;
  }
  const isWanted = invoiceFilter(exchange.url.searchParams.get('filter'));
  if (isWanted === null) {
    refuse(400, '2000', 'The filter is not valid.');
    return;
  }
  const all = faults.fires('invoices-empty') ? [] : await allInvoices(parts);
  const wanted = all.filter(({ invoiceDate }) => isWanted(invoiceDate));
  exchange.sendJson(200, exactJson(page(parts, exchange, wanted)), headers);
}

function partnerCenterHeaders(exchange: Exchange): Headers {
  const echoed = (name: string): string => exchange.header(name) || randomUUID();
  return {
    'MS-RequestId': echoed('ms-requestid'),
    'MS-CorrelationId': echoed('ms-correlationid'),
    'X-Locale': exchange.header('x-locale') || 'en-US',
  };
}

function page({ faults }: PartnerCenterParts, exchange: Exchange, all: readonly object[]): object {
  const query = exchange.url.searchParams;
  const size = countOf(query.get('size'), ORIGINAL_PAGE);
  const offset = countOf(query.get('offset'), 0);
  const repeats = faults.fires('invoices-repeat');
  const items = repeats ? all : all.slice(offset, offset + size);
  const filter = query.get('filter');
  const filtered = filter === null ? '' : `&filter=${encodeURIComponent(filter)}`;
  const link = (at: number): object => ({
    uri: `/invoices?size=${size}&offset=${at}${filtered}`,
    method: 'GET',
    headers: [],
  });
  const repeatsItself = faults.fires('invoices-same-next');
  const hasNext = repeats || repeatsItself || offset + size < all.length;
  return {
    totalCount: all.length + (faults.fires('invoices-total-count') ? 1 : 0),
    items,
    links: { self: link(offset), ...(hasNext ? { next: link(repeatsItself ? offset : offset + size) } : {}) },
    attributes: { objectType: 'Collection' },
  };
}

function countOf(text: string | null, otherwise: number): number {
  const count = Number.parseInt(text ?? '', 10);
  return Number.isInteger(count) && count >= 0 && (count > 0 || otherwise === 0) ? count : otherwise;
}

async function allInvoices({ settings, data }: PartnerCenterParts): Promise<Document[]> {
  if (settings.calendar !== null)
    return listedDocuments(settings, settings.calendar, data).map(calendarDocument);
  const own: Document[] = [];
  for (const [index, invoice] of settings.invoices.entries()) {
    const scope = invoiceScope(settings, 'billed_reconciliation', invoice.id);
    if (scope !== null) await data.prepare(scope);
    const document = documentOf(invoice, data.totalCharges(invoice.id), {});
    own.push(
      index === 0 ? { ...document, amendments: [noteOf(invoice, 'adjustment_note', '-12.5')] } : document,
    );
  }
  const [first] = settings.invoices;
  if (first === undefined) return own;
  const voided = { ...first, id: otherId(first.id, '9') };
  const voidTotal = '1234.56';
  return [
    ...own,
    {
      ...documentOf(voided, voidTotal, { status: 'void' }),
      amendments: [noteOf(voided, 'void_note', `-${voidTotal}`)],
    },
    ...['D02005YFHI', 'D0200607KM', 'D0200711QX'].map((id, index) =>
      documentOf({ ...first, id }, plainText(scaled('820.4', 2) + BigInt(index), 2), { provider: 'azure' }),
    ),
  ];
}

/** A document that the billing calendar brought. */
function calendarDocument(document: ListedDocument): Document {
  const amendments = document.amendments.map(calendarDocument);
  return { ...documentOf(document, document.totalCharges, document), amendments };
}

/** A document as it is written out; a filter looks at its date. */
interface Document extends Readonly<Record<string, unknown>> {
  readonly invoiceDate: string;
}

interface DocumentDetail {
  readonly status?: string;
  readonly provider?: string;
  readonly documentType?: string;
  readonly amendsOf?: string;
  readonly invoiceDate?: string;
}

function documentOf(invoice: SandboxInvoice, totalCharges: string, detail: DocumentDetail): Document {
  const next = nextMonthStart(invoice.month).slice(0, 7);
  const { status = 'active', provider = 'one_time', documentType = 'invoice', amendsOf } = detail;
  const { invoiceDate = dayText(next, 8) } = detail;
  const monthEnd = new Date(Date.parse(`${next}-01T00:00:00Z`) - 1000).toISOString().replace('.000', '');
  return {
    id: invoice.id,
    invoiceDate: `${invoiceDate}T00:00:00Z`,
    ...periodOf(invoice.month, monthEnd, detail),
    totalCharges: NUMBER + totalCharges,
    paidAmount: NUMBER + '0',
    currencyCode: invoice.currency,
    currencySymbol: SYMBOLS[invoice.currency] ?? invoice.currency,
    pdfDownloadLink: `/invoices/${invoice.id}/documents/statement`,
    invoiceDetails: [
      {
        invoiceLineItemType: 'billing_line_items',
        billingProvider: provider,
        attributes: { objectType: 'InvoiceDetail' },
      },
      {
        invoiceLineItemType: 'usage_line_items',
        billingProvider: provider,
        attributes: { objectType: 'InvoiceDetail' },
      },
    ],
    amendments: [],
    documentType,
    ...(amendsOf === undefined ? {} : { amendsOf }),
    invoiceType: provider === 'one_time' ? 'OneTime' : 'Recurring',
    status,
    links: { self: { uri: `/invoices/${invoice.id}`, method: 'GET', headers: [] } },
    attributes: { objectType: 'Invoice' },
  };
}

/** Modern invoices have a period, notes have none, and legacy invoices have the date that means "no date". */
function periodOf(month: string, monthEnd: string, { provider, amendsOf }: DocumentDetail): object {
  if (amendsOf !== undefined) return {};
  const [billingPeriodStartDate, billingPeriodEndDate] =
    provider === undefined ? [`${month}-01T00:00:00Z`, monthEnd] : [NO_DATE, NO_DATE];
  return { billingPeriodStartDate, billingPeriodEndDate };
}

function noteOf(invoice: SandboxInvoice, documentType: string, totalCharges: string): Document {
  const digit = documentType === 'void_note' ? '8' : '7';
  return documentOf({ ...invoice, id: otherId(invoice.id, digit) }, totalCharges, {
    documentType,
    amendsOf: invoice.id,
  });
}

/** An id like the given one that no configured invoice has: its digits behind a leading one of our own. */
function otherId(id: string, digit: string): string {
  return `${id.charAt(0)}${digit}${id.slice(2)}`;
}

/** JSON text in which the marked texts are numbers with exactly the digits they have. */
function exactJson(value: object): string {
  return JSON.stringify(value).replaceAll(new RegExp(`"${NUMBER}(-?[0-9.]+)"`, 'g'), '$1');
}
