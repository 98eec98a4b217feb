import fc from 'fast-check';
import { expect, test } from 'vitest';
import { BILLED_USAGE } from '../../schemas/tables/billed-usage.js';
import { snapshotOf, usageRecord, type SourceRecord } from '../snapshot.js';
import { Dataset, INVOICE, type ContractDatabase } from './dataset.js';
import { narrowRecords, publishSlowly, type NarrowRow, type PastRow } from './diff-oracle.js';

/** Few keys, few prices and few names, so that keys repeat, rows are twins, and both change. */
const record = fc.record({
  MeterId: fc.constantFrom('a', 'b', 'c', null),
  UnitPrice: fc.constantFrom('1', '2', '10', '-1', null),
  Quantity: fc.constantFrom('1', '0.5', null),
  CustomerName: fc.constantFrom('Contoso', 'Fabrikam', null),
});
const snapshots = fc.array(fc.array(record, { maxLength: 9 }), { minLength: 2, maxLength: 4 });

/** The comparison of snapshots in the database against one that is slow and obvious. */
export function describeDiff(database: () => ContractDatabase, numRuns: number): void {
  test('any sequence of snapshots leaves the rows, numbers, load ids and history that the slow comparison says', async () => {
    const dataset = await Dataset.migrated(database());
    let scopes = 0;
    await fc.assert(
      fc.asyncProperty(snapshots, async (sequence) => {
        scopes += 1;
        await compareSequence(dataset, `G${scopes}`, sequence);
      }),
      { numRuns },
    );
    expect(scopes).toBeGreaterThanOrEqual(numRuns);
  }, 240_000);
}

async function compareSequence(
  dataset: Dataset,
  invoice: string,
  sequence: readonly (readonly SourceRecord[])[],
): Promise<void> {
  let rows: readonly NarrowRow[] = [];
  const past: (PastRow & { by: string })[] = [];
  await dataset.inOneSession(async () => {
    for (const [index, fields] of sequence.entries()) {
      const records = fields.map((one) => usageRecord({ ...one, InvoiceNumber: invoice }));
      const half = Math.floor(records.length / 2);
      const snapshot = await snapshotOf(BILLED_USAGE, { x: records.slice(0, half), y: records.slice(half) });
      const loadId = `${invoice}-${index + 1}`;
      const expected = publishSlowly(rows, await narrowRecords(snapshot, BILLED_USAGE.measures), loadId);
      const result = await dataset.publishSnapshot({ ...INVOICE, invoice }, snapshot, {
        loadId,
        allowEmpty: true,
      });
      expect(result.counts).toMatchObject({
        staged: records.length,
        updated: expected.past.filter(({ change }) => change === 'changed').length,
        deleted: expected.past.filter(({ change }) => change === 'removed').length,
        inserted: expected.rows.filter((row) => row.loadId === loadId && row.firstLoadId === loadId).length,
      });
      rows = expected.rows;
      past.push(...expected.past.map((row) => ({ ...row, by: loadId })));
    }
  });
  const columns = 'line_item_key, _row_hash, line_item_occurrence, _load_id, _first_load_id';
  const own = `WHERE _first_load_id LIKE '${invoice}-%'`;
  const found = await lines(
    dataset,
    `SELECT ${columns}, 'now' AS by_load, 'there' AS change FROM {d}.billed_usage ${own}
     UNION ALL SELECT ${columns}, _replaced_by_load_id, _change FROM {d}.billed_usage_history ${own}`,
  );
  const now = rows.map((row) => `${line(row)} now there`);
  expect(found).toEqual([...now, ...past.map((row) => `${line(row)} ${row.by} ${row.change}`)].sort());
}

async function lines(dataset: Dataset, sql: string): Promise<string[]> {
  const rows = await dataset.rows(sql);
  return rows.map((row) => Object.values(row).join(' ')).sort();
}

function line(row: NarrowRow): string {
  return [uuid(row.key), uuid(row.hash), row.occurrence, row.loadId, row.firstLoadId].join(' ');
}

function uuid(hex: string): string {
  return hex.replace(/^(.{8})(.{4})(.{4})(.{4})(.{12})$/, '$1-$2-$3-$4-$5');
}
