import { spawn, type ChildProcess } from 'node:child_process';
import { once } from 'node:events';
import { readFile } from 'node:fs/promises';
import { join } from 'node:path';
import { createInterface } from 'node:readline';
import { fileURLToPath } from 'node:url';
import { afterEach, describe, expect, it } from 'vitest';
import type { RunSummary } from '../../connector/run-summary.js';
import { canonicalDecimal } from '../../schemas/decimal-text.js';
import { holdInAnotherProcess, type DuckdbProcess } from '../duckdb-process.js';
import { startSite, type Site } from './site.js';

const CLI = fileURLToPath(new URL('../../dist/connector/cli.js', import.meta.url));
const SCOPE = { stream: 'billed_usage', invoice: 'G016907411' } as const;
const STREAMS = {
  billed_usage: { invoices: 'discover' },
  billed_reconciliation: null,
  unbilled_usage: null,
  unbilled_reconciliation: null,
};

let site: Site | undefined;
let reader: DuckdbProcess | undefined;
let child: ChildProcess | undefined;

afterEach(async () => {
  child?.kill('SIGKILL');
  await reader?.kill();
  await site?.close();
  site = reader = child = undefined;
});

const usageOf = ({ scopes }: RunSummary) => scopes.find(({ scope }) => scope === SCOPE.invoice);

/** Runs the built command to its end. */
async function run(at: Site): Promise<RunSummary> {
  const started = spawn(process.execPath, [CLI, 'sync', '--json', '--config', at.configPath], {
    stdio: ['ignore', 'pipe', 'ignore'],
  });
  child = started;
  let out = '';
  started.stdout.setEncoding('utf8').on('data', (text: string) => (out += text));
  await once(started, 'close');
  return JSON.parse(out) as RunSummary;
}

/** Runs the built command until it logs an event, and kills it as a power cut would. */
async function runUntil(at: Site, event: string): Promise<void> {
  const args = ['sync', '--log-format', 'json', '--config', at.configPath];
  const started = spawn(process.execPath, [CLI, ...args], { stdio: ['ignore', 'ignore', 'pipe'] });
  child = started;
  const ended = once(started, 'exit');
  for await (const line of createInterface({ input: started.stderr })) {
    if (line.includes(`"${event}"`)) started.kill('SIGKILL');
  }
  expect((await ended)[1]).toBe('SIGKILL');
}

/** What waits in the spool to be recorded: readings of the invoice list, and runs. */
async function waiting(at: Site): Promise<{ readings: number; runs: number }> {
  const path = join(at.folder, 'spool', at.sandbox.tenantId, 'csp', 'unrecorded.json');
  const { entries } = JSON.parse(await readFile(path, 'utf8')) as {
    entries: { writes: { readings: unknown[]; runs: unknown[] } }[];
  };
  const count = (name: 'readings' | 'runs') => entries.flatMap(({ writes }) => writes[name]).length;
  return { readings: count('readings'), runs: count('runs') };
}

describe('a run that was killed while somebody read the database', () => {
  it('loses nothing of what waited to be recorded, nor of what it had downloaded', async () => {
    const at = (site = await startSite(
      { type: 'duckdb', path: './billing.duckdb' },
      // The command goes by the machine's clock, whatever day that is.
      { invoices: [{ id: SCOPE.invoice, month: '2026-10', currency: 'USD' }], now: () => new Date() },
      {
        streams: STREAMS,
        recheck: { nightly_until_day: 366, weekly_until_day: 3660 },
        lock_wait: '10m',
      },
    ));
    const first = await run(at);
    expect(usageOf(first)).toMatchObject({ outcome: 'published', exitCode: 0 });
    reader = await holdInAnotherProcess(join(at.folder, 'billing.duckdb'), 'READ_ONLY');
    const quiet = await run(at);
    expect([usageOf(quiet)?.outcome, quiet.exitCode]).toEqual(['unchanged', 0]);
    expect(await waiting(at)).toEqual({ readings: 1, runs: 1 });

    at.sandbox.restate(SCOPE, { changed: 5, removed: 3, added: 4 });
    await runUntil(at, 'load.waiting');
    expect(await waiting(at)).toEqual({ readings: 2, runs: 1 });

    await reader.end();
    reader = undefined;
    at.sandbox.clearRequests();
    const last = await run(at);
    expect([usageOf(last)?.outcome, last.exitCode, last.warnings]).toEqual(['published', 0, []]);
    // What was downloaded before is only loaded; notes of the list have no blobs.
    expect(at.sandbox.requests.filter(({ kind }) => kind === 'blob')).toEqual([]);
    expect(usageOf(last)?.reason).toMatch(/an earlier run left its load package unfinished/);
    const expected = at.sandbox.expected(SCOPE);
    const [[rows, sum] = []] = await at.query(
      'select count(*), sum(billing_pre_tax_total) from csp.billed_usage',
    );
    expect([Number(rows), canonicalDecimal(sum ?? '')]).toEqual([expected.records, expected.sums['USD']]);
    expect(await at.query('select count(*) from csp._invoice_lists')).toEqual([['4']]);
    // The killed run came to no end, so there is none to record.
    expect(await at.query('select run_id, outcome from csp._runs order by started_at')).toEqual(
      [first, quiet, last].map(({ runId, outcome }) => [runId, outcome]),
    );
    await expect(waiting(at)).rejects.toThrow('ENOENT');
  });
});
