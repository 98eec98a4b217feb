import type { RecheckConfig } from '../schemas/config.js';
import { isExportable, isNote, isVoid } from '../schemas/invoice-kind.js';
import { scopeLabel, type InvoiceScope } from '../schemas/scope.js';
import type { AttributeSet } from '../schemas/streams.js';
import type { Agreement, RecordedInvoice, RecordedState, ScopeState } from './load/destination.js';

/** Days between two checks of an invoice that is asked for weekly. */
const WEEK = 7;
/** Through this day of the month an invoice may still come; after it, it is missing (domain.md, calendar of section C3). */
const DUE_DAY = 11;
const DAY_MS = 86_400_000;

/** Whether a run asks for an invoice again, and why. */
export type Recheck =
  | { readonly ask: true; readonly reason: string }
  /** `nextCheckAt` is null where only a person asks for it again. */
  | { readonly ask: false; readonly reason: string; readonly nextCheckAt: string | null };

/** What code 5000 (no data) means for a scope that nothing is published of. */
export type NoDataMeaning = 'no data' | 'pending' | 'failed';

/** What is known of an invoice in one stream. */
export interface InvoiceFacts {
  readonly scope: InvoiceScope;
  readonly recorded: ScopeState | undefined;
  readonly listed: RecordedInvoice | undefined;
  readonly agreement: Agreement | undefined;
  /** The usage of the invoice: whether it was answered that there is none. */
  readonly usageIsNone: boolean;
}

/** Looks up {@link InvoiceFacts} in what is recorded. */
export function invoiceFacts(state: RecordedState): (scope: InvoiceScope) => InvoiceFacts {
  const scopes = new Map(state.scopes.map((entry) => [scopeLabel(entry.scope), entry]));
  const invoices = new Map(state.invoices.map((entry) => [entry.invoice, entry]));
  const agreements = new Map(state.agreements.map((entry) => [entry.invoice, entry]));
  return (scope) => ({
    scope,
    recorded: scopes.get(scopeLabel(scope)),
    listed: invoices.get(scope.invoice),
    agreement: agreements.get(scope.invoice),
    usageIsNone: scopes.get(scopeLabel({ ...scope, stream: 'billed_usage' }))?.state === 'no data',
  });
}

/**
 * Whether a run asks for an invoice again: what was never answered, failed or was refused always; a published one by
 * every run until its usage and its lines agree or `nightly_until_day` has passed, then once a week through
 * `weekly_until_day`, then only by name. Days are days of the UTC calendar since the date of the invoice. Pure.
 */
export function recheck(
  facts: InvoiceFacts,
  wanted: AttributeSet,
  config: RecheckConfig,
  now: Date,
): Recheck {
  const { recorded } = facts;
  if (recorded === undefined) return { ask: true, reason: 'never asked for' };
  const { snapshot, lastAnswer } = recorded;
  if (snapshot === null && recorded.state !== 'no data')
    return { ask: true, reason: `nothing published yet (${lastAnswer ?? recorded.state})` };
  if (recorded.allowedEmptyAt !== null && snapshot === null)
    return {
      ask: false,
      reason: `a person said on ${day(recorded.allowedEmptyAt)} that it has no data`,
      nextCheckAt: null,
    };
  if (snapshot !== null && snapshot.attributeSet !== wanted)
    return { ask: true, reason: `published as ${snapshot.attributeSet}, wanted as ${wanted}` };
  if (recorded.state === 'refused')
    return { ask: true, reason: `what came last was refused (${lastAnswer ?? ''})` };
  if (isUnanswered(recorded)) return { ask: true, reason: `the last attempt failed (${lastAnswer ?? ''})` };
  return byAge(facts, config, now);
}

function byAge(facts: InvoiceFacts, config: RecheckConfig, now: Date): Recheck {
  const age = ageInDays(facts, now);
  const what =
    facts.recorded?.snapshot === null
      ? 'no data so far'
      : `published at eTag ${facts.recorded?.snapshot?.eTag ?? ''}`;
  const agrees = isAgreed(facts);
  const told = agrees ? agreedText(facts) : `day ${age}`;
  if (!agrees && age <= config.nightly_until_day) {
    const until = `every run asks whether it changed until usage and lines agree, or through day ${config.nightly_until_day}`;
    return { ask: true, reason: `${what}, day ${age}; ${until}` };
  }
  const nextDay = dayNumber(facts.recorded?.lastCheckedAt ?? now) + WEEK;
  const today = dayNumber(now);
  if (age <= config.weekly_until_day && nextDay <= today)
    return { ask: true, reason: `${what}, ${told}; asked once a week whether it changed` };
  const nextAge = age + Math.max(0, nextDay - today);
  if (nextAge <= config.weekly_until_day) {
    const nextCheckAt = new Date(nextDay * DAY_MS).toISOString();
    return { ask: false, reason: `${what}, ${told}; asked again from ${day(nextCheckAt)}`, nextCheckAt };
  }
  return { ask: false, reason: `${what}, day ${age}; asked for again only by name`, nextCheckAt: null };
}

/**
 * What code 5000 means for an invoice that nothing is published of: documents that have no data of their own, old ones,
 * and the usage of an invoice whose lines charge none have `no data`; until the 11th that follows the date of the invoice
 * its data is `pending`; after it the data is missing, which is a failure. Pure.
 */
export function meaningOfNoData(facts: InvoiceFacts, config: RecheckConfig, now: Date): NoDataMeaning {
  if (!isExportable(facts.scope.invoice) || isUsuallyNone(facts)) return 'no data';
  if (ageInDays(facts, now) > config.weekly_until_day) return 'no data';
  return dayNumber(now) <= dayNumber(dueDate(facts, now)) ? 'pending' : 'failed';
}

/** Whether it is nobody's concern that there is no data: a note's or a void document's, or usage that no line charges. Pure. */
export function isUsuallyNone(facts: InvoiceFacts): boolean {
  const { scope, agreement } = facts;
  if (isCorrection(facts)) return true;
  return scope.stream === 'billed_usage' && agreement?.usageLines === 0;
}

/** The first 11th on or after the date of the invoice. */
function dueDate(facts: InvoiceFacts, now: Date): Date {
  const date = dateOf(facts, now);
  const months = date.getUTCDate() <= DUE_DAY ? 0 : 1;
  return new Date(Date.UTC(date.getUTCFullYear(), date.getUTCMonth() + months, DUE_DAY));
}

/** Days of the UTC calendar since the date of the invoice; as near as can be told where no list names it. */
function ageInDays(facts: InvoiceFacts, now: Date): number {
  return dayNumber(now) - dayNumber(dateOf(facts, now));
}

function dateOf({ listed, recorded }: InvoiceFacts, now: Date): Date {
  const date = listed?.invoiceDate ?? recorded?.firstManifestAt ?? recorded?.firstAskedAt ?? null;
  return date === null ? now : new Date(date);
}

/** Usage and lines agree, or there is nothing to agree: no usage, or a note without data of its own. */
function isAgreed(facts: InvoiceFacts): boolean {
  const { agreement, usageIsNone } = facts;
  if (isNoteWithoutData(facts)) return true;
  return agreement?.agrees === true || (agreement?.usageLines === 0 && usageIsNone);
}

function agreedText(facts: InvoiceFacts): string {
  return isNoteWithoutData(facts) ? 'a document that may have none of its own' : 'usage and lines agree';
}

function isNoteWithoutData(facts: InvoiceFacts): boolean {
  return isCorrection(facts) && facts.recorded?.state === 'no data';
}

function isCorrection({ listed }: InvoiceFacts): boolean {
  return listed !== undefined && (isNote(listed) || isVoid(listed));
}

/** The last time that it was asked for, Graph did not answer what it has. */
function isUnanswered({ lastAskedAt, lastCheckedAt }: ScopeState): boolean {
  return lastAskedAt !== null && (lastCheckedAt === null || lastCheckedAt < lastAskedAt);
}

function dayNumber(instant: Date | string): number {
  return Math.floor(new Date(instant).getTime() / DAY_MS);
}

function day(instant: string): string {
  return instant.slice(0, 10);
}
