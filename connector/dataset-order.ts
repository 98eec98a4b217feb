import type { Config } from '../schemas/config.js';
import { isExportable, isNote, isVoid } from '../schemas/invoice-kind.js';
import { monthOf, scopeLabel, type Scope } from '../schemas/scope.js';
import type { StreamName } from '../schemas/streams.js';
import type { RecordedInvoice, RecordedState, ScopeState } from './load/destination.js';
import { currencyWarnings } from './plan-warnings.js';
import { durationText } from './quantity-text.js';
import { invoiceFacts, meaningOfNoData } from './recheck.js';
import { restatedText } from './sign-off-text.js';
import { expectationOf, SETTLED_AFTER_DAY } from './scope-expectation.js';

const DAY_MS = 86_400_000;
/** A run comes every night: after this long it did not. */
const RUN_DUE_MS = 1.5 * DAY_MS;

/** A load package in the spool, as far as order is concerned. */
export interface WaitingPackage {
  readonly stream: string;
  readonly scope: string;
  readonly state: 'unfinished' | 'refused';
  readonly detail: string;
}

/**
 * What of a dataset needs a look by a person, each a sentence; empty: everything is in order. `pending` invoices that
 * are not due yet and superseded months are in order. Pure.
 */
export function whatNeedsALook(
  config: Config,
  state: RecordedState,
  packages: readonly WaitingPackage[],
  now: Date,
): readonly string[] {
  return [
    ...state.signOffs.flatMap((one) => restatedText(one) ?? []),
    ...aboutLastRun(state, now),
    ...state.scopes
      .filter(({ scope }) => config.streams[scope.stream] !== undefined)
      .flatMap((entry) => aboutScope(config, state, entry, now)),
    ...missingInvoices(config, state, now),
    ...packages
      .filter(({ state: stands }) => stands === 'unfinished')
      .map(({ stream, scope, detail }) => `${stream} ${scope}: a load package waits in the spool: ${detail}`),
    ...aboutInvoiceList(config, state, now),
    ...currencyWarnings(config, state),
  ];
}

function aboutLastRun({ lastRun, scopes }: RecordedState, now: Date): readonly string[] {
  if (lastRun === null) return scopes.length === 0 ? [] : ['no run is recorded'];
  const { runId, finishedAt, outcome, exitCode, startedAt } = lastRun;
  const age = now.getTime() - Date.parse(finishedAt ?? startedAt);
  return [
    ...(exitCode === 0
      ? []
      : [`the last run (${runId}) ended with exit ${exitCode ?? 'unknown'}: ${outcome}`]),
    ...(age > RUN_DUE_MS
      ? [`the last run ended ${durationText(age)} ago: does the schedule still run?`]
      : []),
  ];
}

function aboutScope(config: Config, state: RecordedState, entry: ScopeState, now: Date): readonly string[] {
  const label = scopeLabel(entry.scope);
  const { lastAskedAt, lastCheckedAt, lastAnswer } = entry;
  if (entry.state === 'refused') return [`${label}: refused: ${lastAnswer ?? ''}`];
  const isUnanswered = lastAskedAt !== null && (lastCheckedAt === null || lastCheckedAt < lastAskedAt);
  if (isUnanswered) return [`${label}: the last attempt failed: ${lastAnswer ?? ''}`];
  if (entry.scope.by === 'invoice' && entry.state === 'pending') {
    const meaning = meaningOfNoData(invoiceFacts(state)(entry.scope), config.recheck, now);
    return meaning === 'failed' ? [`${label}: Graph has no data, though it was due by the 11th`] : [];
  }
  const rejected = withoutRejected(label, entry);
  if (!expectationOf(entry, now).isLate) return rejected;
  const made = entry.snapshot?.manifestCreatedAt ?? entry.snapshot?.publishedAt ?? '';
  return [
    ...rejected,
    `${label}: its data is ${durationText(now.getTime() - Date.parse(made))} old, and new data comes every day`,
  ];
}

/** What is published of a scope that still counts is not whole. */
function withoutRejected(label: string, { state, snapshot }: ScopeState): readonly string[] {
  const { rejected = 0, read = 0 } = snapshot?.counts ?? {};
  if (rejected === 0 || state === 'superseded') return [];
  return [
    `${label}: published without ${rejected} of its ${read} records, which were rejected (\`rejected\` lists them)`,
  ];
}

/** Invoices that the list names for a month that must be billed by now, and that no run has asked for. */
function missingInvoices(config: Config, state: RecordedState, now: Date): readonly string[] {
  const known = new Set(state.scopes.map(({ scope }) => scopeLabel(scope)));
  return (['billed_usage', 'billed_reconciliation'] as const)
    .filter((stream) => config.streams[stream]?.invoices === 'discover')
    .flatMap((stream) => [
      ...state.invoices
        .filter((one) => isWanted(one, config.streams[stream]?.since))
        .map(({ invoice }): Scope => ({ by: 'invoice', stream, invoice }))
        .filter((scope) => !known.has(scopeLabel(scope)))
        .map((scope) => `${scopeLabel(scope)}: named by the invoice list, and not asked for yet`),
      ...billedMonthMissing(state, stream, now),
    ]);
}

function isWanted(document: RecordedInvoice, since: string | undefined): boolean {
  const { invoice, billingMonth } = document;
  const isLater = since === undefined || billingMonth === null || billingMonth >= since;
  return isExportable(invoice) && !isNote(document) && !isVoid(document) && isLater;
}

/** A partner that was billed before is billed every month: its invoice comes by the 8th, and is late after the 11th. */
function billedMonthMissing({ invoices }: RecordedState, stream: StreamName, now: Date): readonly string[] {
  const month = monthOf(now, -1);
  const billed = invoices.filter((one) => isWanted(one, undefined)).map(({ billingMonth }) => billingMonth);
  const wasBilled = billed.some((one) => one !== null && one < month);
  if (now.getUTCDate() <= SETTLED_AFTER_DAY || !wasBilled || billed.includes(month)) return [];
  return [`${stream}: the invoice list names no invoice for ${month}, though it was due by the 8th`];
}

function aboutInvoiceList(
  config: Config,
  { invoiceListReadAt, lastRun }: RecordedState,
  now: Date,
): readonly string[] {
  const discovers = [config.streams.billed_usage, config.streams.billed_reconciliation].some(
    (stream) => stream?.invoices === 'discover',
  );
  if (!discovers || lastRun === null) return [];
  if (invoiceListReadAt === null) return ['the invoice list was never read'];
  const age = now.getTime() - Date.parse(invoiceListReadAt);
  return age > RUN_DUE_MS ? [`the invoice list was last read ${durationText(age)} ago`] : [];
}
