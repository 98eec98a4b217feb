import { ConfigError } from '../../schemas/errors.js';
import {
  countChecked,
  customersOfReseller,
  invoicesOfMonth,
  isKnownInvoice,
  columnsOfView,
  worstRows,
  type CheckCount,
  type CheckFilter,
  type CheckRow,
  type CheckStatus,
  type CheckView,
} from '../load/check-rows.js';
import type { DatasetReading } from '../load/destination.js';
import { CHECKS, type Check } from './checks.js';

/** Rows of a finding that people are shown; the other formats have all. */
export const MOST_SHOWN = 10;

/** What is asked of `reconcile`: an empty object is everything. */
export interface AskedChecks {
  readonly invoices?: readonly string[] | undefined;
  /** Calendar month, `2026-10`. */
  readonly period?: string | undefined;
  readonly customer?: string | undefined;
  /** MPN id of a reseller. */
  readonly reseller?: string | undefined;
  /** Names of checks. */
  readonly checks?: readonly string[] | undefined;
}

/** What was asked for, in terms of what views can be filtered by. */
export interface Examined {
  readonly asked: AskedChecks;
  /** The invoices that are looked at; undefined: all. */
  readonly invoices: readonly string[] | undefined;
  readonly customers: readonly string[] | undefined;
}

/** What one check found. */
export interface CheckResult extends CheckView {
  readonly check: Check;
  /** Why it was not looked at: a filter that it cannot apply; null where it was. */
  readonly notExamined: string | null;
  readonly counts: readonly CheckCount[];
}

/**
 * Turns what was asked into what views can be filtered by.
 * @throws ConfigError for an invoice that nothing is known of
 */
export async function resolveAsked(from: DatasetReading, asked: AskedChecks): Promise<Examined> {
  for (const invoice of asked.invoices ?? [])
    if (!(await isKnownInvoice(from, invoice))) throw unknownInvoice(invoice);
  const ofPeriod = asked.period === undefined ? undefined : await invoicesOfMonth(from, asked.period);
  const ofReseller =
    asked.reseller === undefined ? undefined : await customersOfReseller(from, asked.reseller);
  const customer = asked.customer === undefined ? undefined : [asked.customer.toLowerCase()];
  return {
    asked,
    invoices: bothOf(asked.invoices, ofPeriod),
    customers: bothOf(customer, ofReseller),
  };
}

/** Runs the checks that were asked for, one after the other, over one state of the dataset. */
export async function examine(from: DatasetReading, wanted: Examined): Promise<readonly CheckResult[]> {
  const { checks } = wanted.asked;
  const results: CheckResult[] = [];
  for (const check of CHECKS.filter(({ name }) => checks === undefined || checks.includes(name))) {
    const { view } = check;
    const columns = await columnsOfView(from, view);
    const { filter, notExamined } = filterOf(check, columns.columns, wanted);
    const of: CheckView = { view, ...columns, filter, remarks: check.remarks };
    results.push({
      check,
      ...of,
      notExamined,
      counts: notExamined === null ? await countChecked(from, of) : [],
    });
  }
  return results;
}

/** The rows of a check that are shown to people, as many of each status and currency. */
export async function rowsToShow(from: DatasetReading, result: CheckResult): Promise<readonly CheckRow[]> {
  if (shownOf(result) === 0) return [];
  return await worstRows(from, result, MOST_SHOWN, result.check.isOpen === true ? 'open' : 'certain');
}

/** How many rows of a check are worth to be shown: findings, and those that are remarked on. */
export function shownOf({ check, counts }: CheckResult): number {
  return counts.reduce(
    (sum, { status, rows, remarked }) => sum + (isShown(check, status) ? rows : remarked),
    0,
  );
}

/** Whether rows of a status are shown one by one. */
export function isShown({ isOpen }: Check, status: CheckStatus): boolean {
  if (status === 'not_checked') return isOpen === true;
  return status !== 'matched' && status !== 'within_tolerance';
}

function filterOf(
  check: Check,
  columns: readonly string[],
  { asked, invoices, customers }: Examined,
): { readonly filter: CheckFilter; readonly notExamined: string | null } {
  const byInvoice = columns.includes('invoice_number');
  const byMonth = byInvoice || columns.includes('billing_month');
  const byCustomer = columns.includes('customer_id');
  const month = check.isOfMonths === true || !byInvoice ? asked.period : undefined;
  const filter: CheckFilter = {
    isCurrent: check.isOfSnapshots,
    month: byMonth ? month : undefined,
    invoices: byInvoice ? (month === undefined ? invoices : asked.invoices) : undefined,
    customers: byCustomer ? customers : undefined,
  };
  const lacking = [
    ...(asked.invoices !== undefined && !byInvoice ? ['it does not look at single invoices'] : []),
    ...(asked.period !== undefined && !byMonth ? ['it does not look at single months'] : []),
    ...(customers !== undefined && !byCustomer ? ['it does not look at single customers'] : []),
  ];
  const [notExamined = null] = lacking;
  return {
    filter,
    notExamined: notExamined === null ? null : `not examined for this filter: ${notExamined}`,
  };
}

function bothOf(
  one: readonly string[] | undefined,
  other: readonly string[] | undefined,
): readonly string[] | undefined {
  if (one === undefined || other === undefined) return one ?? other;
  return one.filter((text) => other.includes(text));
}

function unknownInvoice(invoice: string): ConfigError {
  return new ConfigError({
    message: `${invoice}: nothing is known of this invoice: it is not listed, was never asked for, and no row carries its number`,
    hint: 'name an invoice as `partner-billing invoices` or `status` prints it, or run sync first',
    facts: { invoice },
  });
}
