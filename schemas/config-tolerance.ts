import { z } from 'zod';
import { textLike } from './config-values.js';

/** The checks that compare money within a tolerance: the views `recon_<check>`; `recon_tolerance()` knows the same. */
export const TOLERANCE_CHECKS = [
  'invoice_tieout',
  'usage_vs_invoice',
  'usage_completeness',
  'line_recalc',
  'pec_missed',
  'unbilled_vs_billed',
] as const;

const AMOUNT = 'an exact amount in quotes such as "0.01", not negative, of at most 10 decimals';
const CURRENCIES =
  'a group whose keys are currency codes such as USD, or the word default for all that are not named';

const amountSchema = textLike(/^\d{1,11}(\.\d{1,10})?$/, AMOUNT);

const currenciesSchema = z.record(
  textLike(/^(default|[A-Z]{3})$/, 'a currency code such as USD, or the word default'),
  z.strictObject({
    per_unit: amountSchema
      .optional()
      .describe(
        "Allowed for each unit compared: a line, a licence in line_recalc, the invoice in invoice_tieout; none: the currency's smallest unit.",
      ),
    at_most: amountSchema
      .optional()
      .describe(
        "Allowed for one result in all; none: a hundred of the currency's smallest units, in usage_completeness no bound.",
      ),
  }),
  { error: ({ code }) => (code === 'invalid_key' ? 'a currency code such as USD, or default' : CURRENCIES) },
);

/** `tolerance` of `connector.yaml` (domain.md section C3): amounts are exact text, of the currency they stand under. */
export const toleranceSchema = z.strictObject({
  invoice_tieout: currenciesSchema.optional().describe('The lines of an invoice against its total.'),
  usage_vs_invoice: currenciesSchema.optional().describe('Usage against the lines that charge it.'),
  usage_completeness: currenciesSchema
    .optional()
    .describe('Usage that is still coming in against the lines.'),
  line_recalc: currenciesSchema.optional().describe('A line against what its price and quantity give.'),
  pec_missed: currenciesSchema.optional().describe('Partner earned credit that is missing.'),
  unbilled_vs_billed: currenciesSchema
    .optional()
    .describe('The last estimate of a month against its invoice.'),
} satisfies Record<(typeof TOLERANCE_CHECKS)[number], z.ZodType>);

/** What is allowed for one check and currency. */
export interface Tolerance {
  readonly check: (typeof TOLERANCE_CHECKS)[number];
  /** An ISO 4217 code in upper case, or `default` for all that are not named. */
  readonly currency: string;
  /** Exact text in the currency, for each unit compared; null: not configured. */
  readonly perUnit: string | null;
  /** Exact text in the currency, for one result in all; null: not configured. */
  readonly atMost: string | null;
}

/** The tolerances that a configuration names, in the order of checks and currencies. */
export function configuredTolerances(tolerance: z.output<typeof toleranceSchema>): readonly Tolerance[] {
  return TOLERANCE_CHECKS.flatMap((check) =>
    Object.entries(tolerance[check] ?? {})
      .map(([currency, { per_unit, at_most }]) => ({
        ...{ check, currency },
        perUnit: per_unit ?? null,
        atMost: at_most ?? null,
      }))
      .sort((one, other) => (one.currency < other.currency ? -1 : 1)),
  );
}
