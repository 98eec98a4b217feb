import type { PostgresConfig } from '../../../schemas/config.js';
import type { Destination, DestinationOptions, DestinationSession } from '../destination.js';
import { pendingMigrations } from '../migrate.js';
import { sessionWork } from '../session-work.js';
import { checkServer } from './check.js';
import { PostgresConnection } from './connection.js';
import { POOLER_HINT, poolerGuard } from './pooler.js';
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
  const guard = poolerGuard(session, place, () =>
    options.report({
      event: 'warning',
      message: `${place}: a connection pooler is in between, and let in no second connection to tell its mode by`,
      hint: `in transaction mode it breaks the lock of a run: ${POOLER_HINT}`,
    }),
  );
  const opened = new Set<DestinationSession>();
  return {
    dialect: 'postgres',
    readCopy: null,
    label: `${place} dataset ${dataset}`,
    lockRun: async (holder) => {
      await guard();
      return await lockRun(session, { dataset, holder, place, report: options.report });
    },
    open: () => {
      const made = openSession(new PostgresConnection(session, place, guard), dataset, options, () =>
        opened.delete(made),
      );
      opened.add(made);
      return Promise.resolve(made);
    },
    check: async () => {
      const connection = new PostgresConnection(session, place, guard);
      try {
        const pending = () => pendingMigrations(connection, dataset);
        return await checkServer(session, place, { dataset, migrate: config.migrate, pending });
      } finally {
        await connection.close();
      }
    },
    query: async (sql, use, values) => {
      await guard();
      return await runQuery(session, { place, dataset, text: sql, values }, use);
    },
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
