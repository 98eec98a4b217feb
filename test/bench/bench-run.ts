import { spawn } from 'node:child_process';
import { once } from 'node:events';
import { createInterface } from 'node:readline';
import { text } from 'node:stream/consumers';
import { fileURLToPath } from 'node:url';
import type { BenchCase } from './bench-case.js';
import type { BenchSandbox } from './bench-sandbox.js';
import type { Measurement } from './measure.js';
import { say } from './say.js';

/** Processes start from JavaScript; code that runs from its TypeScript source, as the tests do, takes what was built. */
function scriptOf(name: string): string {
  const beside = import.meta.url.endsWith('.ts') ? '../../dist/test/bench' : '.';
  return fileURLToPath(new URL(`${beside}/${name}.js`, import.meta.url));
}

/** What the cases of a run have measured so far. Cases run one after the other, each in a process of its own. */
export class BenchRun {
  readonly measurements: Measurement[] = [];
  /** A sentence for each case that died. */
  readonly failures: string[] = [];
  /** What the sandbox says that its invoices hold; null where there was no sync. */
  synced: BenchSandbox | null = null;

  /** @param work a folder for what the cases write; it goes with the run */
  constructor(readonly work: string) {}

  /** Runs a case, and keeps what it measured. One that dies is told of, and the run goes on; returns whether it lived. */
  async measure(asked: BenchCase): Promise<boolean> {
    say(`${asked.id}: ${asked.what} ...`);
    const child = spawn(process.execPath, [scriptOf('bench-case'), JSON.stringify(asked)], {
      stdio: ['ignore', 'pipe', 'pipe'],
    });
    const ended = once(child, 'exit') as Promise<[number | null, NodeJS.Signals | null]>;
    const [out, error, [code, signal]] = await Promise.all([text(child.stdout), text(child.stderr), ended]);
    process.stderr.write(error);
    if (code !== 0) {
      const why = error.trim().slice(-600);
      this.failures.push(`${asked.id} (${asked.what}) died with ${code ?? signal ?? '?'}: ${why}`);
      return false;
    }
    const measured = JSON.parse(out) as Measurement[];
    for (const { id, seconds, cpuSeconds, peakMb } of measured)
      say(`${id}: ${seconds.toFixed(2)} s, CPU ${cpuSeconds.toFixed(2)} s, ${peakMb.toFixed(0)} MB`);
    this.measurements.push(...measured);
    return true;
  }

  /** Says of the case that was measured last what its server used, which only the one who holds the server knows. */
  addServerCpu(serverCpuSeconds: number): void {
    const last = this.measurements.pop();
    if (last !== undefined) this.measurements.push({ ...last, serverCpuSeconds });
  }
}

/** A sandbox in another process. */
export interface SandboxProcess {
  readonly sandbox: BenchSandbox;
  /** CPU seconds that it used since this was asked last. */
  cpuSince(): Promise<number>;
  stop(): Promise<void>;
}

/** Starts the sandbox of bench-sandbox.ts. */
export async function startBenchSandbox(
  rowsPerInvoice: number,
  invoices: number,
  { blobs, cache }: { readonly blobs: number; readonly cache: string },
): Promise<SandboxProcess> {
  const child = spawn(
    process.execPath,
    [scriptOf('bench-sandbox'), String(rowsPerInvoice), String(invoices), String(blobs), cache],
    { stdio: ['pipe', 'pipe', 'inherit'] },
  );
  const ended = once(child, 'exit');
  const lines = createInterface({ input: child.stdout })[Symbol.asyncIterator]();
  const next = async (): Promise<unknown> => {
    const line = await lines.next();
    if (line.done === true) throw new Error('the sandbox of the benchmark died');
    return JSON.parse(line.value);
  };
  const sandbox = (await next()) as BenchSandbox;
  const cpu = async (): Promise<number> => {
    child.stdin.write('cpu\n');
    return Number(await next());
  };
  let before = await cpu();
  return {
    sandbox,
    cpuSince: async () => {
      const now = await cpu();
      const since = now - before;
      before = now;
      return since;
    },
    stop: async () => {
      child.stdin.end();
      await ended;
    },
  };
}
