import { canonicalDecimal } from '../../schemas/decimal-text.js';
import { STREAMS } from '../../schemas/streams.js';
import type { DatasetReading, SqlValue, TextRow } from './destination.js';
import { countOf } from './publishing.js';
import { identifier, nameList, placeholders, statement, type Fills, type SqlText } from './sql-text.js';

/** Which lines of an invoice are meant; null does not matter. */
export interface AskedLine {
  readonly invoice: string;
  readonly customer: string | null;
  /** Subtotal or total, canonical decimal text. */
  readonly amount: string | null;
  /** `line_item_key`. */
  readonly line: string | null;
}

/** Rows as texts by column, decimals canonical. */
type Rows = readonly TextRow[];

/** Lines that were found, and how many they are in all. */
export interface FoundLines {
  readonly lines: Rows;
  readonly found: number;
}

const { table: LINES } = STREAMS.billed_reconciliation;
const LINEAGE = ['line_item_key', 'line_item_occurrence', '_load_id', '_blob_name', '_line_number'] as const;

/** Columns of the statements of `explain.sql` that are decimals, beside those that the table declares. */
const DECIMALS: ReadonlySet<string> = new Set([
  ...LINES.columns.filter(({ type }) => type === 'decimal').map(({ name }) => name),
  ...['left_amount', 'right_amount', 'difference', 'tolerance', 'amount', 'exchange_rate', 'product_amount'],
  ...['unit_amount', 'price_by_quantity', 'price_by_quantity_cut', 'price_by_rate', 'price_by_rate_cut'],
  ...['converted', 'partner_earned_credit_percentage'],
]);

/** The lines that are meant, largest first, at most `most` of them: their columns and where they came from. */
export async function findLines(from: DatasetReading, asked: AskedLine, most: number): Promise<FoundLines> {
  const columns = nameList([...LINES.columns.map(({ name }) => name), ...LINEAGE], 't');
  const { invoice, customer, amount, line } = asked;
  const rows = await read(from, 'lines', [invoice, customer, amount, line], { columns }, most);
  return { lines: rows, found: rows.length === 0 ? 0 : countOf(rows[0]?.['found']) };
}

/** The five lines whose subtotal or total is nearest to the amount, nearest first. */
export async function nearestLines(
  from: DatasetReading,
  { invoice, customer, amount }: AskedLine,
): Promise<Rows> {
  return await read(from, 'nearest', [invoice, customer, amount]);
}

/** Sums of lines that are exactly the amount: of the invoice, a customer, a subscription, a product of one. */
export async function sumsThatAre(
  from: DatasetReading,
  { invoice, customer, amount }: AskedLine,
): Promise<Rows> {
  return await read(from, 'sums', [invoice, customer, amount]);
}

/** How the line is computed (`recon_line_recalc`), with each step; undefined where the view has no such line. */
export async function recipeOf(from: DatasetReading, line: TextRow): Promise<TextRow | undefined> {
  const [recipe] = await read(from, 'recipe', identityOf(line));
  return recipe;
}

/** The usage behind a line, by the join that Microsoft names. */
export interface UsageBehind {
  /** By day and effective price, in their order, at most `most`. */
  readonly days: Rows;
  /** `records`, `days`, `quantity`, `amount`, and how many rows `days` would have in all (`shown`). */
  readonly sum: TextRow;
  /** `records`, `quantity`, `amount` of all lines that charge this usage: tiers and credit make several. */
  readonly lines: TextRow;
}

/** The usage behind a line that has all the ids of the join; null where one is missing. */
export async function usageBehind(
  from: DatasetReading,
  line: TextRow,
  most: number,
): Promise<UsageBehind | null> {
  const ids = ['invoice_number', 'subscription_id', 'product_id', 'sku_id', 'availability_id', 'currency'];
  const values = ids.map((name) => line[name] ?? null);
  if (values.includes(null)) return null;
  const part = (currency: string): SqlText =>
    statement(from.reading.dialect, 'explain', 'joined', { currency: identifier(currency) });
  const joined = part('billing_currency');
  const days = await read(from, 'usage', values, { joined }, most);
  const [sum = {}] = await read(from, 'usage sum', values, { joined });
  const [lines = {}] = await read(from, 'lines of usage', values, { joined_lines: part('currency') });
  return { days, sum, lines };
}

/** Attribute set of each billed stream that is published of an invoice. */
export async function publishedSets(
  from: DatasetReading,
  invoice: string,
): Promise<Readonly<Record<string, string>>> {
  const rows = await read(from, 'streams', [invoice]);
  return Object.fromEntries(rows.map((row) => [row['stream'] ?? '', row['attribute_set'] ?? '']));
}

/** Nobody's event: the service writes it where there is none. */
const NO_REFERENCE = '00000000-0000-0000-0000-000000000000';

/** The other legs of the line's event (ReferenceId), and credits to its customer for its product, at most `most`. */
export async function relatedLines(from: DatasetReading, line: TextRow, most: number): Promise<Rows> {
  const reference = line['reference_id'] ?? null;
  const names = ['customer_id', 'subscription_id', 'product_id', 'sku_id'];
  const values = [
    ...identityOf(line),
    reference === NO_REFERENCE ? null : reference,
    ...names.map((name) => line[name] ?? null),
  ];
  return await read(from, 'related', values, {}, most);
}

/** What Microsoft restated of the line, and of usage of its subscription, product and SKU, oldest first. */
export async function restatementsOf(
  from: DatasetReading,
  line: TextRow,
): Promise<{ readonly ofLine: Rows; readonly ofUsage: Rows }> {
  const names = ['invoice_number', 'subscription_id', 'product_id', 'sku_id'];
  return {
    ofLine: await read(from, 'restatements of line', identityOf(line)),
    ofUsage: await read(
      from,
      'restatements of usage',
      names.map((name) => line[name] ?? null),
    ),
  };
}

/** The snapshot that the line's blob and line number are of, with the blob's length and digest. */
export async function sourceOf(from: DatasetReading, line: TextRow): Promise<TextRow | undefined> {
  const [source] = await read(from, 'source', [line['_load_id'] ?? '', line['_blob_name'] ?? '']);
  return source;
}

function identityOf(line: TextRow): SqlValue[] {
  return ['invoice_number', 'line_item_key', 'line_item_occurrence'].map((name) => line[name] ?? null);
}

async function read(
  { reading, dataset }: DatasetReading,
  name: string,
  values: readonly SqlValue[],
  fills: Fills = {},
  most?: number,
): Promise<Rows> {
  const limit = most === undefined ? {} : { most: placeholders(values.length + 1, 1) };
  const sql = statement(reading.dialect, 'explain', name, {
    dataset: identifier(dataset),
    ...fills,
    ...limit,
  });
  const rows = await reading.rows(sql, most === undefined ? values : [...values, most]);
  return rows.map(canonicalRow);
}

function canonicalRow(row: TextRow): TextRow {
  return Object.fromEntries(
    Object.entries(row).map(([name, value]) => [
      name,
      value !== null && DECIMALS.has(name) ? canonicalDecimal(value) : value,
    ]),
  );
}
