import { chmod, mkdir, mkdtemp, rm } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { expect, it } from 'vitest';
import { BenchRun } from './bench/bench-run.js';
import { CASE_NAMES, type CaseName } from './bench/bench-data.js';
import { measureBench } from './bench/measure-bench.js';
import type { BenchResult } from './bench/print-bench.js';

/** Without the rivals that have no goal: each case is a process. */
const SMALL = { rows: 2000, blobs: 2, repeat: 1, invoices: 2, onlyGoals: true };

async function small(cases: readonly CaseName[]): Promise<BenchResult> {
  const folder = await mkdtemp(join(tmpdir(), 'bench-small-'));
  // The server may run as another user.
  await chmod(folder, 0o755);
  try {
    const [cache, work] = [join(folder, 'cache'), join(folder, 'work')];
    await mkdir(work);
    return await measureBench({ ...SMALL, cases }, cache, work);
  } finally {
    await rm(folder, { recursive: true, force: true });
  }
}

it('the benchmark, made small, finds the same on both sides, and every goal that it measures', async () => {
  const { findings, goals, summaries } = await small(['decode', 'duckdb']);
  expect(findings.filter(({ holds }) => !holds)).toEqual([]);
  expect(findings.filter(({ what }) => /sum (is|of .* is) exactly /.test(what))).toHaveLength(3);
  // Of the rivals only the one that reads what we decoded holds what we hold.
  expect(findings.filter(({ isRivals }) => isRivals).map(({ what }) => what.split(':')[0])).toEqual([
    'read_json into a table, money DOUBLE',
    'read_json + MERGE by what identifies a line',
  ]);
  expect(goals).toHaveLength(4);
  expect(summaries.filter(({ seconds, peakMb }) => !(seconds > 0 && peakMb > 0))).toEqual([]);
});

it('a case of the benchmark that dies is told of, with its reason, and the next one runs', async () => {
  const run = new BenchRun(tmpdir());
  const asked = { case: 'inflate', id: 'inflate', what: 'blobs that are not there' } as const;
  expect(await run.measure({ ...asked, files: join(tmpdir(), 'no-such-files.json') })).toBe(false);
  expect(run.failures).toEqual([
    expect.stringMatching(/^inflate \(blobs that are not there\) died with 1: [^]*ENOENT/),
  ]);
  expect(run.measurements).toEqual([]);
});

it('every group of cases can be asked for by name', () => {
  expect(CASE_NAMES).toEqual(['decode', 'stages', 'duckdb', 'postgres', 'sync', 'growth']);
});
