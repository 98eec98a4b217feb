import { randomBytes } from 'node:crypto';
import pg from 'pg';
import { inject } from 'vitest';

/** A database of one test file. */
export interface TestDatabase {
  /** Connection string, as a superuser of the test server. */
  readonly url: string;
  /** Drops it, whoever is still connected. */
  drop(): Promise<void>;
}

/**
 * Creates a database on the run's Postgres server (test/global-setup.ts); call `drop` in `afterAll`. Empty, or a copy of
 * `original`, to which nobody may be connected.
 */
export async function createTestDatabase(original?: TestDatabase): Promise<TestDatabase> {
  const serverUrl = inject('postgresUrl');
  const name = `${inject('postgresPrefix')}${randomBytes(6).toString('hex')}`;
  const template = original === undefined ? '' : ` TEMPLATE "${databaseName(original)}"`;
  await runOn(serverUrl, `CREATE DATABASE "${name}"${template}`);
  return {
    url: databaseUrl(serverUrl, name),
    drop: () => runOn(serverUrl, `DROP DATABASE IF EXISTS "${name}" WITH (FORCE)`),
  };
}

function databaseName({ url }: TestDatabase): string {
  return new pg.Client({ connectionString: url }).database ?? '';
}

function databaseUrl(serverUrl: string, name: string): string {
  return serverUrl.replace(
    /^(postgres(?:ql)?:\/\/[^/?]*)(?:\/[^?]*)?/,
    (_, server: string) => `${server}/${name}`,
  );
}

async function runOn(url: string, sql: string): Promise<void> {
  const client = new pg.Client({ connectionString: url });
  client.on('error', () => undefined);
  await client.connect();
  try {
    await client.query(sql);
  } finally {
    await client.end();
  }
}
