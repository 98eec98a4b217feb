import { z } from 'zod';
import { ConfigError, IntegrityError } from '../../schemas/errors.js';
import { bodyProblems, manifestSchema, type Manifest } from '../../schemas/graph.js';
import type { ManifestRecord } from '../../schemas/load-package.js';
import { checkBlobNames, checkedRootDirectory } from './storage-address.js';

/** A SAS is some 400 characters long; storage refuses an address of more than 8 KiB or so. */
const LONGEST_SAS = 4096;
/** Far more than any export has; each takes a file, a request and a row. */
const MOST_BLOBS = 20_000;
const KNOWN_FORMATS = ['compressedjson', 'compressedjsonlines'];

/** Where and when a manifest was read, and what it must agree with. */
export interface ManifestSource {
  /** Reading this address again gives a fresh SAS. */
  readonly readFrom: string;
  readonly readAt: Date;
  readonly operationId: string | null;
  readonly requestId: string | null;
  /** What was exported, for messages: `billed_usage G016907411`. */
  readonly place: string;
  /** The partner tenant of the configuration. */
  readonly tenantId: string;
  readonly storageHosts: readonly string[];
}

/** A manifest that was checked. */
export interface CheckedManifest {
  /** What may be kept: no SAS in it. */
  readonly record: ManifestRecord;
  /** The query string that opens the blobs, without a leading question mark; null where there are no blobs to open. */
  readonly sas: string | null;
  /** Lengths of blobs in bytes, where the manifest states them. */
  readonly sizes: ReadonlyMap<string, number>;
  /** Whether `blobCount` is what the list of blobs holds; true where there is no `blobCount`. */
  readonly countAgrees: boolean;
  /** What a person may want to know. */
  readonly notes: readonly string[];
}

/**
 * Checks a manifest body, whatever its spelling (api-contract.md 2.4, 3.1): its shape, tenant, storage host, blob
 * names and SAS. Nothing is asked of storage before this.
 * @throws ConfigError for another tenant or a host that is not allowed, IntegrityError for anything else.
 */
export function checkManifest(body: unknown, source: ManifestSource): CheckedManifest {
  const parsed = manifestSchema.safeParse(body);
  if (!parsed.success) throw unusable(source, bodyProblems(parsed.error));
  const manifest = parsed.data;
  const { place } = source;
  if (manifest.partnerTenantId.toLowerCase() !== source.tenantId.toLowerCase())
    throw otherTenant(manifest, source);
  const { root, sas } = addresses(manifest, source);
  const blobs = blobsOf(manifest, source);
  checkBlobNames(
    blobs.map(({ name }) => name),
    place,
  );
  if (sas === null && blobs.length > 0) throw unusable(source, 'no sasToken to open its blobs with');
  const createdAt = instantOf(manifest.createdDateTime);
  const rootDirectory = checkedRootDirectory(root, source.storageHosts, place);
  const billingMonth = billingMonthOf(rootDirectory);
  const record: ManifestRecord = {
    id: manifest.id,
    eTag: manifest.eTag,
    ...(manifest.schemaVersion === undefined ? {} : { schemaVersion: manifest.schemaVersion }),
    ...(manifest.dataFormat === undefined ? {} : { dataFormat: manifest.dataFormat }),
    ...(createdAt === null ? {} : { createdAt }),
    partnerTenantId: manifest.partnerTenantId.toLowerCase(),
    rootDirectory,
    ...(manifest.partitionType === undefined ? {} : { partitionType: manifest.partitionType }),
    ...(manifest.blobCount === undefined ? {} : { blobCount: manifest.blobCount }),
    blobs: blobs.map(({ name, partitionValue }) => ({
      name,
      ...(partitionValue === undefined ? {} : { partitionValue }),
    })),
    readFrom: source.readFrom,
    readAt: source.readAt.toISOString(),
    ...(source.operationId === null ? {} : { operationId: source.operationId }),
    ...(billingMonth === null ? {} : { billingMonth }),
  };
  return {
    record,
    sas,
    sizes: new Map(
      blobs.flatMap(({ name, sizeInBytes }) => (sizeInBytes ? [[name, sizeInBytes] as const] : [])),
    ),
    countAgrees: manifest.blobCount === undefined || manifest.blobCount === blobs.length,
    notes: notesOf(manifest, createdAt),
  };
}

/** Whether two readings are of the same data: then a fresh SAS of the one opens the blobs of the other. */
export function isSameData(one: ManifestRecord, other: ManifestRecord): boolean {
  const names = (record: ManifestRecord) => JSON.stringify(record.blobs.map(({ name }) => name).sort());
  return one.eTag === other.eTag && one.rootDirectory === other.rootDirectory && names(one) === names(other);
}

/** The calendar month `yyyy-MM` of a `BillingMonth=yyyyMM` segment, or null. */
export function billingMonthOf(rootDirectory: string): string | null {
  const [, year, month] = /\/BillingMonth=(\d{4})(0[1-9]|1[0-2])(?:\/|$)/i.exec(rootDirectory) ?? [];
  return year === undefined || month === undefined ? null : `${year}-${month}`;
}

/**
 * An instant of Graph as ISO 8601 in UTC, its fraction kept: without a zone it is UTC. Null where it is absent or
 * malformed, for nothing is decided by it.
 */
export function instantOf(value: unknown): string | null {
  if (typeof value !== 'string') return null;
  const zoned = /(Z|[+-]\d{2}:?\d{2})$/i.test(value) ? value : `${value}Z`;
  if (z.iso.datetime().safeParse(zoned).success) return zoned;
  const parsed = new Date(zoned);
  return /^\d{4}-\d{2}-\d{2}T/.test(zoned) && !Number.isNaN(parsed.getTime()) ? parsed.toISOString() : null;
}

function addresses(
  manifest: Manifest,
  source: ManifestSource,
): { readonly root: string; readonly sas: string | null } {
  const stated = manifest.sasToken ?? manifest.rootFolderSas ?? '';
  // The predecessor gave the whole address of the folder with the SAS behind it.
  const isAddress = /^https?:\/\//i.test(stated);
  const root = manifest.rootDirectory ?? (isAddress ? stated.split('?')[0] : undefined);
  if (root === undefined) throw unusable(source, 'rootDirectory: missing');
  const sas = isAddress ? stated.split('?').slice(1).join('?') : stated.replace(/^\?/, '');
  if (/[^!-~]|#/.test(sas)) throw unusable(source, 'sasToken: is no query string');
  if (sas.length > LONGEST_SAS) throw unusable(source, `sasToken: is longer than ${LONGEST_SAS} characters`);
  return { root, sas: sas === '' ? null : sas };
}

function blobsOf(manifest: Manifest, source: ManifestSource): NonNullable<Manifest['blobs']> {
  if (manifest.blobs !== undefined && manifest.blobs.length > MOST_BLOBS) {
    throw unusable(source, `blobs: lists ${manifest.blobs.length}; at most ${MOST_BLOBS} are taken`);
  }
  if (manifest.blobs !== undefined) return manifest.blobs;
  // A list that is missing is not a list that is empty, unless the count says so.
  if (manifest.blobCount === 0) return [];
  throw unusable(source, 'blobs: missing');
}

function notesOf(manifest: Manifest, createdAt: string | null): string[] {
  const notes: string[] = [];
  if (manifest.blobCount === undefined)
    notes.push('the manifest has no blobCount to compare its list of blobs with');
  if (manifest.dataFormat !== undefined && !KNOWN_FORMATS.includes(manifest.dataFormat.toLowerCase())) {
    notes.push(
      `the manifest's dataFormat ${JSON.stringify(manifest.dataFormat.slice(0, 50))} is not known; read as gzip JSON lines`,
    );
  }
  if (manifest.createdDateTime !== undefined && createdAt === null) {
    notes.push("the manifest's createdDateTime is malformed and left out");
  }
  return notes;
}

function otherTenant(manifest: Manifest, source: ManifestSource): ConfigError {
  // What is no GUID may be anything, line breaks included.
  const stated = manifest.partnerTenantId.slice(0, 60);
  const tenant = /^[0-9a-f-]+$/i.test(stated) ? stated : JSON.stringify(stated);
  return new ConfigError({
    message: `${source.place}: the manifest belongs to partner tenant ${tenant}, not to ${source.tenantId}`,
    hint: 'source.tenant_id and the signed-in application must be of the same partner tenant',
    facts: {
      tenant: source.tenantId,
      manifestTenant: stated,
      requestId: source.requestId,
    },
  });
}

function unusable(source: ManifestSource, problems: string): IntegrityError {
  return new IntegrityError({
    message: `${source.place}: the manifest cannot be used: ${problems} (request-id ${source.requestId ?? 'not given'})`,
    hint: 'nothing of it was read; the next run asks again; if it stays, report it to Microsoft with the request id',
    facts: { place: source.place, requestId: source.requestId },
  });
}
