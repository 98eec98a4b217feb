import { spawn, type ChildProcess, type SpawnOptions } from 'node:child_process';
import { once } from 'node:events';
import { fileURLToPath } from 'node:url';

/** What `npm run build`, and so `npm test`, makes. */
const CLI = fileURLToPath(new URL('../dist/connector/cli.js', import.meta.url));

/** What a command line in a process of its own left behind. */
export interface CliEnd {
  /** Null where a signal ended it. */
  readonly exitCode: number | null;
  readonly out: string;
  readonly err: string;
}

/** A command line in a process of its own. */
export interface CliChild {
  readonly process: ChildProcess;
  /** Everything written to standard error so far. */
  readonly err: () => string;
  readonly ended: Promise<CliEnd>;
}

/** Starts the built command; `start` in place of the system's own way to start a program. */
export function startCli(
  argv: readonly string[],
  start: (program: string, args: readonly string[], options: SpawnOptions) => ChildProcess = spawn,
): CliChild {
  const child = start(process.execPath, [CLI, ...argv], { stdio: ['ignore', 'pipe', 'pipe'] });
  let [out, err] = ['', ''];
  child.stdout?.on('data', (chunk: Buffer) => (out += chunk.toString()));
  child.stderr?.on('data', (chunk: Buffer) => (err += chunk.toString()));
  const ended = once(child, 'close').then(([exitCode]) => ({
    exitCode: exitCode as number | null,
    out,
    err,
  }));
  return { process: child, err: () => err, ended };
}
