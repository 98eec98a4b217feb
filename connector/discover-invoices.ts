import type { Config } from '../schemas/config.js';
import type { ListedInvoice } from '../schemas/invoice-record.js';
import type { Report } from '../schemas/progress.js';
import { parseInvoiceList } from '../transforms/invoice-list.js';
import type { Clock } from './clock.js';
import { connectPartnerCenter } from './extract/connection.js';
import { readInvoiceList } from './extract/invoice-list.js';

/** What reading the invoice list needs. */
export interface DiscoveryOptions {
  readonly config: Config;
  /** Makes a path of the configuration absolute. */
  readonly resolve: (path: string) => string;
  readonly report: Report;
  readonly clock: Clock;
  readonly signal: AbortSignal;
  /** Only invoices dated from the first day of this month on, `2025-01`; null: all. */
  readonly since: string | null;
}

/** The list as it is now. */
export interface DiscoveredInvoices {
  readonly since: string | null;
  readonly readAt: Date;
  readonly invoices: readonly ListedInvoice[];
  readonly correlationId: string;
}

/**
 * Reads Partner Center's invoice list from its first page to its last and parses it (api-contract.md section 11). The
 * month that an invoice bills ends before its date: asking by date from the first day of a month misses none of it.
 * @throws ConfigError, TransientError, IntegrityError as reading it does; DataError for a document that cannot be kept
 */
export async function discoverInvoices(options: DiscoveryOptions): Promise<DiscoveredInvoices> {
  const { clock, since, signal } = options;
  const { client, agents } = connectPartnerCenter(options);
  try {
    const { pages, correlationId } = await readInvoiceList({ client, since, signal });
    return { since, readAt: clock.now(), invoices: await parseInvoiceList(pages), correlationId };
  } finally {
    agents.close();
  }
}
