import type { LoadedConfig } from '../config.js';
import type { CommandContext } from '../command-context.js';
import type { Destination, DestinationSession } from '../load/destination.js';
import { openDestination } from '../load/open-destination.js';

/** Opens the configured destination for `use`, says on standard error what it waits for, and closes it. */
export async function withDestination<T>(
  context: CommandContext,
  loaded: LoadedConfig,
  use: (destination: Destination) => Promise<T>,
): Promise<T> {
  const view = await context.progress();
  const destination = await openDestination(loaded.config, {
    path: loaded.resolve,
    report: (event) => view.report(event),
    clock: context.io.clock,
  });
  try {
    return await use(destination);
  } finally {
    await destination.close();
    view.stop();
  }
}

/** The same with an open session. */
export async function withSession<T>(
  context: CommandContext,
  loaded: LoadedConfig,
  mode: 'read' | 'write',
  use: (session: DestinationSession, destination: Destination) => Promise<T>,
): Promise<T> {
  return await withDestination(context, loaded, async (destination) => {
    const session = await destination.open(mode);
    try {
      return await use(session, destination);
    } finally {
      await session.close();
    }
  });
}
