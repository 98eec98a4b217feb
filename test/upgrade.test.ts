import { createHash } from 'node:crypto';
import { mkdtempSync, readFileSync, rmSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { afterAll, beforeAll, describe, expect, it } from 'vitest';
import { systemClock } from '../connector/clock.js';
import type { DestinationSession, Dialect, RecordedState } from '../connector/load/destination.js';
import { migrationFiles } from '../connector/load/sql-text.js';
import { planRun } from '../connector/plan.js';
import { EVERYTHING } from '../connector/selection.js';
import { verifyScope } from '../connector/verify-scope.js';
import { configSchema } from '../schemas/config.js';
import { scopeLabel, type Scope } from '../schemas/scope.js';
import { STREAM_NAMES } from '../schemas/streams.js';
import { runCli } from './connector/cli-io.js';
import {
  compareVersions,
  FIXTURE_INVOICES,
  fixtureSnapshot,
  openRelease,
  releaseFixtures,
  type ReleaseDatabase,
} from './release-fixtures.js';
import { publishRequest } from './snapshot.js';

const { restated, refused, noData, rejected } = FIXTURE_INVOICES;
const AGAIN: readonly Scope[] = [
  { by: 'invoice', stream: 'billed_usage', invoice: restated },
  { by: 'invoice', stream: 'billed_reconciliation', invoice: restated },
  { by: 'month', stream: 'unbilled_usage', month: '2026-09', currency: 'USD' },
  { by: 'month', stream: 'unbilled_reconciliation', month: '2026-09', currency: 'USD' },
];
const STREAM_TABLES = STREAM_NAMES.flatMap((name) =>
  name.startsWith('billed') ? [name, `${name}_history`] : [name],
);

const billed = { invoices: [restated, refused, noData, rejected] };
const unbilled = { periods: ['current', 'last'], currencies: ['USD'] };
const CONFIG = configSchema.parse({
  version: 1,
  source: { tenant_id: '0e195b37-4574-4539-bc42-0e539b9684c0', auth: { method: 'azure_cli' } },
  streams: {
    billed_usage: billed,
    billed_reconciliation: billed,
    unbilled_usage: unbilled,
    unbilled_reconciliation: unbilled,
  },
  destination: { type: 'duckdb', path: 'x.duckdb' },
});

describe('the fixtures of releases', () => {
  const read = (path: string) => readFileSync(new URL(path, new URL('../', import.meta.url)), 'utf8');

  it('have a folder for every release of the changelog that is older than this version', () => {
    const { version } = JSON.parse(read('package.json')) as { version: string };
    const released = [...read('CHANGELOG.md').matchAll(/^## v?(\d+\.\d+\.\d+)\b/gm)].map(([, name]) => name);
    const fixtures = releaseFixtures();
    expect(fixtures).toContain('0.1.0');
    expect(
      released.filter((name = '') => compareVersions(name, version) < 0 && !fixtures.includes(name)),
    ).toEqual([]);
  });
});

/** Tables of the dataset with their columns, as they are now. */
async function tablesOf(at: ReleaseDatabase): Promise<Map<string, string[]>> {
  const rows = await at.rows(
    `SELECT c.table_name, c.column_name
     FROM information_schema.columns c
     JOIN information_schema.tables t ON t.table_schema = c.table_schema AND t.table_name = c.table_name
     WHERE c.table_schema = 'csp' AND t.table_type = 'BASE TABLE'
     ORDER BY c.table_name, c.ordinal_position`,
  );
  const tables = new Map<string, string[]>();
  for (const [table = '', column = ''] of rows as string[][])
    tables.set(table, [...(tables.get(table) ?? []), column]);
  return tables;
}

/** Per table how many rows it has and a digest of what the columns named hold. */
async function contentOf(
  at: ReleaseDatabase,
  tables: ReadonlyMap<string, readonly string[]>,
): Promise<Record<string, string>> {
  const content: Record<string, string> = {};
  for (const [table, columns] of tables) {
    const names = columns.map((name) => `"${name}"`).join(', ');
    const rows = (await at.rows(`SELECT ${names} FROM csp."${table}"`)).map((row) => JSON.stringify(row));
    const digest = createHash('sha256').update(rows.sort().join('\n')).digest('hex');
    content[table] = `${rows.length} rows, ${digest}`;
  }
  return content;
}

async function withSession<T>(
  at: ReleaseDatabase,
  mode: 'read' | 'write',
  use: (session: DestinationSession) => Promise<T>,
): Promise<T> {
  const session = await at.destination.open(mode);
  try {
    return await use(session);
  } finally {
    await session.close();
  }
}

const readState = (at: ReleaseDatabase) => withSession(at, 'read', (session) => session.readState());

function asked(state: RecordedState, day: string): string[] {
  const planned = planRun(CONFIG, state, EVERYTHING, new Date(`${day}T05:00:00Z`));
  return planned.exports.map(({ request }) => scopeLabel(request.scope)).sort();
}

const CASES = releaseFixtures().flatMap((release) =>
  (['duckdb', 'postgres'] as const).map((dialect): [string, Dialect] => [release, dialect]),
);

describe.each(CASES)('a dataset of release %s on %s', (release, dialect) => {
  let at: ReleaseDatabase;
  let tables: Map<string, string[]>;
  let before: Record<string, string>;
  let stateBefore: RecordedState;
  let additionsBefore: unknown;
  let pending: readonly string[];
  let applied: readonly string[];

  /** What a user added that is no table: views with what they show, the index, the right. */
  async function additions(): Promise<unknown> {
    const indexes =
      dialect === 'duckdb'
        ? `SELECT index_name FROM duckdb_indexes() WHERE schema_name = 'csp' AND index_name IN ('billed_usage_customer', 'scopes_state') ORDER BY 1`
        : `SELECT indexname FROM pg_indexes WHERE schemaname = 'csp' AND indexname IN ('billed_usage_customer', 'scopes_state') ORDER BY 1`;
    const grants =
      dialect === 'duckdb'
        ? `SELECT 'PUBLIC', 'SELECT'`
        : `SELECT grantee, privilege_type FROM information_schema.table_privileges
           WHERE table_schema = 'csp' AND table_name = 'billed_usage' AND grantee = 'PUBLIC'`;
    return {
      amounts: await at.rows('SELECT customer_id, amount FROM csp.usage_by_customer ORDER BY customer_id'),
      open: await at.rows('SELECT stream, scope, state FROM csp.open_scopes ORDER BY stream, scope'),
      all: await at.rows('SELECT count(*), count(load_id) FROM csp.all_scopes'),
      indexes: await at.rows(indexes),
      grants: await at.rows(grants),
    };
  }

  beforeAll(async () => {
    at = await openRelease(release, dialect);
    tables = await tablesOf(at);
    before = await contentOf(at, tables);
    stateBefore = await readState(at);
    additionsBefore = await additions();
    pending = (await withSession(at, 'read', (session) => session.pendingMigrations())).map(
      ({ name }) => name,
    );
    applied = await withSession(at, 'write', (session) => session.migrate());
  });
  afterAll(() => at.close());

  it('holds something of everything that a migration could lose', () => {
    for (const table of [...STREAM_TABLES, '_rejected_records', 'unbilled_totals', '_blobs', 'budget'])
      expect([table, before[table]]).toEqual([table, expect.stringMatching(/^[1-9]\d* rows/)]);
    expect(tables.get('billed_reconciliation')).toContain('cost_center');
    const states = stateBefore.scopes.map(({ state }) => state);
    expect(states).toEqual(expect.arrayContaining(['published', 'refused', 'no data']));
    expect(additionsBefore).toMatchObject({
      amounts: expect.arrayContaining([expect.anything()]) as unknown,
      open: [
        ['billed_reconciliation', noData, 'no data'],
        ['billed_usage', refused, 'refused'],
        ['billed_usage', noData, 'no data'],
      ],
      indexes: [['billed_usage_customer'], ['scopes_state']],
      all: [['11', '8']],
      grants: [['PUBLIC', 'SELECT']],
    });
  });

  it('keeps every row as it was, and what a user added, when it is migrated', async () => {
    const after = await contentOf(at, tables);
    // Only this one may grow: what was recorded in it is compared below.
    const kept = Object.entries(before).filter(([table]) => table !== '_migrations');
    expect(after).toMatchObject(Object.fromEntries(kept));
    expect([...(await tablesOf(at)).keys()]).toEqual(expect.arrayContaining([...tables.keys()]));
    expect(await additions()).toEqual(additionsBefore);
  });

  it('has each migration recorded once, and is not migrated twice', async () => {
    expect(applied.length).toBeGreaterThan(0);
    expect(applied).toEqual(pending);
    const recorded = await at.rows(
      'SELECT number, name, connector_version FROM csp._migrations ORDER BY number',
    );
    expect(recorded.map(([number, name]) => `${number ?? ''} ${name ?? ''}`)).toEqual(
      migrationFiles(dialect).map(({ number, name }) => `${number} ${name}`),
    );
    expect(recorded[0]?.[2]).toBe(release);
    expect(recorded.at(-1)?.[2]).toBe('0.0.0-test');
    const content = await contentOf(at, await tablesOf(at));
    expect(await withSession(at, 'write', (session) => session.migrate())).toEqual([]);
    expect(await withSession(at, 'read', (session) => session.pendingMigrations())).toEqual([]);
    expect(await contentOf(at, await tablesOf(at))).toEqual(content);
  });

  it('is read before it is migrated as it is read after', async () => {
    const after = await readState(at);
    expect(stateBefore).toEqual(after);
    const published = after.scopes.filter(({ snapshot }) => snapshot !== null);
    expect(published).toHaveLength(8);
    for (const { firstAskedAt, lastCheckedAt, lastAskedAt } of published) {
      expect(firstAskedAt).toMatch(/^2026-10-(08|14)T12:00/);
      expect(lastCheckedAt).toBe(lastAskedAt);
    }
  });

  it('shows each month once in the open views', async () => {
    for (const kind of ['usage', 'reconciliation']) {
      const [[count] = []] = await at.rows(`SELECT count(*) FROM csp.${kind}_open`);
      const [[rows] = []] = await at.rows(
        `SELECT (SELECT count(*) FROM csp.billed_${kind}) + (SELECT count(*) FROM csp.unbilled_${kind})`,
      );
      expect(count).toBe(rows);
    }
  });

  it('is verified as far as what was kept then allows, migrated or not', async () => {
    const untouched = await openRelease(release, dialect);
    try {
      for (const dataset of [untouched, at]) {
        await withSession(dataset, 'read', async (session) => {
          const { scopes } = await session.readState();
          for (const { scope, snapshot } of scopes) {
            if (snapshot === null) continue;
            const verdict = await verifyScope(session, scope, new AbortController().signal);
            expect(verdict).toMatchObject({
              outcome: 'not checked',
              differences: [],
              rows: snapshot.counts.staged,
            });
            expect(verdict.reason).toMatch(
              /^published before proofs were kept; its count, sums and row hashes agree/,
            );
          }
        });
      }
      await untouched.byHand('UPDATE csp.billed_usage SET quantity = quantity + 1');
      const scope = { by: 'invoice', stream: 'billed_usage', invoice: restated } as const;
      const changed = await withSession(untouched, 'read', (session) =>
        verifyScope(session, scope, new AbortController().signal),
      );
      expect(changed).toMatchObject({ outcome: 'differs', differences: [{ what: 'row hash' }] });
      expect(changed.differences[0]?.keys).toHaveLength(Math.min(10, changed.rows));
    } finally {
      await untouched.close();
    }
  });

  it('has no old invoice asked for again, migrated or not; a young one is', async () => {
    const refusedAndNew = [
      `billed_reconciliation ${refused}`,
      `billed_usage ${refused}`,
      'unbilled_reconciliation 2026-10-USD',
      'unbilled_reconciliation 2026-11-USD',
      'unbilled_usage 2026-10-USD',
      'unbilled_usage 2026-11-USD',
    ];
    for (const state of [stateBefore, await readState(at)]) {
      expect(asked(state, '2026-11-30')).toEqual(refusedAndNew);
      expect(asked(state, '2026-10-15')).toEqual(
        expect.arrayContaining([`billed_usage ${restated}`, `billed_reconciliation ${rejected}`]),
      );
    }
  });

  it('keeps every row untouched when the same data is published again under another eTag', async () => {
    const state = await readState(at);
    const whole = await tablesOf(at);
    const streams = new Map([...whole].filter(([name]) => STREAM_TABLES.includes(name)));
    const rows = await contentOf(at, streams);
    await withSession(at, 'write', async (session) => {
      for (const scope of AGAIN) {
        const snapshot = await fixtureSnapshot(release, scope);
        const loadId = `again ${scopeLabel(scope)}`;
        const request = publishRequest(scope, snapshot, {
          loadId,
          eTag: 'another',
          tenantId: state.tenantId ?? '',
        });
        const published = state.scopes.find((entry) => scopeLabel(entry.scope) === scopeLabel(scope));
        const { counts, sums } = await session.publish(request, snapshot.parts);
        expect(counts).toMatchObject({ inserted: 0, updated: 0, deleted: 0, rejected: 0 });
        expect(counts.unchanged).toBe(published?.snapshot?.counts.staged);
        expect(sums).toEqual(published?.snapshot?.sums);
      }
    });
    expect(await contentOf(at, streams)).toEqual(rows);
  });

  it('is shown by status and plan without being migrated', async () => {
    const untouched = await openRelease(release, dialect);
    const cwd = mkdtempSync(join(tmpdir(), 'upgrade-'));
    try {
      const destination = JSON.stringify({ ...untouched.configured, dataset: 'csp', migrate: 'manual' });
      const streams = JSON.stringify({ billed_usage: billed, billed_reconciliation: billed });
      writeFileSync(
        join(cwd, 'connector.yaml'),
        `version: 1
source: { tenant_id: ${stateBefore.tenantId ?? ''}, auth: { method: azure_cli } }
streams: ${streams}
destination: ${destination}
`,
      );
      const clock = { ...systemClock, now: () => new Date('2026-11-30T05:00:00Z') };
      const status = await runCli(['status', '--json'], { cwd, clock });
      expect([status.exitCode, status.out]).toEqual([0, expect.stringContaining(restated)]);
      const plan = await runCli(['plan', '--json'], { cwd, clock });
      const { exports } = JSON.parse(plan.out) as { exports: { scope: string }[] };
      expect(exports.map(({ scope }) => scope)).toEqual([refused, refused]);
      const pendingAfter = await withSession(untouched, 'read', (session) => session.pendingMigrations());
      expect(pendingAfter.map(({ name }) => name)).toEqual(pending);
    } finally {
      rmSync(cwd, { recursive: true, force: true });
      await untouched.close();
    }
  });

  it.each([
    ['view', 'CREATE VIEW csp.usage_open AS SELECT 7 AS mine', 'usage_open'],
    ['table', 'CREATE TABLE csp._views (mine integer)', '_views'],
  ])("is not migrated over a user's own %s of a name that is needed", async (_, sql, name) => {
    const own = await openRelease(release, dialect);
    try {
      await own.byHand(sql);
      const migrating = withSession(own, 'write', (session) => session.migrate());
      await expect(migrating).rejects.toMatchObject({ kind: 'config', facts: { taken: name } });
      expect(await own.rows(`SELECT count(*) FROM (SELECT mine FROM csp.${name}) kept`)).toHaveLength(1);
    } finally {
      await own.close();
    }
  });
});
