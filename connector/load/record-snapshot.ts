import type { BlobCounts } from '../../schemas/batch.js';
import { PROOF_VERSION } from '../../schemas/proof.js';
import { rowsDigestText, type RowsDigest } from '../../schemas/rows-digest.js';
import { scopeText } from '../../schemas/scope.js';
import type { AttributeSet } from '../../schemas/streams.js';
import { closeMonths } from './close-months.js';
import { compareInvoice } from './compare-invoice.js';
import type { PublishCounts, PublishRequest, PublishResult, SqlValue, TextRow } from './destination.js';
import { keepProofDigest } from './stored-proof.js';
import type { RowChanges } from './narrow-diff.js';
import type { Proof } from './prove.js';
import { countOf, publishSql, sqlInstant, type Publishing } from './publishing.js';
import { identifier, statement, type SqlText } from './sql-text.js';

/** A published snapshot as recorded, as far as the next publish of its scope needs it. */
export interface SnapshotRecord {
  readonly loadId: string;
  readonly eTag: string;
  readonly attributeSet: AttributeSet;
  readonly tableVersion: number;
  readonly invoiceNumbers: readonly string[];
  readonly publishedAt: Date;
  readonly counts: PublishCounts;
  readonly sums: Readonly<Record<string, string>>;
}

/** The published snapshot of the scope; undefined where nothing is published. */
export async function publishedSnapshot(publishing: Publishing): Promise<SnapshotRecord | undefined> {
  const { transaction, request } = publishing;
  const [row] = await transaction.rows(publishSql(publishing, 'published snapshot'), [
    request.stream,
    scopeText(request.scope),
  ]);
  if (row === undefined) return undefined;
  return {
    loadId: row['load_id'] ?? '',
    eTag: row['etag'] ?? '',
    attributeSet: row['attribute_set'] === 'basic' ? 'basic' : 'full',
    tableVersion: countOf(row['table_version']),
    invoiceNumbers: JSON.parse(row['invoice_numbers'] ?? '[]') as string[],
    publishedAt: new Date(`${(row['published_at'] ?? '').replace(' ', 'T')}Z`),
    counts: snapshotCounts(row),
    sums: JSON.parse(row['sums'] ?? '{}') as Record<string, string>,
  };
}

/** The counts in a row of `_snapshots`. */
export function snapshotCounts(row: TextRow): PublishCounts {
  return {
    blobs: countOf(row['blobs']),
    read: countOf(row['records_read']),
    staged: countOf(row['records_staged']),
    rejected: countOf(row['records_rejected']),
    inserted: countOf(row['rows_inserted']),
    updated: countOf(row['rows_updated']),
    deleted: countOf(row['rows_deleted']),
    unchanged: countOf(row['rows_unchanged']),
    rounded: countOf(row['numbers_rounded']),
  };
}

/**
 * The result of a publish that found its snapshot published already: what is recorded of it. By another load:
 * every row is unchanged. By this very load (its commit's answer was lost): what it did.
 */
export async function recordedResult(
  publishing: Publishing,
  current: SnapshotRecord,
): Promise<PublishResult> {
  const { loadId, sums, counts } = current;
  const rows = await publishing.transaction.rows(publishSql(publishing, 'blobs of snapshot'), [loadId]);
  const nothing = { inserted: 0, updated: 0, deleted: 0, unchanged: counts.staged };
  const byUs = loadId === publishing.request.loadId;
  const blobs = rows.map(blobCounts);
  const told = byUs ? counts : { ...counts, ...nothing };
  return { loadId, sums, blobs, alreadyPublished: !byUs, counts: told, replaced: null, superseded: [] };
}

/**
 * Records a published snapshot: its facts, its blobs and the state of its scope; whether its invoice agrees, and which
 * months it closes.
 */
export async function recordPublished(
  publishing: Publishing,
  proof: Proof & { readonly digest: RowsDigest },
  changes: RowChanges,
  current: SnapshotRecord | undefined,
): Promise<PublishResult> {
  const { transaction, request, dataset } = publishing;
  const { read, staged, rejected, rounded, sums, blobs } = proof;
  const counts: PublishCounts = { blobs: blobs.length, read, staged, rejected, rounded, ...changes };
  const { dialect } = transaction;
  await transaction.run(snapshotInsert(dialect, dataset), [
    ...snapshotFacts(request),
    ...[counts.blobs, read, staged, rejected],
    ...[changes.inserted, changes.updated, changes.deleted, changes.unchanged, rounded],
    JSON.stringify(proof.invoiceNumbers),
    JSON.stringify(proof.unknownFields),
    JSON.stringify(sums),
    JSON.stringify({ ...proofFacts(proof), ...(request.reload ? { reload: true } : {}) }),
    ...[PROOF_VERSION, rowsDigestText(proof.digest)],
    ...['published', null, null],
    ...[sqlInstant(request.now), sqlInstant(publishedAt(request, current))],
  ]);
  for (const blob of blobs) {
    await transaction.run(publishSql(publishing, 'keep blob'), [
      ...[request.loadId, blob.blobName, blob.bytes, blob.inflatedBytes, blob.sha256],
      ...[blob.recordsRead, blob.recordsStaged, blob.recordsRejected, blob.roundedNumbers],
      JSON.stringify(blob.unknownFields),
    ]);
  }
  await transaction.run(publishSql(publishing, 'keep scope'), [
    ...[request.stream, scopeText(request.scope), request.eTag, request.loadId],
    sqlInstant(request.now),
  ]);
  await keepProofDigest(transaction, dataset, request.scope);
  await compareInvoice(publishing);
  const superseded = await closeMonths(transaction, dataset, request.now);
  const replaced = current?.counts.staged ?? null;
  return { loadId: request.loadId, counts, sums, blobs, replaced, superseded, alreadyPublished: false };
}

/** Later than the snapshot that it replaces, also where the clock was set back: the order of publishing is read from it. */
function publishedAt({ now }: PublishRequest, current: SnapshotRecord | undefined): Date {
  return current === undefined || now > current.publishedAt
    ? now
    : new Date(current.publishedAt.getTime() + 1);
}

/** The statement that adds a row to `_snapshots`; its values begin with {@link snapshotFacts}. */
export function snapshotInsert(dialect: Publishing['transaction']['dialect'], dataset: string): SqlText {
  return statement(dialect, 'publish', 'keep snapshot', { dataset: identifier(dataset) });
}

/** What `_snapshots` says of a request, published or refused: its first 16 columns. */
export function snapshotFacts(request: PublishRequest): readonly SqlValue[] {
  const { manifestCreatedAt, billingMonth } = request;
  return [
    ...[request.loadId, request.runId, request.stream, scopeText(request.scope)],
    billingMonth === null ? null : `${billingMonth}-01`,
    ...[request.billingMonthFrom, request.eTag, request.attributeSet],
    ...[request.table.version, request.connectorVersion, request.tenantId.toLowerCase()],
    ...[request.operationId, request.manifestId],
    manifestCreatedAt === null ? null : sqlInstant(manifestCreatedAt),
    JSON.stringify(request.requestIds),
    request.rootDirectory,
  ];
}

function proofFacts(proof: Proof): object {
  const sum = (count: (blob: BlobCounts) => number): number =>
    proof.blobs.reduce((total, blob) => total + count(blob), 0);
  return {
    blobs: proof.blobs.length,
    bytes: sum((blob) => blob.bytes),
    inflated_bytes: sum((blob) => blob.inflatedBytes),
    records_read: proof.read,
    records_staged: proof.staged,
    records_rejected: proof.rejected,
    records_without_tenant: proof.withoutTenant,
  };
}

function blobCounts(row: TextRow): BlobCounts {
  return {
    blobName: row['blob_name'] ?? '',
    bytes: countOf(row['bytes']),
    inflatedBytes: countOf(row['inflated_bytes']),
    sha256: row['sha256'] ?? '',
    recordsRead: countOf(row['records_read']),
    recordsStaged: countOf(row['records_staged']),
    recordsRejected: countOf(row['records_rejected']),
    roundedNumbers: countOf(row['numbers_rounded']),
    unknownFields: JSON.parse(row['unknown_fields'] ?? '{}') as Record<string, number>,
  };
}
