import { spawn } from 'node:child_process';
import { once } from 'node:events';
import { fileURLToPath } from 'node:url';
import type { RunStep } from '../schemas/run-steps.js';

const DIST = new URL('../dist/', import.meta.url);
const CLI = fileURLToPath(new URL('connector/cli.js', DIST));

/** Where a process is stopped, and how. */
export interface StopAt {
  readonly step: RunStep;
  /** The how manieth time that it comes there; 1 where absent. */
  readonly time?: number | undefined;
  /** Sent by the process to itself, so exactly then; twice where a person loses patience. */
  readonly signals: readonly NodeJS.Signals[];
  /** The nine seconds that a process has to end in good order, in milliseconds; they are not waited for in full. */
  readonly graceMs?: number;
}

/** How the process ended. */
export interface Stopped {
  /** Its exit code; null where a signal killed it. */
  readonly exitCode: number | null;
  readonly signal: NodeJS.Signals | null;
  readonly stdout: string;
  readonly stderr: string;
  /** Milliseconds from the step to the end. */
  readonly tookMs: number;
}

/**
 * Runs the built command and stops it at a step. A module that is loaded before it (`node --import`) watches its steps;
 * the connector itself has nothing that could be set from outside. Its clock begins at `now`, and waits take 5 ms.
 * @throws when it ended without having come to the step
 */
export async function runStoppedAt(at: StopAt, now: Date, argv: readonly string[]): Promise<Stopped> {
  const started = spawn(process.execPath, ['--import', preload(at, now), CLI, ...argv], {
    stdio: ['ignore', 'pipe', 'pipe', 'pipe'],
  });
  const text = { stdout: '', stderr: '' };
  let reachedAt: number | null = null;
  started.stdout?.on('data', (chunk: Buffer) => (text.stdout += chunk.toString()));
  started.stderr?.on('data', (chunk: Buffer) => (text.stderr += chunk.toString()));
  started.stdio[3]?.on('data', () => (reachedAt ??= performance.now()));
  const [exitCode, signal] = (await once(started, 'close')) as [number | null, NodeJS.Signals | null];
  if (reachedAt === null) throw new Error(`the run never came to "${at.step}": ${text.stderr}`);
  return { exitCode, signal, ...text, tookMs: performance.now() - reachedAt };
}

function preload({ step, time = 1, signals, graceMs = 9000 }: StopAt, now: Date): string {
  const source = `
    import { writeSync } from 'node:fs';
    import { isMainThread } from 'node:worker_threads';
    import { systemClock } from ${JSON.stringify(new URL('connector/clock.js', DIST).href)};
    import { watchSteps } from ${JSON.stringify(new URL('connector/run-step.js', DIST).href)};
    const { sleep, monotonicMs } = systemClock;
    systemClock.now = () => new Date(${now.getTime()} + Math.round(monotonicMs()));
    systemClock.sleep = (ms, signal) => sleep(Math.min(ms, 5), signal);
    const { setTimeout } = globalThis;
    globalThis.setTimeout = (work, ms, ...more) => setTimeout(work, ms === 9000 ? ${graceMs} : ms, ...more);
    let left = ${time};
    if (isMainThread) watchSteps((step) => {
      if (step !== ${JSON.stringify(step)} || (left -= 1) !== 0) return;
      writeSync(3, 'reached');
      for (const signal of ${JSON.stringify(signals)}) process.kill(process.pid, signal);
    });`;
  return `data:text/javascript,${encodeURIComponent(source)}`;
}
