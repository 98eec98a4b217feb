import type { Config } from '../schemas/config.js';
import { ConfigError } from '../schemas/errors.js';
import { monthOfPeriod, scopeLabel, type ExportRequest, type Scope } from '../schemas/scope.js';
import { STREAM_NAMES, STREAMS, type StreamName } from '../schemas/streams.js';
import type { RecordedState, ScopeState } from './load/destination.js';

/** What the caller named by hand; empty lists mean everything that is configured. */
export interface Selection {
  readonly streams: readonly StreamName[];
  /** Invoice ids; they select the billed streams, and need not be in the configuration. */
  readonly invoices: readonly string[];
}

/** An export that will be asked for, and why. */
export interface PlannedExport {
  readonly request: ExportRequest;
  readonly reason: string;
}

/** What a run would do. */
export interface Plan {
  readonly exports: readonly PlannedExport[];
  /** Scopes that are recorded but not asked for, and why. */
  readonly left: readonly { readonly scope: Scope; readonly reason: string }[];
  readonly warnings: readonly string[];
}

/**
 * Decides what to export. Pure: configuration, what is recorded, what was named by hand and the time in; the list
 * of exports with their reasons out. The month of an unbilled scope is the one that `now` suggests; Graph's answer
 * fixes it.
 * @throws ConfigError when what was named by hand cannot be asked for.
 */
export function planRun(config: Config, state: RecordedState, selection: Selection, now: Date): Plan {
  const requests = selectedStreams(config, selection).flatMap((stream) =>
    requestsOf(config, stream, selection, now),
  );
  const recorded = new Map(state.scopes.map((entry) => [scopeLabel(entry.scope), entry]));
  const exports = requests.map((request) => ({
    request,
    reason: reasonFor(request, recorded.get(scopeLabel(request.scope)), selection),
  }));
  const asked = new Set(exports.map(({ request }) => scopeLabel(request.scope)));
  const left = state.scopes
    .filter((entry) => !asked.has(scopeLabel(entry.scope)))
    .map((entry) => ({ scope: entry.scope, reason: reasonToLeave(entry, config, selection, now) }));
  return { exports, left, warnings: warningsFor(requests) };
}

function selectedStreams(config: Config, selection: Selection): readonly StreamName[] {
  const configured = STREAM_NAMES.filter((name) => config.streams[name] !== undefined);
  const named = selection.streams.length > 0 ? selection.streams : configured;
  const streams =
    selection.invoices.length > 0
      ? named.filter((name) => STREAMS[name].table.scopedBy === 'invoice')
      : named;
  const missing = streams.filter(
    (name) => config.streams[name] === undefined && selection.invoices.length === 0,
  );
  if (missing.length > 0) {
    throw new ConfigError({
      message: `--stream ${missing.join(', ')} is not in the configuration`,
      hint: `add it under streams:, or name one of: ${configured.join(', ')}`,
    });
  }
  if (streams.length === 0) {
    throw new ConfigError({
      message: '--invoice needs a billed stream, and none is configured or named',
      hint: 'add billed_usage or billed_reconciliation under streams:, or pass --stream billed_usage',
    });
  }
  return STREAM_NAMES.filter((name) => streams.includes(name));
}

function requestsOf(config: Config, stream: StreamName, selection: Selection, now: Date): ExportRequest[] {
  if (stream === 'billed_usage' || stream === 'billed_reconciliation') {
    const settings = config.streams[stream];
    const configured = settings?.invoices ?? [];
    const listed = configured === 'discover' ? [] : configured;
    const invoices = selection.invoices.length > 0 ? selection.invoices : listed;
    return [...new Set(invoices)].map((invoice) => ({
      scope: { by: 'invoice', stream, invoice },
      attributeSet: settings?.attribute_set ?? 'full',
    }));
  }
  const settings = config.streams[stream];
  if (settings === undefined) return [];
  return [...new Set(settings.periods)].flatMap((period) =>
    [...new Set(settings.currencies)].map((currency) => ({
      scope: { by: 'month' as const, stream, month: monthOfPeriod(period, now), currency },
      attributeSet: settings.attribute_set,
      period,
    })),
  );
}

function reasonFor(request: ExportRequest, recorded: ScopeState | undefined, selection: Selection): string {
  const { scope } = request;
  const byHand =
    scope.by === 'invoice' && selection.invoices.includes(scope.invoice) ? 'named by hand; ' : '';
  if (recorded === undefined) return `${byHand}never asked for`;
  if (recorded.snapshot === null)
    return `${byHand}nothing published yet (${recorded.lastAnswer ?? recorded.state})`;
  const { eTag, attributeSet } = recorded.snapshot;
  if (attributeSet !== request.attributeSet)
    return `${byHand}published as ${attributeSet}, wanted as ${request.attributeSet}`;
  return `${byHand}published at eTag ${eTag}; asked whether it changed`;
}

function reasonToLeave(entry: ScopeState, config: Config, selection: Selection, now: Date): string {
  const { scope } = entry;
  if (selection.streams.length > 0 || selection.invoices.length > 0) return 'not named by hand';
  if (config.streams[scope.stream] === undefined) return `${scope.stream} is not in the configuration`;
  if (scope.by === 'invoice') return 'the invoice is not in the configuration';
  if (scope.month < monthOfPeriod('last', now))
    return 'Graph offers only the current and the last month; kept as it last was';
  return 'the period or the currency is not in the configuration';
}

function warningsFor(requests: readonly ExportRequest[]): string[] {
  const basic = requests.filter(
    (request) => request.attributeSet === 'basic' && request.scope.stream.endsWith('usage'),
  );
  if (basic.length === 0) return [];
  const streams = [...new Set(basic.map((request) => request.scope.stream))].join(', ');
  return [
    `${streams}: attribute_set basic has no AvailabilityId, so usage cannot be compared with the invoice's lines`,
  ];
}
