import type { Scope } from '../../schemas/scope.js';
import type { AttributeSet } from '../../schemas/streams.js';

/** How a scope stands (`_scopes.state`). */
export const SCOPE_STATES = ['published', 'pending', 'no data', 'refused', 'superseded'] as const;

/** One of {@link SCOPE_STATES}. */
export type ScopeStateName = (typeof SCOPE_STATES)[number];

/** What is recorded of one scope. Instants are ISO 8601 in UTC; sums are canonical decimal texts by currency. */
export interface ScopeState {
  readonly scope: Scope;
  readonly state: ScopeStateName;
  /** When it was first asked for. */
  readonly firstAskedAt: string | null;
  readonly lastAskedAt: string | null;
  /** When Graph last answered what it has; an error is no answer. */
  readonly lastCheckedAt: string | null;
  /** What Graph last answered, in a few words: `unchanged`, `published`, `no data (5000)`, an error's message. */
  readonly lastAnswer: string | null;
  /** From when a run asks for it again; null where it does only when asked to. */
  readonly nextCheckAt: string | null;
  /** When a person said by name that it has no data. */
  readonly allowedEmptyAt: string | null;
  /** When Microsoft made the manifest of its first published snapshot: about the day of the invoice. */
  readonly firstManifestAt: string | null;
  /** The published snapshot; null where nothing is published. */
  readonly snapshot: PublishedSnapshot | null;
}

/** A published snapshot as recorded in `_snapshots`. */
export interface PublishedSnapshot {
  readonly loadId: string;
  readonly eTag: string;
  readonly attributeSet: AttributeSet;
  readonly publishedAt: string;
  readonly manifestCreatedAt: string | null;
  /** The calendar month that it bills or estimates, `2026-10`; null where it is not known. */
  readonly billingMonth: string | null;
  readonly counts: PublishCounts;
  readonly sums: Readonly<Record<string, string>>;
}

/** What a publish did. `read = staged + rejected`; `staged = inserted + updated + unchanged`. */
export interface PublishCounts {
  readonly blobs: number;
  readonly read: number;
  readonly staged: number;
  readonly rejected: number;
  readonly inserted: number;
  readonly updated: number;
  readonly deleted: number;
  readonly unchanged: number;
  /** Numbers rounded to 22 fractional digits; their exact text is in `_extra`. */
  readonly rounded: number;
}

/** One invocation of the connector, as recorded in `_runs`. */
export interface RunRecord {
  readonly runId: string;
  readonly startedAt: string;
  readonly finishedAt: string | null;
  readonly connectorVersion: string;
  readonly outcome: string;
  readonly exitCode: number | null;
  /** What the run did with its scopes, as JSON text. */
  readonly counts: string;
}

/** A document of Partner Center's invoice list as recorded in `invoices`. Instants are ISO 8601 in UTC. */
export interface RecordedInvoice {
  readonly invoice: string;
  readonly amendsOf: string | null;
  readonly documentType: string | null;
  readonly status: string | null;
  readonly invoiceDate: string | null;
  /** The calendar month that it bills, `2026-10`. */
  readonly billingMonth: string | null;
  readonly currency: string | null;
  /** Canonical decimal text. */
  readonly totalCharges: string | null;
  readonly rowHash: string;
}

/** What comparing an invoice's usage with its lines found when one of them was last published (`_agreements`). */
export interface Agreement {
  readonly invoice: string;
  /** Null where they cannot be compared: one is missing, or was exported as `basic`. */
  readonly agrees: boolean | null;
  /** Lines that charge usage; null where that cannot be told. */
  readonly usageLines: number | null;
}

/** The last time that a person declared an invoice right (`invoice_sign_offs`), and what became of it since. */
export interface SignOff {
  readonly invoice: string;
  readonly signedBy: string;
  /** ISO 8601, UTC. */
  readonly signedAt: string;
  /** What did not match when it was signed all the same; null where everything that was checked did. */
  readonly despite: string | null;
  /** Empty where the invoice is what was signed. */
  readonly changes: readonly SignOffChange[];
}

/** How something of a signed invoice differs from what was signed. */
export interface SignOffChange {
  /** A billed stream, `invoices` for the header, or the number of an amendment. */
  readonly of: string;
  readonly what: 'restated' | 'added' | 'gone' | 'amended';
  /** By how much it rose, by currency: canonical decimal texts, `0` where lines changed and their sum did not. */
  readonly moved: Readonly<Record<string, string>>;
}

/** Everything that planning and `status` need to know of a dataset. */
export interface RecordedState {
  /** The partner tenant that the dataset belongs to; null before the first publish. */
  readonly tenantId: string | null;
  readonly scopes: readonly ScopeState[];
  readonly invoices: readonly RecordedInvoice[];
  /** When the invoice list was last read and recorded; null where it never was. */
  readonly invoiceListReadAt: string | null;
  readonly agreements: readonly Agreement[];
  readonly signOffs: readonly SignOff[];
  readonly lastRun: RunRecord | null;
}

/** The state of a dataset that nothing was ever recorded in. */
export const NOTHING_RECORDED: RecordedState = {
  tenantId: null,
  scopes: [],
  invoices: [],
  invoiceListReadAt: null,
  agreements: [],
  signOffs: [],
  lastRun: null,
};

/** One scope's answer other than a publish, to be recorded in `_scopes`. */
export interface ScopeAnswer {
  readonly scope: Scope;
  /** Null leaves the recorded state as it is (a check that found nothing new). */
  readonly state: ScopeStateName | null;
  readonly askedAt: string;
  readonly answer: string;
  /** Whether Graph answered what it has; false for an error. */
  readonly checked: boolean;
  /** A person said by name that it has no data. */
  readonly allowedEmpty?: boolean;
}

/** When a scope is to be asked for again. */
export interface NextCheck {
  readonly scope: Scope;
  /** ISO 8601, UTC; null: only when it is asked for by name. */
  readonly at: string | null;
}
