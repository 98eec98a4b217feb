import { z } from 'zod';
import { ATTRIBUTE_SETS, BILLING_PERIODS, STREAM_NAMES } from './streams.js';

/**
 * The load package: one scope at one eTag on its way from Graph to a destination, a folder that a person can `ls`.
 *
 *     spool/<tenant>/<dataset>/<stream>/<scope>/<package>/
 *       export.json        what is known of the export: intent, operation, eTag (ExportRecord)
 *       manifest.json      the manifest without its SAS (ManifestRecord)
 *       blobs/<file>       the blobs exactly as they came, each renamed to its name only when whole
 *       blobs/<file>.json  length and digest of each whole blob (BlobRecord), written before the rename
 *       partial/<file>     a download under way
 *       partial/<file>.json  which version of the blob it belongs to, and its whole length (PartialRecord)
 *       rejected.parquet   records that failed validation
 *       refused.json       why nothing of it was published (RefusalRecord)
 *
 * The state of unfinished work lives here and nowhere else. No file holds a SAS or a token.
 */
export const PACKAGE_FILES = {
  exportRecord: 'export.json',
  manifest: 'manifest.json',
  blobs: 'blobs',
  partial: 'partial',
  rejected: 'rejected.parquet',
  refusal: 'refused.json',
} as const;

const instant = z.iso.datetime();

/** The scope as stored: see `Scope` in scope.ts. */
export const scopeRecordSchema = z.discriminatedUnion('by', [
  z.strictObject({ by: z.literal('invoice'), stream: z.enum(STREAM_NAMES), invoice: z.string() }),
  z.strictObject({
    by: z.literal('month'),
    stream: z.enum(STREAM_NAMES),
    month: z.string().regex(/^\d{4}-\d{2}$/),
    currency: z.string(),
  }),
]);

/** `export.json`: everything known of the export that the package came from. */
export const exportRecordSchema = z.object({
  version: z.literal(1),
  packageId: z.string(),
  tenantId: z.string(),
  dataset: z.string(),
  scope: scopeRecordSchema,
  attributeSet: z.enum(ATTRIBUTE_SETS),
  period: z.enum(BILLING_PERIODS).optional(),
  /** The Graph base URL that was asked. */
  graphUrl: z.string(),
  /** Each time a POST was about to be sent, noted before it was. */
  intents: z.array(z.object({ at: instant, clientRequestId: z.string() })),
  /** The operation now polled; absent between the intent and Graph's answer. */
  operation: z
    .object({
      url: z.string(),
      id: z.string().optional(),
      /** When Graph accepted it: the `Date` header of the answer, UTC. Fixes the month of an unbilled scope. */
      askedAt: instant,
      requestId: z.string().optional(),
      /** After this instant the operation is not polled or resumed any more. */
      deadline: instant,
    })
    .optional(),
  /** New exports begun because the one before was gone (404, 410), failed, or gave no usable SAS; at most 2. */
  renewals: z.number().int().min(0),
  /** What was published of the scope when the manifest was read: where it differs now, another run was faster. */
  over: z
    .object({ eTag: z.string(), attributeSet: z.enum(ATTRIBUTE_SETS) })
    .nullable()
    .optional(),
  /** How often each blob proved damaged and was deleted, by name. */
  discards: z.record(z.string(), z.number().int()).optional(),
  /** Graph's request ids met on the way, newest last, at most 20. */
  requestIds: z.array(z.string()),
});

/** See {@link exportRecordSchema}. */
export type ExportRecord = z.infer<typeof exportRecordSchema>;

/** `manifest.json`: Graph's manifest under its canonical member names (api-contract.md 2.4, 3.1), without the SAS. */
export const manifestRecordSchema = z.object({
  id: z.string(),
  eTag: z.string(),
  schemaVersion: z.string().optional(),
  dataFormat: z.string().optional(),
  createdAt: instant.optional(),
  partnerTenantId: z.string(),
  rootDirectory: z.string(),
  partitionType: z.string().optional(),
  /** As Graph gives it; absent where Graph gives none. */
  blobCount: z.number().int().min(0).optional(),
  blobs: z.array(z.object({ name: z.string(), partitionValue: z.string().optional() })),
  /** Where it was read; reading it again gives a fresh SAS. */
  readFrom: z.string(),
  readAt: instant,
  operationId: z.string().optional(),
  /** The calendar month in the root directory's `BillingMonth=yyyyMM`, as `yyyy-MM`, where its path shows one. */
  billingMonth: z.string().optional(),
});

/** See {@link manifestRecordSchema}. */
export type ManifestRecord = z.infer<typeof manifestRecordSchema>;

/** `blobs/<file>.json`: what was seen of a blob while it was downloaded. */
export const blobRecordSchema = z.object({
  name: z.string(),
  bytes: z.number().int().min(0),
  /** SHA-256 of the bytes as they came, lower-case hex. */
  sha256: z.string(),
  /** Storage's ETag and MD5 where it sent them. */
  etag: z.string().optional(),
  contentMd5: z.string().optional(),
});

/** See {@link blobRecordSchema}. */
export type BlobRecord = z.infer<typeof blobRecordSchema>;

/** `partial/<file>.json`: what a download under way belongs to. */
export const partialRecordSchema = z.object({
  name: z.string(),
  /** Storage's ETag: the rest is read only of this version. */
  etag: z.string(),
  /** Length of the whole blob in bytes. */
  bytes: z.number().int().min(0),
  contentMd5: z.string().optional(),
});

/** See {@link partialRecordSchema}. */
export type PartialRecord = z.infer<typeof partialRecordSchema>;

/** `refused.json`: why nothing of this package was published. One per scope is kept. */
export const refusalRecordSchema = z.object({
  at: instant,
  kind: z.string(),
  message: z.string(),
  hint: z.string(),
  facts: z.record(z.string(), z.unknown()),
  connectorVersion: z.string(),
  /** The limit and destination it was refused under: parsed again only when one of these changed. */
  rejectedLimit: z.string(),
  destination: z.string(),
});

/** See {@link refusalRecordSchema}. */
export type RefusalRecord = z.infer<typeof refusalRecordSchema>;
