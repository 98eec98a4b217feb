import type { BlobCounts } from '../../schemas/batch.js';
import { ConfigError, DataError, SystemError } from '../../schemas/errors.js';
import { rowsDigestText, type RowsDigest } from '../../schemas/rows-digest.js';
import { scopeLabel, scopeText, type MonthScope } from '../../schemas/scope.js';
import { refused } from './direct-load.js';
import { readLoaded, type LoadedRows, type LoadWay, type ValueCount } from './loaded-rows.js';
import { unproven, type Publishing } from './publishing.js';
import type { StagedParts } from './stage-parts.js';

/** Rejected records of a blob that are kept at least; more may only be counted (architecture.md section 4, step 5). */
const KEPT_REJECTED = 10_000;

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

/** A proof, and the digest of the rows that are in the table already: of none where they are staged. */
export interface ProvenRows {
  readonly proof: Proof;
  readonly digest: RowsDigest;
}

/**
 * Proves what was loaded (architecture.md section 4, "Proof"): every listed blob was read to its proven end, its
 * bytes are the downloaded ones, every record read is staged or rejected, rejected ones stay within the limit, and
 * every record belongs to the tenant and the scope asked for.
 * @throws IntegrityError (with the fact `rule`) when the snapshot is not whole or not the one asked for
 * @throws DataError when more records were rejected than the limit allows
 * @throws ConfigError when records belong to another partner tenant
 * @throws DirectRefused when rows that went straight into the table are not all in the scope
 */
export async function prove(publishing: Publishing, parts: StagedParts, way: LoadWay): Promise<ProvenRows> {
  const blobs = proveBlobs(publishing, parts);
  const total = (count: (blob: BlobCounts) => number): number =>
    blobs.reduce((sum, blob) => sum + count(blob), 0);
  const read = total((blob) => blob.recordsRead);
  const rejected = total((blob) => blob.recordsRejected);
  proveRejected(publishing, parts, read, rejected);
  const { scope, acceptInvoiceNumbers } = publishing.request;
  const loaded = await readLoaded(publishing, way, acceptInvoiceNumbers.length + 7);
  proveLoaded(publishing, parts, loaded, way);
  proveTenant(publishing, loaded.tenants);
  const invoiceNumbers =
    scope.by === 'invoice' ? proveInvoices(publishing, scope.invoice, loaded.invoices) : [];
  if (scope.by === 'month') proveMonth(publishing, scope, loaded);
  const proof: Proof = {
    blobs,
    read,
    staged: total((blob) => blob.recordsStaged),
    rejected,
    rounded: total((blob) => blob.roundedNumbers),
    withoutTenant: [...loaded.blobs.values()].reduce((sum, blob) => sum + blob.withoutTenant, 0),
    invoiceNumbers,
    unknownFields: sumFields(blobs),
    sums: loaded.sums,
  };
  return { proof, digest: loaded.digest };
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

/** The rows of each blob in the database are exactly what the parser counted. */
function proveLoaded(publishing: Publishing, parts: StagedParts, loaded: LoadedRows, way: LoadWay): void {
  for (const { name, counts, staged, rejected } of parts.blobs.values()) {
    const inTable = loaded.blobs.get(name)?.records ?? 0;
    const kept = Math.min(counts?.recordsRejected ?? 0, KEPT_REJECTED);
    const isWhole = counts?.recordsStaged === staged && rejected >= kept;
    if (isWhole && staged === inTable) continue;
    // Staged, they can be read wherever they belong.
    if (isWhole && way === 'direct')
      throw refused(publishing, `${inTable} of ${staged} rows of ${name} are in the scope`);
    throw new SystemError({
      message: `${scopeLabel(publishing.request.scope)}: of blob ${name} ${counts?.recordsStaged ?? 0} records were parsed, ${staged} handed on, ${inTable} staged; ${counts?.recordsRejected ?? 0} rejected, ${rejected} kept`,
      hint: 'this is a defect of the connector; nothing was published',
      facts: { rule: 'counts', blob: name },
    });
  }
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

function proveTenant({ request }: Publishing, tenants: readonly ValueCount[]): void {
  const { tenantId, scope } = request;
  const others = tenants.filter(({ value }) => value !== tenantId.toLowerCase());
  if (others.length === 0) return;
  throw new ConfigError({
    message: `${scopeLabel(scope)}: records belong to another partner tenant than ${tenantId}: ${listed(others)}`,
    hint: 'check source.tenant_id; another tenant needs a dataset of its own',
    facts: { rule: 'tenant', scope: scopeText(scope), records: others[0]?.records },
  });
}

function proveInvoices(
  publishing: Publishing,
  invoice: string,
  found: readonly ValueCount[],
): readonly string[] {
  const accepted = new Set([invoice, ...publishing.request.acceptInvoiceNumbers]);
  const others = found.filter(({ value }) => value === null || !accepted.has(value));
  if (others.length > 0) {
    const hint = 'if it is a credit note of this invoice, list it under accept_invoice_numbers of the stream';
    const what = `records carry another invoice number than ${invoice}: ${listed(others.slice(0, 5))}`;
    throw unproven(publishing, 'invoice', what, hint, { records: others[0]?.records });
  }
  return found.map(({ value }) => value ?? '');
}

function proveMonth(publishing: Publishing, scope: MonthScope, { currencies, months }: LoadedRows): void {
  const others = currencies.filter(({ value }) => value !== scope.currency.toUpperCase());
  if (others.length > 0) {
    const what = `records are in another currency than ${scope.currency}: ${listed(others.slice(0, 5))}`;
    throw unproven(publishing, 'currency', what, 'the old snapshot is kept; run again later');
  }
  const most = months[0]?.records ?? 0;
  if (most === 0 || months.some(({ value, records }) => value === scope.month && records === most)) return;
  const what = `most records were used in another month than ${scope.month}: ${listed(months.slice(0, 5))}`;
  throw unproven(publishing, 'month', what, 'the old snapshot is kept; run again later', {
    month: months[0]?.value,
  });
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
