import type { Data, RecordBatch } from 'apache-arrow';
import type { Snapshot } from '../snapshot.js';

/** A record as the comparison sees it: its key and hash as hex, its measures scaled by 10^22, null where absent. */
export interface NarrowRecord {
  readonly key: string;
  readonly hash: string;
  readonly measures: readonly (bigint | null)[];
}

/** A row of a scope. */
export interface NarrowRow extends NarrowRecord {
  readonly occurrence: number;
  readonly loadId: string;
  readonly firstLoadId: string;
}

/** A row that a load replaced. */
export interface PastRow extends NarrowRow {
  readonly change: 'changed' | 'removed';
}

/**
 * What publishing must do to the rows of a scope, by the words of architecture.md section 3, key by key with plain
 * lists: slow and obvious, to hold the databases against.
 */
export function publishSlowly(
  rows: readonly NarrowRow[],
  records: readonly NarrowRecord[],
  loadId: string,
): { readonly rows: NarrowRow[]; readonly past: PastRow[] } {
  const after: NarrowRow[] = [];
  const past: PastRow[] = [];
  for (const key of new Set([...rows, ...records].map((one) => one.key))) {
    let published = rows.filter((row) => row.key === key).sort((a, b) => a.occurrence - b.occurrence);
    const staged: NarrowRecord[] = [];
    for (const record of records.filter((one) => one.key === key)) {
      const same = published.find((row) => row.hash === record.hash);
      if (same === undefined) staged.push(record);
      else {
        after.push(same);
        published = published.filter((row) => row !== same);
      }
    }
    const used = new Set(rows.filter((row) => row.key === key).map((row) => row.occurrence));
    published.sort(inOrder);
    staged.sort(inOrder);
    for (const record of staged) {
      const replaced = published.shift();
      if (replaced === undefined) {
        let occurrence = 1;
        while (used.has(occurrence)) occurrence += 1;
        used.add(occurrence);
        after.push({ ...record, occurrence, loadId, firstLoadId: loadId });
      } else {
        past.push({ ...replaced, change: 'changed' });
        after.push({ ...record, occurrence: replaced.occurrence, loadId, firstLoadId: replaced.firstLoadId });
      }
    }
    for (const row of published) past.push({ ...row, change: 'removed' });
  }
  return { rows: after, past };
}

/** By the measures, nulls first, then by the row hash. */
function inOrder(a: NarrowRecord, b: NarrowRecord): number {
  for (const [index, left] of a.measures.entries()) {
    const right = b.measures[index] ?? null;
    if (left === right) continue;
    if (left === null) return -1;
    if (right === null) return 1;
    return left < right ? -1 : 1;
  }
  return a.hash < b.hash ? -1 : a.hash > b.hash ? 1 : 0;
}

/** The records of a snapshot as the comparison sees them. */
export async function narrowRecords(
  snapshot: Snapshot,
  measures: readonly string[],
): Promise<NarrowRecord[]> {
  const found: NarrowRecord[] = [];
  for await (const part of snapshot.parts()) {
    if (part.kind !== 'batch') continue;
    const { records } = part.batch;
    for (let row = 0; row < records.numRows; row += 1) {
      found.push({
        key: hexOf(records, 'line_item_key', row),
        hash: hexOf(records, '_row_hash', row),
        measures: measures.map((name) => decimalOf(records, name, row)),
      });
    }
  }
  return found;
}

function hexOf(records: RecordBatch, name: string, row: number): string {
  const bytes = columnOf(records, name).values as Uint8Array;
  return Buffer.from(bytes.subarray(row * 16, row * 16 + 16)).toString('hex');
}

function decimalOf(records: RecordBatch, name: string, row: number): bigint | null {
  const data = columnOf(records, name);
  if (!data.getValid(row)) return null;
  const words = data.values as Uint32Array;
  const view = new DataView(words.buffer, words.byteOffset + row * 16, 16);
  return (view.getBigInt64(8, true) << 64n) | view.getBigUint64(0, true);
}

function columnOf(records: RecordBatch, name: string): Data {
  const index = records.schema.fields.findIndex((field) => field.name === name);
  const data = records.data.children[index];
  if (data === undefined) throw new Error(`no column ${name}`);
  return data;
}
