import { spawn } from 'node:child_process';
import { once } from 'node:events';
import { fileURLToPath } from 'node:url';
import type { RunStep } from '../../schemas/run-steps.js';

const DIST = new URL('../../dist/', import.meta.url);
const CLI = fileURLToPath(new URL('connector/cli.js', DIST));
/** No run of these tests takes nearly so long; one that hangs is ended. */
const HANGING_MS = 300_000;

/** How a process is stopped, if it gets that far. */
export interface Stop {
  readonly signal: NodeJS.Signals;
  /** At a step, when it comes there for the `time`-th time, or so many milliseconds after it was started. */
  readonly at: { readonly step: RunStep; readonly time: number } | { readonly afterMs: number };
}

/** How a process ended. */
export interface CommandEnd {
  readonly exitCode: number | null;
  readonly signal: NodeJS.Signals | null;
  readonly out: string;
  readonly err: string;
}

/**
 * Runs the built command to its end, or stops it. Its wall clock is `aheadMs` ahead of the machine's; its waits take 5 ms
 * though its stopwatch sees them pass, and a server that falls silent is given up after a fiftieth of the time.
 */
export async function runDisturbed(
  argv: readonly string[],
  aheadMs: number,
  stop: Stop | null,
): Promise<CommandEnd> {
  const started = spawn(process.execPath, ['--import', preload(aheadMs, stop), CLI, ...argv], {
    stdio: ['ignore', 'pipe', 'pipe'],
    timeout: HANGING_MS,
    killSignal: 'SIGKILL',
  });
  let [out, err] = ['', ''];
  started.stdout.on('data', (chunk: Buffer) => (out += chunk.toString()));
  started.stderr.on('data', (chunk: Buffer) => (err += chunk.toString()));
  const timer =
    stop !== null && 'afterMs' in stop.at
      ? setTimeout(() => started.kill(stop.signal), stop.at.afterMs)
      : undefined;
  const [exitCode, signal] = (await once(started, 'close')) as [number | null, NodeJS.Signals | null];
  clearTimeout(timer);
  return { exitCode, signal, out, err };
}

function preload(aheadMs: number, stop: Stop | null): string {
  const at = stop !== null && 'step' in stop.at ? { ...stop.at, signal: stop.signal } : null;
  const source = `
    import { isMainThread } from 'node:worker_threads';
    import { systemClock } from ${JSON.stringify(new URL('connector/clock.js', DIST).href)};
    import { watchSteps } from ${JSON.stringify(new URL('connector/run-step.js', DIST).href)};
    const { sleep, monotonicMs } = systemClock;
    let slept = 0;
    systemClock.now = () => new Date(Date.now() + ${aheadMs});
    systemClock.monotonicMs = () => monotonicMs() + slept;
    systemClock.sleep = async (ms, signal) => {
      await sleep(Math.min(ms, 5), signal);
      slept += ms * 20;
    };
    const { setTimeout } = globalThis;
    globalThis.setTimeout = (work, ms, ...more) => setTimeout(work, ms >= 30_000 ? ms / 50 : ms, ...more);
    const at = ${JSON.stringify(at)};
    let left = at?.time ?? 0;
    if (isMainThread && at !== null) watchSteps((step) => {
      if (step === at.step && (left -= 1) === 0) process.kill(process.pid, at.signal);
    });`;
  return `data:text/javascript,${encodeURIComponent(source)}`;
}
