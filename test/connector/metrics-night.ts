import type { Clock } from '../../connector/clock.js';
import {
  NOTHING_RECORDED,
  type RecordedState,
  type ScopeState,
} from '../../connector/load/recorded-state.js';
import { RunMetrics } from '../../connector/metrics.js';
import type { RunSummary, ScopeSummary } from '../../connector/run-summary.js';
import type { ProgressEvent } from '../../schemas/progress.js';
import type { Scope } from '../../schemas/scope.js';

/** When the night is. */
export const NOW = new Date('2026-11-27T03:00:00Z');
/** The labels of its configuration. */
export const IDENTITY = {
  tenant: '0e195b37-4574-4539-bc42-0e539b9684c0',
  dataset: 'csp',
  destination: 'duckdb',
};
/** The invoice that is published in it. */
export const INVOICE: Scope = { by: 'invoice', stream: 'billed_usage', invoice: 'G016907411' };
const MONTH: Scope = { by: 'month', stream: 'unbilled_usage', month: '2026-11', currency: 'USD' };

const counts = {
  blobs: 1,
  read: 1010,
  staged: 1000,
  rejected: 10,
  inserted: 1000,
  updated: 0,
  deleted: 0,
  unchanged: 0,
  rounded: 0,
};

function scope(given: Partial<ScopeSummary>): ScopeSummary {
  return {
    stream: 'billed_usage',
    scope: 'G1',
    outcome: 'unchanged',
    exitCode: 0,
    reason: '',
    warnings: [],
    ...given,
  };
}

/** A summary with these scopes. */
export function summary(scopes: readonly ScopeSummary[]): RunSummary {
  return {
    runId: 'R',
    connectorVersion: '0.0.0',
    startedAt: NOW.toISOString(),
    finishedAt: NOW.toISOString(),
    outcome: 'in a few words',
    exitCode: 0,
    invoiceList: null,
    readCopy: null,
    retention: null,
    scopes,
    left: 0,
    warnings: [],
  };
}

/** A night: one scope published, one unchanged, one refused for its records. */
export const EVENTS: readonly ProgressEvent[] = [
  { event: 'run.started', runId: 'R' },
  { event: 'scope.started', scope: INVOICE, reason: 'never asked for' },
  { event: 'export.requested', scope: INVOICE },
  {
    event: 'retried',
    scope: INVOICE,
    what: 'poll',
    cause: 'Graph answered 503',
    why: 'server',
    attempt: 1,
    waitMs: 5,
  },
  {
    event: 'retried',
    scope: INVOICE,
    what: 'poll',
    cause: 'Graph answered 502',
    why: 'server',
    attempt: 2,
    waitMs: 5,
  },
  { event: 'retried', what: 'blob', cause: 'something', attempt: 1, waitMs: 5 },
  { event: 'export.polled', scope: INVOICE, status: 'running', waitMs: 10_000 },
  { event: 'export.polled', scope: INVOICE, status: 'running', waitMs: 12_500 },
  { event: 'export.polled', scope: MONTH, status: 'running', waitMs: 1000 },
  { event: 'export.polled', scope: INVOICE, status: 'succeeded', waitMs: 0 },
  { event: 'blob.bytes', scope: INVOICE, blob: 'a', bytes: 500 },
  { event: 'blob.whole', scope: INVOICE, blob: 'a', bytes: 1000 },
  { event: 'blob.whole', scope: INVOICE, blob: 'b', bytes: 24 },
  { event: 'load.records', scope: INVOICE, records: 900, blobsDone: 0 },
  { event: 'scope.finished', scope: INVOICE, outcome: 'published', exitCode: 0 },
];
/** What became of its scopes. */
export const SCOPES: readonly ScopeSummary[] = [
  scope({ outcome: 'published', counts }),
  scope({ scope: 'G2' }),
  scope({
    stream: 'unbilled_usage',
    outcome: 'refused',
    exitCode: 4,
    error: { kind: 'data', message: '', hint: '', facts: { rejected: 7, read: 9 } },
  }),
];

function recorded(given: Scope, made: string | null, state: ScopeState['state'] = 'published'): ScopeState {
  return {
    scope: given,
    state,
    firstAskedAt: null,
    lastAskedAt: null,
    lastCheckedAt: null,
    lastAnswer: null,
    nextCheckAt: null,
    allowedEmptyAt: null,
    firstManifestAt: null,
    snapshot: {
      loadId: 'l',
      eTag: 'e',
      attributeSet: 'full',
      publishedAt: '2026-11-26T03:00:00.000Z',
      manifestCreatedAt: made,
      billingMonth: null,
      counts,
      sums: {},
    },
  };
}

const month = (name: string, currency: string): Scope => ({
  by: 'month',
  stream: 'unbilled_usage',
  month: name,
  currency,
});
/** What is recorded after it. */
export const STATE: RecordedState = {
  ...NOTHING_RECORDED,
  scopes: [
    recorded(INVOICE, '2026-10-08T00:00:00.000Z'),
    recorded({ ...INVOICE, invoice: 'G2' }, '2026-11-08T00:00:00.000Z'),
    recorded(month('2026-11', 'USD'), '2026-11-27T01:00:00.000Z'),
    recorded(month('2026-11', 'EUR'), '2026-11-27T02:00:00.000Z'),
    recorded(month('2026-10', 'USD'), '2026-11-01T00:00:00.000Z', 'superseded'),
    recorded(month('2026-07', 'USD'), '2026-08-01T00:00:00.000Z'),
    { ...recorded(month('2026-11', 'GBP'), null), snapshot: null },
    recorded({ ...INVOICE, stream: 'billed_reconciliation' }, null),
  ],
};

/** A clock that stands until `ms` is set. */
export function clockAt(now = NOW): Clock & { ms: number } {
  return {
    ms: 0,
    now: () => now,
    monotonicMs() {
      return this.ms;
    },
    sleep: () => Promise.resolve(),
  };
}

/** A run that saw the events and ended, 90 seconds after it began. */
export function ended(
  exitCode: number,
  events = EVENTS,
  scopes: readonly ScopeSummary[] | null = SCOPES,
  state: RecordedState | null = STATE,
  identity = IDENTITY,
): RunMetrics {
  const clock = clockAt();
  const run = new RunMetrics({ clock, connectorVersion: '0.0.0', identity });
  for (const event of events) run.report(event);
  clock.ms = 90_000;
  run.end({ exitCode, summary: scopes === null ? null : summary(scopes), state });
  return run;
}
