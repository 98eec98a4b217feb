import { z } from 'zod';
import { textLike, textOf } from './config-values.js';
import { INVOICE_ID } from './invoice-id.js';
import { ATTRIBUTE_SETS, BILLING_PERIODS } from './streams.js';

const attributeSetSchema = z
  .enum(ATTRIBUTE_SETS, 'full or basic')
  .default('full')
  .describe('Which attributes to ask for. full is the default; basic cannot be joined to the invoice.');

const INVOICES = 'discover, or a list of invoice ids';
const SINCE = 'a month such as 2025-01, and only beside invoices: discover';

const billedFields = z.strictObject({
  invoices: z
    .union(
      [
        z.literal('discover', INVOICES),
        z.array(textLike(INVOICE_ID, 'an invoice id such as G016907411'), INVOICES),
      ],
      INVOICES,
    )
    .default([])
    .describe(
      "Invoices to export: a list of ids, or discover for those that Partner Center's invoice list names. `sync --invoice` asks for others by hand.",
    ),
  since: textLike(/^20\d{2}-(0[1-9]|1[0-2])$/, SINCE)
    .optional()
    .describe('With invoices: discover, the first billing month whose invoices are exported; none: all.'),
  attribute_set: attributeSetSchema,
  accept_invoice_numbers: z
    .array(textOf('an invoice number'), 'a list of invoice numbers')
    .default([])
    .describe("Invoice numbers that records may carry besides the invoice's own, such as a credit note's."),
});
const billedSchema = billedFields.refine(
  ({ invoices, since }) => since === undefined || invoices === 'discover',
  { path: ['since'], error: SINCE },
);

const unbilledSchema = z.strictObject({
  periods: z
    .array(z.enum(BILLING_PERIODS, 'current or last'), 'a list of current and last')
    .min(1, 'a list of current and last')
    .default(['current', 'last'])
    .describe('Open billing periods to export: the current calendar month, the last one, or both.'),
  currencies: z
    .array(
      textLike(/^[A-Za-z]{3}$/, 'a currency code such as USD').transform((code) => code.toUpperCase()),
      'a list of currency codes such as [USD]',
    )
    .min(1, 'a list of at least one currency code such as [USD]')
    .describe('Billing currencies of the partner; each is exported on its own.'),
  attribute_set: attributeSetSchema,
});

/** `streams` of `connector.yaml`: what to export. */
export const streamsSchema = z
  .strictObject({
    billed_usage: billedSchema.optional().describe('Daily rated usage of invoices.'),
    unbilled_usage: unbilledSchema.optional().describe('Daily rated usage of the open months.'),
    billed_reconciliation: billedSchema.optional().describe('Line items of invoices.'),
    unbilled_reconciliation: unbilledSchema.optional().describe('Line items of the open months.'),
  })
  .refine((streams) => Object.values(streams).some((stream) => stream !== undefined), {
    error: 'a group with at least one stream',
  });
