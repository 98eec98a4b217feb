import { INVOICE, type MonthSize } from '../e2e/generated-month.js';
import { distinctPerCustomer } from './large-size.js';

/** A view as it is measured, and what it must say of the planted invoice. */
export interface LargeView {
  readonly view: string;
  readonly where: string;
  /** Rows by status; `agrees` stands for matched and within_tolerance. Of a report: `rows`. */
  readonly expected: Readonly<Record<string, number>>;
  /** A column whose sum is that of the invoice's usage or lines, exactly. */
  readonly sum?: readonly [column: string, of: 'usage' | 'lines'];
}

const OF_INVOICE = `invoice_number = '${INVOICE}'`;
const OF_MONTH = `billing_month = DATE '2026-10-01'`;

/** Every check and report, with what follows from how the month is made and from what is planted into it. */
export function largeViews(size: MonthSize): readonly LargeView[] {
  return [...checksOfAmounts(size), ...checksOfData(size), ...reports(size)];
}

function checksOfAmounts(size: MonthSize): readonly LargeView[] {
  const { customers, metersPerCustomer: meters } = size;
  return [
    {
      view: 'recon_invoice_tieout',
      where: OF_INVOICE,
      expected: { agrees: 1 },
    },
    {
      // A row of usage is lost.
      view: 'recon_usage_vs_invoice',
      where: OF_INVOICE,
      expected: { agrees: customers * meters - 1, mismatch: 1 },
      sum: ['left_amount', 'usage'],
    },
    {
      // No day is, and the row is less than what all lines together are allowed.
      view: 'recon_usage_completeness',
      where: OF_INVOICE,
      expected: { agrees: 1 },
      sum: ['left_amount', 'usage'],
    },
    {
      // A line has a wrong price.
      view: 'recon_line_recalc',
      where: OF_INVOICE,
      expected: { agrees: lineCount(size) - 1, mismatch: 1 },
      sum: ['right_amount', 'lines'],
    },
  ];
}

function checksOfData(size: MonthSize): readonly LargeView[] {
  const { customers, metersPerCustomer: meters, resourcesPerCustomer: resources, eventsPerCustomer } = size;
  const meterOf = (resource: number): number => resource % meters;
  const entitled = (is: (meter: number) => boolean): number =>
    distinctPerCustomer(size, (resource) =>
      is(meterOf(resource)) ? `${resource % 2}/${meterOf(resource)}` : '',
    ) - (Array.from({ length: resources }).every((_, resource) => is(meterOf(resource))) ? 0 : 1);
  const missed = entitled((meter) => meter === 2);
  const withoutAny = customers * entitled((meter) => meter % 5 === 4);
  return [
    {
      view: 'recon_pec_missed',
      where: OF_INVOICE,
      expected: {
        agrees: customers * entitled(() => true) - withoutAny - missed,
        mismatch: missed,
        not_checked: withoutAny,
      },
    },
    {
      // Of a customer: usage with its lines, licences, and credits for these.
      view: 'recon_orphans',
      where: OF_INVOICE,
      expected: { agrees: customers, not_checked: 2 * customers },
      sum: ['right_amount', 'lines'],
    },
    {
      // One row for all that is there once, of each stream.
      view: 'recon_possible_duplicates',
      where: OF_INVOICE,
      expected: { agrees: 2, not_checked: customers + 1 },
    },
    { view: 'recon_fx_rates', where: OF_INVOICE, expected: { agrees: 2 } },
    { view: 'recon_unbilled_vs_billed', where: OF_MONTH, expected: { agrees: 2, partial: 2 } },
    {
      // A day of usage and the lines of a customer are changed.
      view: 'recon_snapshot_changes',
      where: OF_INVOICE,
      expected: {
        mismatch: customers * resources + meters + 2 * eventsPerCustomer + 1,
        right_only: customers,
        left_only: customers,
      },
    },
    { view: 'recon_load_completeness', where: OF_INVOICE, expected: { agrees: 4 } },
  ];
}

function reports(size: MonthSize): readonly LargeView[] {
  const { customers, metersPerCustomer: meters, eventsPerCustomer } = size;
  const events = Array.from({ length: eventsPerCustomer }, (_, event) => event);
  const charged = new Set(
    events.flatMap((event) => {
      const types = [['cycle'], ['add'], ['credit', 'cycle'], ['cycle']][event % 4] ?? [];
      return types.map((type) => `${event % 7} ${type}`);
    }),
  );
  const given = events.filter((event) => event % 4 === 1 || event % 4 === 2);
  const costs = distinctPerCustomer(
    size,
    (resource) => `${resource % 2} ${resource % 20} ${(resource % meters) % 10}`,
  );
  return [
    {
      view: 'rpt_cost_by_customer',
      where: OF_INVOICE,
      expected: { rows: customers },
      sum: ['pre_tax', 'lines'],
    },
    {
      view: 'rpt_month_over_month',
      where: OF_MONTH,
      expected: { rows: customers * (meters + charged.size) },
      sum: ['amount', 'lines'],
    },
    { view: 'rpt_credits_and_refunds', where: OF_INVOICE, expected: { rows: customers * given.length } },
    { view: 'rpt_reseller_split', where: OF_INVOICE, expected: { rows: 1 }, sum: ['pre_tax', 'lines'] },
    {
      view: 'rpt_azure_cost',
      where: OF_INVOICE,
      expected: { rows: customers * costs },
      sum: ['amount', 'usage'],
    },
  ];
}

/** Lines of usage, one of which has two prices, and of events, one of which is doubled. */
function lineCount({ customers, metersPerCustomer, eventsPerCustomer }: MonthSize): number {
  return customers * metersPerCustomer + 1 + customers * eventsPerCustomer * 2 + 1;
}
