import type { ListedInvoice } from '../../schemas/invoice-record.js';
import type { Scope } from '../../schemas/scope.js';

export type { ListedInvoice };

/** One reading of Partner Center's invoice list, whole. */
export interface InvoiceListReading {
  readonly tenantId: string;
  readonly runId: string;
  /** Recorded as `_load_id` in the rows that it changes. */
  readonly loadId: string;
  readonly readAt: Date;
  /** Only invoices from the first day of this month on were asked for, `2025-01`; null: all. */
  readonly since: string | null;
  readonly invoices: readonly ListedInvoice[];
  readonly correlationId: string | null;
}

/** What recording a reading changed. */
export interface InvoiceListChanges {
  readonly inserted: number;
  readonly updated: number;
  readonly deleted: number;
  readonly unchanged: number;
  /** The list was empty over recorded documents: they are kept. */
  readonly isKept: boolean;
  /** Unbilled scopes that this reading superseded. */
  readonly superseded: readonly Scope[];
}
