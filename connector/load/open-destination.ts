import type { Config } from '../../schemas/config.js';
import type { Destination, DestinationOptions } from './destination.js';
import { packageVersion } from '../package-info.js';

/**
 * The destination of a configuration. Nothing is opened or connected yet. Only the driver that is needed is
 * loaded, so that commands which need none start fast.
 */
export async function openDestination(
  config: Config,
  options: Pick<DestinationOptions, 'path' | 'report' | 'clock'>,
): Promise<Destination> {
  const full: DestinationOptions = {
    ...options,
    lockWaitMs: config.lock_wait,
    connectorVersion: packageVersion(),
  };
  if (config.destination.type === 'postgres') {
    const { createPostgresDestination } = await import('./postgres/destination.js');
    return createPostgresDestination(config.destination, full);
  }
  const { createDuckdbDestination } = await import('./duckdb/destination.js');
  return createDuckdbDestination(config.destination, full);
}
