#!/usr/bin/env node
import { CommanderError } from 'commander';
import { asConnectorError, EXIT_CODES } from '../schemas/errors.js';
import { commandLine, type Chosen } from './cli-program.js';
import { CommandContext, type Io } from './command-context.js';
import { goesOn, Interruption } from './interruption.js';
import { isMainModule } from './main-module.js';
import { packageVersion } from './package-info.js';
import { Terminal } from './terminal.js';

const STOPPING = 'told to stop: ending in good order; once more to end at once';

/**
 * Runs one command line (without `node` and the script) and returns the exit code (architecture.md section 5). Data
 * goes to standard output, everything else to standard error. Never throws.
 */
export async function main(argv: readonly string[], io: Io): Promise<number> {
  const version = packageVersion();
  const chosen = await parse(argv, io, version);
  if (typeof chosen === 'number') return chosen;
  const context = new CommandContext(io, chosen.options, version);
  io.signal.addEventListener('abort', () => void context.warn(STOPPING), { once: true });
  try {
    const exitCode = await chosen.run(context);
    const stopped = interruption(io);
    if (chosen.stopsOnSignal === true || stopped === null) return exitCode;
    if (exitCode !== 0) await context.warn(goesOn(stopped));
    return stopped.exitCode;
  } catch (thrown) {
    const stopped = interruption(io);
    if (stopped !== null) {
      await context.warn(goesOn(stopped));
      return stopped.exitCode;
    }
    const error = asConnectorError(thrown);
    await context.fail(error);
    return error.exitCode;
  }
}

/** What the arguments ask for, or the exit code where that was help, the version or a usage error. */
async function parse(argv: readonly string[], io: Io, version: string): Promise<Chosen | number> {
  const terminal = new Terminal(io.stderr, (text) => io.secrets.scrub(text));
  let chosen: Chosen | null = null;
  const output = {
    out: (text: string) => void io.stdout.write(text),
    err: (text: string) => terminal.write(text),
  };
  try {
    await commandLine(version, output, (choice) => {
      chosen = choice;
    }).parseAsync([...argv], { from: 'user' });
  } catch (thrown) {
    if (!(thrown instanceof CommanderError)) throw thrown;
    return thrown.exitCode === 0 ? 0 : EXIT_CODES.config;
  }
  return chosen ?? EXIT_CODES.config;
}

function interruption(io: Io): Interruption | null {
  return io.signal.aborted && io.signal.reason instanceof Interruption ? io.signal.reason : null;
}

if (isMainModule(import.meta.url)) {
  const { runProcess } = await import('./cli-process.js');
  process.exitCode = await runProcess(main);
}
