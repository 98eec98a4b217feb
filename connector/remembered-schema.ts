import { z } from 'zod';
import { scopeRecordSchema } from '../schemas/load-package.js';
import { ATTRIBUTE_SETS } from '../schemas/streams.js';
import type { InvoiceListReading } from './load/invoice-list-reading.js';
import {
  SCOPE_STATES,
  type NextCheck,
  type RecordedState,
  type RunRecord,
  type ScopeAnswer,
} from './load/recorded-state.js';

/**
 * Shapes of what the spool remembers of a destination. They are strict: a file that another version wrote with other
 * members is not understood by halves. The types say that each shape is the one that is recorded.
 */
const instant = z.iso.datetime();
const orNull = <T extends z.ZodType>(schema: T) => schema.nullable();
const text = z.string();
const count = z.int().min(0);

const snapshotSchema = z.strictObject({
  loadId: text,
  eTag: text,
  attributeSet: z.enum(ATTRIBUTE_SETS),
  publishedAt: instant,
  manifestCreatedAt: orNull(instant),
  billingMonth: orNull(text),
  counts: z.strictObject({
    blobs: count,
    read: count,
    staged: count,
    rejected: count,
    inserted: count,
    updated: count,
    deleted: count,
    unchanged: count,
    rounded: count,
  }),
  sums: z.record(text, text),
});

const scopeStateSchema = z.strictObject({
  scope: scopeRecordSchema,
  state: z.enum(SCOPE_STATES),
  firstAskedAt: orNull(instant),
  lastAskedAt: orNull(instant),
  lastCheckedAt: orNull(instant),
  lastAnswer: orNull(text),
  nextCheckAt: orNull(instant),
  allowedEmptyAt: orNull(instant),
  firstManifestAt: orNull(instant),
  snapshot: orNull(snapshotSchema),
});

const recordedInvoiceSchema = z.strictObject({
  invoice: text,
  amendsOf: orNull(text),
  documentType: orNull(text),
  status: orNull(text),
  invoiceDate: orNull(instant),
  billingMonth: orNull(text),
  currency: orNull(text),
  totalCharges: orNull(text),
  rowHash: text,
});

const runRecordSchema: z.ZodType<RunRecord> = z.strictObject({
  runId: text,
  startedAt: instant,
  finishedAt: orNull(instant),
  connectorVersion: text,
  outcome: text,
  exitCode: orNull(z.int()),
  counts: text,
});

/** Everything that is recorded of a dataset. */
export const recordedStateSchema: z.ZodType<RecordedState> = z.strictObject({
  tenantId: orNull(text),
  scopes: z.array(scopeStateSchema),
  invoices: z.array(recordedInvoiceSchema),
  invoiceListReadAt: orNull(instant),
  agreements: z.array(
    z.strictObject({ invoice: text, agrees: orNull(z.boolean()), usageLines: orNull(count) }),
  ),
  signOffs: z.array(
    z.strictObject({
      invoice: text,
      signedBy: text,
      signedAt: instant,
      despite: orNull(text),
      changes: z.array(
        z.strictObject({
          of: text,
          what: z.enum(['restated', 'added', 'gone', 'amended']),
          moved: z.record(text, text),
        }),
      ),
    }),
  ),
  lastRun: orNull(runRecordSchema),
});

const answerSchema: z.ZodType<ScopeAnswer> = z.strictObject({
  scope: scopeRecordSchema,
  state: orNull(z.enum(SCOPE_STATES)),
  askedAt: instant,
  answer: text,
  checked: z.boolean(),
  allowedEmpty: z.boolean().exactOptional(),
});

const nextCheckSchema: z.ZodType<NextCheck> = z.strictObject({
  scope: scopeRecordSchema,
  at: orNull(instant),
});

const readingSchema: z.ZodType<InvoiceListReading> = z.strictObject({
  tenantId: text,
  runId: text,
  loadId: text,
  readAt: instant.transform((at) => new Date(at)),
  since: orNull(text),
  invoices: z.array(
    z.strictObject({
      record: z.strictObject({
        values: z.record(text, orNull(text)),
        extra: orNull(text),
        rowHash: text,
      }),
      billingMonth: orNull(text),
    }),
  ),
  correlationId: orNull(text),
});

/** What one run could not record: see `DeferredWrites` in deferred-writes.ts. */
export const deferredWritesSchema = z.strictObject({
  at: instant,
  readings: z.array(readingSchema),
  answers: z.array(answerSchema),
  nextChecks: z.array(nextCheckSchema),
  runs: z.array(runRecordSchema),
});
