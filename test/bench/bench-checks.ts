import { addDecimals } from '../../connector/load/add-decimals.js';
import type { BenchFiles } from './bench-files.js';
import type { BenchRun } from './bench-run.js';
import { AMOUNT, NUMBERS } from './contents.js';
import type { Contents, Measurement } from './measure.js';
import { growthRows } from './bench-data.js';

/** Something that must be true before a figure means anything, or that is worth knowing of a rival. */
export interface Finding {
  readonly what: string;
  /** False: the run fails. */
  readonly holds: boolean;
  /** It says what a rival gets wrong, which is no failure of the run. */
  readonly isRivals?: true;
}

/** A rival's sum may be off by so much of itself, which is what doubles do; more is a defect of the benchmark. */
const ROUNDING = 1e-9;

/**
 * What each side holds in the end: ours must be what the sandbox says that it made, in every digit, and what the rivals
 * hold must be the same but for what doubles lose.
 */
export function findings(
  run: BenchRun,
  data: { readonly rows: number; readonly first: BenchFiles; readonly restated: BenchFiles },
): readonly Finding[] {
  const found = run.measurements.flatMap((one) => [
    ...ourFindings(one, data),
    ...rivalFindings(one, run.measurements),
    ...stageFindings(one, data),
  ]);
  const sync = run.measurements.filter(({ id }) => id === 'sync' || id === 'sync load');
  const all = [...found, ...sync.flatMap((one) => syncFindings(one, run)), ...run.failures.map(failed)];
  // The same is true of each turn: it is said once.
  return all.filter(({ what }, index) => all.findIndex((other) => other.what === what) === index);
}

function ourFindings(
  { id, what, contents, counts }: Measurement,
  { first, restated }: { readonly first: BenchFiles; readonly restated: BenchFiles },
): readonly Finding[] {
  const [engine, load, side] = id.split(' ');
  if (contents === null || side !== 'ours' || (engine !== 'duckdb' && engine !== 'postgres')) return [];
  const files = load === 'first' ? first : restated;
  const sum = contents.sums[AMOUNT];
  const same = [
    is(`${what}: ${files.rows} rows`, contents.rows, files.rows),
    is(`${what}: the sum is exactly ${files.sum}`, sum, files.sum),
  ];
  if (files.change === null) return [...same, is(`${what}: all are new`, counts['inserted'], files.rows)];
  const { changed, removed, added } = files.change;
  const { updated, deleted, inserted, unchanged } = counts;
  return [
    ...same,
    is(
      `${what}: ${changed} changed, ${removed} vanished, ${added} new, the rest left alone`,
      [updated, deleted, inserted, unchanged].join(),
      [changed, removed, added, files.rows - changed - added].join(),
    ),
    is(`${what}: the history has ${changed + removed} rows`, contents.history, changed + removed),
  ];
}

function rivalFindings({ id, what, contents }: Measurement, all: readonly Measurement[]): readonly Finding[] {
  const [engine, load, side] = id.split(' ');
  if (contents === null || side === 'ours' || (engine !== 'duckdb' && engine !== 'postgres')) return [];
  if (id === 'postgres first single rows') return [];
  const ours = all.find((other) => other.id === `${engine} ${load} ours`)?.contents ?? null;
  // A rival that only upserts keeps what vanished.
  const expected = load === 'first' ? ours : (ours?.withVanished ?? null);
  if (expected === null)
    return [{ what: `${what}: there is nothing of ours to compare it with`, holds: false }];
  const { off, wrong } = differences(contents, expected);
  const rows = is(`${what}: ${expected.rows} rows`, contents.rows, expected.rows);
  if (off.length === 0) return [rows, { what: `${what}: all sums are exactly ours`, holds: true }];
  const seen = `${AMOUNT} is ${contents.sums[AMOUNT]}, exactly it is ${expected.sums[AMOUNT]}`;
  const lost = `${off.length} of ${NUMBERS.length} sums are off: ${seen}`;
  // Lines that are equal in all that identifies them overwrite each other in a MERGE that does not number them.
  const excused = id === 'duckdb restated MERGE';
  return [
    rows,
    {
      what: `${what}: ${wrong.length > 0 ? 'WRONG' : 'inexact'}, ${lost}${wrong.length > 0 ? ` (by more than rounding: ${wrong.join(', ')})` : ''}`,
      holds: wrong.length === 0 || excused,
      isRivals: true,
    },
  ];
}

/** Columns whose sums are not ours in every digit, and those that are off by more than doubles do. */
function differences(found: Contents, expected: Contents): { off: string[]; wrong: string[] } {
  const off = NUMBERS.filter((name) => found.sums[name] !== expected.sums[name]);
  const wrong = off.filter((name) => {
    const exact = Number(expected.sums[name]);
    return !(Math.abs(Number(found.sums[name]) - exact) <= ROUNDING * Math.max(1, Math.abs(exact)));
  });
  return { off, wrong };
}

function stageFindings(
  { id, what, rows, contents }: Measurement,
  { first, rows: asked }: { readonly first: BenchFiles; readonly rows: number },
): readonly Finding[] {
  if (id === 'discard 1' || id === 'discard 3') {
    const times = id === 'discard 1' ? 1 : 3;
    return [is(`${what}: ${times * first.rows} rows`, rows, times * first.rows)];
  }
  if (id === 'decode ours') {
    const { decoded, text } = contents?.sums ?? {};
    return [is(`${what}: the sum of what was decoded is exactly that of the lines' text`, decoded, text)];
  }
  if (id.startsWith('growth ')) {
    const size = Number(id.split(' ')[2]);
    return [is(`${what}: all are there`, contents?.rows, growthRows(asked).includes(size) ? size : NaN)];
  }
  return [];
}

function syncFindings({ what, contents }: Measurement, { synced }: BenchRun): readonly Finding[] {
  if (synced === null) return [];
  const sum = synced.sums.reduce(addDecimals, '0');
  return [
    is(`${what}: ${synced.rows} rows`, contents?.rows, synced.rows),
    is(`${what}: the sum is exactly ${sum}`, contents?.sums[AMOUNT], sum),
  ];
}

function is(what: string, found: unknown, expected: unknown): Finding {
  return found === expected
    ? { what, holds: true }
    : { what: `${what}; found ${String(found)}, expected ${String(expected)}`, holds: false };
}

function failed(what: string): Finding {
  return { what, holds: false };
}
