import { randomBytes } from 'node:crypto';
import { afterAll, afterEach, beforeAll, describe, expect, test } from 'vitest';
import type { ConnectorError } from '../../../../schemas/errors.js';
import { BILLED_USAGE } from '../../../../schemas/tables/billed-usage.js';
import { INVOICE } from '../../../contract/dataset.js';
import { createTestDatabase, type TestDatabase } from '../../../postgres-server.js';
import { publishRequest, snapshotOf, usageRecord } from '../../../snapshot.js';
import { byHand, destinationOn, urlAs } from './server.js';

// A role belongs to the whole server, which may be somebody's.
const ROLE = `pbc_loader_${randomBytes(4).toString('hex')}`;

let database: TestDatabase;
let name = '';
let loads = 0;
beforeAll(async () => {
  database = await createTestDatabase();
  const session = await destinationOn(database.url).open('write');
  await session.migrate();
  await session.close();
  name = (await rows<{ name: string }>('SELECT current_database() AS name'))[0]?.name ?? '';
  await run(`CREATE ROLE ${ROLE} LOGIN`);
});
afterAll(async () => {
  await database.drop();
  await byHand(database.url.replace(/\/pbc_test_\w+/, '/postgres'), (client) =>
    client.query(`DROP ROLE ${ROLE}`),
  );
});

const run = (sql: string) => byHand(database.url, (client) => client.query(sql));

async function rows<T>(sql: string): Promise<T[]> {
  return await byHand(database.url, async (client) => (await client.query(sql)).rows as T[]);
}

/** Everything that a loader needs. */
async function grantAll(): Promise<void> {
  await run(`REVOKE TEMPORARY ON DATABASE "${name}" FROM PUBLIC`);
  await run(`GRANT TEMPORARY ON DATABASE "${name}" TO ${ROLE}`);
  await run(`GRANT USAGE, CREATE ON SCHEMA csp TO ${ROLE}`);
  await run(`GRANT SELECT, INSERT, UPDATE, DELETE ON ALL TABLES IN SCHEMA csp TO ${ROLE}`);
}

/** Publishes a changed row as the loader, with a role that lacks a right. */
async function publish(): Promise<ConnectorError | undefined> {
  loads += 1;
  const session = await destinationOn(urlAs(database.url, ROLE)).open('write');
  try {
    const snapshot = await snapshotOf(BILLED_USAGE, { a: [usageRecord({ Quantity: String(loads) })] });
    const ids = { loadId: `l${loads}`, eTag: `e${loads}` };
    await session.publish(publishRequest(INVOICE, snapshot, ids), snapshot.parts);
    return undefined;
  } catch (error) {
    return error as ConnectorError;
  } finally {
    await session.close();
  }
}

const failedChecks = async () =>
  (await destinationOn(urlAs(database.url, ROLE)).check())
    .filter(({ result }) => result === 'failed')
    .map(({ detail }) => detail);

const published = async () =>
  (await rows<{ id: string }>("SELECT max(load_id) AS id FROM csp._snapshots WHERE outcome = 'published'"))[0]
    ?.id;

const TABLES = [
  'billed_usage',
  'billed_usage_history',
  '_snapshots',
  '_blobs',
  '_scopes',
  '_dataset',
] as const;

describe('a loader that lacks a right publishes nothing, and the grant is named', () => {
  afterEach(grantAll);

  test('with all of them it loads', async () => {
    await grantAll();
    expect(await publish()).toBeUndefined();
    expect(await published()).toBe(`l${loads}`);
  });

  test.each<[string, string, string]>([
    ...TABLES.map((table): [string, string, string] => [
      `all on ${table}`,
      `REVOKE ALL ON csp.${table} FROM ${ROLE}`,
      table,
    ]),
    ['INSERT on the table', `REVOKE INSERT ON csp.billed_usage FROM ${ROLE}`, 'billed_usage'],
    ['DELETE on the table', `REVOKE DELETE ON csp.billed_usage FROM ${ROLE}`, 'billed_usage'],
    [
      'INSERT on its history',
      `REVOKE INSERT ON csp.billed_usage_history FROM ${ROLE}`,
      'billed_usage_history',
    ],
    ['UPDATE on the scopes', `REVOKE UPDATE ON csp._scopes FROM ${ROLE}`, '_scopes'],
  ])('%s', async (_what, revoke, table) => {
    const before = await published();
    await run(revoke);
    expect(await publish()).toMatchObject({
      kind: 'config',
      exitCode: 2,
      facts: { sqlstate: '42501' },
      hint: expect.stringContaining(`GRANT SELECT, INSERT, UPDATE, DELETE ON ${table} TO the user`) as string,
    });
    expect(await failedChecks()).toEqual([`grant SELECT, INSERT, UPDATE and DELETE on ${table}`]);
    expect(await published()).toBe(before);
  });

  test('USAGE on the schema', async () => {
    await run(`REVOKE USAGE, CREATE ON SCHEMA csp FROM ${ROLE}`);
    expect((await publish())?.hint).toContain('GRANT USAGE, CREATE ON SCHEMA csp TO the user');
    expect(await failedChecks()).toContain('GRANT USAGE, CREATE ON SCHEMA csp TO the user');
  });

  test('TEMPORARY on the database', async () => {
    await run(`REVOKE TEMPORARY ON DATABASE "${name}" FROM ${ROLE}`);
    expect((await publish())?.hint).toContain(`GRANT TEMPORARY ON DATABASE "${name}" TO the user`);
    expect(await failedChecks()).toEqual(['GRANT TEMPORARY ON DATABASE to the user']);
  });

  test('CREATE on the database, for a dataset that is not there yet', async () => {
    const session = await destinationOn(urlAs(database.url, ROLE), 'fresh').open('write');
    const error = await session.migrate().then(
      () => undefined,
      (thrown: unknown) => thrown as ConnectorError,
    );
    await session.close();
    expect(error).toMatchObject({ kind: 'config', exitCode: 2 });
    expect(error?.hint).toContain(`GRANT CREATE ON DATABASE ${name} TO the user`);
  });
});
