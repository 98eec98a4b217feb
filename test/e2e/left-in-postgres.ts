import pg from 'pg';
import { systemClock } from '../../connector/clock.js';

/** What a reader of a test calls itself: its session and its locks are no remains of a run. */
export const ONLOOKER = 'onlooker';

/** Sessions and locks of the connector in a database, staging tables, prepared transactions; empty at rest. */
export async function leftInPostgres(url: string): Promise<string[]> {
  const client = new pg.Client({ connectionString: url });
  await client.connect();
  try {
    let left: string[] = [];
    // The server ends a session a moment after its client is gone.
    for (let attempt = 0; attempt < 100; attempt += 1) {
      const { rows } = await client.query<{ what: string }>(LEFT);
      left = rows.map(({ what }) => what);
      if (left.length === 0) return left;
      await systemClock.sleep(20);
    }
    return left;
  } finally {
    await client.end();
  }
}

const LEFT = `
  SELECT 'session ' || application_name AS what FROM pg_stat_activity
  WHERE datname = current_database() AND pid <> pg_backend_pid() AND application_name LIKE 'partner-billing%'
  UNION ALL
  SELECT 'lock ' || locktype FROM pg_locks
  WHERE database = (SELECT oid FROM pg_database WHERE datname = current_database()) AND pid <> pg_backend_pid()
    AND pid IN (SELECT pid FROM pg_stat_activity
      WHERE backend_type = 'client backend' AND application_name <> '${ONLOOKER}')
  UNION ALL
  SELECT 'temporary ' || relname FROM pg_class JOIN pg_namespace n ON n.oid = relnamespace WHERE nspname LIKE 'pg_temp%'
  UNION ALL
  SELECT 'prepared ' || gid FROM pg_prepared_xacts WHERE database = current_database()`;
