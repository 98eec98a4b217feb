import type { ConfigurationOverrides } from './sandbox/configuration.js';
import type { SandboxInvoice } from './sandbox/options.js';

/** The invoices of the demo: two of October, in two currencies, and the month before of one of them. */
export const DEMO_INVOICES: readonly SandboxInvoice[] = [
  { id: 'G016907411', month: '2026-10', currency: 'USD' },
  { id: 'G016907412', month: '2026-10', currency: 'EUR' },
  { id: 'G016907391', month: '2026-09', currency: 'USD' },
];

/** The invoice in which the demo's sandbox charges one line too much, for reconciliation to find. */
export const OVERCHARGED = 'G016907411';

/** Where the demo's configuration reads the tokens of its sandbox, beside it. */
export const DEMO_TOKEN_FILES = {
  graph: 'sandbox-token',
  partnerCenter: 'sandbox-partner-center-token',
} as const;

/** The billed streams of the demo: invoices come from the list, as for most sites. */
export const DEMO_STREAMS = {
  billed_usage: { invoices: 'discover' },
  billed_reconciliation: { invoices: 'discover' },
} as const;

/** What the demo's configuration says otherwise than the sandbox's. */
export const DEMO_CONFIGURATION: ConfigurationOverrides = {
  source: {
    auth: {
      token: `\${file:./${DEMO_TOKEN_FILES.graph}}`,
      partner_center_token: `\${file:./${DEMO_TOKEN_FILES.partnerCenter}}`,
    },
  },
  streams: DEMO_STREAMS,
  archive: './archive',
};
