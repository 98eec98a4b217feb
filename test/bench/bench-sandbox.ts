import { once } from 'node:events';
import { createInterface } from 'node:readline';
import { startSandbox } from '../../connector/sandbox/sandbox.js';
import { cpuSeconds } from './measure.js';
import { say } from './say.js';

/*
 * The sandbox in a process of its own, so that what it costs is in no figure of ours: it makes the blobs of some invoices
 * (or finds them in the cache), says where it listens and what the invoices hold, and then, at each line that it is sent,
 * how many CPU seconds it has used. It ends with its standard input.
 */

/** What it says first. */
export interface BenchSandbox {
  /** A `connector.yaml` that asks for the usage of all invoices. */
  readonly configuration: string;
  readonly rows: number;
  /** Exact sum of the amount by invoice. */
  readonly sums: readonly string[];
}

async function main(rowsPerInvoice: number, invoices: number, blobs: number, cache: string): Promise<void> {
  const ids = Array.from({ length: invoices }, (_, index) => `G0169075${String(index).padStart(2, '0')}`);
  const sandbox = await startSandbox({
    invoices: ids.map((id) => ({ id, month: '2026-10', currency: 'USD' })),
    usageRows: rowsPerInvoice,
    blobs,
    pollsUntilDone: 0,
    cacheDirectory: cache,
  });
  let rows = 0;
  const sums: string[] = [];
  for (const invoice of ids) {
    const scope = { stream: 'billed_usage', invoice } as const;
    say(`making or finding ${rowsPerInvoice} usage rows of ${invoice} ...`);
    await sandbox.blobFiles(scope);
    const expected = sandbox.expected(scope);
    rows += expected.records;
    sums.push(expected.sums['USD'] ?? '0');
  }
  const configuration = sandbox.configuration({
    streams: {
      billed_reconciliation: null,
      unbilled_usage: null,
      unbilled_reconciliation: null,
    },
    destination: { type: 'duckdb', path: './usage.duckdb', memory_limit: '1GiB', threads: 2 },
  });
  answer({ configuration, rows, sums } satisfies BenchSandbox);
  const asked = createInterface({ input: process.stdin }).on('line', () => answer(cpuSeconds()));
  await once(asked, 'close');
  await sandbox.close();
}

function answer(what: unknown): void {
  process.stdout.write(`${JSON.stringify(what)}\n`);
}

const [, script, rows, invoices, blobs, cache] = process.argv;
if (script?.endsWith('bench-sandbox.js') === true && cache !== undefined)
  await main(Number(rows), Number(invoices), Number(blobs), cache);
