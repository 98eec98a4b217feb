import { z } from 'zod';
import { scopeRecordSchema } from '../schemas/load-package.js';
import { ATTRIBUTE_SETS } from '../schemas/streams.js';
import type { DeferredWrites } from './deferred-writes.js';
import { SCOPE_STATES, type RecordedState } from './load/destination.js';

const text = z.string().nullable();
const whole = z.number().int().min(0);

const snapshotSchema = z.object({
  loadId: z.string(),
  eTag: z.string(),
  attributeSet: z.enum(ATTRIBUTE_SETS),
  publishedAt: z.string(),
  manifestCreatedAt: text,
  billingMonth: text,
  counts: z.object({
    blobs: whole,
    read: whole,
    staged: whole,
    rejected: whole,
    inserted: whole,
    updated: whole,
    deleted: whole,
    unchanged: whole,
    rounded: whole,
  }),
  sums: z.record(z.string(), z.string()),
});

const runSchema = z.object({
  runId: z.string(),
  startedAt: z.string(),
  finishedAt: text,
  connectorVersion: z.string(),
  outcome: z.string(),
  exitCode: z.number().int().nullable(),
  counts: z.string(),
});

const stateSchema: z.ZodType<RecordedState> = z.object({
  tenantId: text,
  scopes: z.array(
    z.object({
      scope: scopeRecordSchema,
      state: z.enum(SCOPE_STATES),
      firstAskedAt: text,
      lastAskedAt: text,
      lastCheckedAt: text,
      lastAnswer: text,
      nextCheckAt: text,
      allowedEmptyAt: text,
      firstManifestAt: text,
      snapshot: snapshotSchema.nullable(),
    }),
  ),
  invoices: z.array(
    z.object({
      invoice: z.string(),
      amendsOf: text,
      documentType: text,
      status: text,
      invoiceDate: text,
      billingMonth: text,
      currency: text,
      totalCharges: text,
      rowHash: z.string(),
    }),
  ),
  invoiceListReadAt: text,
  agreements: z.array(
    z.object({ invoice: z.string(), agrees: z.boolean().nullable(), usageLines: whole.nullable() }),
  ),
  lastRun: runSchema.nullable(),
});

/** `state.json` of a spool: what was recorded when a run last looked. */
export const rememberedStateSchema = z.object({ version: z.literal(1), state: stateSchema });

const readingSchema = z.object({
  tenantId: z.string(),
  runId: z.string(),
  loadId: z.string(),
  readAt: z.iso.datetime().transform((instant) => new Date(instant)),
  since: text,
  invoices: z.array(
    z.object({
      record: z.object({ values: z.record(z.string(), text), extra: text, rowHash: z.string() }),
      billingMonth: text,
    }),
  ),
  correlationId: text,
});

/** `unrecorded.json` of a spool: what is to be recorded when the destination's file is free again. */
export const deferredWritesSchema = z.object({
  version: z.literal(1),
  readings: z.array(readingSchema),
  answers: z.array(
    z.object({
      scope: scopeRecordSchema,
      state: z.enum(SCOPE_STATES).nullable(),
      askedAt: z.string(),
      answer: z.string(),
      checked: z.boolean(),
      allowedEmpty: z
        .boolean()
        .optional()
        .transform((said) => said === true),
    }),
  ),
  runs: z.array(runSchema),
}) satisfies z.ZodType<DeferredWrites>;
