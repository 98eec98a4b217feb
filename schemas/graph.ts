import { z } from 'zod';
import { canonical, type Members } from './canonical-members.js';

/**
 * What Graph answers, read tolerantly (api-contract.md 2.2, 2.4, 3.1, 9.3): member names in any letter case and
 * under every spelling that was ever seen, null like absent, unknown members left out. What is used is checked.
 */

const OPERATION_MEMBERS: Members = {
  type: ['@odata.type'],
  id: ['id'],
  status: ['status'],
  createdDateTime: ['createdDateTime'],
  lastActionDateTime: ['lastActionDateTime'],
  resourceLocation: ['resourceLocation'],
  resourceLink: ['resourceLocation@odata.navigationLink'],
  error: ['error'],
};
const MANIFEST_MEMBERS: Members = {
  id: ['id'],
  eTag: ['eTag'],
  schemaVersion: ['schemaVersion', 'version'],
  dataFormat: ['dataFormat'],
  createdDateTime: ['createdDateTime', 'utcCreatedDateTime', 'utcCretedDateTime'],
  partnerTenantId: ['partnerTenantId'],
  rootDirectory: ['rootDirectory', 'rootFolder'],
  sasToken: ['sasToken'],
  rootFolderSas: ['rootFolderSAS'],
  partitionType: ['partitionType'],
  blobCount: ['blobCount'],
  blobs: ['blobs'],
};
const BLOB_MEMBERS: Members = {
  name: ['name'],
  partitionValue: ['partitionValue'],
  sizeInBytes: ['sizeInBytes'],
};
const ERROR_MEMBERS: Members = { code: ['code'], message: ['message'], innerError: ['innerError'] };

const textOrNumber = z.union([z.string(), z.number()]).transform(String);
const wholeNumber = z.union([
  z.int().min(0),
  z
    .string()
    .regex(/^\d{1,15}$/, 'a whole number, not negative')
    .transform((digits) => Number.parseInt(digits, 10)),
]);

/** The `error` member of a Graph error body or of a failed operation. Codes are texts, whatever they look like. */
export const graphErrorSchema = z.preprocess(
  canonical(ERROR_MEMBERS),
  z.object({
    code: textOrNumber.default(''),
    message: z.string().default(''),
    innerError: z.unknown().optional(),
  }),
);

/** See {@link graphErrorSchema}. */
export type GraphErrorBody = z.infer<typeof graphErrorSchema>;

/**
 * An operation: `type` is `@odata.type`; the manifest may be an object or a text in `resourceLocation`, or a text in
 * `resourceLink` (`resourceLocation@odata.navigationLink`). Timestamps stay text: nothing is decided by them.
 */
export const operationSchema = z.preprocess(
  canonical(OPERATION_MEMBERS),
  z.object({
    type: z.string().optional(),
    id: z.string().optional(),
    status: textOrNumber.optional(),
    createdDateTime: z.unknown().optional(),
    lastActionDateTime: z.unknown().optional(),
    resourceLocation: z.union([z.string(), z.record(z.string(), z.unknown())]).optional(),
    resourceLink: z.string().optional(),
    error: graphErrorSchema.optional(),
  }),
);

/** See {@link operationSchema}. */
export type Operation = z.infer<typeof operationSchema>;

/** A manifest under canonical member names. `rootFolderSas` is the legacy address with its SAS, or the SAS alone. */
export const manifestSchema = z.preprocess(
  canonical(MANIFEST_MEMBERS),
  z.object({
    id: z.string().min(1),
    eTag: z.string().min(1),
    schemaVersion: textOrNumber.optional(),
    dataFormat: z.string().optional(),
    createdDateTime: z.unknown().optional(),
    partnerTenantId: z.string().min(1),
    rootDirectory: z.string().min(1).optional(),
    sasToken: z.string().min(1).optional(),
    rootFolderSas: z.string().min(1).optional(),
    partitionType: z.string().optional(),
    blobCount: wholeNumber.optional(),
    blobs: z
      .array(
        z.preprocess(
          canonical(BLOB_MEMBERS),
          z.object({
            name: z.string().min(1),
            partitionValue: textOrNumber.optional(),
            sizeInBytes: wholeNumber.optional(),
          }),
        ),
      )
      .optional(),
  }),
);

/** See {@link manifestSchema}. */
export type Manifest = z.infer<typeof manifestSchema>;

/**
 * Whether a body looks like an operation rather than a manifest: it has a status, or says where its manifest is.
 * Both have an id and may come under the same address.
 */
export function isOperationBody(body: unknown): boolean {
  if (typeof body !== 'object' || body === null) return false;
  const names = new Set(Object.keys(body).map((name) => name.toLowerCase()));
  return (
    names.has('status') || names.has('resourcelocation') || names.has('resourcelocation@odata.navigationlink')
  );
}

/** What is wrong with a body, in one line that names members but quotes no value. */
export function bodyProblems(error: z.ZodError): string {
  return error.issues
    .map((issue) => `${issue.path.join('.') || 'the body'}: ${issue.message}`)
    .slice(0, 5)
    .join('; ');
}
