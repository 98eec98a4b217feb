import type {
  Agreement,
  PublishedSnapshot,
  RecordedInvoice,
  ScopeState,
} from '../../connector/load/destination.js';
import type { Scope } from '../../schemas/scope.js';

/** A published snapshot of two records; give what matters to the test. */
export function snapshotRecord(changes: Partial<PublishedSnapshot> = {}): PublishedSnapshot {
  return {
    loadId: 'L1',
    eTag: 'abc',
    attributeSet: 'full',
    publishedAt: '2026-11-22T00:00:00Z',
    manifestCreatedAt: null,
    billingMonth: null,
    counts: {
      blobs: 1,
      read: 2,
      staged: 2,
      rejected: 0,
      inserted: 2,
      updated: 0,
      deleted: 0,
      unchanged: 0,
      rounded: 0,
    },
    sums: {},
    ...changes,
  };
}

/** What is recorded of a scope that was first asked for on 8 November 2026 and last, with an answer, on the 22nd. */
export function scopeRecord(scope: Scope, changes: Partial<ScopeState> = {}): ScopeState {
  return {
    scope,
    state: 'published',
    firstAskedAt: '2026-11-08T05:00:00.000Z',
    lastAskedAt: '2026-11-22T05:00:00.000Z',
    lastCheckedAt: '2026-11-22T05:00:00.000Z',
    lastAnswer: 'published',
    nextCheckAt: null,
    allowedEmptyAt: null,
    firstManifestAt: null,
    snapshot: snapshotRecord(),
    ...changes,
  };
}

/** A document of the invoice list: the invoice of October 2026, dated 8 November. */
export function invoiceRecord(invoice: string, changes: Partial<RecordedInvoice> = {}): RecordedInvoice {
  return {
    invoice,
    amendsOf: null,
    documentType: 'invoice',
    status: 'active',
    invoiceDate: '2026-11-08T00:00:00.000Z',
    billingMonth: '2026-10',
    currency: 'USD',
    totalCharges: '1',
    rowHash: 'h',
    ...changes,
  };
}

/** What comparing usage and lines of an invoice found. */
export function agreementRecord(invoice: string, changes: Partial<Agreement> = {}): Agreement {
  return { invoice, agrees: true, usageLines: 3, ...changes };
}

/** A scope of billed usage. */
export const usageOf = (invoice: string): Scope & { by: 'invoice' } => ({
  by: 'invoice',
  stream: 'billed_usage',
  invoice,
});

/** A scope of billed reconciliation lines. */
export const linesOf = (invoice: string): Scope & { by: 'invoice' } => ({
  by: 'invoice',
  stream: 'billed_reconciliation',
  invoice,
});

/** A scope of unbilled usage. */
export const monthOfUsage = (month: string, currency = 'USD'): Scope & { by: 'month' } => ({
  by: 'month',
  stream: 'unbilled_usage',
  month,
  currency,
});
