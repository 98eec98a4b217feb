import { existsSync, mkdtempSync, rmSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { DuckDBInstance } from '@duckdb/node-api';
import { afterAll, beforeAll, describe, expect, it } from 'vitest';
import { systemClock } from '../../../connector/clock.js';
import type { DatasetComparison } from '../../../connector/compare-datasets.js';
import type { Destination } from '../../../connector/load/destination.js';
import { createDuckdbDestination } from '../../../connector/load/duckdb/destination.js';
import type { DatasetVerdict } from '../../../connector/verify-text.js';
import type { Scope } from '../../../schemas/scope.js';
import { STREAMS } from '../../../schemas/streams.js';
import { createTestDatabase, type TestDatabase } from '../../postgres-server.js';
import { lineRecord, publishRequest, snapshotOf, unbilledRecord, usageRecord } from '../../snapshot.js';
import { runCli } from '../cli-io.js';
import { byHand, destinationOn } from '../load/postgres/server.js';

const INVOICE: Scope = { by: 'invoice', stream: 'billed_usage', invoice: 'G000001' };
const LINES: Scope = { by: 'invoice', stream: 'billed_reconciliation', invoice: 'G000001' };
const MONTH: Scope = { by: 'month', stream: 'unbilled_usage', month: '2026-11', currency: 'USD' };

let cwd = '';
let database: TestDatabase;
beforeAll(async () => {
  cwd = mkdtempSync(join(tmpdir(), 'verify-'));
  database = await createTestDatabase();
  configure('here.yaml', { type: 'duckdb', path: 'x.duckdb' });
  configure('empty.yaml', { type: 'duckdb', path: 'none.duckdb' });
  configure('there.yaml', { type: 'postgres', url: database.url });
  const odd = { UnitPrice: '0.00000000000000000000015', Zeta: 1.5, ChargeEndDate: '2026-10-31T23:59:59.5Z' };
  const usage = [usageRecord(), usageRecord(), usageRecord({ MeterId: 'm2', ...odd })];
  const postgres = destinationOn(database.url);
  const duckdb = openDuckdb();
  await fill(duckdb, [
    [INVOICE, usage],
    [LINES, [lineRecord()]],
  ]);
  await fill(postgres, [
    [INVOICE, [...usage].reverse()],
    [MONTH, [unbilledRecord()]],
  ]);
});
afterAll(async () => {
  rmSync(cwd, { recursive: true, force: true });
  await database.drop();
});

function configure(file: string, destination: object): void {
  writeFileSync(
    join(cwd, file),
    JSON.stringify({
      version: 1,
      source: { tenant_id: '0e195b37-4574-4539-bc42-0e539b9684c0', auth: { method: 'azure_cli' } },
      streams: { billed_usage: { invoices: ['G000001'] } },
      destination,
    }),
  );
}

function openDuckdb(): Destination {
  return createDuckdbDestination(
    {
      type: 'duckdb',
      path: join(cwd, 'x.duckdb'),
      dataset: 'csp',
      migrate: 'auto',
      memory_limit: 2 ** 29,
      threads: 2,
    },
    {
      path: (relative) => relative,
      report: () => undefined,
      clock: systemClock,
      lockWaitMs: 5000,
      connectorVersion: '0.0.0-test',
    },
  );
}

async function fill(
  destination: Destination,
  published: readonly (readonly [Scope, readonly Record<string, unknown>[]])[],
): Promise<void> {
  const session = await destination.open('write');
  try {
    await session.migrate();
    for (const [index, [scope, records]] of published.entries()) {
      const snapshot = await snapshotOf(STREAMS[scope.stream].table, { a: records });
      const request = publishRequest(scope, snapshot, { loadId: `l${index}`, eTag: `e${index}` });
      await session.publish(request, snapshot.parts);
    }
  } finally {
    await session.close();
    await destination.close();
  }
}

async function byHandInDuckdb(...statements: readonly string[]): Promise<void> {
  const instance = await DuckDBInstance.create(join(cwd, 'x.duckdb'));
  const connection = await instance.connect();
  try {
    for (const sql of statements) await connection.run(sql);
  } finally {
    connection.closeSync();
    instance.closeSync();
  }
}

const run = (...argv: string[]) => runCli(['verify', ...argv], { cwd });

describe('verify', () => {
  it('says what is proven, with exit 0, and prints one document with --json', async () => {
    for (const config of ['here.yaml', 'there.yaml']) {
      const { exitCode, out } = await run('--config', config);
      expect(exitCode).toBe(0);
      expect(out).toContain('\n2 proven\n');
      expect(out).toMatch(/^billed_usage +G000001 +proven +3 +USD 3 +3-[0-9a-f]{16}-[0-9a-f]{16}$/m);
      const json = await run('--config', config, '--json', 'billed_usage:G000001');
      const verdict = JSON.parse(json.out) as DatasetVerdict;
      expect(verdict).toMatchObject({ proven: 1, differing: 0, notChecked: 0, strayRows: [] });
      expect(verdict.scopes).toMatchObject([{ stream: 'billed_usage', scope: 'G000001', differences: [] }]);
    }
  });

  it('says that nothing was checked where nothing is published, and makes no database', async () => {
    const { exitCode, out } = await run('--config', 'empty.yaml');
    expect([exitCode, out]).toEqual([
      0,
      expect.stringContaining('nothing was checked: nothing is published'),
    ]);
    expect(existsSync(join(cwd, 'none.duckdb'))).toBe(false);
  });

  it('refuses a name that is no recorded scope, and names the one that is like it', async () => {
    const { exitCode, err } = await run('--config', 'here.yaml', 'G000002');
    expect(exitCode).toBe(2);
    expect(err).toContain('G000002 is no scope that was ever asked for; did you mean G000001?');
  });
});

describe('verify --against', () => {
  it('finds the same rows in Postgres and DuckDB, and what only one of them has', async () => {
    const same = await run('--config', 'here.yaml', '--against', 'there.yaml', 'billed_usage:G000001');
    expect(same.exitCode).toBe(0);
    expect(same.out).toContain('1 scope: the same rows in both');
    const all = await run('--config', 'here.yaml', '--against', 'there.yaml', '--json');
    expect(all.exitCode).toBe(6);
    const { scopes } = JSON.parse(all.out) as DatasetComparison;
    expect(scopes.map(({ stream, outcome }) => [stream, outcome])).toEqual([
      ['billed_reconciliation', 'only here'],
      ['billed_usage', 'same'],
      ['unbilled_usage', 'only there'],
    ]);
    expect(scopes[1]?.here?.rowsDigest).toBe(scopes[1]?.there?.rowsDigest);
  });

  it('says so where there is nothing in either', async () => {
    const { exitCode, out } = await run('--config', 'empty.yaml', '--against', 'empty.yaml');
    expect([exitCode, out]).toEqual([0, expect.stringContaining('nothing was checked')]);
  });
});

describe('verify of what somebody changed', () => {
  beforeAll(async () => {
    await byHand(database.url, (client) =>
      client.query("UPDATE csp.billed_usage SET billing_pre_tax_total = 1.25 WHERE meter_id = 'm2'"),
    );
    await byHandInDuckdb(
      "INSERT INTO csp.billed_usage SELECT * FROM csp.billed_usage WHERE meter_id = 'm2'",
      "INSERT INTO csp.billed_usage SELECT * REPLACE ('G7' AS invoice_number) FROM csp.billed_usage WHERE meter_id = 'm2' LIMIT 1",
    );
  });

  it('exits 6 and says what, by how much and in which row', async () => {
    const { exitCode, out } = await run('--config', 'there.yaml');
    expect(exitCode).toBe(6);
    expect(out).toContain('1 proven, 1 differ');
    expect(out).toContain('sum: the sum is off by +0.25 USD (proven 3 USD, now 3.25 USD)');
    expect(out).toMatch(/row hash: 1 row changed: .*\n {4}[0-9a-f-]{36} 1$/m);
  });

  it('finds a row that occurs twice, and rows of an invoice that was never published', async () => {
    const { exitCode, out } = await run('--config', 'here.yaml');
    expect(exitCode).toBe(6);
    expect(out).toContain('rows: 1 row too many (proven 3, now 4)');
    expect(out).toMatch(/repeated rows: .*\n {4}[0-9a-f-]{36} 1$/m);
    expect(out).toMatch(/billed_usage: 1 row of no published scope\n {4}G7 [0-9a-f-]{36} 1$/m);
  });

  it('tells two destinations apart by how much they differ', async () => {
    const { exitCode, out } = await run(
      '--config',
      'here.yaml',
      '--against',
      'there.yaml',
      'billed_usage:G000001',
    );
    expect(exitCode).toBe(6);
    expect(out).toMatch(
      /billed_usage +G000001 +differs +4 +3 +other rows under the same eTag; here less there: USD 0\.75/,
    );
  });
});
