import type { SqlTransaction } from '../../connector/load/destination.js';
import type { Verdict } from '../../connector/reconcile/verdict.js';
import { HEADER, INVOICE, USAGE_LINES } from './generated-month.js';

/** An error that is planted into a generated month. */
export interface Planted {
  readonly error: string;
  /** Statements that plant it; what Microsoft's invoice follows is made anew after it. */
  readonly sql: readonly string[];
  /** Every check or report that finds it, with how many findings it has. */
  readonly found: Readonly<Record<string, number | 'many'>>;
  /** What `reconcile` tells people of it, beside what to do next. */
  readonly told?: RegExp;
  /** What `reconcile` comes to by it. */
  readonly verdict: Pick<Verdict, 'exitCode' | 'outcome' | 'differing' | 'hints'>;
}

const seatLine = (condition: string): string => `(
  SELECT line_item_key FROM csp.billed_reconciliation
  WHERE meter_description IS NULL AND customer_id = 'customer 3' AND ${condition} ORDER BY line_item_key LIMIT 1
)`;
const SEATS = seatLine(`charge_type = 'cycleCharge' AND pricing_currency = 'EUR'`);
const BY_DAYS = seatLine(`charge_type = 'addQuantity' AND subtotal > 0`);
const IN_DOLLARS = seatLine(`pricing_currency = 'USD'`);
const CREDIT = seatLine(`charge_type = 'customerCredit'`);
const DAY = `usage_date = DATE '2026-10-17'`;
const DAY_BEFORE = `usage_date = DATE '2026-10-16'`;

/** The invoice is wrong: exit 7. */
const differs = (...differing: string[]): Planted['verdict'] => ({
  ...{ exitCode: 7, outcome: 'differs', differing, hints: [] },
});
/** The invoice is right as far as `reconcile` decides; some checks, or a report beside them, show something. */
const right = (...hints: string[]): Planted['verdict'] => ({
  ...{ exitCode: 0, outcome: 'all right', differing: [], hints },
});

/** One error at a time. Where the invoice charges it, its lines and its total follow: then only its own check can tell. */
export const PLANTED: readonly Planted[] = [
  {
    error: 'a lost line',
    sql: [`DELETE FROM csp.billed_reconciliation WHERE line_item_key = ${SEATS}`],
    found: { recon_invoice_tieout: 1 },
    verdict: differs('invoice_tieout'),
  },
  {
    error: 'a doubled line, which the invoice charges',
    sql: [
      `CREATE TEMPORARY TABLE doubled AS SELECT * FROM csp.billed_reconciliation WHERE line_item_key = ${SEATS}`,
      'UPDATE doubled SET line_item_occurrence = 2',
      'INSERT INTO csp.billed_reconciliation SELECT * FROM doubled',
      ...HEADER,
    ],
    found: { recon_possible_duplicates: 1 },
    verdict: right('possible_duplicates'),
  },
  {
    error: 'a wrong rate: the price of a line is not what it was charged by',
    sql: [
      `UPDATE csp.billed_reconciliation SET effective_unit_price = effective_unit_price + 1 WHERE line_item_key = ${SEATS}`,
    ],
    found: { recon_line_recalc: 1 },
    verdict: differs('line_recalc'),
  },
  {
    error: 'a lost credit day, which the invoice charges',
    sql: [
      `UPDATE csp.billed_usage SET
        partner_earned_credit_percentage = 0,
        effective_unit_price = unit_price,
        billing_pre_tax_total = csp.mul(csp.mul(unit_price, quantity), pc_to_bc_exchange_rate)
      WHERE customer_id = 'customer 3' AND sku_id = '0002' AND usage_date = DATE '2026-10-09'`,
      ...USAGE_LINES,
      ...HEADER,
    ],
    found: { recon_pec_missed: 1 },
    verdict: differs('pec_missed'),
  },
  {
    error: 'a wrong proration: a line is charged for more days than its price is for',
    sql: [
      `UPDATE csp.billed_reconciliation SET subtotal = subtotal * 2 WHERE line_item_key = ${BY_DAYS}`,
      ...HEADER,
    ],
    found: { recon_line_recalc: 1 },
    verdict: differs('line_recalc'),
  },
  {
    error: 'a wrong exchange rate, which the line is charged by',
    sql: [
      `UPDATE csp.billed_reconciliation SET
        pc_to_bc_exchange_rate = 0.9,
        subtotal = csp.trunc_money(csp.mul(csp.trunc_money(csp.mul(effective_unit_price, billable_quantity), 'USD'), 0.9), 'EUR')
      WHERE line_item_key = ${IN_DOLLARS}`,
      ...HEADER,
    ],
    found: { recon_fx_rates: 1 },
    verdict: differs('fx_rates'),
  },
  {
    // Its money is on the day before: no check of money can tell.
    error: 'a missing day, which another day is charged for',
    sql: [
      `CREATE TEMPORARY TABLE moved AS SELECT * FROM csp.billed_usage WHERE ${DAY}`,
      `UPDATE csp.billed_usage SET
        quantity = billed_usage.quantity + m.quantity,
        billing_pre_tax_total = billed_usage.billing_pre_tax_total + m.billing_pre_tax_total
      FROM moved m
      WHERE billed_usage.${DAY_BEFORE} AND m.resource_uri = billed_usage.resource_uri`,
      `DELETE FROM csp.billed_usage WHERE ${DAY}`,
    ],
    found: { recon_usage_completeness: 1 },
    told: /^G000777 .* 2026-10-17 .* it ties with the lines, though days of the month have no usage/m,
    verdict: right('usage_completeness'),
  },
  {
    // Which day, and which subscriptions and products: a difference in money is never kept back because another check
    // explains it, for whoever looks at that check alone would take it for right.
    error: 'a missing day that lines charge, by day and by what it is charged for,',
    sql: [`DELETE FROM csp.billed_usage WHERE ${DAY}`],
    found: { recon_usage_completeness: 1, recon_usage_vs_invoice: 'many' },
    told: /^G000777 .* 2026-10-17 .* days of the month have no usage, and it does not tie with the lines/m,
    verdict: differs('usage_vs_invoice', 'usage_completeness'),
  },
  {
    error: 'a customer under the wrong reseller',
    sql: [`UPDATE csp.billed_reconciliation SET tier2_mpn_id = '6048879' WHERE line_item_key = ${SEATS}`],
    found: { rpt_reseller_split: 1 },
    verdict: right(),
  },
  {
    error: 'a credit without its pair',
    sql: [
      `UPDATE csp.billed_reconciliation SET reference_id = 'another', order_date = TIMESTAMP '2026-09-01'
      WHERE line_item_key = ${CREDIT}`,
    ],
    found: { rpt_credits_and_refunds: 1 },
    verdict: right(),
  },
];

/** What two reports find, which are no checks and decide no exit code: `report`, `findings`. */
export async function reportFindings(on: SqlTransaction): Promise<readonly (readonly [string, number])[]> {
  const rows = await on.rows(
    `SELECT 'rpt_credits_and_refunds' AS report, count(*) AS findings
     FROM csp.rpt_credits_and_refunds WHERE pair_status = 'unpaired'
     UNION ALL
     -- A customer has one reseller, so that none is counted under two.
     SELECT 'rpt_reseller_split', sum(r.customers) - (SELECT count(DISTINCT customer_id) FROM csp.billed_reconciliation)
     FROM csp.rpt_reseller_split r WHERE r.invoice_number = '${INVOICE}'`,
  );
  return rows.map((row) => [row['report'] ?? '', Number(row['findings'])]);
}
