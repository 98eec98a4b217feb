import { mkdtempSync, rmSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { afterAll, beforeAll, describe, expect, it } from 'vitest';
import type { CheckRow } from '../../connector/load/check-rows.js';
import { duckdbConnection } from '../../connector/load/duckdb/connection.js';
import { openFile } from '../../connector/load/duckdb/database.js';
import {
  DIALECTS,
  type Dialect,
  type SqlConnection,
  type SqlTransaction,
} from '../../connector/load/destination.js';
import { migrate } from '../../connector/load/migrate.js';
import { PostgresConnection } from '../../connector/load/postgres/connection.js';
import { MOST_SHOWN, rowsToShow, shownOf, type AskedChecks } from '../../connector/reconcile/examine.js';
import { readReport, type ReportedDataset } from '../../connector/reconcile/read-report.js';
import { reconcileText, type ReconcileReport } from '../../connector/reconcile/reconcile-text.js';
import { FAIL_ON, verdictOf } from '../../connector/reconcile/verdict.js';
import { createTestDatabase } from '../postgres-server.js';
import { generateMonth, INVOICE, runAll, type MonthSize } from './generated-month.js';
import { PLANTED, reportFindings } from './planted.js';

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
const SIZE = process.env['TEST_PLANTED_FULL'] === undefined ? SMALL : FULL;

describe.each(DIALECTS)('a generated month, in %s,', (dialect) => {
  let connection: SqlConnection;
  let drop: () => Promise<void>;

  beforeAll(async () => {
    ({ connection, drop } = await openEmpty(dialect));
    await migrate(connection, { dataset: 'csp', connectorVersion: '0.0.0-test', now: new Date() });
    await connection.transaction((on) => generateMonth(on, SIZE));
  }, 600_000);
  afterAll(async () => {
    await connection.close();
    await drop();
  });

  it('is checked whole, and nothing is reported', async () => {
    const { report, found } = await inVain(connection, [], look);
    expect(found).toEqual({});
    expect(report.verdict).toMatchObject({ exitCode: 0, outcome: 'all right', differing: [], hints: [] });
    const rowsOf = (name: string, ...statuses: string[]): number =>
      report.results
        .filter(({ check }) => check.name === name)
        .flatMap(({ counts }) => counts)
        .filter(({ status }) => statuses.includes(status))
        .reduce((sum, { rows }) => sum + rows, 0);
    expect(rowsOf('line_recalc', 'matched', 'within_tolerance')).toBeGreaterThan(
      SIZE.customers * SIZE.eventsPerCustomer * 2,
    );
    expect(rowsOf('invoice_tieout', 'matched')).toBe(1);
    expect(rowsOf('usage_vs_invoice', 'within_tolerance')).toBe(SIZE.customers * SIZE.metersPerCustomer);
    expect(rowsOf('pec_missed', 'matched')).toBeGreaterThan(0);
  }, 300_000);

  it.each(PLANTED.map((planted) => [planted.error, planted] as const))(
    '%s is found by the check that is for it, and by no other',
    async (_, { sql, found, verdict, told = /./ }) => {
      const now = await inVain(connection, sql, look);
      const counted = Object.entries(now.found).map(([view, count]) => [
        view,
        found[view] === 'many' && count > 1 ? 'many' : count,
      ]);
      expect(Object.fromEntries(counted)).toEqual(found);
      expect(now.report.verdict).toMatchObject(verdict);
      expect(now.text).toMatch(told);
      const toDo = Object.keys(found).filter((view) => view.startsWith('recon_'));
      expect(now.text.match(/^next, for .*\w$/gm) ?? []).toHaveLength(toDo.length);
    },
    300_000,
  );

  it('is not settled while its usage is young: then what differs fails only by --fail-on partial', async () => {
    const young = ['_snapshots', '_scopes'].map(
      (table) =>
        `UPDATE csp.${table} SET ${table === '_scopes' ? 'last_checked_at' : 'published_at'} = TIMESTAMP '2026-11-14'`,
    );
    const lost = `DELETE FROM csp.billed_usage WHERE usage_date = DATE '2026-10-17'`;
    const { results } = await inVain(connection, [...young, lost], (on) =>
      readReport(datasetOn(on), {}, 'mismatch'),
    );
    const verdicts = FAIL_ON.map((failOn) => verdictOf(results, {}, failOn));
    expect(verdicts.map(({ exitCode, outcome }) => [exitCode, outcome])).toEqual([
      [0, 'partial'],
      [7, 'partial'],
      [0, 'partial'],
    ]);
    expect(verdicts[0]?.text).toMatch(/^not settled yet: usage_vs_invoice, usage_completeness/);
  }, 300_000);

  it('is looked at customer by customer, also by the reseller that they have lines of', async () => {
    const moved = `UPDATE csp.billed_reconciliation SET tier2_mpn_id = '6048879' WHERE customer_id = 'customer 3'`;
    const [ofReseller, ofCustomer, ofInvoice] = await inVain(connection, [moved], async (on) => {
      const counted = async (asked: AskedChecks): Promise<readonly number[]> => {
        const checks = ['line_recalc', 'usage_vs_invoice'];
        const { results } = await readReport(datasetOn(on), { ...asked, checks }, 'mismatch');
        return results.map(({ counts }) => counts.reduce((sum, { rows }) => sum + rows, 0));
      };
      return [
        await counted({ reseller: '6048879', period: '2026-10' }),
        await counted({ customer: 'CUSTOMER 3', invoices: [INVOICE] }),
        await counted({}),
      ];
    });
    const { customers, metersPerCustomer } = SIZE;
    expect(ofReseller).toEqual(ofCustomer);
    expect(ofReseller?.[0]).toBe(metersPerCustomer);
    expect(ofReseller?.[1]).toBeGreaterThan(SIZE.eventsPerCustomer * 2);
    expect(ofInvoice).toEqual(ofCustomer?.map((rows) => rows * customers));
  }, 300_000);
});

interface Looked {
  readonly report: ReconcileReport;
  /** The report for people. */
  readonly text: string;
  /** How many findings each check and report has; those without any are left out. */
  readonly found: Readonly<Record<string, number>>;
}

/** What `reconcile` makes of it, and what the reports have. */
async function look(on: SqlTransaction): Promise<Looked> {
  const from = datasetOn(on);
  const report = await readReport(from, {}, 'mismatch');
  const shown = report.results.map((result) => [result.check.view, shownOf(result)] as const);
  // Its rows of what there is but once say that nothing is there more than once.
  const twice = await on.rows(
    'SELECT count(*) AS findings FROM csp.recon_possible_duplicates WHERE occurrences IS NOT NULL',
  );
  const counts = new Map([...shown, ...(await reportFindings(on))]);
  counts.set('recon_possible_duplicates', Number(twice[0]?.['findings']));
  const rows = new Map<string, readonly CheckRow[]>();
  for (const result of report.results) {
    const shownRows = await rowsToShow(from, result);
    expectLargestFirst(shownRows);
    rows.set(result.check.name, shownRows);
  }
  const text = reconcileText(report, rows);
  return { report, text, found: Object.fromEntries([...counts].filter(([, count]) => count !== 0)) };
}

/** The dataset as `reconcile` reads it, in an open transaction. */
function datasetOn(on: SqlTransaction): ReportedDataset {
  const rows: SqlTransaction['rows'] = (sql, parameters) => on.rows(sql, parameters);
  const reading = { dialect: on.dialect, rows, stream: noStream };
  return { reading, dataset: 'csp', label: 'a generated month', otherTolerances: [] };
}

/** Of each status and currency at most ten rows are shown, the largest difference first. */
function expectLargestFirst(rows: readonly CheckRow[]): void {
  const kinds = new Map<string, bigint[]>();
  for (const { status, currency, difference } of rows) {
    const kind = `${status ?? ''} ${currency ?? ''}`;
    kinds.set(kind, [...(kinds.get(kind) ?? []), sizeOf(difference ?? '0')]);
  }
  for (const sizes of kinds.values()) {
    expect(sizes.length).toBeLessThanOrEqual(MOST_SHOWN);
    expect(sizes).toEqual([...sizes].sort((a, b) => (a === b ? 0 : a < b ? 1 : -1)));
  }
}

/** Without its sign, in units of 22 decimals. */
function sizeOf(amount: string): bigint {
  const [whole = '', fraction = ''] = amount.replace('-', '').split('.');
  return BigInt(`${whole}${fraction.padEnd(22, '0')}`);
}

function noStream(): never {
  throw new Error('rows are counted, not read');
}

/** Runs statements, looks at what has become of the month, and undoes them. */
async function inVain<T>(
  connection: SqlConnection,
  statements: readonly string[],
  work: (on: SqlTransaction) => Promise<T>,
): Promise<T> {
  let seen: { readonly value: T } | undefined;
  const undone = new Error('undone');
  await connection
    .transaction(async (on) => {
      await runAll(on, statements);
      seen = { value: await work(on) };
      throw undone;
    })
    .catch((error: unknown) => {
      if (seen === undefined) throw error;
    });
  if (seen === undefined) throw undone;
  return seen.value;
}

async function openEmpty(
  dialect: Dialect,
): Promise<{ readonly connection: SqlConnection; readonly drop: () => Promise<void> }> {
  if (dialect === 'postgres') {
    const made = await createTestDatabase();
    const session = { url: made.url, applicationName: 'planted', lockWaitMs: 5000 };
    const connection = new PostgresConnection(session, 'the server', () => Promise.resolve());
    return { connection, drop: () => made.drop() };
  }
  const folder = mkdtempSync(join(tmpdir(), 'planted-'));
  const path = join(folder, 'month.duckdb');
  const opened = await openFile(path, 'write', { memoryLimit: 512 * 1024 ** 2, threads: 2 });
  const drop = (): Promise<void> => Promise.resolve(rmSync(folder, { recursive: true }));
  return { connection: duckdbConnection(opened, path), drop };
}
