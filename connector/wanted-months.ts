import type { Config } from '../schemas/config.js';
import type { Selection } from './selection.js';

/**
 * From which billing month on the list is wanted: null for all of it, undefined where nobody discovers. The earliest of
 * the selected streams; for a backfill its first month.
 */
export function firstMonthWanted(config: Config, selection: Selection): string | null | undefined {
  if (selection.months !== undefined) return selection.months.from;
  if (selection.invoices.length > 0) return undefined;
  const wanted = (['billed_usage', 'billed_reconciliation'] as const)
    .filter((stream) => selection.streams.length === 0 || selection.streams.includes(stream))
    .map((stream) => config.streams[stream])
    .filter((stream) => stream?.invoices === 'discover')
    .map((stream) => stream?.since ?? null);
  if (wanted.length === 0) return undefined;
  return wanted.includes(null) ? null : (wanted.sort()[0] ?? null);
}
