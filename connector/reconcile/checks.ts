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
  /** What to do next about rows of a status that is no match, one sentence each. */
  readonly next: Readonly<Record<FindingStatus, string>>;
}

/** The statuses that are no match. */
export type FindingStatus = Exclude<CheckStatus, 'matched' | 'within_tolerance'>;

const ASK_MICROSOFT =
  'run sync, and if it stays, open a billing request at Partner Center with the lines that `explain` shows';
const LOAD_BOTH = 'sync billed_usage (attribute_set: full) and billed_reconciliation of the invoice';

/** All checks, in the order in which they are shown. */
const ALL: readonly Check[] = [
  {
    name: 'load_completeness',
    view: 'recon_load_completeness',
    question: 'is what is loaded whole and proven?',
    says: 'data',
    keys: ['stream', 'scope'],
    next: {
      mismatch: 'run `verify`, then `sync --reload` the scope: what is loaded is not what was proven',
      left_only: 'run sync: what the service gave is not loaded',
      right_only: 'run `verify`: rows are loaded that no snapshot accounts for',
      partial: 'look at `rejected`, and raise the limit or report what Microsoft sent',
      not_checked: 'run sync: nothing is loaded that could be looked at',
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
      left_only: 'sync billed_reconciliation of the invoice: it is listed with a total and has no lines',
      right_only:
        'let sync read the invoice list (invoices: discover): the lines have no header to compare with',
      partial: 'wait for the rest of the invoice, and run sync and reconcile again',
      not_checked:
        'load what the reason says is missing; pre-tax and tax can be stated from the PDF (`invoices set`)',
    },
  },
  {
    name: 'usage_vs_invoice',
    view: 'recon_usage_vs_invoice',
    question: 'does the daily usage add up to the lines that charge it?',
    says: 'amount',
    keys: ['subscription_id', 'product_id', 'sku_id', 'availability_id'],
    next: {
      mismatch: `compare the days with the line by \`explain\`; ${ASK_MICROSOFT}`,
      left_only: `usage has no line that charges it: it may come on the next invoice; ${ASK_MICROSOFT}`,
      right_only: `a line charges usage that is not in the daily file: look for late usage; ${ASK_MICROSOFT}`,
      partial: 'run sync again after the 15th: usage of a young invoice still changes',
      not_checked: LOAD_BOTH,
    },
  },
  {
    name: 'usage_completeness',
    view: 'recon_usage_completeness',
    question: 'is the daily usage complete?',
    says: 'data',
    keys: ['subscription_id'],
    next: {
      mismatch: `run sync, and look at the missing days with query; ${ASK_MICROSOFT}`,
      left_only: `run sync: usage has days that no line charges; ${ASK_MICROSOFT}`,
      right_only: 'run sync: lines charge usage of which no day is here',
      partial: 'run sync again after the 15th: days still arrive',
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
      left_only: 'look at the line with `explain`: it has nothing billed',
      right_only: 'look at the line with `explain`: it cannot be computed',
      partial: 'run sync and reconcile again',
      not_checked:
        'load the lines with attribute_set full, or accept that such lines cannot be computed again',
    },
  },
  {
    name: 'pec_missed',
    view: 'recon_pec_missed',
    question: 'where was partner earned credit lost?',
    says: 'data',
    keys: ['subscription_id', 'entitlement_id', 'meter_id'],
    next: {
      mismatch: 'see who lost the role on the subscription (Azure RBAC, GDAP) on those days, and restore it',
      left_only: 'see who lost the role on the subscription (Azure RBAC, GDAP) on those days, and restore it',
      right_only: 'credit was given that the rates do not explain: look at the days with query',
      partial: 'run sync again after the 15th: credit is decided per day until then',
      not_checked: 'sync billed_usage with attribute_set full: basic has no credit rate',
    },
  },
  {
    name: 'orphans',
    view: 'recon_orphans',
    question: 'is there a subscription or customer in one stream and not in the other?',
    says: 'data',
    keys: ['subscription_id'],
    next: {
      mismatch: ASK_MICROSOFT,
      left_only: `usage has no line: it may be billed on the next invoice; ${ASK_MICROSOFT}`,
      right_only: `a line has no usage: see that the usage is loaded whole; ${ASK_MICROSOFT}`,
      partial: 'run sync again after the 15th: usage still arrives',
      not_checked: LOAD_BOTH,
    },
  },
  {
    name: 'possible_duplicates',
    view: 'recon_possible_duplicates',
    question: 'are there lines that are the same?',
    says: 'hint',
    keys: ['subscription_id', 'product_id', 'sku_id', 'charge_type', 'line_item_key'],
    next: {
      mismatch: `see whether both were ordered; equal lines may be legal, and nothing is ever removed; ${ASK_MICROSOFT}`,
      left_only: 'see whether both were ordered; equal lines may be legal, and nothing is ever removed',
      right_only: 'see whether both were ordered; equal lines may be legal, and nothing is ever removed',
      partial: 'see whether both were ordered; equal lines may be legal, and nothing is ever removed',
      not_checked: 'sync the invoice: it has no lines here',
    },
  },
  {
    name: 'fx_rates',
    view: 'recon_fx_rates',
    question: 'is there one exchange rate for each pair of currencies and day?',
    says: 'data',
    keys: ['pricing_currency', 'rate_date'],
    next: {
      mismatch: `compare the rates with Partner Center's published one of the month; ${ASK_MICROSOFT}`,
      left_only: "compare the rate with Partner Center's published one of the month",
      right_only: "compare the rate with Partner Center's published one of the month",
      partial: 'run sync and reconcile again',
      not_checked: 'load with attribute_set full: basic has no date of the rate',
    },
  },
  {
    name: 'unbilled_vs_billed',
    view: 'recon_unbilled_vs_billed',
    question: 'was the last estimate right?',
    says: 'hint',
    isOfMonths: true,
    keys: ['stream', 'customer_id', 'product_id'],
    next: {
      mismatch: 'an estimate is no claim: see which customers moved, and bill after the 15th',
      left_only: 'what was estimated is not on the invoice: see whether it comes on the next one',
      right_only: 'what is on the invoice was not estimated: see whether it was ordered late in the month',
      partial: 'wait until the month is billed',
      not_checked: 'configure unbilled_usage and unbilled_reconciliation to have estimates to compare with',
    },
  },
  {
    name: 'snapshot_changes',
    view: 'recon_snapshot_changes',
    question: 'what did Microsoft restate?',
    says: 'hint',
    keys: ['stream', 'change', 'subscription_id', 'product_id', 'charge_type', 'to_etag'],
    next: {
      mismatch: '`diff INVOICE` shows the lines; bill customers again where it matters',
      left_only: '`diff INVOICE` shows what was taken away; bill customers again where it matters',
      right_only: '`diff INVOICE` shows what was added; bill customers again where it matters',
      partial: '`diff INVOICE` shows the lines',
      not_checked: 'nothing to do: only one snapshot was published',
    },
  },
];

const READY = new Set([
  'recon_line_recalc',
  'recon_snapshot_changes',
  'recon_invoice_tieout',
  'recon_usage_vs_invoice',
]);
/** All checks, in the order in which they are shown. */
export const CHECKS: readonly Check[] = ALL.filter(({ view }) => READY.has(view));

/** The names of all checks. */
export const CHECK_NAMES: readonly string[] = CHECKS.map(({ name }) => name);
