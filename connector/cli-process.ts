import { asConnectorError } from '../schemas/errors.js';
import { systemClock } from './clock.js';
import type { Io } from './command-context.js';
import { errorText } from './error-record.js';
import { goesOn, Interruption, INTERRUPTION_EXIT_CODES, type InterruptionSignal } from './interruption.js';
import { Secrets } from './secrets.js';

/**
 * Milliseconds that ending in good order may take: a container is given ten seconds before it is killed. Whatever is
 * still under way then (a statement that waits for somebody's lock, the last step of a large load) is undone by the
 * database, as after a crash.
 */
const GRACE_MS = 9000;

/**
 * Runs the command line in this process. The first SIGINT or SIGTERM asks it to stop in good order, within ten seconds;
 * the second ends the process at once. A defect that nobody caught is printed without secrets and ends with 70.
 */
export async function runProcess(
  main: (argv: readonly string[], io: Io) => Promise<number>,
): Promise<number> {
  const secrets = new Secrets();
  const stop = new AbortController();
  for (const name of Object.keys(INTERRUPTION_EXIT_CODES) as InterruptionSignal[]) {
    process.on(name, () => stopOnSignal(stop, name));
  }
  process.on('uncaughtException', (thrown) => {
    const error = asConnectorError(thrown);
    process.stderr.write(`${secrets.scrub(errorText(error, true))}\n`);
    process.exit(error.exitCode);
  });
  // A reader that has seen enough (`| head`) is no error: what is still to be written goes nowhere.
  process.stdout.on('error', (error: NodeJS.ErrnoException) => {
    if (error.code !== 'EPIPE') throw error;
  });
  process.stderr.on('error', () => undefined);
  return await main(process.argv.slice(2), {
    stdout: process.stdout,
    stderr: process.stderr,
    env: process.env,
    cwd: process.cwd(),
    clock: systemClock,
    signal: stop.signal,
    secrets,
  });
}

function stopOnSignal(stop: AbortController, name: InterruptionSignal): void {
  const interruption = new Interruption(name);
  if (stop.signal.aborted) process.exit(interruption.exitCode);
  setTimeout(() => {
    process.stderr.write(
      `not ended in good order after ${GRACE_MS / 1000} s: ended; ${goesOn(interruption)}\n`,
    );
    process.exit(interruption.exitCode);
  }, GRACE_MS).unref();
  stop.abort(interruption);
}
