import { createHash } from 'node:crypto';
import { proofText, type ProofBlob, type ProofDocument, type UnknownField } from '../../schemas/proof.js';
import { scopeText, type Scope } from '../../schemas/scope.js';
import { monthText } from './close-months.js';
import type { Dialect, SqlValue, TextRow } from './destination.js';
import { countOf, isoInstant } from './publishing.js';
import type { StoredProof } from './scope-content.js';
import { identifier, statement, type Fills, type SqlText } from './sql-text.js';

/** What reading a proof needs of a transaction. */
export interface ProofReading {
  readonly dialect: Dialect;
  rows(sql: string, parameters?: readonly SqlValue[]): Promise<TextRow[]>;
}

/** SHA-256 of a proof's one text, lower-case hex. */
export function proofSha256(document: ProofDocument): string {
  return createHash('sha256').update(proofText(document)).digest('hex');
}

/** The proof of the scope's published snapshot; null where nothing is published. Also of a dataset not migrated yet. */
export async function readProof(
  reading: ProofReading,
  dataset: string,
  scope: Scope,
): Promise<StoredProof | null> {
  const values = [scope.stream, scopeText(scope)];
  const [row] = await reading.rows(proofSql(reading, dataset, 'published proof'), values);
  if (row === undefined) return null;
  const blobs = statement(reading.dialect, 'publish', 'blobs of snapshot', { dataset: identifier(dataset) });
  const document = documentOf(row, await reading.rows(blobs, [row['load_id'] ?? '']));
  return { document, sha256: row['proof_sha256'] ?? null };
}

/** Stores the digest of the proof that was just recorded of a scope: of what is stored, not of what was meant to be. */
export async function keepProofDigest(
  transaction: ProofReading,
  dataset: string,
  scope: Scope,
): Promise<void> {
  const proof = await readProof(transaction, dataset, scope);
  if (proof === null) throw new RangeError('a snapshot that was just recorded is not there');
  const values = [proof.document.load_id, proofSha256(proof.document)];
  await transaction.rows(proofSql(transaction, dataset, 'keep proof digest'), values);
}

/** A statement of `sql/<dialect>/proof.sql`. `{{dataset}}` need not be given. */
export function proofSql(
  { dialect }: Pick<ProofReading, 'dialect'>,
  dataset: string,
  name: string,
  fills: Fills = {},
): SqlText {
  return statement(dialect, 'proof', name, { dataset: identifier(dataset), ...fills });
}

function documentOf(row: TextRow, blobs: readonly TextRow[]): ProofDocument {
  const text = (name: string): string => row[name] ?? '';
  const count = (name: string): number => countOf(row[name]);
  const orNull = (name: string): string | null => row[name] ?? null;
  const version = row['proof_version'] ?? null;
  return {
    proof_version: version === null ? null : countOf(version),
    ...{ stream: text('stream'), scope: text('scope'), tenant_id: text('tenant_id') },
    billing_month: monthText(row['billing_month']),
    billing_month_from: orNull('billing_month_from'),
    ...{ load_id: text('load_id'), run_id: text('run_id') },
    published_at: isoInstant(row['published_at']) ?? '',
    ...{ etag: text('etag'), attribute_set: text('attribute_set'), table_version: count('table_version') },
    connector_version: text('connector_version'),
    ...{ operation_id: orNull('operation_id'), manifest_id: text('manifest_id') },
    manifest_created_at: isoInstant(row['manifest_created_at']),
    request_ids: JSON.parse(row['request_ids'] ?? '[]') as string[],
    root_directory: text('root_directory'),
    blobs: blobs.map(blobOf).sort((a, b) => byText(a.name, b.name)),
    records_read: count('records_read'),
    records_staged: count('records_staged'),
    records_rejected: count('records_rejected'),
    records_without_tenant: withoutTenant(row),
    numbers_rounded: count('numbers_rounded'),
    invoice_numbers: JSON.parse(row['invoice_numbers'] ?? '[]') as string[],
    unknown_fields: unknownFields(row),
    sums: Object.entries(JSON.parse(row['sums'] ?? '{}') as Record<string, string>)
      .map(([currency, sum]) => ({ currency, sum }))
      .sort((a, b) => byText(a.currency, b.currency)),
    rows_digest: orNull('rows_digest'),
  };
}

function blobOf(row: TextRow): ProofBlob {
  return {
    name: row['blob_name'] ?? '',
    bytes: countOf(row['bytes']),
    inflated_bytes: countOf(row['inflated_bytes']),
    sha256: row['sha256'] ?? '',
    records_read: countOf(row['records_read']),
    records_staged: countOf(row['records_staged']),
    records_rejected: countOf(row['records_rejected']),
    numbers_rounded: countOf(row['numbers_rounded']),
    unknown_fields: unknownFields(row),
  };
}

/** It has no column of its own; the release that first published has it in the same place. */
function withoutTenant(row: TextRow): number {
  const { records_without_tenant: records = 0 } = JSON.parse(row['proof'] ?? '{}') as {
    records_without_tenant?: number;
  };
  return records;
}

function unknownFields(row: TextRow): UnknownField[] {
  return Object.entries(JSON.parse(row['unknown_fields'] ?? '{}') as Record<string, number>)
    .map(([field, records]) => ({ field, records }))
    .sort((a, b) => byText(a.field, b.field));
}

/** By UTF-16 unit, which no locale can disagree about. */
function byText(a: string, b: string): number {
  if (a === b) return 0;
  return a < b ? -1 : 1;
}
