import { canonicalDecimal } from '../../schemas/decimal-text.js';
import { MismatchError } from '../../schemas/errors.js';
import { addDecimals } from './add-decimals.js';
import type { DatasetReading, SqlConnection, SqlTransaction, TextRow } from './destination.js';
import { countOf, isoInstant, sqlInstant } from './publishing.js';
import type { SignOff, SignOffChange } from './recorded-state.js';
import type { InvoicePart, NewSignOff } from './sign-off-record.js';
import { identifier, statement, type SqlText } from './sql-text.js';

/** What reading sign-offs needs of a transaction. */
type Reading = Pick<SqlTransaction, 'dialect' | 'rows'>;

/** Whether the dataset was migrated so far that invoices can be signed off in it. */
export async function knowsSignOffs(reading: Reading, dataset: string): Promise<boolean> {
  const [row] = await reading.rows(sql(reading, dataset, 'is known'));
  return countOf(row?.['migrations']) > 0;
}

/** The last sign-off of each invoice that has one, with what became of the invoice since, by invoice. */
export async function readSignOffs(reading: Reading, dataset: string): Promise<readonly SignOff[]> {
  const signed = await reading.rows(sql(reading, dataset, 'last signed'));
  if (signed.length === 0) return [];
  const now = await reading.rows(sql(reading, dataset, 'parts of signed'));
  const amended = await reading.rows(sql(reading, dataset, 'amended since'));
  return [...byInvoice(signed)].map(([invoice, rows]) => ({
    invoice,
    signedBy: rows[0]?.['signed_by'] ?? '',
    signedAt: isoInstant(rows[0]?.['signed_at']) ?? '',
    despite: rows[0]?.['despite'] ?? null,
    changes: [
      ...changesOf(rows.map(partOf), (byInvoice(now).get(invoice) ?? []).map(partOf)),
      ...(byInvoice(amended).get(invoice) ?? []).map(amendment),
    ],
  }));
}

/** What an invoice is made of now: its published snapshots, and its header where the list names it. */
export async function invoiceParts(
  { reading, dataset }: DatasetReading,
  invoice: string,
): Promise<readonly InvoicePart[]> {
  return (await reading.rows(sql(reading, dataset, 'parts of invoice'), [invoice])).map(partOf);
}

/** Records a sign-off in one transaction. @throws MismatchError when the invoice is not made of its parts any more */
export async function keepSignOff(
  connection: SqlConnection,
  dataset: string,
  signOff: NewSignOff,
): Promise<void> {
  const { signOffId, invoice, signedBy, signedAt, parts, despite } = signOff;
  await connection.transaction(async (transaction) => {
    const rows = await transaction.rows(sql(transaction, dataset, 'parts of invoice'), [invoice]);
    if (JSON.stringify(rows.map(partOf)) !== JSON.stringify(parts)) throw changedMeanwhile(invoice);
    for (const part of parts)
      await transaction.run(sql(transaction, dataset, 'keep'), [
        ...[signOffId, invoice, signedBy, sqlInstant(signedAt)],
        ...[part.stream, part.loadId, part.eTag, part.records, JSON.stringify(part.amounts)],
        ...[part.rowsDigest, part.proofSha256, despite],
      ]);
  });
}

function changesOf(signed: readonly InvoicePart[], now: readonly InvoicePart[]): readonly SignOffChange[] {
  const streams = [...new Set([...signed, ...now].map(({ stream }) => stream))].sort();
  return streams.flatMap((stream) => {
    const before = signed.find((part) => part.stream === stream);
    const after = now.find((part) => part.stream === stream);
    if (before !== undefined && after !== undefined && isSame(before, after)) return [];
    const what = before === undefined ? 'added' : after === undefined ? 'gone' : 'restated';
    return [{ of: stream, what, moved: moved(before?.amounts ?? {}, after?.amounts ?? {}) } as const];
  });
}

/** The same rows, whoever loaded them; where no digest was kept, the same eTag. */
function isSame(before: InvoicePart, after: InvoicePart): boolean {
  if (before.loadId === after.loadId) return true;
  if (before.rowsDigest !== null && after.rowsDigest !== null) return before.rowsDigest === after.rowsDigest;
  return before.eTag === after.eTag;
}

function amendment(row: TextRow): SignOffChange {
  return { of: row['amendment'] ?? '', what: 'amended', moved: headerAmounts(row) };
}

function moved(
  before: InvoicePart['amounts'],
  after: InvoicePart['amounts'],
): Readonly<Record<string, string>> {
  const currencies = [...new Set([...Object.keys(before), ...Object.keys(after)])].sort();
  return Object.fromEntries(
    currencies.map((currency) => [
      currency,
      addDecimals(after[currency] ?? '0', negated(before[currency] ?? '0')),
    ]),
  );
}

function negated(decimal: string): string {
  return decimal.startsWith('-') ? decimal.slice(1) : `-${decimal}`;
}

function partOf(row: TextRow): InvoicePart {
  const amounts = row['amounts'] ?? null;
  return {
    stream: row['stream'] ?? '',
    loadId: row['load_id'] ?? '',
    eTag: row['etag'] ?? null,
    records: countOf(row['records']),
    amounts: amounts === null ? headerAmounts(row) : (JSON.parse(amounts) as InvoicePart['amounts']),
    rowsDigest: row['rows_digest'] ?? null,
    proofSha256: row['proof_sha256'] ?? null,
  };
}

function headerAmounts(row: TextRow): InvoicePart['amounts'] {
  const [currency, total] = [row['currency'] ?? null, row['total'] ?? null];
  return currency === null || total === null ? {} : { [currency.toUpperCase()]: canonicalDecimal(total) };
}

function byInvoice(rows: readonly TextRow[]): ReadonlyMap<string, readonly TextRow[]> {
  const found = new Map<string, TextRow[]>();
  for (const row of rows) {
    const invoice = row['invoice_number'] ?? '';
    found.set(invoice, [...(found.get(invoice) ?? []), row]);
  }
  return found;
}

function changedMeanwhile(invoice: string): MismatchError {
  return new MismatchError({
    message: `${invoice}: it was published or listed anew while it was being checked, so nothing was signed`,
    hint: 'run the same command again: it checks what is published now',
    facts: { invoice },
  });
}

function sql(reading: Reading, dataset: string, name: string): SqlText {
  const fills = { dataset: identifier(dataset) };
  if (!name.startsWith('parts of')) return statement(reading.dialect, 'sign-offs', name, fills);
  const parts = statement(reading.dialect, 'sign-offs', 'parts', fills);
  return statement(reading.dialect, 'sign-offs', name, { ...fills, parts });
}
