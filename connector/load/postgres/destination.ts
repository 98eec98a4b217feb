import type { PostgresConfig } from '../../../schemas/config.js';
import type { Destination, DestinationOptions, DestinationSession } from '../destination.js';
import { pendingMigrations } from '../migrate.js';
import { sessionWork } from '../session-work.js';
import { checkServer } from './check.js';
import { PostgresConnection } from './connection.js';
import { runQuery } from './query.js';
import { lockRun } from './run-lock.js';
import { serverLabel, type SessionOptions } from './session.js';

/** Postgres 14 to 18 as a destination. Connects when it is first used; no password is ever shown. */
export function createPostgresDestination(config: PostgresConfig, options: DestinationOptions): Destination {
  const { url, dataset } = config;
  const place = serverLabel(url);
  const session: SessionOptions = {
    url,
    applicationName: 'partner-billing',
    lockWaitMs: options.lockWaitMs,
  };
  const opened = new Set<DestinationSession>();
  return {
    dialect: 'postgres',
    label: `${place} dataset ${dataset}`,
    lockRun: (holder) => lockRun(session, { dataset, holder, place, report: options.report }),
    open: () => {
      const made = openSession(new PostgresConnection(session, place), dataset, options, () =>
        opened.delete(made),
      );
      opened.add(made);
      return Promise.resolve(made);
    },
    check: async () => {
      const connection = new PostgresConnection(session, place);
      try {
        return await checkServer(session, place, dataset, () => pendingMigrations(connection, dataset));
      } finally {
        await connection.close();
      }
    },
    query: (sql, use) => runQuery(session, place, dataset, sql, use),
    close: async () => {
      for (const made of [...opened]) await made.close();
    },
  };
}

function openSession(
  connection: PostgresConnection,
  dataset: string,
  options: DestinationOptions,
  onClose: () => void,
): DestinationSession {
  return {
    ...sessionWork(connection, dataset, options),
    close: async () => {
      onClose();
      await connection.close();
    },
  };
}
