import { runCases } from './bench-cases.js';
import { benchData, type BenchOptions } from './bench-data.js';
import { findings } from './bench-checks.js';
import { goalsOf } from './bench-goals.js';
import { BenchRun } from './bench-run.js';
import { summaries } from './bench-summary.js';
import type { BenchResult } from './print-bench.js';

/**
 * Makes the data where the cache lacks them, runs the cases, and says what of the goals was reached and whether all sides
 * hold what they must.
 * @param work an empty folder for databases, removed by the caller
 */
export async function measureBench(options: BenchOptions, cache: string, work: string): Promise<BenchResult> {
  const data = await benchData(options, cache);
  const run = new BenchRun(work);
  await runCases(run, data);
  const measured = summaries(run.measurements);
  return {
    rows: options.rows,
    summaries: [...measured.values()],
    goals: goalsOf(measured, options.rows),
    findings: findings(run, data),
  };
}
