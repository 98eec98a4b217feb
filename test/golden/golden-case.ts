import type { PublishRequest } from '../../connector/load/destination.js';
import type { ListedInvoice } from '../../schemas/invoice-record.js';
import type { Scope } from '../../schemas/scope.js';
import type { AttributeSet } from '../../schemas/streams.js';
import type { SourceRecord } from '../snapshot.js';

/** One snapshot as it is published, by the product's own parser and publish. */
export interface GivenSnapshot {
  /** Its load id, unique in the view's golden data; `snapshot_ids` shows it. Its eTag is `e-` and this. */
  readonly load: string;
  readonly scope: Scope;
  /** `full` where not said. */
  readonly attributeSet?: AttributeSet;
  /** Records, or lines as they stand where they are to be rejected (say `rejectedLimit` in `request` then). */
  readonly records: readonly (SourceRecord | string)[];
  /** When it is published, ISO 8601 in UTC; snapshots are published in the order in which they are given. */
  readonly at: string;
  /** What the request to publish it says otherwise. */
  readonly request?: Partial<PublishRequest>;
}

/** What a person stated of an invoice (`invoice_statements`). */
export interface GivenStatement {
  readonly invoice: string;
  readonly currency: string;
  readonly preTax: string;
  readonly tax: string;
  /** ISO 8601 in UTC. */
  readonly at: string;
}

/** What is in the dataset before the view is asked. */
export interface Given {
  /** Documents of Partner Center's list (test/listed-invoice.ts); those of all cases are one reading, recorded first. */
  readonly invoices?: readonly ListedInvoice[];
  readonly snapshots?: readonly GivenSnapshot[];
  readonly statements?: readonly GivenStatement[];
  /** Statements run by hand at the end, for what publishing cannot make; `{d}` is the dataset. */
  readonly sql?: readonly string[];
}

/**
 * A row that the view must give: columns to their values as text (decimals in canonical text, `12.5` and not `12.50`;
 * dates `2026-11-01`; timestamps `2026-11-09 12:00:00`; null is null), and why, by reasoning from the rules.
 */
export type ExpectedRow = Readonly<Record<string, string | null>> & { readonly because: string };

/** Something given, and all rows that the view must give because of it. */
export interface GoldenCase {
  /** A sentence. */
  readonly name: string;
  readonly given: Given;
  readonly expected: readonly ExpectedRow[];
}

/**
 * The golden data of one view, made by hand. All cases are put into one dataset, so they must be of different invoices
 * (or months); the view must give exactly the rows of all cases, in any order. Every expected row names the same columns.
 */
export interface GoldenView {
  readonly view: string;
  /** Set where several golden data are of one view: what tells these apart, `without invoices listed`. */
  readonly variant?: string;
  readonly cases: readonly GoldenCase[];
}
