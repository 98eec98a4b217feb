import { mkdir, mkdtemp, rm } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { fileURLToPath } from 'node:url';
import { parseArgs } from 'node:util';
import { measureBench } from './measure-bench.js';
import { CASE_NAMES, type CaseName } from './bench-data.js';
import { measureLarge, printLarge } from './large.js';
import { printBench } from './print-bench.js';

/*
 * `npm run bench`: one large invoice from the sandbox's blobs on disk to a published snapshot in both engines, stage by
 * stage, beside what a user would take instead, in the same run.
 * Options: --rows N, --blobs N, --repeat N, --cases NAME,NAME, --only-goals, --json.
 * `--large`: the checks and reports of a large invoice in a large warehouse. Options: --rows N, --view NAME..., --json.
 */

const CACHE = fileURLToPath(new URL('../../../node_modules/.cache/partner-billing-bench', import.meta.url));

async function main(): Promise<void> {
  const { values } = parseArgs({
    options: {
      rows: { type: 'string' },
      blobs: { type: 'string', default: '8' },
      repeat: { type: 'string', default: '1' },
      cases: { type: 'string', default: CASE_NAMES.join(',') },
      'only-goals': { type: 'boolean', default: false },
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
  const options = {
    rows: Number.parseInt(values.rows ?? '1000000', 10),
    blobs: Number.parseInt(values.blobs, 10),
    repeat: Number.parseInt(values.repeat, 10),
    cases: casesOf(values.cases),
    onlyGoals: values['only-goals'],
    invoices: 8,
  };
  const work = await mkdtemp(join(tmpdir(), 'partner-billing-bench-'));
  try {
    const result = await measureBench(options, CACHE, work);
    if (values.json) process.stdout.write(`${JSON.stringify(result, null, 2)}\n`);
    else printBench(result);
    if (result.findings.some((finding) => !finding.holds)) process.exitCode = 1;
  } finally {
    await rm(work, { recursive: true, force: true });
  }
}

function casesOf(text: string): readonly CaseName[] {
  const wanted = text.split(',');
  const unknown = wanted.filter((name) => !CASE_NAMES.some((known) => known === name));
  if (unknown.length > 0) throw new Error(`--cases ${unknown.join(',')}: there are ${CASE_NAMES.join(', ')}`);
  return CASE_NAMES.filter((name) => wanted.includes(name));
}

await main();
