import { execFile } from 'node:child_process';
import { mkdir, mkdtemp, rm, writeFile } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { fileURLToPath } from 'node:url';
import { parseArgs, promisify } from 'node:util';
import Table from 'cli-table3';
import { startPostgres } from '../postgres-process.js';
import type { BenchCase } from './bench-case.js';
import { benchFiles, type BenchFiles } from './bench-files.js';
import { measureLarge, printLarge } from './large.js';
import type { Measurement } from './measure.js';

/*
 * `npm run bench`: the whole way of one large invoice from the sandbox's blobs on disk to a published snapshot in
 * both engines, beside DuckDB's own reader on the same files in the same run. Options: --rows N, --blobs N, --json.
 * `--large`: the checks and reports of a large invoice in a large warehouse. Options: --rows N, --view NAME..., --json.
 */

const run = promisify(execFile);
const CACHE = fileURLToPath(new URL('../../../node_modules/.cache/partner-billing-bench', import.meta.url));
const MEMORY_LIMIT_MIB = 1024;
const MEMORY_LIMIT = '1GiB';
/** The whole process stays under 1.3 times the limit plus 300 MB: DuckDB's share and a bit, and ours. */
const PROCESS_LIMIT_MIB = 1.3 * MEMORY_LIMIT_MIB + 300e6 / 2 ** 20;

async function main(): Promise<void> {
  const { values } = parseArgs({
    options: {
      rows: { type: 'string' },
      blobs: { type: 'string', default: '8' },
      json: { type: 'boolean', default: false },
      large: { type: 'boolean', default: false },
      view: { type: 'string', multiple: true, default: [] },
    },
  });
  await mkdir(CACHE, { recursive: true });
  if (values.large) {
    const large = await measureLarge(Number.parseInt(values.rows ?? '10000000', 10), CACHE, {
      ...{ views: values.view, commands: values.view.length === 0 },
    });
    if (values.json) process.stdout.write(`${JSON.stringify(large, null, 2)}\n`);
    else printLarge(large);
    if (large.failures.length > 0) process.exitCode = 1;
    return;
  }
  const rows = Number.parseInt(values.rows ?? '1000000', 10);
  process.stderr.write(`making or finding ${rows} usage rows ...\n`);
  const files = await benchFiles(rows, Number.parseInt(values.blobs, 10), CACHE);
  const work = await mkdtemp(join(tmpdir(), 'partner-billing-bench-'));
  try {
    const results = await measureAll(files, work);
    const findings = judge(files, results);
    if (values.json) process.stdout.write(`${JSON.stringify({ rows, results, findings }, null, 2)}\n`);
    else print(results, findings);
    if (findings.some((finding) => !finding.holds)) process.exitCode = 1;
  } finally {
    await rm(work, { recursive: true, force: true });
  }
}

async function measureAll(files: BenchFiles, work: string): Promise<Measurement[]> {
  const filesPath = join(work, 'files.json');
  await writeFile(filesPath, JSON.stringify(files));
  const child = async (asked: BenchCase): Promise<Measurement> => {
    process.stderr.write(`measuring ${JSON.stringify({ ...asked, url: undefined })} ...\n`);
    const script = fileURLToPath(new URL('./bench-case.js', import.meta.url));
    const { stdout } = await run(process.execPath, [script, filesPath, JSON.stringify(asked)]);
    return JSON.parse(stdout) as Measurement;
  };
  const results = [
    await child({ case: 'read_json', path: join(work, 'rival.duckdb'), memoryLimit: MEMORY_LIMIT }),
    await child({ case: 'duckdb', path: join(work, 'ours.duckdb'), memoryLimit: MEMORY_LIMIT }),
  ];
  const server = await startPostgres();
  try {
    results.push(await child({ case: 'postgres', url: server.url }));
  } finally {
    await server.stop();
  }
  results.push(await child({ case: 'discard', times: 1 }), await child({ case: 'discard', times: 3 }));
  return results;
}

interface Finding {
  readonly what: string;
  readonly holds: boolean;
}

/** What must be true of the figures before they mean anything, and the two bounds on memory. */
function judge(files: BenchFiles, results: readonly Measurement[]): Finding[] {
  const [rival, duckdb, postgres, once, thrice] = results;
  if (!rival || !duckdb || !postgres || !once || !thrice) throw new Error('a case is missing');
  const growth = thrice.peakMib - once.peakMib;
  return [
    {
      what: `all hold ${files.rows} rows`,
      holds: [rival, duckdb, postgres, once].every((result) => result.rows === files.rows),
    },
    {
      what: `our sums are exact: ${files.sum}`,
      holds: duckdb.sum === files.sum && postgres.sum === files.sum,
    },
    {
      what: `read_json's sum is ${rival.sum ?? ''}${rival.sum === files.sum ? '' : ' (inexact: money went through a double)'}`,
      holds: true,
    },
    {
      what: `with the sink discarded, peak memory grows by ${growth.toFixed(0)} MiB from ${once.rows} to ${thrice.rows} rows`,
      holds: growth < 0.1 * once.peakMib && thrice.rows === 3 * files.rows,
    },
    {
      what: `the DuckDB process peaks at ${duckdb.peakMib.toFixed(0)} MiB; its bound is ${PROCESS_LIMIT_MIB.toFixed(0)} MiB`,
      holds: duckdb.peakMib < PROCESS_LIMIT_MIB,
    },
  ];
}

function print(results: readonly Measurement[], findings: readonly Finding[]): void {
  const rival = results[0];
  const table = new Table({
    head: ['', 'rows', 'seconds', 'rows/s', 'CPU s', 'peak MiB', 'time of read_json / time'],
    style: { head: [], border: [] },
  });
  for (const result of results) {
    const perRow = result.seconds / result.rows;
    const ratio = rival === undefined ? 0 : rival.seconds / rival.rows / perRow;
    table.push([
      result.case,
      result.rows,
      result.seconds.toFixed(1),
      Math.round(1 / perRow),
      result.cpuSeconds.toFixed(1),
      result.peakMib.toFixed(0),
      ratio.toFixed(2),
    ]);
  }
  process.stdout.write(`${table.toString()}\n`);
  for (const { what, holds } of findings) process.stdout.write(`${holds ? 'ok  ' : 'FAIL'} ${what}\n`);
}

await main();
