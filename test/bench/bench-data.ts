import { mkdir, writeFile } from 'node:fs/promises';
import { join } from 'node:path';
import { benchChange, benchFiles, type BenchFiles } from './bench-files.js';
import type { BenchRun } from './bench-run.js';

/** The groups of cases, in the order in which they run. */
export const CASE_NAMES = ['decode', 'stages', 'duckdb', 'postgres', 'sync', 'growth'] as const;

/** One of {@link CASE_NAMES}. */
export type CaseName = (typeof CASE_NAMES)[number];

/** How large a run is, and what of it. */
export interface BenchOptions {
  /** Usage rows of the one large invoice. */
  readonly rows: number;
  readonly blobs: number;
  /** How often each load and its rivals run, in turns. */
  readonly repeat: number;
  readonly cases: readonly CaseName[];
  /** Leaves out the rivals that are only shown, with no goal to reach. */
  readonly onlyGoals: boolean;
  /** Invoices of the sync, which share the rows. */
  readonly invoices: number;
}

/** What the cases of a run share. */
export interface BenchData extends BenchOptions {
  /** Data that are made once live here. */
  readonly cache: string;
  readonly first: BenchFiles;
  readonly restated: BenchFiles;
}

/** The invoice, and the same restated: made now, or found in the cache. */
export async function benchData(options: BenchOptions, cache: string): Promise<BenchData> {
  const { rows, blobs } = options;
  await mkdir(cache, { recursive: true });
  const first = await benchFiles(rows, blobs, cache);
  const restated = await benchFiles(rows, blobs, cache, benchChange(rows));
  return { ...options, cache, first, restated };
}

/** Does something as often as the run is repeated. */
export async function inTurns({ repeat }: BenchOptions, turn: () => Promise<void>): Promise<void> {
  for (let times = 0; times < repeat; times += 1) await turn();
}

/** A load that is all start, a small one and a large one. */
export function growthRows(rows: number): readonly [start: number, small: number, large: number] {
  return [Math.max(1, Math.round(rows / 1000)), Math.max(1, Math.round(rows / 10)), 3 * rows];
}

/** Keeps what is known of files where a case finds it. */
export async function noted(run: BenchRun, files: BenchFiles): Promise<string> {
  const path = join(run.work, `${files.key}.json`);
  await writeFile(path, JSON.stringify(files));
  return path;
}
