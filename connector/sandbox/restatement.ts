import { ADDED_ROWS, type RowSource } from './row-source.js';
import { mix, seedOf } from './seeded.js';

/** What a restatement does to a scope: rows whose amount changes, rows that vanish, rows that come new. */
export interface Change {
  readonly changed?: number;
  readonly removed?: number;
  readonly added?: number;
  /** Numbers of rows whose amount changes besides: those that are meant, not any. */
  readonly rows?: readonly number[];
}

/** A scope's data after so many restatements; immutable, so that an export keeps what it was asked for. */
export interface Restatement {
  /** How often the scope was restated. */
  readonly number: number;
  readonly removed: ReadonlySet<number>;
  /** How often a row's amount changed. */
  readonly revisions: ReadonlyMap<number, number>;
  readonly added: number;
  /** The changes so far as a text: the same text means the same data. */
  readonly history: string;
}

/** Data as it was first invoiced. */
export const NEVER_RESTATED: Restatement = {
  number: 0,
  removed: new Set(),
  revisions: new Map(),
  added: 0,
  history: '',
};

/**
 * The next restatement of a scope. Which rows it meets depends on the scope's key and the history only. Changes and
 * removals stop when no row is left for them, and leave the rows before `from` alone.
 */
export function restated(
  before: Restatement,
  source: RowSource,
  key: string,
  change: Change,
  from = 0,
): Restatement {
  const number = before.number + 1;
  const seed = seedOf(`${key} restatement ${number}`);
  const removed = new Set(before.removed);
  const revisions = new Map(before.revisions);
  const touched = new Set<number>();
  const free = (row: number): boolean => row >= from && !removed.has(row) && !touched.has(row);
  for (let index = 0; index < (change.removed ?? 0); index++) {
    const row = findRow(source, mix(seed, 2 * index), free);
    if (row === null) break;
    removed.add(row);
    revisions.delete(row);
  }
  for (let index = 0; index < (change.changed ?? 0); index++) {
    const movable = (row: number): boolean =>
      free(row) && source.amountOf(row, 0) !== source.amountOf(row, 1);
    const row = findRow(source, mix(seed, 2 * index + 1), movable);
    if (row === null) break;
    touched.add(row);
    revisions.set(row, (revisions.get(row) ?? 0) + 1);
  }
  for (const row of change.rows ?? []) revisions.set(row, (revisions.get(row) ?? 0) + 1);
  const added = before.added + (change.added ?? 0);
  return { number, removed, revisions, added, history: before.history + changeText(change) };
}

/** A change as a text: the same text means the same change. */
export function changeText({ changed = 0, removed = 0, added = 0, rows = [] }: Change): string {
  return `/${changed}.${removed}.${added}${rows.length === 0 ? '' : `.${rows.join('+')}`}`;
}

/** How many rows a source has after a restatement. */
export function rowsAfter(source: RowSource, { removed, added }: Restatement): number {
  return source.rows - removed.size + added;
}

/** Rows of one part of a scope with how often each was changed; added rows come in the last part. */
export function* rowsOfPart(
  source: RowSource,
  { removed, revisions, added }: Restatement,
  part: number,
  parts: number,
): Generator<readonly [row: number, revision: number]> {
  const from = Math.floor((source.rows * part) / parts);
  const to = Math.floor((source.rows * (part + 1)) / parts);
  for (let row = from; row < to; row++) {
    if (!removed.has(row)) yield [row, revisions.get(row) ?? 0];
  }
  if (part < parts - 1) return;
  for (let index = 0; index < added; index++) yield [ADDED_ROWS + index, 0];
}

function findRow(source: RowSource, random: number, fits: (row: number) => boolean): number | null {
  for (let step = 0; step < source.rows; step++) {
    const row = (random + step) % source.rows;
    if (fits(row)) return row;
  }
  return null;
}
