import { scopeLabel } from '../schemas/scope.js';
import type {
  DestinationSession,
  RecordedInvoice,
  RecordedState,
  RunRecord,
  ScopeAnswer,
  ScopeState,
} from './load/destination.js';
import type { InvoiceListReading, ListedInvoice } from './load/invoice-list-reading.js';

/** What is to be recorded when the file that somebody holds is free again, each in the order in which it came. */
export interface DeferredWrites {
  readonly readings: readonly InvoiceListReading[];
  readonly answers: readonly ScopeAnswer[];
  readonly runs: readonly RunRecord[];
}

/** Nothing waits. */
export const NOTHING_DEFERRED: DeferredWrites = { readings: [], answers: [], runs: [] };

/** Whether nothing waits. */
export function isNothing({ readings, answers, runs }: DeferredWrites): boolean {
  return readings.length + answers.length + runs.length === 0;
}

/** Records what waited. Doing it twice changes nothing, so a run may die before it forgets what it wrote. */
export async function writeDeferred(session: DestinationSession, writes: DeferredWrites): Promise<void> {
  for (const reading of writes.readings) await session.recordInvoiceList(reading);
  await session.recordAnswers(writes.answers);
  for (const run of writes.runs) await session.recordRun(run);
}

/** What a run that plans sees: what is recorded, and what waits to be. Pure. */
export function applyDeferred(state: RecordedState, writes: Partial<DeferredWrites>): RecordedState {
  const { readings = [], answers = [], runs = [] } = writes;
  const listed = readings.reduce(withReading, state);
  const scopes = answers.reduce(withAnswer, listed.scopes);
  return { ...listed, scopes, lastRun: runs.at(-1) ?? listed.lastRun };
}

/** An empty reading removes nothing, as when it is recorded; what one no longer names goes only when it is recorded. */
function withReading(state: RecordedState, reading: InvoiceListReading): RecordedState {
  const named = new Map(reading.invoices.map(recordedInvoice).map((one) => [one.invoice, one]));
  const others = state.invoices.filter(({ invoice }) => !named.has(invoice));
  return {
    ...state,
    invoices: [...others, ...named.values()].sort((a, b) => (a.invoice < b.invoice ? -1 : 1)),
    invoiceListReadAt: reading.readAt.toISOString(),
  };
}

function recordedInvoice({ record, billingMonth }: ListedInvoice): RecordedInvoice {
  const { values } = record;
  return {
    invoice: values['invoice_number'] ?? '',
    amendsOf: values['amends_of'] ?? null,
    documentType: values['document_type'] ?? null,
    status: values['status'] ?? null,
    invoiceDate: instant(values['invoice_date']),
    billingMonth,
    currency: values['currency'] ?? null,
    totalCharges: values['total_charges'] ?? null,
    rowHash: record.rowHash,
  };
}

/** Canonical texts have no zone and are UTC. */
function instant(text: string | null | undefined): string | null {
  return text === null || text === undefined ? null : new Date(`${text}Z`).toISOString();
}

function withAnswer(scopes: readonly ScopeState[], answer: ScopeAnswer): readonly ScopeState[] {
  const label = scopeLabel(answer.scope);
  const before = scopes.find(({ scope }) => scopeLabel(scope) === label);
  const after: ScopeState = {
    scope: answer.scope,
    state: answer.state ?? before?.state ?? 'pending',
    firstAskedAt: before?.firstAskedAt ?? answer.askedAt,
    lastAskedAt: answer.askedAt,
    lastCheckedAt: answer.checked ? answer.askedAt : (before?.lastCheckedAt ?? null),
    lastAnswer: answer.answer,
    nextCheckAt: before?.nextCheckAt ?? null,
    allowedEmptyAt: answer.allowedEmpty === true ? answer.askedAt : (before?.allowedEmptyAt ?? null),
    firstManifestAt: before?.firstManifestAt ?? null,
    snapshot: before?.snapshot ?? null,
  };
  return before === undefined ? [...scopes, after] : scopes.map((one) => (one === before ? after : one));
}
