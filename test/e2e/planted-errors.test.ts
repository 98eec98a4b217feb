import { mkdtempSync, readdirSync, rmSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { DuckDBInstance, type DuckDBConnection } from '@duckdb/node-api';
import { afterAll, beforeAll, describe, expect, it } from 'vitest';
import { systemClock } from '../../connector/clock.js';
import { createDuckdbDestination } from '../../connector/load/duckdb/destination.js';
import { packageRoot } from '../../connector/package-info.js';
import { generateMonth, HEADER, INVOICE, runAll, USAGE_LINES, type MonthSize } from './generated-month.js';

const SMALL: MonthSize = {
  customers: 20,
  resourcesPerCustomer: 6,
  metersPerCustomer: 5,
  eventsPerCustomer: 12,
};
/** About 1,000,000 rows of usage and 20,000 lines; set TEST_PLANTED_FULL to plant errors into it. */
const FULL: MonthSize = {
  customers: 200,
  resourcesPerCustomer: 162,
  metersPerCustomer: 50,
  eventsPerCustomer: 25,
};

const seatLine = (condition: string): string => `(
  SELECT line_item_key FROM csp.billed_reconciliation
  WHERE meter_description IS NULL AND customer_id = 'customer 3' AND ${condition} ORDER BY line_item_key LIMIT 1
)`;
const SEATS = seatLine(`charge_type = 'cycleCharge' AND pricing_currency = 'EUR'`);
const BY_DAYS = seatLine(`charge_type = 'addQuantity' AND subtotal > 0`);
const IN_DOLLARS = seatLine(`pricing_currency = 'USD'`);
const CREDIT = seatLine(`charge_type = 'customerCredit'`);

interface Planted {
  readonly error: string;
  /** Statements that plant it; what Microsoft's invoice follows is made anew after it. */
  readonly sql: string;
  /** Every check that finds it, with how many findings it has. */
  readonly found: Readonly<Record<string, number | 'many'>>;
}

/** One error at a time. Where the invoice charges it, its lines and its total follow: then only its own check can tell. */
const PLANTED: readonly Planted[] = [
  {
    error: 'a lost line',
    sql: `DELETE FROM csp.billed_reconciliation WHERE line_item_key = ${SEATS}`,
    found: { recon_invoice_tieout: 1 },
  },
  {
    error: 'a doubled line, which the invoice charges',
    sql: `INSERT INTO csp.billed_reconciliation
      SELECT * REPLACE (2 AS line_item_occurrence) FROM csp.billed_reconciliation WHERE line_item_key = ${SEATS};
      ${HEADER}`,
    found: { recon_possible_duplicates: 1 },
  },
  {
    error: 'a wrong rate: the price of a line is not what it was charged by',
    sql: `UPDATE csp.billed_reconciliation SET effective_unit_price = effective_unit_price + 1 WHERE line_item_key = ${SEATS}`,
    found: { recon_line_recalc: 1 },
  },
  {
    error: 'a lost credit day, which the invoice charges',
    sql: `UPDATE csp.billed_usage SET
        partner_earned_credit_percentage = 0,
        effective_unit_price = unit_price,
        billing_pre_tax_total = csp.mul(csp.mul(unit_price, quantity), pc_to_bc_exchange_rate)
      WHERE customer_id = 'customer 3' AND sku_id = '0002' AND usage_date = '2026-10-09';
      ${USAGE_LINES};
      ${HEADER}`,
    found: { recon_pec_missed: 1 },
  },
  {
    error: 'a wrong proration: a line is charged for more days than its price is for',
    sql: `UPDATE csp.billed_reconciliation SET subtotal = subtotal * 2 WHERE line_item_key = ${BY_DAYS};
      ${HEADER}`,
    found: { recon_line_recalc: 1 },
  },
  {
    error: 'a wrong exchange rate, which the line is charged by',
    sql: `UPDATE csp.billed_reconciliation SET
        pc_to_bc_exchange_rate = 0.9,
        subtotal = csp.trunc_money(csp.mul(csp.trunc_money(csp.mul(effective_unit_price, billable_quantity), 'USD'), 0.9), 'EUR')
      WHERE line_item_key = ${IN_DOLLARS};
      ${HEADER}`,
    found: { recon_fx_rates: 1 },
  },
  {
    error: 'a missing day: the same money is told by day and by group',
    sql: `DELETE FROM csp.billed_usage WHERE usage_date = '2026-10-17'`,
    found: { recon_usage_completeness: 1, recon_usage_vs_invoice: 'many' },
  },
  {
    error: 'a customer under the wrong reseller',
    sql: `UPDATE csp.billed_reconciliation SET tier2_mpn_id = '6048879' WHERE line_item_key = ${SEATS}`,
    found: { rpt_reseller_split: 1 },
  },
  {
    error: 'a credit without its pair',
    sql: `UPDATE csp.billed_reconciliation SET reference_id = 'another', order_date = '2026-09-01' WHERE line_item_key = ${CREDIT}`,
    found: { rpt_credits_and_refunds: 1 },
  },
];

describe('a generated month', () => {
  const folder = mkdtempSync(join(tmpdir(), 'planted-'));
  const path = join(folder, 'month.duckdb');
  const size = process.env['TEST_PLANTED_FULL'] === undefined ? SMALL : FULL;
  let instance: DuckDBInstance | undefined;
  let connection: DuckDBConnection;

  beforeAll(async () => {
    await migrate(path);
    instance = await DuckDBInstance.create(path, { threads: '2' });
    connection = await instance.connect();
    await generateMonth(connection, size);
  }, 600_000);
  afterAll(() => {
    connection.closeSync();
    instance?.closeSync();
    rmSync(folder, { recursive: true });
  });

  it('is checked whole, and nothing is reported', async () => {
    expect(await findings(connection)).toEqual({});
    const rows = await connection.runAndReadAll(
      `SELECT 'recon_line_recalc' AS view, count(*) > ${size.customers * size.eventsPerCustomer * 2} AS many
        FROM csp.recon_line_recalc WHERE status IN ('matched', 'within_tolerance')
      UNION ALL SELECT 'recon_invoice_tieout', count(*) = 1 FROM csp.recon_invoice_tieout WHERE status = 'matched'
      UNION ALL SELECT 'recon_usage_vs_invoice', count(*) = ${size.customers * size.metersPerCustomer}
        FROM csp.recon_usage_vs_invoice WHERE status = 'within_tolerance'
      UNION ALL SELECT 'recon_pec_missed', count(*) > 0 FROM csp.recon_pec_missed WHERE status = 'matched'`,
    );
    expect(rows.getRows().map(([, many]) => many)).toEqual([true, true, true, true]);
  }, 300_000);

  it.each(PLANTED.map((planted) => [planted.error, planted] as const))(
    '%s is found by the check that is for it, and by no other',
    async (_, { sql, found }) => {
      await connection.run('BEGIN');
      try {
        await runAll(connection, sql);
        const now = Object.entries(await findings(connection)).map(([view, count]) => [
          view,
          found[view] === 'many' && count > 1 ? 'many' : count,
        ]);
        expect(Object.fromEntries(now)).toEqual(found);
      } finally {
        await connection.run('ROLLBACK');
      }
    },
    300_000,
  );
});

/** How many findings each check and report has; those without any are left out. */
async function findings(connection: DuckDBConnection): Promise<Record<string, number>> {
  const checks = readdirSync(join(packageRoot(), 'sql', 'duckdb', 'views'))
    .filter((file) => file.startsWith('recon_'))
    .map((file) => file.replace('.sql', ''))
    .map(
      (view) => `SELECT '${view}', count(*) FROM csp.${view}
        WHERE status NOT IN ('matched', 'within_tolerance', 'not_checked')`,
    );
  const others = [
    `SELECT 'recon_possible_duplicates', count(*) FROM csp.recon_possible_duplicates WHERE occurrences IS NOT NULL`,
    `SELECT 'rpt_credits_and_refunds', count(*) FROM csp.rpt_credits_and_refunds WHERE pair_status = 'unpaired'`,
    // A customer has one reseller, so that none is counted under two.
    `SELECT 'rpt_reseller_split', sum(r.customers) - (
        SELECT count(DISTINCT customer_id) FROM csp.billed_reconciliation
      ) FROM csp.rpt_reseller_split r WHERE r.invoice_number = '${INVOICE}'`,
  ];
  const rows = (await connection.runAndReadAll([...checks, ...others].join(' UNION ALL '))).getRows();
  const found = rows.map(([view, count]) => [String(view), Number(count)] as const);
  return Object.fromEntries(found.filter(([, count]) => count !== 0));
}

async function migrate(path: string): Promise<void> {
  const destination = createDuckdbDestination(
    {
      ...{ type: 'duckdb', path, dataset: 'csp', migrate: 'auto' },
      ...{ memory_limit: 512 * 1024 ** 2, threads: 2 },
    },
    {
      ...{ path: (relative) => relative, report: () => undefined, clock: systemClock, lockWaitMs: 5000 },
      connectorVersion: '0.0.0-test',
    },
  );
  const session = await destination.open('write');
  await session.migrate().finally(() => session.close());
  await destination.close();
}
