import { randomBytes } from 'node:crypto';
import pg from 'pg';
import type { TestProject } from 'vitest/node';
import { startPostgres } from './postgres-process.js';

declare module 'vitest' {
  interface ProvidedContext {
    /** A Postgres server where databases may be created; see createTestDatabase in test/postgres-server.ts. */
    postgresUrl: string;
    /** What the names of this run's databases begin with. */
    postgresPrefix: string;
  }
}

/** Starts the Postgres server that all tests share, or uses the one of `TEST_DATABASE_URL`; returns the teardown. */
export default async function setup(project: TestProject): Promise<() => Promise<void>> {
  const prefix = `pbc_test_${randomBytes(4).toString('hex')}_`;
  project.provide('postgresPrefix', prefix);
  const given = process.env['TEST_DATABASE_URL'];
  if (given !== undefined && given !== '') {
    project.provide('postgresUrl', given);
    return () => dropDatabases(given, prefix);
  }
  const server = await startPostgres(process.env['TEST_POSTGRES_BIN']);
  project.provide('postgresUrl', server.url);
  return () => server.stop();
}

/** What a test file that died left behind on a server that is not ours. */
async function dropDatabases(url: string, prefix: string): Promise<void> {
  const client = new pg.Client({ connectionString: url });
  client.on('error', () => undefined);
  await client.connect();
  try {
    const { rows } = await client.query<{ datname: string }>(
      'SELECT datname FROM pg_database WHERE starts_with(datname, $1)',
      [prefix],
    );
    for (const { datname } of rows) await client.query(`DROP DATABASE "${datname}" WITH (FORCE)`);
  } finally {
    await client.end();
  }
}
