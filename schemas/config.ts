import { z } from 'zod';
import { ATTRIBUTE_SETS, BILLING_PERIODS } from './streams.js';

const DURATION_UNITS: Readonly<Record<string, number>> = {
  ms: 1,
  s: 1000,
  m: 60_000,
  h: 3_600_000,
  d: 86_400_000,
};
const SIZE_UNITS: Readonly<Record<string, number>> = { B: 1, KiB: 1024, MiB: 1024 ** 2, GiB: 1024 ** 3 };

/** A length of time such as `90s`, `5m` or `2h`; parsed to whole milliseconds. */
export const durationSchema = z
  .string()
  .regex(/^\d{1,9}(ms|s|m|h|d)$/, 'a length of time such as 90s, 5m or 2h')
  .transform((text) => {
    const [, count = '0', unit = 'ms'] = /^(\d+)(\D+)$/.exec(text) ?? [];
    return Number.parseInt(count, 10) * (DURATION_UNITS[unit] ?? 1);
  });

/** A size such as `16MiB` or `1GiB`; parsed to whole bytes. */
export const sizeSchema = z
  .string()
  .regex(/^\d{1,9}(B|KiB|MiB|GiB)$/, 'a size such as 512KiB, 16MiB or 1GiB')
  .transform((text) => {
    const [, count = '0', unit = 'B'] = /^(\d+)(\D+)$/.exec(text) ?? [];
    return Number.parseInt(count, 10) * (SIZE_UNITS[unit] ?? 1);
  });

const guid = z
  .string()
  .regex(
    /^[0-9a-f]{8}-([0-9a-f]{4}-){3}[0-9a-f]{12}$/i,
    'a GUID such as 0e195b37-4574-4539-bc42-0e539b9684c0',
  )
  .transform((text) => text.toLowerCase());
const secret = z.string().min(1);
const text = z.string().min(1);
const storageHost = z
  .string()
  .regex(/^(\*\.)?[a-z0-9]([a-z0-9.-]*[a-z0-9])?(:\d{1,5})?$/i, 'a host, *.host or host:port')
  .transform((host) => host.toLowerCase());

const graphUrl = z
  .url({ protocol: /^https?$/, error: 'an https:// address (http:// only for a loopback host)' })
  .refine((address) => address.startsWith('https:') || isLoopback(new URL(address).hostname), {
    error: 'http:// is allowed only for a loopback host (127.0.0.1, localhost, [::1])',
  })
  .transform((address) => address.replace(/\/+$/, ''));

const authSchema = z.discriminatedUnion('method', [
  z.strictObject({ method: z.literal('client_secret'), client_id: text, client_secret: secret }),
  z.strictObject({
    method: z.literal('client_certificate'),
    client_id: text,
    certificate_file: text,
    certificate_password: secret.optional(),
  }),
  z.strictObject({ method: z.literal('managed_identity'), client_id: text.optional() }),
  z.strictObject({
    method: z.literal('workload_identity'),
    client_id: text.optional(),
    token_file: text.optional(),
  }),
  z.strictObject({ method: z.literal('azure_cli') }),
  z.strictObject({ method: z.literal('default') }),
  z.strictObject({ method: z.literal('static_token'), token: secret }),
]);

const sourceSchema = z.strictObject({
  graph_url: graphUrl.default('https://graph.microsoft.com/v1.0'),
  tenant_id: guid,
  auth: authSchema,
  storage_hosts: z.array(storageHost).min(1).default(['*.blob.core.windows.net']),
  authority_host: z.url({ protocol: /^https$/, error: 'an https:// address' }).optional(),
  proxy: z.url({ protocol: /^https?$/, error: 'an http:// or https:// address' }).optional(),
  ca_file: text.optional(),
});

const billedSchema = z.strictObject({
  invoices: z.array(z.string().regex(/^[A-Za-z0-9-]{2,40}$/, 'an invoice id such as G016907411')).default([]),
  attribute_set: z.enum(ATTRIBUTE_SETS).default('full'),
  accept_invoice_numbers: z.array(text).default([]),
});

const unbilledSchema = z.strictObject({
  periods: z.array(z.enum(BILLING_PERIODS)).min(1).default(['current', 'last']),
  currencies: z
    .array(
      z
        .string()
        .regex(/^[A-Za-z]{3}$/, 'a currency code such as USD')
        .transform((code) => code.toUpperCase()),
    )
    .min(1),
  attribute_set: z.enum(ATTRIBUTE_SETS).default('full'),
});

const identifier = z
  .string()
  .regex(/^[a-z_][a-z0-9_]{0,62}$/, 'a name of lower-case letters, digits and _, at most 63 long');
const migrate = z.enum(['auto', 'manual']).default('auto');

const destinationSchema = z.discriminatedUnion('type', [
  z.strictObject({
    type: z.literal('duckdb'),
    path: text,
    dataset: identifier.default('csp'),
    migrate,
    memory_limit: sizeSchema.prefault('1GiB'),
    threads: z.int().min(1).max(256).default(2),
    temp_directory: text.optional(),
  }),
  z.strictObject({
    type: z.literal('postgres'),
    url: secret,
    dataset: identifier.default('csp'),
    migrate,
  }),
]);

const limitsSchema = z.strictObject({
  rejected_records: z
    .union([
      z.int().min(0),
      z.string().regex(/^(100|\d{1,2})(\.\d{1,6})?%$/, 'a whole number, or a share such as 0.1%'),
    ])
    .default(0),
  concurrent_exports: z.int().min(1).max(64).default(4),
  concurrent_blobs: z.int().min(1).max(64).default(4),
  poll_deadline: durationSchema.prefault('2h'),
  line_bytes: sizeSchema.prefault('16MiB'),
});

/** The shape of `connector.yaml` (architecture.md section 6). Unknown keys are errors. */
export const configSchema = z.strictObject({
  version: z.literal(1),
  source: sourceSchema,
  streams: z
    .strictObject({
      billed_usage: billedSchema.optional(),
      unbilled_usage: unbilledSchema.optional(),
      billed_reconciliation: billedSchema.optional(),
      unbilled_reconciliation: unbilledSchema.optional(),
    })
    .refine((streams) => Object.values(streams).some((stream) => stream !== undefined), {
      error: 'name at least one stream',
    }),
  destination: destinationSchema,
  spool: text.default('./spool'),
  archive: text.optional(),
  lock_wait: durationSchema.prefault('5m'),
  limits: limitsSchema.prefault({}),
});

/** A checked configuration: defaults filled in, durations in milliseconds, sizes in bytes. */
export type Config = z.output<typeof configSchema>;
/** Where the data comes from. */
export type SourceConfig = Config['source'];
/** How to sign in. */
export type AuthConfig = SourceConfig['auth'];
/** Where the data goes. */
export type DestinationConfig = Config['destination'];
/** The DuckDB form of {@link DestinationConfig}. */
export type DuckdbConfig = Extract<DestinationConfig, { type: 'duckdb' }>;
/** The Postgres form of {@link DestinationConfig}. */
export type PostgresConfig = Extract<DestinationConfig, { type: 'postgres' }>;
/** Bounds on what a run may use or accept. */
export type LimitsConfig = Config['limits'];

/** Whether a host name of a URL is this machine's loopback: `localhost`, `127.0.0.0/8`, `[::1]`. */
export function isLoopback(hostname: string): boolean {
  return hostname === 'localhost' || hostname === '[::1]' || /^127(\.\d{1,3}){3}$/.test(hostname);
}
