import type { RunSummary } from '../../connector/run-summary.js';
import type { Present } from '../../connector/sandbox/present.js';
import type { SandboxOptions } from '../../connector/sandbox/sandbox.js';
import { canonicalDecimal } from '../../schemas/decimal-text.js';
import { STREAM_NAMES, STREAMS } from '../../schemas/streams.js';
import { startSite, type Site } from './site.js';

/** Records and exact sums by currency, of one scope. */
export interface Held {
  readonly records: number;
  readonly sums: Readonly<Record<string, string>>;
}

/** A site on which the nights of a quarter go by, one run each. */
export interface Quarter {
  readonly site: Site;
  /** The night now, `2026-10-08`. */
  readonly night: string;
  /** What the service holds now. */
  present(): Present;
  /** Runs on the next night. */
  next(): Promise<RunSummary>;
  /** What the tables hold by scope, `billed_usage G1`, and in all what the open views show, by their names. */
  holdings(): Promise<ReadonlyMap<string, Held>>;
}

/** Two o'clock at night, UTC. */
function nightOf(day: string): Date {
  return new Date(`${day}T02:00:00Z`);
}

function dayAfter(day: string): string {
  return new Date(nightOf(day).getTime() + 86_400_000).toISOString().slice(0, 10);
}

/** Starts a quarter whose first run is on `firstNight`. */
export async function startQuarter(
  destination: Record<string, unknown>,
  firstNight: string,
  options: SandboxOptions,
  settings: Record<string, unknown>,
): Promise<Quarter> {
  let night = new Date(nightOf(firstNight).getTime() - 86_400_000).toISOString().slice(0, 10);
  const site = await startSite(destination, { ...options, now: () => nightOf(night) }, settings);
  return {
    site,
    get night() {
      return night;
    },
    present: () => site.sandbox.present(),
    next: async () => {
      night = dayAfter(night);
      site.moveTo(nightOf(night));
      return await site.sync();
    },
    holdings: () => holdingsOf(site),
  };
}

async function holdingsOf(site: Site): Promise<ReadonlyMap<string, Held>> {
  const views = [
    ['usage_open', 'billing_pre_tax_total'],
    ['reconciliation_open', 'subtotal'],
  ].map(
    ([view, amount]) =>
      `select '${view}', 'USD', count(*), cast(coalesce(sum(${amount}), 0) as varchar) from csp.${view}`,
  );
  const tables = STREAM_NAMES.map((stream) => {
    const { table } = STREAMS[stream];
    const scope =
      table.scopedBy === 'invoice'
        ? 'invoice_number'
        : `substr(cast(billing_month as varchar), 1, 7) || '-' || ${table.currency}`;
    return `select '${stream} ' || ${scope}, ${table.currency}, count(*), cast(sum(${table.amount}) as varchar)
      from csp.${stream} group by 1, 2`;
  });
  const held = new Map<string, { records: number; sums: Record<string, string> }>();
  for (const [scope, currency, records, sum] of await site.query(
    [...tables, ...views].join('\nunion all\n'),
  )) {
    const one = held.get(scope ?? '') ?? { records: 0, sums: {} };
    one.records += Number(records);
    one.sums[currency ?? ''] = canonicalDecimal(sum ?? '');
    held.set(scope ?? '', one);
  }
  return held;
}

/** Nights as ranges, both ends inclusive: `2026-10-08..2026-10-11 2026-10-18`. */
export function ranges(nights: readonly string[]): string {
  const found: { from: string; to: string }[] = [];
  for (const night of nights) {
    const last = found.at(-1);
    if (last !== undefined && dayAfter(last.to) === night) last.to = night;
    else found.push({ from: night, to: night });
  }
  return found.map(({ from, to }) => (from === to ? from : `${from}..${to}`)).join(' ');
}
