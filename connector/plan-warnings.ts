import type { Config } from '../schemas/config.js';
import type { ExportRequest } from '../schemas/scope.js';
import type { RecordedState } from './load/destination.js';
import type { Selection } from './selection.js';

/** What a person should know of a plan, each a sentence. Pure. */
export function planWarnings(
  config: Config,
  state: RecordedState,
  requests: readonly ExportRequest[],
  selection: Selection,
): readonly string[] {
  return [
    ...basicWarnings(requests),
    ...currencyWarnings(config, state),
    ...backfillWarnings(requests, selection),
  ];
}

function backfillWarnings(requests: readonly ExportRequest[], { months }: Selection): readonly string[] {
  if (months === undefined || requests.length > 0) return [];
  return [`the invoice list, as recorded, names no invoice of ${months.from} to ${months.to}`];
}

/**
 * A warning for each currency that occurs in billed data or invoices and that a configured unbilled stream does not ask
 * for: its open months would be missing.
 */
export function currencyWarnings(config: Config, state: RecordedState): readonly string[] {
  const billed = billedCurrencies(state);
  return (['unbilled_usage', 'unbilled_reconciliation'] as const).flatMap((stream) => {
    const settings = config.streams[stream];
    if (settings === undefined) return [];
    const missing = billed.filter((currency) => !settings.currencies.includes(currency));
    if (missing.length === 0) return [];
    const verb = missing.length === 1 ? 'occurs' : 'occur';
    return [
      `${missing.join(', ')} ${verb} in billed data or invoices, but ${stream} asks for ${settings.currencies.join(', ')} only: add what is missing to streams.${stream}.currencies`,
    ];
  });
}

/** Upper-case currencies of published billed snapshots and of the invoice list, in order. */
function billedCurrencies(state: RecordedState): readonly string[] {
  const found = new Set<string>();
  for (const { scope, snapshot } of state.scopes) {
    if (scope.by === 'invoice') for (const currency of Object.keys(snapshot?.sums ?? {})) found.add(currency);
  }
  for (const { currency } of state.invoices) if (currency !== null) found.add(currency.toUpperCase());
  return [...found].filter((currency) => currency !== '').sort();
}

function basicWarnings(requests: readonly ExportRequest[]): readonly string[] {
  const basic = requests.filter(
    (request) => request.attributeSet === 'basic' && request.scope.stream.endsWith('usage'),
  );
  if (basic.length === 0) return [];
  const streams = [...new Set(basic.map((request) => request.scope.stream))].join(', ');
  return [
    `${streams}: attribute_set basic has no AvailabilityId, so usage cannot be compared with the invoice's lines`,
  ];
}
