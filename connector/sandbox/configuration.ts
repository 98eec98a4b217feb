import { stringify } from 'yaml';
import type { Settings } from './options.js';

/** Settings of `connector.yaml` that replace the sandbox's own; mappings are merged, null takes a key away. */
export interface ConfigurationOverrides {
  readonly [key: string]: unknown;
}

/** Where a sandbox listens. */
export interface SandboxAddresses {
  readonly graphUrl: string;
  readonly partnerCenterUrl: string;
  readonly storageHost: string;
}

/**
 * The text of a `connector.yaml` that works against the sandbox: all four streams, every invoice and currency, into
 * a DuckDB file beside it. The tokens open nothing but the sandbox. A `destination` of another type replaces ours
 * whole; apart from that overrides are merged.
 */
export function configurationText(
  settings: Settings,
  addresses: SandboxAddresses,
  overrides: ConfigurationOverrides,
): string {
  const invoices = settings.invoices.map(({ id }) => id);
  const { currencies } = settings;
  const billed = invoices.length === 0 ? {} : { invoices };
  const unbilled =
    currencies.length === 0
      ? {}
      : {
          unbilled_usage: { periods: ['current', 'last'], currencies },
          unbilled_reconciliation: { periods: ['current', 'last'], currencies },
        };
  const own = {
    version: 1,
    source: {
      graph_url: addresses.graphUrl,
      partner_center_url: addresses.partnerCenterUrl,
      tenant_id: settings.tenantId,
      auth: {
        method: 'static_token',
        token: settings.token,
        partner_center_token: settings.partnerCenterToken,
      },
      storage_hosts: [addresses.storageHost],
    },
    streams: { billed_usage: billed, billed_reconciliation: billed, ...unbilled },
    destination: { type: 'duckdb', path: './partner_billing.duckdb' },
    spool: './spool',
  };
  return stringify(merged(own, overrides), { aliasDuplicateObjects: false });
}

function merged(own: object, overrides: object): Record<string, unknown> {
  const result: Record<string, unknown> = { ...own };
  for (const [key, value] of Object.entries(overrides)) {
    const before = result[key];
    if (value === null) delete result[key];
    else if (isMapping(value) && isMapping(before) && sameType(before, value))
      result[key] = merged(before, value);
    else if (value !== undefined) result[key] = value;
  }
  return result;
}

function isMapping(value: unknown): value is Record<string, unknown> {
  return typeof value === 'object' && value !== null && !Array.isArray(value);
}

function sameType(before: Record<string, unknown>, after: Record<string, unknown>): boolean {
  return after['type'] === undefined || after['type'] === before['type'];
}
