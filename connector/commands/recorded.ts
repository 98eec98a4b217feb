import { existsSync } from 'node:fs';
import { LockedError } from '../../schemas/errors.js';
import type { CommandContext } from '../command-context.js';
import type { LoadedConfig } from '../config.js';
import { Spool } from '../load-package.js';
import type { Destination, RecordedState } from '../load/destination.js';
import { openMemory, type RunMemory } from '../run-memory.js';
import { withDestination } from './with-destination.js';

/** What is known of a dataset. */
export interface Recorded {
  readonly state: RecordedState;
  /** Name of the destination, without password. */
  readonly label: string;
  /** The spool; null where there is none yet. */
  readonly spool: Spool | null;
}

/**
 * Reads what is recorded, with what waits in the spool to be recorded. Where somebody holds DuckDB's file, what the spool
 * remembers answers, with a warning. Changes nothing. @throws LockedError when it remembers nothing
 */
export async function readRecorded(context: CommandContext, loaded: LoadedConfig): Promise<Recorded> {
  const { config } = loaded;
  const root = loaded.resolve(config.spool);
  const spool = existsSync(root)
    ? await Spool.open(root, config.source.tenant_id, config.destination.dataset)
    : null;
  return await withDestination(context, loaded, async (destination) => {
    const { label } = destination;
    const report = () => undefined;
    const memory =
      spool === null || config.destination.type !== 'duckdb'
        ? null
        : openMemory({ folder: spool.root, destination: label, clock: context.io.clock, report });
    return { state: await stateOf(context, destination, memory), label, spool };
  });
}

async function stateOf(
  context: CommandContext,
  destination: Destination,
  memory: RunMemory | null,
): Promise<RecordedState> {
  const read = async (options: { readonly waitMs?: number }): Promise<RecordedState> => {
    const session = await destination.open('read', options);
    try {
      const state = await session.readState();
      return memory === null ? state : await memory.withPending(state);
    } finally {
      await session.close();
    }
  };
  try {
    return await read({ waitMs: 0 });
  } catch (error) {
    if (!(error instanceof LockedError)) throw error;
    const remembered = (await memory?.recall()) ?? null;
    if (memory === null || remembered === null) return await read({});
    await context.warn(`${error.message}: this is what the spool remembers`);
    return await memory.withPending(remembered);
  }
}
