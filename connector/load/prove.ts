import type { BlobCounts } from '../../schemas/batch.js';
import { ConfigError, DataError, SystemError } from '../../schemas/errors.js';
import { rowsDigestText, type RowsDigest } from '../../schemas/rows-digest.js';
import { scopeLabel, scopeText, type MonthScope } from '../../schemas/scope.js';
import { addDecimals } from './add-decimals.js';
import { countOf, hasUsageDate, publishSql, unproven, type Publishing } from './publishing.js';
import type { StagedParts } from './stage-parts.js';

/** Rejected records of a blob that are kept at least; more may only be counted (architecture.md section 4, step 5). */
const KEPT_REJECTED = 10_000;

/** A value of staged records and how many have it. */
interface ValueCount {
  readonly value: string | null;
  readonly records: number;
}

/** The evidence that a snapshot is whole, as recorded in `_snapshots`. */
export interface Proof {
  readonly blobs: readonly BlobCounts[];
  readonly read: number;
  readonly staged: number;
  readonly rejected: number;
  readonly rounded: number;
  /** Records that carry no tenant at all. */
  readonly withoutTenant: number;
  /** Invoice numbers of the records, most frequent first; empty for a month scope. */
  readonly invoiceNumbers: readonly string[];
  /** Unknown fields by name with the number of records that had them. */
  readonly unknownFields: Readonly<Record<string, number>>;
  /** Canonical sum of the amount by currency, currencies in order. */
  readonly sums: Readonly<Record<string, string>>;
}

/**
 * Proves what was staged (architecture.md section 4, "Proof"): every listed blob was read to its proven end, its
 * bytes are the downloaded ones, every record read is staged or rejected, rejected ones stay within the limit, and
 * every record belongs to the tenant and the scope asked for.
 * @throws IntegrityError (with the fact `rule`) when the snapshot is not whole or not the one asked for
 * @throws DataError when more records were rejected than the limit allows
 * @throws ConfigError when records belong to another partner tenant
 */
export async function prove(publishing: Publishing, parts: StagedParts): Promise<Proof> {
  const blobs = proveBlobs(publishing, parts);
  const total = (count: (blob: BlobCounts) => number): number =>
    blobs.reduce((sum, blob) => sum + count(blob), 0);
  const read = total((blob) => blob.recordsRead);
  const rejected = total((blob) => blob.recordsRejected);
  proveRejected(publishing, parts, read, rejected);
  const withoutTenant = await proveStaged(publishing, parts);
  await proveTenant(publishing);
  const { scope } = publishing.request;
  const invoiceNumbers = scope.by === 'invoice' ? await proveInvoices(publishing, scope.invoice) : [];
  if (scope.by === 'month') await proveMonth(publishing, scope);
  return {
    blobs,
    read,
    rejected,
    staged: total((blob) => blob.recordsStaged),
    rounded: total((blob) => blob.roundedNumbers),
    withoutTenant,
    invoiceNumbers,
    unknownFields: sumFields(blobs),
    sums: await stagedSums(publishing),
  };
}

/** The blobs that the manifest lists are the ones that were read, each to its proven end and as downloaded. */
function proveBlobs(publishing: Publishing, parts: StagedParts): readonly BlobCounts[] {
  const again = 'run again: what is damaged is downloaded once more; if it persists, export anew';
  const listed = new Set(publishing.request.blobs.map(({ name }) => name));
  for (const name of parts.blobs.keys()) {
    if (!listed.has(name)) throw unproven(publishing, 'blobs', `blob ${name} is not in the manifest`, again);
  }
  return publishing.request.blobs.map(({ name, bytes, sha256 }) => {
    const facts = { blob: name };
    const counts = parts.blobs.get(name)?.counts;
    if (counts === undefined) {
      throw unproven(publishing, 'blobs', `blob ${name} was not read to its end`, again, facts);
    }
    if (counts.bytes !== bytes || counts.sha256.toLowerCase() !== sha256.toLowerCase()) {
      const what = `blob ${name} is not what was downloaded (${counts.bytes} bytes of ${bytes}, or another digest)`;
      throw unproven(publishing, 'blobs', what, again, facts);
    }
    if (counts.recordsRead !== counts.recordsStaged + counts.recordsRejected) {
      const what = `blob ${name}: ${counts.recordsRead} records read are not ${counts.recordsStaged} staged and ${counts.recordsRejected} rejected`;
      throw unproven(publishing, 'counts', what, again, facts);
    }
    return counts;
  });
}

function proveRejected(publishing: Publishing, parts: StagedParts, read: number, rejected: number): void {
  const { scope, rejectedLimit, stream } = publishing.request;
  if (withinLimit(rejected, read, rejectedLimit)) return;
  const reasons = [...parts.reasons].slice(0, 5).map(([reason, count]) => `${reason} (${count})`);
  const first = parts.firstRejected;
  const place = first === undefined ? '' : `, the first in ${first.blobName} line ${first.lineNumber}`;
  throw new DataError({
    message: `${scopeLabel(scope)}: ${rejected} of ${read} records were rejected and the limit is ${rejectedLimit}: ${reasons.join('; ')}${place}`,
    hint: 'look at rejected.parquet in the load package; if the records may be left out, raise limits.rejected_records',
    facts: { stream, scope: scopeText(scope), read, rejected, limit: String(rejectedLimit) },
  });
}

/** Whether that many rejected records are allowed: at most a number, or at most a share such as `0.1%` of the read. */
export function withinLimit(rejected: number, read: number, limit: number | string): boolean {
  if (typeof limit === 'number') return rejected <= limit;
  const [whole = '0', fraction = ''] = limit.replace('%', '').split('.');
  const share = BigInt(whole + fraction);
  return BigInt(rejected) * 100n * 10n ** BigInt(fraction.length) <= BigInt(read) * share;
}

/** The staging table holds exactly what the parser counted, blob by blob; returns the records without a tenant. */
async function proveStaged(publishing: Publishing, parts: StagedParts): Promise<number> {
  const rows = await publishing.transaction.rows(publishSql(publishing, 'staged per blob'));
  const found = new Map(rows.map((row) => [row['_blob_name'] ?? '', row]));
  for (const { name, counts, staged, rejected } of parts.blobs.values()) {
    const inTable = countOf(found.get(name)?.['records'] ?? '0');
    const kept = Math.min(counts?.recordsRejected ?? 0, KEPT_REJECTED);
    if (counts?.recordsStaged === staged && staged === inTable && rejected >= kept) continue;
    throw new SystemError({
      message: `${scopeLabel(publishing.request.scope)}: of blob ${name} ${counts?.recordsStaged ?? 0} records were parsed, ${staged} handed on, ${inTable} staged; ${counts?.recordsRejected ?? 0} rejected, ${rejected} kept`,
      hint: 'this is a defect of the connector; nothing was published',
      facts: { rule: 'counts', blob: name },
    });
  }
  return rows.reduce((sum, row) => sum + countOf(row['without_tenant']), 0);
}

/**
 * Proves that readers will see what was parsed: the digest of the scope's rows is that of the parser's row hashes.
 * @throws SystemError when it is not
 */
export function proveRows(publishing: Publishing, parsed: RowsDigest, published: RowsDigest): void {
  const [expected, found] = [rowsDigestText(parsed), rowsDigestText(published)];
  if (expected === found) return;
  const { scope, stream } = publishing.request;
  throw new SystemError({
    message: `${scopeLabel(scope)}: the rows in the table have the digest ${found} and the parsed records ${expected}`,
    hint: 'this is a defect of the connector, or somebody changed the table meanwhile; nothing was published',
    facts: { rule: 'digest', stream, scope: scopeText(scope) },
  });
}

async function proveTenant(publishing: Publishing): Promise<void> {
  const { tenantId, scope } = publishing.request;
  const tenants = await valueCounts(publishing, 'staged tenants', 6);
  const others = tenants.filter(({ value }) => value !== tenantId.toLowerCase());
  if (others.length === 0) return;
  throw new ConfigError({
    message: `${scopeLabel(scope)}: records belong to another partner tenant than ${tenantId}: ${listed(others)}`,
    hint: 'check source.tenant_id; another tenant needs a dataset of its own',
    facts: { rule: 'tenant', scope: scopeText(scope), records: others[0]?.records },
  });
}

async function proveInvoices(publishing: Publishing, invoice: string): Promise<readonly string[]> {
  const accepted = new Set([invoice, ...publishing.request.acceptInvoiceNumbers]);
  const found = await valueCounts(publishing, 'staged invoices', accepted.size + 6);
  const others = found.filter(({ value }) => value === null || !accepted.has(value));
  if (others.length > 0) {
    const hint = 'if it is a credit note of this invoice, list it under accept_invoice_numbers of the stream';
    const what = `records carry another invoice number than ${invoice}: ${listed(others.slice(0, 5))}`;
    throw unproven(publishing, 'invoice', what, hint, { records: others[0]?.records });
  }
  return found.map(({ value }) => value ?? '');
}

async function proveMonth(publishing: Publishing, scope: MonthScope): Promise<void> {
  const currencies = await valueCounts(publishing, 'staged currencies', 6);
  const others = currencies.filter(({ value }) => value !== scope.currency.toUpperCase());
  if (others.length > 0) {
    const what = `records are in another currency than ${scope.currency}: ${listed(others.slice(0, 5))}`;
    throw unproven(publishing, 'currency', what, 'the old snapshot is kept; run again later');
  }
  if (!hasUsageDate(publishing.request.table)) return;
  const months = await valueCounts(publishing, 'staged months', 1000);
  const most = months[0]?.records ?? 0;
  if (most === 0 || months.some(({ value, records }) => value === scope.month && records === most)) return;
  const what = `most records were used in another month than ${scope.month}: ${listed(months.slice(0, 5))}`;
  throw unproven(publishing, 'month', what, 'the old snapshot is kept; run again later', {
    month: months[0]?.value,
  });
}

async function stagedSums(publishing: Publishing): Promise<Readonly<Record<string, string>>> {
  const rows = await publishing.transaction.rows(publishSql(publishing, 'staged sums'));
  return Object.fromEntries(
    rows.map((row) => [row['currency'] ?? '', addDecimals(row['whole'] ?? '0', row['fraction'] ?? '0')]),
  );
}

async function valueCounts(
  publishing: Publishing,
  name: string,
  limit: number,
): Promise<readonly ValueCount[]> {
  const rows = await publishing.transaction.rows(publishSql(publishing, name), [limit]);
  return rows.map((row) => ({ value: row['value'] ?? null, records: countOf(row['records']) }));
}

function listed(values: readonly ValueCount[]): string {
  return values.map(({ value, records }) => `${value ?? '(none)'} (${records})`).join(', ');
}

function sumFields(blobs: readonly BlobCounts[]): Readonly<Record<string, number>> {
  const sums = new Map<string, number>();
  for (const { unknownFields } of blobs) {
    for (const [field, records] of Object.entries(unknownFields)) {
      sums.set(field, (sums.get(field) ?? 0) + records);
    }
  }
  return Object.fromEntries([...sums].sort(([a], [b]) => (a < b ? -1 : 1)));
}
