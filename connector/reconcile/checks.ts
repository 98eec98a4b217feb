import type { CheckStatus } from '../load/check-rows.js';

/** A check: a view `recon_<name>`, and what `reconcile` makes of it. */
export interface Check {
  readonly name: string;
  readonly view: string;
  /** The question that it answers. */
  readonly question: string;
  /**
   * What its findings say. `amount`: whether what is billed is right; where no such check could be made, nothing was
   * checked. `data`: whether what is loaded is whole and fits together. `hint`: something worth a look, or that was
   * different once; it decides no exit code and refuses no sign-off, unless it is named.
   */
  readonly says: 'amount' | 'data' | 'hint';
  /** Its rows are of months, and of an invoice where one bills the month: `--period` goes by the month itself. */
  readonly isOfMonths?: true;
  /** Columns of its own that tell its rows apart, for people. */
  readonly keys: readonly string[];
  /** It has rows of snapshots that were replaced, too: only what readers see is looked at. */
  readonly isOfSnapshots?: true;
  /** What it finds nobody can decide by the data: its `not_checked` rows are findings too. */
  readonly isOpen?: true;
  /** A column that has something to say of rows that match, too: such a row is shown as a hint, and decides nothing. */
  readonly remarks?: string;
  /** Its amounts are exchange rates. */
  readonly isOfRates?: true;
  /**
   * What to do next about rows of a status that is no match, and about rows that match and are remarked on, one sentence
   * each; what cannot occur is left out.
   */
  readonly next: Readonly<Partial<Record<FindingStatus | 'remarked', string>>>;
}

/** The statuses that are no match. */
export type FindingStatus = Exclude<CheckStatus, 'matched' | 'within_tolerance'>;

const ASK_MICROSOFT =
  'run sync, and if it stays, open a billing request at Partner Center with the lines that `explain` shows';
const SETTLES = 'run sync again after the 15th, when usage is settled, then reconcile again';
const LOAD_BOTH = 'sync billed_usage (attribute_set: full) and billed_reconciliation of the invoice';

/** All checks, in the order in which they are shown. */
export const CHECKS: readonly Check[] = [
  {
    name: 'load_completeness',
    view: 'recon_load_completeness',
    question: 'is what is loaded whole and proven?',
    says: 'data',
    isOfMonths: true,
    isOfSnapshots: true,
    keys: ['stream', 'scope', 'records_rejected', 'proof_status'],
    next: {
      mismatch: 'run `verify`, then `sync --reload` the scope: what is recorded of it does not add up',
      partial: 'look at `rejected` and at `status`: what is published is not all that Microsoft sent',
      not_checked: 'run sync, or `sync --reload` what was published before proofs were kept',
    },
  },
  {
    name: 'invoice_tieout',
    view: 'recon_invoice_tieout',
    question: 'do the lines add up to the invoice?',
    says: 'amount',
    keys: ['measure'],
    next: {
      mismatch: `look at the other checks of the invoice for what is missing or doubled; ${ASK_MICROSOFT}`,
      left_only: `the lines are in another currency than the invoice; ${ASK_MICROSOFT}`,
      right_only: `the lines are in another currency than the invoice; ${ASK_MICROSOFT}`,
      partial: 'look at `rejected`: the lines are not whole',
      not_checked:
        'load what the reason says is missing; pre-tax and tax can be stated from the PDF (`invoices set`)',
    },
  },
  {
    name: 'usage_vs_invoice',
    view: 'recon_usage_vs_invoice',
    question: 'does the daily usage add up to the lines that charge it?',
    says: 'amount',
    keys: ['product_name', 'subscription_id', 'product_id', 'sku_id'],
    next: {
      mismatch: `compare the days with the line by \`explain\`; ${ASK_MICROSOFT}`,
      left_only: `usage has no line that charges it: it may come on the next invoice; ${ASK_MICROSOFT}`,
      right_only: `a line charges usage that is not in the daily file: look for late usage; ${ASK_MICROSOFT}`,
      partial: SETTLES,
      not_checked: LOAD_BOTH,
    },
  },
  {
    name: 'usage_completeness',
    view: 'recon_usage_completeness',
    question: 'is the daily usage complete?',
    says: 'data',
    keys: ['days_missing', 'missing_days'],
    remarks: 'missing_days',
    next: {
      remarked:
        'nothing where nobody used anything on those days: all of it is charged; else do not bill customers by the day from it',
      mismatch: `run sync: days of the month have no usage; ${ASK_MICROSOFT}`,
      left_only: `run sync: no line charges the usage; ${ASK_MICROSOFT}`,
      right_only: 'run sync: lines charge usage, and none is here',
      partial: `${SETTLES}; if no day is missing, usage_vs_invoice shows where they are apart`,
      not_checked: LOAD_BOTH,
    },
  },
  {
    name: 'line_recalc',
    view: 'recon_line_recalc',
    question: 'can each line be computed again from its price, quantity and rate?',
    says: 'amount',
    keys: ['charge_type', 'sku_name', 'line_item_key', 'line_item_occurrence'],
    next: {
      mismatch: `\`explain --invoice ID --line KEY\` writes the numbers out; ${ASK_MICROSOFT}`,
      not_checked:
        'load the lines with attribute_set full, or accept that such lines cannot be computed again',
    },
  },
  {
    name: 'pec_missed',
    view: 'recon_pec_missed',
    question: 'where was partner earned credit lost?',
    says: 'data',
    keys: ['entitlement_description', 'sku_name', 'days_without_credit', 'first_day_without_credit'],
    next: {
      mismatch:
        'see whether the role on the Azure subscription was missing on those days, restore it, and claim the credit',
      not_checked:
        'nothing where the reason says that it may earn none; else load billed_usage with attribute_set full',
    },
  },
  {
    name: 'orphans',
    view: 'recon_orphans',
    question: 'is there a customer or subscription in one stream and not in the other?',
    says: 'data',
    keys: ['subscription_id', 'line_kind', 'orphan'],
    next: {
      left_only: `usage has no line: it may be billed on the next invoice; ${ASK_MICROSOFT}`,
      right_only: `a line charges usage and has none: see that the usage is loaded whole; ${ASK_MICROSOFT}`,
      not_checked: `nothing where the reason says that none is expected; else ${LOAD_BOTH}`,
    },
  },
  {
    name: 'possible_duplicates',
    view: 'recon_possible_duplicates',
    question: 'which lines are there more than once, equal in every field?',
    says: 'hint',
    isOpen: true,
    keys: ['stream', 'sku_name', 'charge_type', 'occurrences', 'line_item_key'],
    next: {
      not_checked:
        'see whether all of them were ordered: equal lines may be legal, as the reason says, and nothing is ever removed',
    },
  },
  {
    name: 'fx_rates',
    view: 'recon_fx_rates',
    question: 'is there one exchange rate for each pair of currencies and day?',
    says: 'data',
    isOfRates: true,
    keys: ['pricing_currency', 'rate_date', 'rates'],
    next: {
      mismatch: `compare the rates with the one that Partner Center publishes for the month; ${ASK_MICROSOFT}`,
      not_checked: 'load with attribute_set full: basic has no date of the rate',
    },
  },
  {
    name: 'unbilled_vs_billed',
    view: 'recon_unbilled_vs_billed',
    question: 'was the estimate right?',
    says: 'hint',
    isOfMonths: true,
    keys: ['stream', 'is_last', 'estimated_at', 'share_of_billed'],
    next: {
      mismatch:
        'an estimate is no claim: see what moved (unbilled_totals), and bill customers after the 15th',
      partial:
        'nothing: an estimate of before the 15th is not final, or an invoice of the month is still to come',
      not_checked: 'configure unbilled_usage and unbilled_reconciliation to have estimates to compare with',
    },
  },
  {
    name: 'snapshot_changes',
    view: 'recon_snapshot_changes',
    question: 'what did Microsoft restate?',
    says: 'hint',
    keys: ['stream', 'change', 'subscription_id', 'product_id', 'charge_type'],
    next: {
      mismatch: '`diff INVOICE` shows the lines; bill customers again where it matters',
      left_only: '`diff INVOICE` shows what was taken away; bill customers again where it matters',
      right_only: '`diff INVOICE` shows what was added; bill customers again where it matters',
    },
  },
];

/** The names of all checks. */
export const CHECK_NAMES: readonly string[] = CHECKS.map(({ name }) => name);

/** What kind of finding a row of a check is; null where there is nothing to do about it. Pure. */
export function kindOf(
  { remarks }: Check,
  row: Readonly<Record<string, string | null>>,
): FindingStatus | 'remarked' | null {
  const status = row['status'] as CheckStatus;
  if (status !== 'matched' && status !== 'within_tolerance') return status;
  return remarks !== undefined && (row[remarks] ?? null) !== null ? 'remarked' : null;
}
