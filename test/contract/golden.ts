import { readdirSync } from 'node:fs';
import { join } from 'node:path';
import { expect, test } from 'vitest';
import type { TextRow } from '../../connector/load/destination.js';
import { packageRoot } from '../../connector/package-info.js';
import { GOLDEN_VIEWS } from '../golden/all-views.js';
import type { Given, GivenSnapshot, GivenStatement, GoldenView } from '../golden/golden-case.js';
import { snapshotOf, TENANT } from '../snapshot.js';
import { STREAMS } from '../../schemas/streams.js';
import { Dataset, type ContractDatabase } from './dataset.js';

const TIME_ZONES = ['UTC', 'America/Los_Angeles', 'Pacific/Kiritimati'];
const LIST_READ_AT = new Date('2026-11-09T05:00:00Z');

/** Every view gives exactly the rows that its golden data say (test/golden), wherever the session's clock stands. */
export function describeGolden(database: () => ContractDatabase): void {
  test.each(GOLDEN_VIEWS.map((golden) => [titleOf(golden), golden] as const))(
    '%s gives exactly what was reasoned out by hand, in every time zone',
    async (_, golden) => {
      const columns = columnsOf(golden);
      const dataset = await Dataset.migrated(database());
      await give(dataset, mergedGiven(golden));
      const expected = golden.cases.flatMap((each) => each.expected).map(withoutReason);
      for (const timeZone of TIME_ZONES) {
        const rows = await dataset.inTimeZone(timeZone, queryOf(golden.view, columns));
        expect({ timeZone, rows: sorted(rows.map(canonical)) }).toEqual({ timeZone, rows: sorted(expected) });
      }
    },
    60_000,
  );

  test('in an empty database no view says that anything matched, and no report has a row', async () => {
    const dataset = await Dataset.migrated(database());
    for (const view of viewsNamed('rpt_')) {
      expect({ view, rows: await dataset.rows(`SELECT * FROM {d}.${view}`) }).toEqual({ view, rows: [] });
    }
    for (const view of viewsNamed('recon_')) {
      const rows = await dataset.rows(
        `SELECT status FROM {d}.${view} WHERE status IN ('matched', 'within_tolerance')`,
      );
      expect({ view, rows }).toEqual({ view, rows: [] });
    }
  });
}

function titleOf({ view, variant }: GoldenView): string {
  return variant === undefined ? view : `${view} (${variant})`;
}

/** The columns that every expected row names. @throws when two rows name others, so that none is left unchecked */
function columnsOf({ cases }: GoldenView): readonly string[] {
  const named = cases.flatMap((each) => each.expected).map((row) => Object.keys(withoutReason(row)).sort());
  const [columns = []] = named;
  for (const other of named) expect(other).toEqual(columns);
  return columns;
}

function withoutReason({ because, ...row }: Readonly<Record<string, string | null>>): TextRow {
  expect(because).toMatch(/\w/);
  return row;
}

function mergedGiven({ cases }: GoldenView): Required<Given> {
  const all = <T>(of: (given: Given) => readonly T[] | undefined): readonly T[] =>
    cases.flatMap(({ given }) => of(given) ?? []);
  return {
    invoices: all((given) => given.invoices),
    snapshots: all((given) => given.snapshots),
    statements: all((given) => given.statements),
    sql: all((given) => given.sql),
  };
}

async function give(dataset: Dataset, given: Required<Given>): Promise<void> {
  await dataset.inOneSession(async () => {
    if (given.invoices.length > 0) {
      await dataset.write((session) =>
        session.recordInvoiceList({
          ...{ tenantId: TENANT, runId: 'run-1', loadId: 'list-1', readAt: LIST_READ_AT, since: null },
          ...{ invoices: given.invoices, correlationId: null },
        }),
      );
    }
    for (const snapshot of given.snapshots) await publish(dataset, snapshot);
  });
  const byHand = [...given.statements.map(statementSql), ...given.sql];
  if (byHand.length > 0) await dataset.byHand(byHand.join(';\n'));
}

async function publish(dataset: Dataset, given: GivenSnapshot): Promise<void> {
  const { load, scope, attributeSet = 'full', records, at, request = {} } = given;
  const snapshot = await snapshotOf(STREAMS[scope.stream].table, { 'part-1.json.gz': records });
  const result = await dataset.publishSnapshot(scope, snapshot, {
    ...{ loadId: load, eTag: `e-${load}`, attributeSet, now: new Date(at) },
    ...request,
  });
  expect([load, result.loadId]).toEqual([load, load]);
}

function statementSql({ invoice, currency, preTax, tax, at }: GivenStatement, index: number): string {
  const values = [`s${String(index).padStart(4, '0')}`, invoice, currency, preTax, tax, 'Ada', sqlAt(at)];
  return `INSERT INTO {d}.invoice_statements
    (statement_id, invoice_number, currency, pre_tax, tax, stated_by, stated_at)
    VALUES (${values.map((value) => `'${value}'`).join(', ')})`;
}

function sqlAt(instant: string): string {
  return new Date(instant).toISOString().slice(0, 19).replace('T', ' ');
}

function queryOf(view: string, columns: readonly string[]): string {
  return `SELECT ${columns.map((name) => `CAST(v.${name} AS VARCHAR) AS ${name}`).join(', ')} FROM {d}.${view} v`;
}

/** The same text for the same number, whatever scale a database writes it with. */
function canonical(row: TextRow): TextRow {
  return Object.fromEntries(
    Object.entries(row).map(([name, value]) => [
      name,
      typeof value === 'string' && /^-?\d+\.\d+$/.test(value) ? value.replace(/\.?0+$/, '') : value,
    ]),
  );
}

function sorted(rows: readonly TextRow[]): readonly TextRow[] {
  return rows
    .map((row) => Object.entries(row).sort(([a], [b]) => (a < b ? -1 : 1)))
    .sort((a, b) => (JSON.stringify(a) < JSON.stringify(b) ? -1 : 1))
    .map((entries) => Object.fromEntries(entries));
}

function viewsNamed(prefix: string): readonly string[] {
  return readdirSync(join(packageRoot(), 'sql', 'duckdb', 'views'))
    .filter((file) => file.startsWith(prefix))
    .map((file) => file.replace('.sql', ''));
}
