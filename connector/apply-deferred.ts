import { scopeLabel, type Scope } from '../schemas/scope.js';
import { notOvertaken, type DeferredWrites } from './deferred-writes.js';
import { monthsToClose } from './load/close-months.js';
import type {
  NextCheck,
  RecordedInvoice,
  RecordedState,
  RunRecord,
  ScopeAnswer,
  ScopeState,
} from './load/destination.js';
import type { InvoiceListReading, ListedInvoice } from './load/invoice-list-reading.js';
import { isInReach } from './load/invoice-reach.js';

/**
 * The state as it will be recorded once what was deferred is written, so that planning sees what was answered while
 * somebody held the destination. A test holds it against what the destination itself makes of the same writes. Pure.
 */
export function applyDeferred(state: RecordedState, pending: readonly DeferredWrites[]): RecordedState {
  return pending.reduce((before, entry) => {
    const { readings, answers, nextChecks, runs } = notOvertaken(before, entry);
    let after = readings.reduce(withReading, before);
    after = answers.reduce(withAnswer, after);
    after = nextChecks.reduce(withNextCheck, after);
    return runs.reduce(withRun, after);
  }, state);
}

function withAnswer(state: RecordedState, answer: ScopeAnswer): RecordedState {
  const found = state.scopes.find((one) => scopeLabel(one.scope) === scopeLabel(answer.scope));
  const before = found ?? neverAsked(answer.scope);
  const askedAt = iso(answer.askedAt);
  return withScope(state, {
    ...before,
    state: before.state === 'superseded' ? before.state : (answer.state ?? before.state),
    firstAskedAt: before.firstAskedAt ?? askedAt,
    lastAskedAt: askedAt,
    lastAnswer: answer.answer,
    lastCheckedAt: answer.checked ? askedAt : before.lastCheckedAt,
    allowedEmptyAt: answer.allowedEmpty === true ? askedAt : before.allowedEmptyAt,
  });
}

function withNextCheck(state: RecordedState, { scope, at }: NextCheck): RecordedState {
  const found = state.scopes.find((one) => scopeLabel(one.scope) === scopeLabel(scope));
  return found === undefined
    ? state
    : withScope(state, { ...found, nextCheckAt: at === null ? null : iso(at) });
}

function withRun(state: RecordedState, run: RunRecord): RecordedState {
  const kept = {
    ...run,
    startedAt: iso(run.startedAt),
    finishedAt: run.finishedAt === null ? null : iso(run.finishedAt),
  };
  const { lastRun } = state;
  if (lastRun === null) return { ...state, lastRun: kept };
  if (lastRun.runId === run.runId) {
    const { startedAt, connectorVersion } = lastRun;
    return { ...state, lastRun: { ...kept, startedAt, connectorVersion } };
  }
  return orderOf(kept) > orderOf(lastRun) ? { ...state, lastRun: kept } : state;
}

function withReading(state: RecordedState, reading: InvoiceListReading): RecordedState {
  const recorded = new Map(state.invoices.map((one) => [one.invoice, one]));
  const invoices = new Map(recorded);
  const named = new Set<string>();
  for (const listed of reading.invoices) {
    const invoice = recordedInvoice(listed);
    named.add(invoice.invoice);
    const before = recorded.get(invoice.invoice);
    const isSame = before?.rowHash === invoice.rowHash && before?.billingMonth === invoice.billingMonth;
    if (!isSame) invoices.set(invoice.invoice, invoice);
  }
  const gone = [...recorded.keys()].filter(
    (one) => !named.has(one) && isInReach(one, recorded, reading.since),
  );
  // An empty list removes nothing.
  if (reading.invoices.length > 0) gone.forEach((one) => invoices.delete(one));
  const after = {
    ...state,
    tenantId: state.tenantId ?? reading.tenantId.toLowerCase(),
    invoices: [...invoices.values()].sort((one, other) => (one.invoice < other.invoice ? -1 : 1)),
    invoiceListReadAt: reading.readAt.toISOString(),
  };
  return withClosedMonths(after, reading.readAt);
}

function withClosedMonths(state: RecordedState, now: Date): RecordedState {
  const labels = new Set(monthsToClose(state, now).map(scopeLabel));
  const scopes = state.scopes.map((one) =>
    labels.has(scopeLabel(one.scope)) ? { ...one, state: 'superseded' as const, nextCheckAt: null } : one,
  );
  return { ...state, scopes };
}

function withScope(state: RecordedState, changed: ScopeState): RecordedState {
  const label = scopeLabel(changed.scope);
  const others = state.scopes.filter((one) => scopeLabel(one.scope) !== label);
  const scopes = [...others, changed].sort((one, other) =>
    scopeLabel(one.scope) < scopeLabel(other.scope) ? -1 : 1,
  );
  return { ...state, scopes };
}

function neverAsked(scope: Scope): ScopeState {
  return {
    scope,
    state: 'pending',
    firstAskedAt: null,
    lastAskedAt: null,
    lastCheckedAt: null,
    lastAnswer: null,
    nextCheckAt: null,
    allowedEmptyAt: null,
    firstManifestAt: null,
    snapshot: null,
  };
}

function recordedInvoice({ record, billingMonth }: ListedInvoice): RecordedInvoice {
  const value = (name: string): string | null => record.values[name] ?? null;
  const date = value('invoice_date');
  return {
    invoice: value('invoice_number') ?? '',
    amendsOf: value('amends_of'),
    documentType: value('document_type'),
    status: value('status'),
    invoiceDate: date === null ? null : iso(`${date}Z`),
    billingMonth,
    currency: value('currency'),
    totalCharges: value('total_charges'),
    rowHash: record.rowHash,
  };
}

/** The last run is the one that started last. */
function orderOf({ startedAt, runId }: RunRecord): string {
  return `${startedAt} ${runId}`;
}

/** As it comes back from a destination. */
function iso(instant: string): string {
  return new Date(instant).toISOString();
}
