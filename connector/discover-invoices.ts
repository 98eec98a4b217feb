import type { Config } from '../schemas/config.js';
import type { Report } from '../schemas/progress.js';
import { parseInvoiceList } from '../transforms/invoice-list.js';
import type { Clock } from './clock.js';
import { connectPartnerCenter } from './extract/connection.js';
import { readInvoiceList } from './extract/invoice-list.js';
import type { InvoiceListReading } from './load/invoice-list-reading.js';

/** What reading the invoice list needs. */
export interface DiscoveryOptions {
  readonly config: Config;
  /** Makes a path of the configuration absolute. */
  readonly resolve: (path: string) => string;
  readonly report: Report;
  readonly clock: Clock;
  readonly signal: AbortSignal;
  readonly runId: string;
  /** Recorded as `_load_id` in the rows that the reading changes. */
  readonly loadId: string;
  /** Only invoices dated from the first day of this month on, `2025-01`; null: all. */
  readonly since: string | null;
}

/**
 * Reads Partner Center's invoice list from its first page to its last and parses it (api-contract.md section 11). The
 * month that an invoice bills ends before its date: asking by date from the first day of a month misses none of it.
 * @throws ConfigError, TransientError, IntegrityError as reading it does; DataError for a document that cannot be kept
 */
export async function discoverInvoices(options: DiscoveryOptions): Promise<InvoiceListReading> {
  const { config, clock, since, signal, runId, loadId } = options;
  const { client, agents } = connectPartnerCenter(options);
  try {
    const { pages, correlationId } = await readInvoiceList({ client, since, signal });
    const invoices = await parseInvoiceList(pages);
    const { tenant_id: tenantId } = config.source;
    return { ...{ tenantId, runId, loadId, since, invoices, correlationId }, readAt: clock.now() };
  } finally {
    agents.close();
  }
}
