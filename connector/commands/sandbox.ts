import { once } from 'node:events';
import type { CommandContext } from '../command-context.js';
import { parseFaultSettings } from '../sandbox/fault-switch.js';
import { startSandbox } from '../sandbox/sandbox.js';

/** What `partner-billing sandbox` takes. */
export interface SandboxCommandOptions {
  readonly port?: number;
  readonly rows?: number;
  readonly fault?: readonly string[];
}

/**
 * Runs the sandbox until the process is told to stop. Standard output carries the configuration to use against it
 * and nothing else, so that it can be sent into a file.
 * @throws ConfigError for an unknown fault or a port that is taken.
 */
export async function sandbox(context: CommandContext, options: SandboxCommandOptions): Promise<number> {
  const { signal, clock } = context.io;
  const running = await startSandbox({
    now: () => clock.now(),
    faults: parseFaultSettings(options.fault ?? []),
    ...(options.port === undefined ? {} : { port: options.port }),
    ...(options.rows === undefined ? {} : { usageRows: options.rows }),
  });
  try {
    await context.print(running.configuration());
    await context.tell(
      [
        `Graph           ${running.graphUrl}   (token ${running.token})`,
        `Partner Center  ${running.partnerCenterUrl}   (token ${running.partnerCenterToken})`,
        `storage         ${running.storageHost}`,
        'The configuration is on standard output: put it into a file, and run in another terminal',
        '  partner-billing sync --config FILE',
        'Stop the sandbox with Ctrl-C.',
      ].join('\n'),
    );
    if (!signal.aborted) await once(signal, 'abort');
  } finally {
    await running.close();
  }
  return 0;
}
