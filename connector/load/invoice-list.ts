import { INVOICE_COLUMNS } from '../../schemas/tables/invoices.js';
import { bindTenant } from './bind-tenant.js';
import { closeMonths, monthText } from './close-months.js';
import type { SqlConnection, SqlTransaction, SqlValue, TextRow } from './destination.js';
import type { InvoiceListChanges, InvoiceListReading, ListedInvoice } from './invoice-list-reading.js';
import { isInReach } from './invoice-reach.js';
import { sqlInstant } from './publishing.js';
import { identifier, statement, type SqlText } from './sql-text.js';

/** What is recorded of a document, as far as comparing needs it. */
interface RecordedDocument {
  readonly rowHash: string;
  readonly billingMonth: string | null;
  readonly firstLoadId: string;
  readonly amendsOf: string | null;
  readonly invoiceDate: string | null;
}

/**
 * Keeps what a reading found in `invoices`, with history, in one transaction: new documents are inserted, changed ones
 * replaced, and recorded ones that it should have named but did not are moved to history. A reading from a month on says
 * nothing of older documents. An empty list removes nothing: lists have answered empty before they were right.
 * @throws ConfigError when the dataset belongs to another tenant
 */
export async function recordInvoiceList(
  connection: SqlConnection,
  dataset: string,
  reading: InvoiceListReading,
): Promise<InvoiceListChanges> {
  return await connection.transaction(async (transaction) => {
    await bindTenant(transaction, dataset, { tenantId: reading.tenantId, now: reading.readAt });
    const rows = await transaction.rows(sql(transaction, dataset, 'recorded invoices'));
    const recorded = new Map(rows.map((row) => [row['invoice_number'] ?? '', recordedDocument(row)]));
    const changes = await applyReading(transaction, dataset, reading, recorded);
    const superseded = await closeMonths(transaction, dataset, reading.readAt);
    const { runId, loadId, readAt, since, correlationId, invoices } = reading;
    const { inserted, updated, deleted, unchanged } = changes;
    await transaction.run(sql(transaction, dataset, 'keep reading'), [
      ...[loadId, runId, sqlInstant(readAt), since, invoices.length],
      ...[inserted, updated, deleted, unchanged, correlationId],
    ]);
    return { ...changes, superseded };
  });
}

async function applyReading(
  transaction: SqlTransaction,
  dataset: string,
  reading: InvoiceListReading,
  recorded: ReadonlyMap<string, RecordedDocument>,
): Promise<Omit<InvoiceListChanges, 'superseded'>> {
  const counts = { inserted: 0, updated: 0, deleted: 0, unchanged: 0 };
  const named = new Set<string>();
  for (const listed of reading.invoices) {
    const invoice = invoiceNumber(listed);
    named.add(invoice);
    const before = recorded.get(invoice);
    // Its month may be learnt later: from a document above it that an earlier reading did not reach.
    if (before?.rowHash === listed.record.rowHash && before.billingMonth === listed.billingMonth) {
      counts.unchanged += 1;
      continue;
    }
    if (before !== undefined) await toHistory(transaction, dataset, invoice, reading.loadId, 'changed');
    await keep(transaction, dataset, listed, reading.loadId, before?.firstLoadId ?? reading.loadId);
    counts[before === undefined ? 'inserted' : 'updated'] += 1;
  }
  const gone = [...recorded.keys()].filter(
    (invoice) => !named.has(invoice) && isInReach(invoice, recorded, reading.since),
  );
  const isKept = reading.invoices.length === 0 && gone.length > 0;
  if (isKept) return { ...counts, isKept };
  for (const invoice of gone) {
    await toHistory(transaction, dataset, invoice, reading.loadId, 'removed');
    await transaction.run(sql(transaction, dataset, 'delete invoice'), [invoice]);
  }
  return { ...counts, deleted: gone.length, isKept };
}

async function keep(
  transaction: SqlTransaction,
  dataset: string,
  { record, billingMonth }: ListedInvoice,
  loadId: string,
  firstLoadId: string,
): Promise<void> {
  const values: SqlValue[] = INVOICE_COLUMNS.map(({ name }) => record.values[name] ?? null);
  await transaction.run(sql(transaction, dataset, 'keep invoice'), [
    ...values,
    billingMonth === null ? null : `${billingMonth}-01`,
    ...[record.rowHash, loadId, firstLoadId, record.extra],
  ]);
}

async function toHistory(
  transaction: SqlTransaction,
  dataset: string,
  invoice: string,
  loadId: string,
  change: 'changed' | 'removed',
): Promise<void> {
  await transaction.run(sql(transaction, dataset, 'keep invoice history'), [invoice, loadId, change]);
}

function invoiceNumber({ record }: ListedInvoice): string {
  return record.values['invoice_number'] ?? '';
}

function recordedDocument(row: TextRow): RecordedDocument {
  return {
    rowHash: row['_row_hash'] ?? '',
    billingMonth: monthText(row['billing_month']),
    firstLoadId: row['_first_load_id'] ?? '',
    amendsOf: row['amends_of'] ?? null,
    invoiceDate: row['invoice_date'] ?? null,
  };
}

function sql(transaction: SqlTransaction, dataset: string, name: string): SqlText {
  return statement(transaction.dialect, 'invoices', name, { dataset: identifier(dataset) });
}
