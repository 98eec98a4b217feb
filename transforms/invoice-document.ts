import type { InvoiceRecord } from '../schemas/invoice-record.js';
import type { ColumnList, Table } from '../schemas/table.js';
import { INVOICE_COLUMNS, INVOICE_MEMBERS_LEFT_OUT, INVOICES_TABLE } from '../schemas/tables/invoices.js';
import { foldFieldName } from './field-name.js';
import type { JsonField } from './json-object.js';
import { kindWord } from './kind-word.js';
import { RecordHasher } from './line-item-key.js';
import { extraText, RecordParser, type ExtraField } from './parse-record.js';
import { canonicalText, type StoredValue } from './stored-value.js';
import { timestampText } from './timestamp.js';
import { uuidText } from './uuid-text.js';
import { withoutMembers } from './without-members.js';

const TABLE: ColumnList & Pick<Table, 'required' | 'identity'> = {
  name: INVOICES_TABLE,
  columns: INVOICE_COLUMNS,
  required: ['invoice_number'],
  identity: [],
};
const LEFT_OUT: ReadonlySet<string> = new Set(INVOICE_MEMBERS_LEFT_OUT.map(foldFieldName));
/** Deeper down, what is called so is no document of the list: nothing is lost by keeping it. */
const LEFT_OUT_BELOW: ReadonlySet<string> = new Set([...LEFT_OUT].filter((name) => name !== 'amendments'));

const KINDS: ReadonlySet<string> = new Set(['document_type', 'invoice_type', 'status']);

/** A document of the list by itself: nothing is taken from what stands around it. */
export interface InvoiceDocument {
  readonly invoice: string;
  readonly values: Readonly<Record<string, string | null>>;
  readonly extra: readonly ExtraField[];
  /** The month of the billing period's first day, `2026-10`; null without a period. */
  readonly month: string | null;
}

/** Reads documents of the invoice list. */
export class InvoiceDocuments {
  private readonly parser = new RecordParser(TABLE);

  private constructor(private readonly hasher: RecordHasher) {}

  /** A reader; asynchronous because the hash function is compiled first. */
  static async create(): Promise<InvoiceDocuments> {
    return new InvoiceDocuments(await RecordHasher.of(TABLE));
  }

  /**
   * The document that the members of one JSON object make: amounts exact, kinds and currency in one spelling, sentinel
   * dates null, members of no column kept as raw tokens but for {@link INVOICE_MEMBERS_LEFT_OUT}.
   * @throws RecordRejection naming the member at fault; a document without an id is one
   */
  read(fields: readonly JsonField[]): InvoiceDocument {
    const kept = fields
      .filter(({ name }) => !LEFT_OUT.has(foldFieldName(name)))
      .map((field) => {
        const token = withoutMembers(field, LEFT_OUT_BELOW);
        return token === field.token ? field : { ...field, token, text: token };
      });
    const parsed = this.parser.parseFields(kept);
    const texts = INVOICE_COLUMNS.map(({ name, type }, index) => {
      const text = canonicalText(type, parsed.values[index] ?? null);
      return [name, text === null ? null : oneSpelling(name, text)] as const;
    });
    const values = Object.fromEntries(texts);
    const [start, end] = ['billing_period_start', 'billing_period_end'].map(
      (name) => parsed.values[INVOICE_COLUMNS.findIndex((column) => column.name === name)] ?? null,
    );
    const invoice = values['invoice_number'] ?? '';
    return { invoice, values, extra: parsed.extra, month: billedMonth(start ?? null, end ?? null) };
  }

  /** The record of a document, with the hash over its values as they are now. */
  record({ values, extra }: Pick<InvoiceDocument, 'values' | 'extra'>): InvoiceRecord {
    const texts = INVOICE_COLUMNS.map(({ name }) => values[name] ?? null);
    return { values, extra: extraText(extra), rowHash: uuidText(this.hasher.hash(texts, extra).rowHash) };
  }
}

function oneSpelling(column: string, text: string): string {
  if (KINDS.has(column)) return kindWord(text);
  return column === 'currency' ? text.replace(/[a-z]+/g, (letters) => letters.toUpperCase()) : text;
}

/** Charges are for a calendar month; an end is the last instant of the period, or the first after it. */
function billedMonth(start: StoredValue, end: StoredValue): string | null {
  if (typeof start === 'bigint') return timestampText(start).slice(0, 7);
  return typeof end === 'bigint' ? timestampText(end - 1n).slice(0, 7) : null;
}
