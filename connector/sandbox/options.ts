import { settledCalendar, type BillingCalendar, type CalendarSettings } from './calendar-options.js';
import { parseFaultSettings, type FaultSetting } from './fault-switch.js';
import { refused, whole } from './option-check.js';
import { guidOf } from './seeded.js';

/** An invoice that the sandbox knows. */
export interface SandboxInvoice {
  /** Letters and digits, as `G016907411`. */
  readonly id: string;
  /** The consumed month, `2026-10`; the invoice is dated in the month after. */
  readonly month: string;
  /** Upper-case currency code. */
  readonly currency: string;
}

/** What a sandbox is made of; everything has a default. Sizes are whole numbers from 0. */
export interface SandboxOptions {
  /** Port of Graph and Partner Center on 127.0.0.1; storage listens on the next one. 0, the default: any free ones. */
  readonly port?: number;
  /** The same seed and options give the same bytes. Default 1. */
  readonly seed?: number;
  /** Default: `G016907411` in USD and `G016907412` in EUR, both of 2026-10. */
  readonly invoices?: readonly SandboxInvoice[];
  /** Currencies that have unbilled data. Default: those of the invoices. */
  readonly currencies?: readonly string[];
  /** Usage rows of a whole month in one scope; the month in progress has its share of days. Default 2000. */
  readonly usageRows?: number;
  /** Lines of a reconciliation scope; more where usage alone needs more. Default 300. */
  readonly reconciliationRows?: number;
  /** Blobs of an export. Default 3. */
  readonly blobs?: number;
  /** Reads of an operation that answer `notStarted` or `running` before it succeeds. Default 2. */
  readonly pollsUntilDone?: number;
  /** What `Retry-After` says meanwhile. Default 1. */
  readonly retryAfterSeconds?: number;
  /** The service's clock: SAS expiry, `Date` headers, what `current` and `last` mean. Default: the machine's. */
  readonly now?: () => Date;
  /** How long a SAS lives. Default one hour, as observed (api-contract.md 3.3). */
  readonly sasLifetimeMs?: number;
  readonly tenantId?: string;
  /** The bearer token that Graph takes. */
  readonly token?: string;
  /** Faults that are on from the start: `name`, or `name:count` to fire that often. */
  readonly faults?: readonly FaultSetting[];
  /** Follows the billing calendar by `now`. Without it every invoice is there at any time, whole. */
  readonly calendar?: BillingCalendar;
  /** Keeps generated blobs here for the next sandbox with the same options; otherwise they go when it closes. */
  readonly cacheDirectory?: string;
}

/** Options with every default filled in. */
export type Settings = Readonly<Required<Omit<SandboxOptions, 'cacheDirectory' | 'calendar'>>> & {
  readonly cacheDirectory: string | null;
  readonly calendar: CalendarSettings | null;
  /** The bearer token that Partner Center takes: its audience is another one (api-contract.md 11.1). */
  readonly partnerCenterToken: string;
};

const DEFAULT_INVOICES: readonly SandboxInvoice[] = [
  { id: 'G016907411', month: '2026-10', currency: 'USD' },
  { id: 'G016907412', month: '2026-10', currency: 'EUR' },
];

/**
 * Options with their defaults.
 * @throws ConfigError for a number out of range, a malformed invoice, month or currency, an unknown fault, or a calendar that cannot be.
 */
export function settled(options: SandboxOptions): Settings {
  const seed = whole('seed', options.seed ?? 1, 0, 2 ** 31);
  const invoices = options.invoices ?? DEFAULT_INVOICES;
  const currencies = options.currencies ?? [...new Set(invoices.map((invoice) => invoice.currency))];
  for (const { id, month } of invoices) {
    if (!/^[A-Z][A-Z0-9]{2,39}$/.test(id)) throw refused('invoices', id, 'an id such as G016907411');
    if (!/^\d{4}-(0[1-9]|1[0-2])$/.test(month)) throw refused('invoices', month, 'a month such as 2026-10');
  }
  for (const currency of [...currencies, ...invoices.map((invoice) => invoice.currency)]) {
    if (!/^[A-Z]{3}$/.test(currency)) throw refused('currencies', currency, 'a code such as USD');
  }
  return {
    port: whole('port', options.port ?? 0, 0, 65_534),
    seed,
    invoices,
    currencies,
    usageRows: whole('usageRows', options.usageRows ?? 2000, 0, 100_000_000),
    reconciliationRows: whole('reconciliationRows', options.reconciliationRows ?? 300, 0, 10_000_000),
    blobs: whole('blobs', options.blobs ?? 3, 1, 10_000),
    pollsUntilDone: whole('pollsUntilDone', options.pollsUntilDone ?? 2, 0, 1_000_000),
    retryAfterSeconds: whole('retryAfterSeconds', options.retryAfterSeconds ?? 1, 0, 86_400),
    now: options.now ?? (() => new Date()),
    sasLifetimeMs: whole('sasLifetimeMs', options.sasLifetimeMs ?? 3_600_000, 1, 7 * 86_400_000),
    tenantId: (options.tenantId ?? guidOf('sandbox partner')).toLowerCase(),
    token: options.token ?? 'sandbox-graph-token',
    partnerCenterToken: `${options.token ?? 'sandbox'}-partner-center`,
    faults: parseFaultSettings(options.faults ?? []),
    cacheDirectory: options.cacheDirectory ?? null,
    calendar:
      options.calendar === undefined
        ? null
        : settledCalendar(
            options.calendar,
            invoices.map(({ id }) => id),
          ),
  };
}
