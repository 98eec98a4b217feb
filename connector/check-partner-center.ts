import type { Config } from '../schemas/config.js';
import type { Clock } from './clock.js';
import { connectPartnerCenter } from './extract/connection.js';
import type { HttpAgents } from './extract/http-agents.js';
import { readInvoiceList } from './extract/invoice-list.js';
import { tried, type Finding } from './finding.js';

const WINDOW_MS = 30_000;

/** What the check of Partner Center works with. */
export interface PartnerCenterCheck {
  readonly config: Config;
  readonly agents: HttpAgents;
  readonly clock: Clock;
  readonly signal: AbortSignal;
  readonly resolve: (path: string) => string;
}

/**
 * Reads the invoice list as a run would, where a billed stream says `invoices: discover`; else there is nothing to
 * find out. An empty list proves nothing: an indirect reseller has no invoices of Microsoft's.
 */
export async function checkPartnerCenter(check: PartnerCenterCheck): Promise<Finding[]> {
  const discovering = discoveringFrom(check.config);
  if (discovering === null) return [];
  const { since } = discovering;
  const what = `invoice list of Partner Center at ${check.config.source.partner_center_url}`;
  return await tried(what, async () => {
    const { client } = connectPartnerCenter({ ...check, report: () => undefined });
    const deadlineMs = check.clock.monotonicMs() + WINDOW_MS;
    const { documents } = await readInvoiceList({ client, since, signal: check.signal, deadlineMs });
    const from = since === null ? '' : ` from ${since} on`;
    if (documents > 0) {
      return [{ tried: what, result: 'ok', detail: `read: it names ${documents} documents${from}` }];
    }
    const detail =
      `permitted, but the list is empty${from}: an indirect reseller has no such data, since its indirect provider ` +
      "gets the invoices, and this connector cannot help it with billed data; a new partner's first invoice comes " +
      'between the 6th and the 8th of the month after it';
    return [{ tried: what, result: 'not proven', detail }];
  });
}

/** The earliest month that a billed stream discovers invoices from, null for all of them; null where none discovers. */
function discoveringFrom({ streams }: Config): { readonly since: string | null } | null {
  const discovering = [streams.billed_usage, streams.billed_reconciliation].filter(
    (stream) => stream?.invoices === 'discover',
  );
  if (discovering.length === 0) return null;
  const months = discovering.map((stream) => stream?.since ?? '').sort();
  return { since: months[0] === '' ? null : (months[0] ?? null) };
}
