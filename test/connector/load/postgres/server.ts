import pg from 'pg';
import { systemClock } from '../../../../connector/clock.js';
import type { Destination, DestinationOptions } from '../../../../connector/load/destination.js';
import { createPostgresDestination } from '../../../../connector/load/postgres/destination.js';

/** A Postgres destination as tests make it. */
export function destinationOn(
  url: string,
  dataset = 'csp',
  options: Partial<DestinationOptions> = {},
): Destination {
  return createPostgresDestination(
    { type: 'postgres', url, dataset, migrate: 'auto' },
    {
      path: (relative) => relative,
      report: () => undefined,
      clock: systemClock,
      lockWaitMs: 5000,
      connectorVersion: '0.0.0-test',
      ...options,
    },
  );
}

/** Runs statements by hand on a connection of its own. */
export async function byHand<T>(url: string, work: (client: pg.Client) => Promise<T>): Promise<T> {
  const client = new pg.Client({ connectionString: url });
  client.on('error', () => undefined);
  await client.connect();
  try {
    return await work(client);
  } finally {
    await client.end();
  }
}

/** The same server and database as another user, or with another parameter changed. */
export function urlAs(url: string, user: string): string {
  return url.replace(/^(postgres(?:ql)?:\/\/)([^@/]*)@/, `$1${user}@`);
}
