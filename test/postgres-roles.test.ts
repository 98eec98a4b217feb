import { randomBytes } from 'node:crypto';
import { mkdtempSync, readFileSync, rmSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import type pg from 'pg';
import { afterAll, beforeAll, describe, expect, it } from 'vitest';
import { systemClock } from '../connector/clock.js';
import type { Destination } from '../connector/load/destination.js';
import { createPostgresDestination } from '../connector/load/postgres/destination.js';
import type { Scope } from '../schemas/scope.js';
import { STREAMS, type StreamName } from '../schemas/streams.js';
import { runCli, type CliResult } from './connector/cli-io.js';
import { byHand, urlAs } from './connector/load/postgres/server.js';
import { createTestDatabase, type TestDatabase } from './postgres-server.js';
import {
  lineRecord,
  publishRequest,
  snapshotOf,
  TENANT,
  unbilledRecord,
  usageRecord,
  type SourceRecord,
} from './snapshot.js';

const SCOPES: readonly Scope[] = [
  { by: 'invoice', stream: 'billed_usage', invoice: 'G000001' },
  { by: 'month', stream: 'unbilled_usage', month: '2026-11', currency: 'USD' },
  { by: 'invoice', stream: 'billed_reconciliation', invoice: 'G000001' },
];
const RECORDS: Readonly<Partial<Record<StreamName, (fields: SourceRecord) => SourceRecord>>> = {
  billed_usage: usageRecord,
  billed_reconciliation: lineRecord,
};
const FORBIDDEN = { code: '42501' };

const FILES = [
  { file: 'postgres-roles.sql', migrate: 'auto', owner: 'loader', roles: ['loader', 'reader'] },
  {
    file: 'postgres-roles-manual.sql',
    migrate: 'manual',
    owner: 'owner',
    roles: ['owner', 'loader', 'reader'],
  },
] as const;

describe.each(FILES)('the roles of docs/$file', ({ file, migrate, owner, roles }) => {
  // Roles belong to the whole server, which may be somebody's: the test has names of its own.
  const prefix = `pbc_${randomBytes(4).toString('hex')}_`;
  const text = readFileSync(new URL(`../docs/${file}`, import.meta.url), 'utf8').replaceAll(
    'partner_billing_',
    prefix,
  );
  let database: TestDatabase;
  const destinations: Destination[] = [];
  const folder = mkdtempSync(join(tmpdir(), 'roles-'));
  const as = (role: string) => urlAs(database.url, `${prefix}${role}`);
  const byRole = <T>(role: string, work: (client: pg.Client) => Promise<T>) => byHand(as(role), work);
  const run = (role: string, sql: string) => byRole(role, (client) => client.query(sql));

  function destinationOf(role: string): Destination {
    const made = createPostgresDestination(
      { type: 'postgres', url: as(role), dataset: 'csp', migrate },
      {
        path: (relative) => relative,
        report: () => undefined,
        clock: systemClock,
        lockWaitMs: 5000,
        connectorVersion: '0.0.0-test',
      },
    );
    destinations.push(made);
    return made;
  }

  async function publishAll(loadId: string, quantity: string): Promise<number[]> {
    const destination = destinationOf('loader');
    const lock = await destination.lockRun({
      runId: 'run-1',
      host: 'h',
      pid: 1,
      since: '2026-11-27T00:00:00Z',
    });
    try {
      const session = await destination.open('write');
      const read: number[] = [];
      for (const scope of SCOPES) {
        const record = RECORDS[scope.stream] ?? unbilledRecord;
        const records = ['a', 'b'].map((MeterId) => record({ MeterId, Quantity: quantity }));
        const snapshot = await snapshotOf(STREAMS[scope.stream].table, { blob: records });
        const request = publishRequest(scope, snapshot, {
          loadId: `${loadId} ${scope.stream}`,
          eTag: loadId,
        });
        read.push((await session.publish(request, snapshot.parts)).counts.read);
      }
      await session.close();
      return read;
    } finally {
      await lock.release();
    }
  }

  /** A command line by a role's user. */
  async function cli(role: string, argv: readonly string[], tolerance = {}): Promise<CliResult> {
    const config = {
      ...{ version: 1, spool: './spool', tolerance },
      source: {
        ...{ tenant_id: TENANT, graph_url: 'http://127.0.0.1:9' },
        auth: { method: 'static_token', token: '${env:TOKEN}' },
      },
      streams: { billed_usage: { invoices: ['G000001'] } },
      destination: { type: 'postgres', url: as(role), dataset: 'csp', migrate },
    };
    writeFileSync(join(folder, 'connector.yaml'), JSON.stringify(config));
    const clock = { ...systemClock, now: () => new Date('2026-11-28T06:00:00Z') };
    return await runCli(argv, { cwd: folder, env: { TOKEN: 'token of a test' }, clock });
  }

  beforeAll(async () => {
    database = await createTestDatabase();
    // As on a managed server: the database's owner may create roles, and is no superuser.
    await byHand(database.url, async (client) => {
      await client.query(`CREATE ROLE ${prefix}admin LOGIN CREATEROLE`);
      await client.query(`CREATE ROLE ${prefix}analyst LOGIN`);
      const { rows } = await client.query<{ name: string }>('SELECT current_database() AS name');
      await client.query(`ALTER DATABASE "${rows[0]?.name ?? ''}" OWNER TO ${prefix}admin`);
    });
    await run('admin', text);
    await run('admin', text);
    await run('admin', `GRANT ${prefix}reader TO ${prefix}analyst`);
    const session = await destinationOf(owner).open('write');
    await session.migrate();
    await session.close();
  });
  afterAll(async () => {
    for (const made of destinations) await made.close();
    rmSync(folder, { recursive: true });
    await database.drop();
    const server = database.url.replace(/\/pbc_test_\w+/, '/postgres');
    const names = [...roles, 'analyst', 'admin'].map((role) => `${prefix}${role}`).join(', ');
    await byHand(server, (client) => client.query(`DROP ROLE ${names}`));
  });

  it('let the loader load: lock, publish, publish anew, and a check that finds nothing missing', async () => {
    expect(await publishAll('first', '1')).toEqual([2, 2, 2]);
    expect(await publishAll('second', '2')).toEqual([2, 2, 2]);
    const lines = await destinationOf('loader').check();
    expect(lines.filter(({ result }) => result === 'failed')).toEqual([]);
    expect(lines.find(({ tried }) => tried === 'dataset csp')).toMatchObject({ result: 'ok' });
  });

  it('let the loader do nothing else', async () => {
    for (const sql of [
      'CREATE DATABASE mine',
      'CREATE ROLE somebody',
      'CREATE SCHEMA elsewhere',
      'CREATE TABLE public.mine (a integer)',
      'SELECT * FROM pg_authid',
      `SET ROLE ${prefix}admin`,
    ])
      await expect(run('loader', sql), sql).rejects.toMatchObject(FORBIDDEN);
    if (migrate === 'auto') return;
    for (const sql of [
      'CREATE TABLE csp.mine (a integer)',
      'ALTER TABLE csp.billed_usage ADD COLUMN mine text',
      'DROP TABLE csp.billed_usage',
      'TRUNCATE csp.billed_usage',
      `SET ROLE ${prefix}owner`,
    ])
      await expect(run('loader', sql), sql).rejects.toMatchObject(FORBIDDEN);
  });

  it('let a reader read every table and view, those made later too, and change nothing', async () => {
    const { rows } = await byRole('analyst', (client) =>
      client.query<{ name: string; readable: boolean }>(
        `SELECT relname AS name, has_table_privilege(oid, 'SELECT') AS readable FROM pg_class
         WHERE relnamespace = CAST('csp' AS regnamespace) AND relkind IN ('r', 'v')`,
      ),
    );
    expect(rows.map(({ name }) => name)).toEqual(
      expect.arrayContaining(['billed_usage', 'billed_usage_history', 'usage_open', '_scopes', 'invoices']),
    );
    expect(rows.filter(({ readable }) => !readable)).toEqual([]);
    const counted = await destinationOf('analyst').query(
      'SELECT count(*), sum(quantity) FROM usage_open',
      async (result) => {
        const found: (readonly (string | null)[])[] = [];
        for await (const row of result.rows()) found.push(row);
        return found;
      },
    );
    expect(counted).toEqual([['4', '8']]);
    await run(owner, 'CREATE VIEW csp.later AS SELECT count(*) AS records FROM csp.billed_usage');
    expect((await run('analyst', 'SELECT records FROM csp.later')).rows).toEqual([{ records: '2' }]);
    for (const sql of [
      "INSERT INTO csp._runs VALUES ('x', now(), now(), 'x', 'x', 0, '{}')",
      "UPDATE csp.billed_usage SET tags = 'x'",
      'DELETE FROM csp.billed_usage',
      'TRUNCATE csp.billed_usage',
      'CREATE TABLE csp.mine (a integer)',
      'DROP VIEW csp.later',
      'CREATE DATABASE mine',
      `SET ROLE ${prefix}loader`,
    ])
      await expect(run('analyst', sql), sql).rejects.toMatchObject(FORBIDDEN);
  });

  it('let a reader ask: reconcile, explain, status and the rest tell what they tell the loader', async () => {
    for (const [exitCode, ...argv] of [
      [7, 'reconcile', '--invoice', 'G000001', '--format', 'json'],
      [0, 'explain', '--invoice', 'G000001', '--format', 'json'],
      [0, 'status', '--json'],
      [0, 'diff', 'G000001', '--format', 'json'],
      [0, 'invoices', '--json'],
      [0, 'migrate', '--sql'],
    ] as const) {
      const read = await cli('analyst', argv);
      expect([argv, read.exitCode, read.err.replace('no migration is pending\n', '')]).toEqual([
        argv,
        exitCode,
        '',
      ]);
      expect([argv, read]).toEqual([argv, await cli('loader', argv)]);
    }
  });

  it('tell a reader which tolerances are not the configured ones, until somebody who may writes them', async () => {
    const argv = ['reconcile', '--check', 'line_recalc', '--format', 'json'];
    const others = async (role: string) => {
      const { out, err } = await cli(role, argv, { line_recalc: { USD: { per_unit: '0.02' } } });
      return [(JSON.parse(out) as { otherTolerances: string[] }).otherTolerances, err] as const;
    };
    expect(await others('analyst')).toEqual([
      ['line_recalc USD'],
      expect.stringMatching(/^warning: not the configured .*line_recalc USD.* permission denied /),
    ]);
    expect(await others('loader')).toEqual([[], '']);
    expect(await others('analyst')).toEqual([[], '']);
    const signed = await cli('analyst', ['reconcile', '--sign-off', 'Ada', '--invoice', 'G000001']);
    expect([signed.exitCode, signed.out]).toEqual([2, '']);
    expect(signed.err).toMatch(/permission denied/);
  });

  it('leave whoever ran the file no member of the roles that it made', async () => {
    const { rows } = await byRole('admin', (client) =>
      client.query<{ role: string; may: boolean }>(
        `SELECT rolname AS role, pg_has_role(current_user, oid, 'USAGE') AS may FROM pg_roles
         WHERE starts_with(rolname, $1) AND rolname <> current_user ORDER BY 1`,
        [prefix],
      ),
    );
    expect(rows).toHaveLength(roles.length + 1);
    expect(rows.filter(({ may }) => may)).toEqual([]);
  });
});
