import { DataError, IntegrityError } from '../schemas/errors.js';
import type { ListedInvoice } from '../schemas/invoice-record.js';
import { foldFieldName } from './field-name.js';
import { InvoiceDocuments, type InvoiceDocument } from './invoice-document.js';
import { readJsonArray, readJsonObject, type JsonElement, type JsonField } from './json-object.js';
import { RecordRejection } from './record-rejection.js';

/** A document where it was found. */
interface Found extends InvoiceDocument {
  /** What it says by itself, to compare repetitions by. */
  readonly ownHash: string;
  /** The document above it, where it does not say itself what it amends. */
  readonly amends: string | null;
}

/**
 * The documents of the invoice list from the JSON text of its pages (api-contract.md 11.2): amendments flattened
 * behind what they amend, with `amends_of` and the billing month taken from it where they state none. A document that
 * comes several times with the same content is taken once.
 * @throws DataError naming page, document and member where a document has no id or a value that its column cannot hold
 * @throws IntegrityError for a page that is none, and for two documents of one id that differ
 */
export async function parseInvoiceList(pages: readonly string[]): Promise<readonly ListedInvoice[]> {
  const list = new InvoiceList(await InvoiceDocuments.create());
  pages.forEach((page, index) => list.addPage(page, index + 1));
  return list.listed();
}

class InvoiceList {
  private readonly found = new Map<string, Found>();

  constructor(private readonly documents: InvoiceDocuments) {}

  addPage(text: string, page: number): void {
    itemsOf(text, page).forEach((item, index) => {
      this.add(item, null, `invoice list, page ${page}, items[${index}]`);
    });
  }

  listed(): ListedInvoice[] {
    return [...this.found.values()].map((document) => {
      const record = this.documents.record(withAmends(document));
      return { record, billingMonth: this.monthOf(document.invoice, new Set()) };
    });
  }

  private add(item: JsonElement, above: string | null, place: string): void {
    let named = place;
    try {
      const fields = item.kind === 'object' ? readJsonObject(item.token) : [];
      const id = fields.find(({ name }) => foldFieldName(name) === 'id')?.text.slice(0, 40) ?? '';
      if (id !== '') named = `${place} (${id})`;
      const document = this.documents.read(fields);
      const ownHash = this.documents.record(document).rowHash;
      const amends = document.values['amends_of'] === null ? above : null;
      this.keep({ ...document, ownHash, amends }, named);
      amendmentsOf(fields).forEach((amendment, index) => {
        this.add(amendment, document.invoice, `${named}, amendments[${index}]`);
      });
    } catch (error) {
      if (error instanceof RecordRejection) throw badDocument(named, error);
      throw error;
    }
  }

  private keep(document: Found, place: string): void {
    const before = this.found.get(document.invoice);
    if (before !== undefined && before.ownHash !== document.ownHash) {
      throw contradiction(place, 'the list has this document twice, and the two differ');
    }
    if (before === undefined || before.amends === null) this.found.set(document.invoice, document);
    else if (document.amends !== null && document.amends !== before.amends) {
      throw contradiction(place, `it stands below ${document.amends} and below ${before.amends}`);
    }
  }

  /** Its own month, else that of what it amends. */
  private monthOf(invoice: string, seen: Set<string>): string | null {
    const document = this.found.get(invoice);
    if (document === undefined || seen.has(invoice)) return null;
    const above = document.values['amends_of'] ?? document.amends;
    return document.month ?? (above === null ? null : this.monthOf(above, seen.add(invoice)));
  }
}

function withAmends({ values, extra, amends }: Found): Pick<InvoiceDocument, 'values' | 'extra'> {
  return { extra, values: amends === null ? values : { ...values, amends_of: amends } };
}

function itemsOf(text: string, page: number): readonly JsonElement[] {
  try {
    const fields = readJsonObject(text);
    const items = memberOf(fields, 'items');
    if (items?.kind === 'array') return readJsonArray(items.token);
    if ((items === null || items.kind === 'null') && memberOf(fields, 'totalcount')?.token === '0') return [];
    throw new RecordRejection('items', 'it is no list');
  } catch (error) {
    if (!(error instanceof RecordRejection)) throw error;
    throw new IntegrityError({
      message: `invoice list, page ${page}: ${error.field === null ? '' : `${error.field}: `}${error.reason}`,
      hint: HINT,
      facts: { page, member: error.field },
      cause: error,
    });
  }
}

function amendmentsOf(fields: readonly JsonField[]): readonly JsonElement[] {
  const member = memberOf(fields, 'amendments');
  if (member === null || member.kind === 'null') return [];
  if (member.kind !== 'array') throw new RecordRejection(member.name, 'it is no list');
  return readJsonArray(member.token);
}

/** The member of a folded name. @throws RecordRejection where there are two */
function memberOf(fields: readonly JsonField[], folded: string): JsonField | null {
  const [first, second] = fields.filter(({ name }) => foldFieldName(name) === folded);
  if (second !== undefined) throw new RecordRejection(second.name, 'the member occurs twice');
  return first ?? null;
}

const HINT =
  'nothing of this reading is kept; look for a newer connector, or list ids by hand (invoices: [G...]) until it is mended';

function badDocument(place: string, { field, reason }: RecordRejection): DataError {
  const member = field === null ? '' : `${field}: `;
  return new DataError({
    message: `${place}: ${member}${reason}`,
    hint: HINT,
    facts: { place, member: field },
  });
}

function contradiction(place: string, problem: string): IntegrityError {
  return new IntegrityError({ message: `${place}: ${problem}`, hint: HINT, facts: { place } });
}
