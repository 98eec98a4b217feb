import pg from 'pg';
import { postgresError } from './postgres-error.js';

/** How to reach the server and what its sessions are like. */
export interface SessionOptions {
  /** Connection string; TLS by its `sslmode`. */
  readonly url: string;
  /** Shown by the server in `pg_stat_activity`; cut to 63 bytes. */
  readonly applicationName: string;
  /** How long a statement waits for a lock of somebody else. */
  readonly lockWaitMs: number;
}

/** Every value arrives as the text that the server sent: no number, no Date. */
const TEXT_ONLY: pg.CustomTypesConfig = { getTypeParser: () => (value: string) => value };

const CONNECT_TIMEOUT_MS = 30_000;

/** What a client of pg is made with. */
export function clientConfig(options: SessionOptions): pg.ClientConfig {
  return {
    connectionString: options.url,
    application_name: options.applicationName.slice(0, 63),
    connectionTimeoutMillis: CONNECT_TIMEOUT_MS,
    keepAlive: true,
    types: TEXT_ONLY,
  };
}

/**
 * Makes a new session ours: texts in one form, UTC, no time limit that a role may carry, names of nobody else in
 * the way (all of ours are qualified). The server frees what we hold a second after our process is gone, and a minute
 * after our machine is.
 */
export async function prepareSession(client: pg.ClientBase, options: SessionOptions): Promise<void> {
  await client.query(
    `SELECT set_config(name, value, false) FROM (VALUES
      ('client_encoding', 'UTF8'), ('datestyle', 'ISO, YMD'), ('intervalstyle', 'iso_8601'), ('timezone', 'UTC'), ('bytea_output', 'hex'),
      ('search_path', 'pg_catalog, pg_temp'), ('statement_timeout', '0'),
      ('idle_in_transaction_session_timeout', '0'), ('idle_session_timeout', '0'), ('temp_buffers', '32MB'),
      ('tcp_keepalives_idle', '30'), ('tcp_keepalives_interval', '10'), ('tcp_keepalives_count', '3')
    ) AS settings (name, value)`,
  );
  // New in Postgres 17.
  await client.query(
    "SELECT set_config(name, '0', false) FROM pg_catalog.pg_settings WHERE name = 'transaction_timeout'",
  );
  // To the server, 0 is no limit; to a person, not to wait.
  const lockWaitMs = Math.max(1, options.lockWaitMs);
  await client.query('SELECT set_config($1, $2, false)', ['lock_timeout', String(lockWaitMs)]);
  // So that the backend of a run that died ends, and with it its locks. Some systems cannot watch a connection.
  await client
    .query("SELECT set_config('client_connection_check_interval', '1s', false)")
    .catch(() => undefined);
}

/** A connection of its own, prepared; errors that come while it is idle go to `onError`. */
export async function connectAlone(
  options: SessionOptions,
  place: string,
  onError: (error: Error) => void = () => undefined,
): Promise<pg.Client> {
  const client = await connectBare(clientConfig(options), place, onError);
  try {
    await prepareSession(client, options);
    return client;
  } catch (error) {
    await client.end().catch(() => undefined);
    throw postgresError(error, place);
  }
}

/** A connection of its own, with no setting of ours. */
export async function connectBare(
  config: pg.ClientConfig,
  place: string,
  onError: (error: Error) => void = () => undefined,
): Promise<pg.Client> {
  const client = new pg.Client(config);
  client.on('error', onError);
  try {
    await client.connect();
    return client;
  } catch (error) {
    await client.end().catch(() => undefined);
    throw postgresError(error, place);
  }
}

/** Host, port and database of a connection string, for logs and errors: no user, no password, no parameters. */
export function serverLabel(url: string): string {
  try {
    const { host, port, database } = new pg.Client({ connectionString: url });
    return `postgres ${host.startsWith('/') ? host : `${host}:${port}`}/${database ?? ''}`;
  } catch {
    return 'postgres';
  }
}
