import type { Config } from '../schemas/config.js';
import {
  monthOf,
  monthOfPeriod,
  scopeLabel,
  type ExportRequest,
  type InvoiceScope,
  type Scope,
} from '../schemas/scope.js';
import type { AttributeSet, BillingPeriod } from '../schemas/streams.js';
import { monthsToClose } from './load/close-months.js';
import type { NextCheck, RecordedState, ScopeState } from './load/destination.js';
import { checkAllowedEmpty, isAllowedEmpty, requestsOf, selectedStreams } from './plan-requests.js';
import { planWarnings } from './plan-warnings.js';
import {
  invoiceFacts,
  isUsuallyNone,
  meaningOfNoData,
  recheck,
  type InvoiceFacts,
  type NoDataMeaning,
  type Recheck,
} from './recheck.js';
import { EVERYTHING, type Selection } from './selection.js';

/** A load package that an earlier run left in the spool. */
export interface UnfinishedPackage {
  readonly scope: Scope;
  readonly attributeSet: AttributeSet;
  readonly period: BillingPeriod | undefined;
  /** Downloaded to its last blob: it loads without asking Graph. */
  readonly isWhole: boolean;
}

/** An export that will be asked for, and why. */
export interface PlannedExport {
  readonly request: ExportRequest;
  readonly reason: string;
  /** What code 5000 means where nothing is published. */
  readonly whenNoData: NoDataMeaning;
  /** That there is none is usual, and no warning. */
  readonly noDataIsUsual: boolean;
  /** An empty answer is published, also over rows. */
  readonly allowEmpty: boolean;
  /** Exported and published though its eTag is published: what was changed by hand is put right. Absent: no. */
  readonly reload?: boolean;
}

/** A scope that is not asked for. */
export interface LeftScope {
  readonly scope: Scope;
  readonly reason: string;
  /** From when a run asks for it again; null where only a person does. */
  readonly nextCheckAt: string | null;
}

/** What a run would do. */
export interface Plan {
  readonly exports: readonly PlannedExport[];
  readonly left: readonly LeftScope[];
  readonly warnings: readonly string[];
}

/**
 * Decides what to export. Pure: configuration, what is recorded, what lies in the spool, what was named by hand and the
 * time in; the list of exports with their reasons out, and every other scope with the reason why it is left. The month
 * of an unbilled scope is the one that `now` suggests; Graph's answer fixes it.
 * @throws ConfigError when what was named by hand cannot be asked for.
 */
export function planRun(
  config: Config,
  state: RecordedState,
  selection: Selection,
  now: Date,
  unfinished: readonly UnfinishedPackage[] = [],
): Plan {
  const possible = selectedStreams(config, selection).flatMap((stream) =>
    requestsOf(config, stream, selection, state.invoices, now),
  );
  checkAllowedEmpty(selection, possible);
  const requests = [...possible, ...waitingMonths(config, possible, selection, unfinished)];
  const known: Known = {
    ...{ config, selection, now },
    factsOf: invoiceFacts(state),
    waiting: new Set(unfinished.map(({ scope }) => scopeLabel(scope))),
    recorded: new Map(state.scopes.map((entry) => [scopeLabel(entry.scope), entry])),
    closing: new Set(monthsToClose(state, now).map(scopeLabel)),
  };
  const decided = requests.map((request) => decide(request, known));
  const seen = new Set(requests.map(({ scope }) => scopeLabel(scope)));
  const others = state.scopes
    .filter((entry) => !seen.has(scopeLabel(entry.scope)))
    .map((entry) => ({
      scope: entry.scope,
      reason: reasonToLeave(entry, config, selection, now),
      nextCheckAt: null,
    }));
  return {
    exports: decided.filter((one) => 'request' in one),
    left: [...decided.filter((one) => 'scope' in one), ...others],
    warnings: planWarnings(config, state, requests, selection),
  };
}

/** What deciding about one request depends on. */
interface Known {
  readonly config: Config;
  readonly selection: Selection;
  readonly now: Date;
  readonly factsOf: (scope: InvoiceScope) => InvoiceFacts;
  /** Labels of the scopes with an unfinished package. */
  readonly waiting: ReadonlySet<string>;
  readonly recorded: ReadonlyMap<string, ScopeState>;
  /** Labels of the unbilled scopes whose month is billed by now. */
  readonly closing: ReadonlySet<string>;
}

function decide(request: ExportRequest, known: Known): PlannedExport | LeftScope {
  const { scope } = request;
  const { config, selection, now } = known;
  const allowEmpty = isAllowedEmpty(selection, scope);
  if (scope.by === 'month') {
    const isClosing = known.closing.has(scopeLabel(scope));
    const decided = aboutMonth(known.recorded.get(scopeLabel(scope)), isClosing, allowEmpty);
    if (!decided.ask) return { scope, reason: decided.reason, nextCheckAt: decided.nextCheckAt };
    // On its first day no day of it is over.
    const noDataIsUsual = scope.month === monthOf(now) && now.getUTCDate() === 1;
    return { request, reason: decided.reason, whenNoData: 'no data', noDataIsUsual, allowEmpty };
  }
  const facts = known.factsOf(scope);
  const decided = aboutInvoice(facts, request, known);
  if (!decided.ask) return { scope, reason: decided.reason, nextCheckAt: decided.nextCheckAt };
  const whenNoData = allowEmpty ? 'no data' : meaningOfNoData(facts, config.recheck, now);
  return { request, reason: decided.reason, whenNoData, noDataIsUsual: isUsuallyNone(facts), allowEmpty };
}

/** When each recorded scope is to be asked for again: by the next run, from a day on, or (null) only by name. Pure. */
export function nextChecks(config: Config, state: RecordedState, now: Date): readonly NextCheck[] {
  const { exports, left } = planRun(config, state, EVERYTHING, now);
  return [
    ...exports.map(({ request }) => ({ scope: request.scope, at: now.toISOString() })),
    ...left.map(({ scope, nextCheckAt }) => ({ scope, at: nextCheckAt })),
  ];
}

/** Why a superseded scope is not asked for. */
export const SUPERSEDED = 'superseded: the month is billed; kept as it last was';

/** Whole packages of months that Graph no longer offers: they only wait to be loaded. */
function waitingMonths(
  config: Config,
  requests: readonly ExportRequest[],
  selection: Selection,
  unfinished: readonly UnfinishedPackage[],
): readonly ExportRequest[] {
  if (selection.invoices.length > 0 || selection.months !== undefined) return [];
  const asked = new Set(requests.map(({ scope }) => scopeLabel(scope)));
  return unfinished
    .filter(({ scope, isWhole }) => scope.by === 'month' && isWhole && !asked.has(scopeLabel(scope)))
    .filter(({ scope }) => config.streams[scope.stream] !== undefined)
    .filter(({ scope }) => selection.streams.length === 0 || selection.streams.includes(scope.stream))
    .map(({ scope, attributeSet, period }) => ({
      scope,
      attributeSet,
      ...(period === undefined ? {} : { period }),
    }));
}

function aboutMonth(recorded: ScopeState | undefined, isClosing: boolean, allowEmpty: boolean): Recheck {
  if (recorded === undefined) return { ask: true, reason: 'never asked for' };
  if ((recorded.state === 'superseded' || isClosing) && !allowEmpty)
    return { ask: false, reason: SUPERSEDED, nextCheckAt: null };
  if (recorded.snapshot === null)
    return { ask: true, reason: `nothing published yet (${recorded.lastAnswer ?? recorded.state})` };
  return {
    ask: true,
    reason: `published at eTag ${recorded.snapshot.eTag}; an open month is asked for by every run`,
  };
}

function aboutInvoice(facts: InvoiceFacts, request: ExportRequest, known: Known): Recheck {
  const { config, selection, now, waiting } = known;
  const decided = recheck(facts, request.attributeSet, config.recheck, now);
  const isNamed = selection.invoices.includes(facts.scope.invoice) || isAllowedEmpty(selection, facts.scope);
  if (isNamed) return { ask: true, reason: `named by hand; ${decided.reason}` };
  if (waiting.has(scopeLabel(facts.scope)))
    return { ask: true, reason: 'an earlier run left its load package unfinished' };
  const { recorded } = facts;
  const isDone = recorded?.snapshot !== null && recorded?.snapshot.attributeSet === request.attributeSet;
  if (selection.months !== undefined && recorded !== undefined && isDone && recorded.state === 'published')
    return { ask: false, reason: 'published already', nextCheckAt: recorded.nextCheckAt };
  return decided;
}

function reasonToLeave(entry: ScopeState, config: Config, selection: Selection, now: Date): string {
  const { scope } = entry;
  if (selection.months !== undefined) return 'not an invoice of the months named';
  if (selection.streams.length > 0 || selection.invoices.length > 0) return 'not named by hand';
  const stream = config.streams[scope.stream];
  if (stream === undefined) return `${scope.stream} is not in the configuration`;
  if (entry.state === 'superseded') return SUPERSEDED;
  if (scope.by === 'invoice') {
    const isDiscovered = 'invoices' in stream && stream.invoices === 'discover';
    return isDiscovered
      ? 'the invoice list does not name it, or it is older than since'
      : 'the invoice is not in the configuration';
  }
  if (scope.month < monthOfPeriod('last', now))
    return 'Graph offers only the current and the last month; kept as it last was';
  return 'the period or the currency is not in the configuration';
}
