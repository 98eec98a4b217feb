import { expect, test } from 'vitest';
import { lineRecord, usageRecord } from '../snapshot.js';
import { viewNames } from '../view-names.js';
import { Dataset, INVOICE, type ContractDatabase } from './dataset.js';

/** A check and a report; all of them are made anew in the same way. */
const VIEWS = ['recon_orphans', 'rpt_cost_by_customer'];

/** What a user built on the checks and reports, when a later release makes them anew. */
export function describeUserViews(database: () => ContractDatabase): void {
  test('views and tables that a user built on checks and reports stay when a release adds columns to these', async () => {
    const dataset = await Dataset.migrated(database());
    await dataset.publish({ ...INVOICE, stream: 'billed_reconciliation' }, [lineRecord(), lineRecord()]);
    await dataset.publish(INVOICE, [usageRecord()]);
    const { dialect } = dataset.destination;
    const newest = await columnsNow(dataset);
    expect(newest.size).toBe(VIEWS.length);
    // As an earlier release left them: without the last two columns.
    await dataset.byHand(
      [...newest].flatMap(([view, columns]) => asBefore(view, columns.slice(0, -2))).join(';\n'),
    );
    await dataset.byHand("UPDATE {d}._views SET checksum = 'of an earlier release'");
    const before = await seenByUser(dataset, newest);
    expect(Object.keys(before)).toHaveLength(VIEWS.length * 3);

    expect(await dataset.write((session) => session.migrate())).toEqual(viewNames(dialect));

    expect(await columnsNow(dataset)).toEqual(newest);
    expect(await seenByUser(dataset, newest)).toEqual(before);
    expect(await dataset.write((session) => session.migrate())).toEqual([]);
  }, 60_000);
}

/** Our view with fewer columns, and what a user built on it: by all columns, by a join of two names, and a copy. */
function asBefore(view: string, columns: readonly string[]): readonly string[] {
  return [
    `ALTER VIEW {d}.${view} RENAME TO newer_${view}`,
    `CREATE VIEW {d}.${view} AS SELECT ${columns.join(', ')} FROM {d}.newer_${view}`,
    `CREATE VIEW {d}.mine_${view} AS SELECT * FROM {d}.${view}`,
    `CREATE VIEW {d}.counted_${view} AS
      SELECT m.${columns[0] ?? ''} AS subject, count(*) AS found FROM {d}.mine_${view} m
      JOIN {d}.${view} v ON v.${columns[0] ?? ''} = m.${columns[0] ?? ''} GROUP BY 1`,
    `CREATE TABLE {d}.copy_of_${view} AS SELECT * FROM {d}.${view}`,
  ];
}

/** What the user sees of the columns that there were, by what the user made. */
async function seenByUser(
  dataset: Dataset,
  newest: ReadonlyMap<string, readonly string[]>,
): Promise<Record<string, string[]>> {
  const line = (names: readonly string[]): string =>
    `concat_ws('|', ${names.map((name) => `coalesce(CAST(m.${name} AS VARCHAR), '-')`).join(', ')})`;
  const queries = [...newest].flatMap(([view, columns]) => [
    ...['mine', 'copy_of'].map((made) => [`${made}_${view}`, line(columns.slice(0, -2))] as const),
    [`counted_${view}`, line(['subject', 'found'])] as const,
  ]);
  const rows = await dataset.rows(
    queries
      .map(([name, text]) => `SELECT '${name}' AS name, ${text} AS line FROM {d}.${name} m`)
      .join(' UNION ALL '),
  );
  const seen: Record<string, string[]> = {};
  for (const row of rows) (seen[row['name'] ?? ''] ??= []).push(row['line'] ?? '');
  for (const lines of Object.values(seen)) lines.sort();
  return seen;
}

/** The columns of our views, in their order. */
async function columnsNow(dataset: Dataset): Promise<Map<string, string[]>> {
  const rows = await dataset.rows(
    `SELECT table_name, column_name FROM information_schema.columns
     WHERE table_schema = '{d}' AND table_name IN (${VIEWS.map((view) => `'${view}'`).join(', ')})
     ORDER BY table_name, ordinal_position`,
  );
  const columns = new Map<string, string[]>();
  for (const row of rows) {
    const view = row['table_name'] ?? '';
    columns.set(view, [...(columns.get(view) ?? []), row['column_name'] ?? '']);
  }
  return columns;
}
