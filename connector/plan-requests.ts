import type { Config } from '../schemas/config.js';
import { ConfigError } from '../schemas/errors.js';
import { isExportable } from '../schemas/invoice-kind.js';
import { monthOf, monthOfPeriod, scopeText, type ExportRequest, type Scope } from '../schemas/scope.js';
import { STREAM_NAMES, STREAMS, type StreamName } from '../schemas/streams.js';
import type { RecordedInvoice } from './load/destination.js';
import type { Selection } from './selection.js';

/** The streams that a run is about: the configured ones, or those named by hand. @throws ConfigError when one cannot be. */
export function selectedStreams(config: Config, selection: Selection): readonly StreamName[] {
  const configured = STREAM_NAMES.filter((name) => config.streams[name] !== undefined);
  const named = selection.streams.length > 0 ? selection.streams : configured;
  const billedOnly = selection.invoices.length > 0 || selection.months !== undefined;
  const streams = billedOnly ? named.filter((name) => STREAMS[name].table.scopedBy === 'invoice') : named;
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
      message: `${selection.months === undefined ? '--invoice' : 'backfill'} needs a billed stream, and none is configured or named`,
      hint: 'add billed_usage or billed_reconciliation under streams:, or pass --stream billed_usage',
    });
  }
  return STREAM_NAMES.filter((name) => streams.includes(name));
}

/** What may be asked for in a stream: invoices by id or from the list, or the periods in each currency. */
export function requestsOf(
  config: Config,
  stream: StreamName,
  selection: Selection,
  invoices: readonly RecordedInvoice[],
  now: Date,
): readonly ExportRequest[] {
  if (stream === 'billed_usage' || stream === 'billed_reconciliation') {
    const attributeSet = config.streams[stream]?.attribute_set ?? 'full';
    return wantedInvoices(config, stream, selection, invoices).map((invoice) => ({
      scope: { by: 'invoice', stream, invoice },
      attributeSet,
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

function wantedInvoices(
  config: Config,
  stream: 'billed_usage' | 'billed_reconciliation',
  selection: Selection,
  invoices: readonly RecordedInvoice[],
): readonly string[] {
  const exportable = invoices.filter(({ invoice }) => isExportable(invoice));
  const { months } = selection;
  if (months !== undefined) {
    return exportable
      .filter((document) => isWithin(likelyMonth(document), months.from, months.to))
      .map(({ invoice }) => invoice);
  }
  if (selection.invoices.length > 0) return [...new Set(selection.invoices)];
  const settings = config.streams[stream];
  const byHand = selection.allowEmpty
    .map((named) => namedScope(named))
    .filter((named) => named.stream === null || named.stream === stream)
    .map(({ scope }) => scope)
    .filter((scope) => /^[DG]/.test(scope));
  if (settings?.invoices !== 'discover') return [...new Set([...(settings?.invoices ?? []), ...byHand])];
  const { since } = settings;
  const listed = exportable
    .filter(({ billingMonth }) => since === undefined || billingMonth === null || billingMonth >= since)
    .map(({ invoice }) => invoice);
  return [...new Set([...listed, ...byHand])];
}

/** A document without a billing period is dated in the month after the one that it bills (api-contract.md 11.2). */
function likelyMonth({ billingMonth, invoiceDate }: RecordedInvoice): string | null {
  return billingMonth ?? (invoiceDate === null ? null : monthOf(new Date(invoiceDate), -1));
}

function isWithin(month: string | null, from: string, to: string): boolean {
  return month !== null && month >= from && month <= to;
}

/** `[STREAM:]SCOPE` taken apart; `stream` is null where every stream is meant. */
export function namedScope(named: string): { readonly stream: string | null; readonly scope: string } {
  const at = named.indexOf(':');
  return at < 0 ? { stream: null, scope: named } : { stream: named.slice(0, at), scope: named.slice(at + 1) };
}

/** Whether `--allow-empty` names the scope. */
export function isAllowedEmpty(selection: Selection, scope: Scope): boolean {
  return selection.allowEmpty.some((named) => {
    const { stream, scope: text } = namedScope(named);
    return text === scopeText(scope) && (stream === null || stream === scope.stream);
  });
}

/** @throws ConfigError when `--allow-empty` names what no request is about */
export function checkAllowedEmpty(selection: Selection, requests: readonly ExportRequest[]): void {
  const unknown = selection.allowEmpty.filter(
    (named) => !requests.some(({ scope }) => isAllowedEmpty({ ...selection, allowEmpty: [named] }, scope)),
  );
  if (unknown.length === 0) return;
  throw new ConfigError({
    message: `--allow-empty ${unknown.join(', ')} names no scope that this run may ask for`,
    hint: 'name a scope as `status` prints it, with or without its stream: billed_usage:G016907411, 2026-11-USD',
  });
}
