import { BILLED_RECONCILIATION } from './tables/billed-reconciliation.js';
import { BILLED_USAGE } from './tables/billed-usage.js';
import { UNBILLED_RECONCILIATION } from './tables/unbilled-reconciliation.js';
import { UNBILLED_USAGE } from './tables/unbilled-usage.js';
import type { Table } from './table.js';

/** The streams: one kind of Graph export each. */
export const STREAM_NAMES = [
  'billed_usage',
  'unbilled_usage',
  'billed_reconciliation',
  'unbilled_reconciliation',
] as const;

/** One of {@link STREAM_NAMES}. */
export type StreamName = (typeof STREAM_NAMES)[number];

/** A stream: what to ask Graph for, and the table that keeps the answer. */
export interface Stream {
  readonly name: StreamName;
  /** Path of the export action below the Graph base URL (api-contract.md 1.1). */
  readonly exportPath: string;
  readonly table: Table;
}

/** All streams by name. */
export const STREAMS: Readonly<Record<StreamName, Stream>> = {
  billed_usage: {
    name: 'billed_usage',
    exportPath: '/reports/partners/billing/usage/billed/export',
    table: BILLED_USAGE,
  },
  unbilled_usage: {
    name: 'unbilled_usage',
    exportPath: '/reports/partners/billing/usage/unbilled/export',
    table: UNBILLED_USAGE,
  },
  billed_reconciliation: {
    name: 'billed_reconciliation',
    exportPath: '/reports/partners/billing/reconciliation/billed/export',
    table: BILLED_RECONCILIATION,
  },
  unbilled_reconciliation: {
    name: 'unbilled_reconciliation',
    exportPath: '/reports/partners/billing/reconciliation/unbilled/export',
    table: UNBILLED_RECONCILIATION,
  },
};

/** Graph's two attribute sets (api-contract.md 1.3). */
export const ATTRIBUTE_SETS = ['full', 'basic'] as const;

/** One of {@link ATTRIBUTE_SETS}. */
export type AttributeSet = (typeof ATTRIBUTE_SETS)[number];

/** Graph's two open billing periods (api-contract.md 1.3). */
export const BILLING_PERIODS = ['current', 'last'] as const;

/** One of {@link BILLING_PERIODS}. */
export type BillingPeriod = (typeof BILLING_PERIODS)[number];
