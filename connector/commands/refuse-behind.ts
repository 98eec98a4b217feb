import { ConfigError } from '../../schemas/errors.js';
import type { DestinationSession } from '../load/destination.js';

/** What is compared is read from views of this version. @throws ConfigError when the destination lacks some */
export async function refuseBehind(session: DestinationSession): Promise<void> {
  const pending = await session.pendingMigrations();
  if (pending.length === 0) return;
  throw new ConfigError({
    message: `the destination lacks ${pending.map(({ name }) => name).join(', ')}`,
    hint: 'run `partner-billing migrate` (or sync, which migrates by itself) first',
  });
}
