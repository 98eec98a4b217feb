import { Writable } from 'node:stream';
import { main } from '../../connector/cli.js';
import { systemClock, type Clock } from '../../connector/clock.js';
import { Secrets } from '../../connector/secrets.js';

/** What a command line left behind. */
export interface CliResult {
  readonly exitCode: number;
  /** Standard output. */
  readonly out: string;
  /** Standard error. */
  readonly err: string;
}

/** How a command line is run; the working directory is always given. */
export interface CliSetting {
  readonly cwd: string;
  readonly env?: NodeJS.ProcessEnv;
  readonly signal?: AbortSignal;
  readonly clock?: Clock;
  /** Called with everything that is written to standard error, as it is written. */
  readonly onErr?: (text: string) => void;
}

/** Runs a command line in this process and collects both streams. */
export async function runCli(argv: readonly string[], setting: CliSetting): Promise<CliResult> {
  const out: string[] = [];
  const err: string[] = [];
  const stdout = new Writable({
    write(chunk: Buffer, _encoding, done) {
      out.push(chunk.toString('utf8'));
      done();
    },
  });
  const stderr = {
    write: (text: string) => {
      err.push(text);
      setting.onErr?.(text);
    },
  };
  const exitCode = await main(argv, {
    stdout,
    stderr,
    env: setting.env ?? {},
    cwd: setting.cwd,
    clock: setting.clock ?? systemClock,
    signal: setting.signal ?? new AbortController().signal,
    secrets: new Secrets(),
  });
  return { exitCode, out: out.join(''), err: err.join('') };
}
