import pg from 'pg';
import { expect, test } from 'vitest';
import { createTestDatabase } from '../../postgres-server.js';

test('each test file gets an empty Postgres database of its own, which can be dropped while somebody is connected', async () => {
  const database = await createTestDatabase();
  const client = new pg.Client({ connectionString: database.url });
  client.on('error', () => undefined);
  await client.connect();
  const { rows } = await client.query<{ tables: string }>(
    "SELECT count(*) AS tables FROM information_schema.tables WHERE table_schema = 'public'",
  );
  expect(rows[0]?.tables).toBe('0');
  await database.drop();
});
