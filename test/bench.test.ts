import { chmod, mkdir, mkdtemp, rm } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { expect, it } from 'vitest';
import { CASE_NAMES, type CaseName } from './bench/bench-data.js';
import { measureBench } from './bench/measure-bench.js';
import type { BenchResult } from './bench/print-bench.js';

async function small(cases: readonly CaseName[], rows: number): Promise<BenchResult> {
  const folder = await mkdtemp(join(tmpdir(), 'bench-small-'));
  // The server may run as another user.
  await chmod(folder, 0o755);
  try {
    const [cache, work] = [join(folder, 'cache'), join(folder, 'work')];
    await mkdir(work);
    return await measureBench({ rows, blobs: 2, repeat: 1, cases }, cache, work);
  } finally {
    await rm(folder, { recursive: true, force: true });
  }
}

it('the benchmark, made small, finds the same on both sides of each engine, and every goal that it measures', async () => {
  const { findings, goals, summaries } = await small(['decode', 'duckdb', 'postgres'], 3000);
  expect(findings.filter(({ holds }) => !holds)).toEqual([]);
  expect(findings.filter(({ what }) => / is exactly /.test(what))).toHaveLength(5);
  // Of the rivals only the one that reads what we decoded holds what we hold.
  expect(findings.filter(({ isRivals }) => isRivals).length).toBeGreaterThan(3);
  expect(goals).toHaveLength(8);
  expect(summaries.filter(({ seconds, peakMb }) => !(seconds > 0 && peakMb > 0))).toEqual([]);
});

it('a case of the benchmark that cannot run is a failure of the run, and the others run', async () => {
  const path = process.env['PATH'];
  process.env['PATH'] = '';
  try {
    const { findings, summaries } = await small(['stages'], 0);
    expect(findings.filter(({ holds }) => !holds)).toEqual([]);
    expect(summaries.map(({ id }) => id)).toEqual(['inflate', 'discard 1', 'discard 3']);
  } finally {
    process.env['PATH'] = path;
  }
});

it('every group of cases can be asked for by name', () => {
  expect(CASE_NAMES).toEqual(['decode', 'stages', 'duckdb', 'postgres', 'sync', 'growth']);
});
