import { readdir, readFile } from 'node:fs/promises';
import { basename, join } from 'node:path';
import { afterAll, beforeAll, describe, expect, it } from 'vitest';
import type { RunSummary } from '../../connector/run-summary.js';
import { canonicalDecimal } from '../../schemas/decimal-text.js';
import { STREAM_NAMES, STREAMS, type StreamName } from '../../schemas/streams.js';
import { createTestDatabase, type TestDatabase } from '../postgres-server.js';
import { startSite, type Site } from './site.js';

let database: TestDatabase;
const sites: Record<'duckdb' | 'postgres', Site> = {} as Record<'duckdb' | 'postgres', Site>;
const SCOPES = 2 + 2 + 4 + 4;

beforeAll(async () => {
  database = await createTestDatabase();
  const archive = { archive: './archive' };
  sites.duckdb = await startSite({ type: 'duckdb', path: './billing.duckdb' }, {}, archive);
  sites.postgres = await startSite({ type: 'postgres', url: database.url }, {}, archive);
});

afterAll(async () => {
  for (const site of Object.values(sites)) await site.close();
  await database.drop();
});

const outcomes = (scopes: RunSummary['scopes']) =>
  scopes.map((scope) => `${scope.outcome} ${scope.exitCode}`);
const kinds = (site: Site) => [...new Set(site.sandbox.requests.map((request) => request.kind))].sort();

/** What the sandbox holds for a scope of a summary. */
function expectedOf(site: Site, stream: StreamName, scope: string) {
  if (STREAMS[stream].table.scopedBy === 'invoice') return site.sandbox.expected({ stream, invoice: scope });
  return site.sandbox.expected({ stream, month: scope.slice(0, 7), currency: scope.slice(8) });
}

async function filesBelow(folder: string): Promise<string[]> {
  return (await readdir(folder, { recursive: true, withFileTypes: true }))
    .filter((entry) => entry.isFile())
    .map((entry) => join(entry.parentPath, entry.name));
}

describe.each(['duckdb', 'postgres'] as const)('the main job into %s', (engine) => {
  it("publishes every scope whole, with counts and sums that are exactly the service's", async () => {
    const site = sites[engine];
    const summary = await site.sync();
    const [exported, superseded] = [summary.scopes.slice(0, SCOPES), summary.scopes.slice(SCOPES)];
    expect(outcomes(exported)).toEqual(Array.from({ length: SCOPES }, () => 'published 0'));
    // October is billed, and its invoices are published: its estimates are not asked for again.
    expect(superseded.map(({ stream, scope, outcome }) => [stream, scope, outcome]).sort()).toEqual(
      ['unbilled_reconciliation', 'unbilled_usage'].flatMap((stream) =>
        ['EUR', 'USD'].map((currency) => [stream, `2026-10-${currency}`, 'superseded']),
      ),
    );
    for (const { stream, scope, counts, sums, eTag } of exported) {
      const expected = expectedOf(site, stream, scope);
      expect({ counts: counts?.inserted, sums, eTag }).toEqual({
        counts: expected.records,
        sums: expected.sums,
        eTag: expected.eTag,
      });
      expect(counts).toMatchObject({
        read: expected.records,
        staged: expected.records,
        rejected: 0,
        updated: 0,
        deleted: 0,
      });
    }
  });

  it('holds in its tables what the summary says', async () => {
    const site = sites[engine];
    for (const stream of STREAM_NAMES) {
      const { table } = STREAMS[stream];
      const scope = table.scopedBy === 'invoice' ? 'invoice_number' : 'billing_month';
      const rows = await site.query(
        `select ${scope}, ${table.currency}, count(*), sum(${table.amount}) from csp.${stream} group by 1, 2 order by 1, 2`,
      );
      expect(rows.length).toBeGreaterThan(0);
      for (const [name = '', currency = '', count, sum] of rows) {
        const key = scope === 'invoice_number' ? (name ?? '') : `${(name ?? '').slice(0, 7)}-${currency}`;
        const expected = expectedOf(site, stream, key);
        expect(Number(count)).toBe(expected.records);
        expect(canonicalDecimal(sum ?? '')).toBe(expected.sums[currency ?? '']);
      }
    }
  });

  it('leaves an empty spool, and the billed packages in the archive without a SAS', async () => {
    const { folder } = sites[engine];
    // DuckDB's file may be held by somebody when the next run plans: the spool remembers what is recorded.
    const left = await filesBelow(join(folder, 'spool'));
    expect(left.map((path) => basename(path))).toEqual(engine === 'duckdb' ? ['remembered.json'] : []);
    const archived = await filesBelow(join(folder, 'archive'));
    expect(archived.filter((path) => path.endsWith('.json.gz'))).toHaveLength(2 * 2 * 2);
    for (const path of archived.filter((name) => name.endsWith('.json'))) {
      expect(await readFile(path, 'utf8')).not.toMatch(/sig=|sasToken|Bearer/i);
    }
  });

  it('says that nothing changed the second time, and reads no blob', async () => {
    const site = sites[engine];
    const before = await site.query('select count(*), max(_load_id) from csp.billed_usage');
    site.sandbox.clearRequests();
    const summary = await site.sync();
    expect(summary.outcome).toBe('nothing changed');
    expect(summary.exitCode).toBe(0);
    expect(kinds(site)).toEqual(['export', 'operation']);
    expect(await site.query('select count(*), max(_load_id) from csp.billed_usage')).toEqual(before);
    expect(
      await site.query('select outcome, exit_code from csp._runs order by started_at desc limit 1'),
    ).toEqual([['nothing changed', '0']]);
  });

  it('takes a restatement as exactly the changes that were made, and keeps what was before', async () => {
    const site = sites[engine];
    const scope = { stream: 'billed_usage', invoice: 'G016907411' } as const;
    const before = site.sandbox.expected(scope);
    const untouched = await site.query(
      "select count(*), min(_load_id), max(_load_id) from csp.billed_usage where invoice_number = 'G016907412'",
    );
    site.sandbox.restate(scope, { changed: 5, removed: 3, added: 4 });
    const after = site.sandbox.expected(scope);
    expect(after.eTag).not.toBe(before.eTag);

    const summary = await site.sync({ invoices: ['G016907411', 'G016907412'] });
    const restated = summary.scopes.find(
      (entry) => entry.stream === 'billed_usage' && entry.scope === scope.invoice,
    );
    expect(summary.scopes.filter((entry) => entry.outcome === 'published')).toEqual([restated]);
    expect(restated?.counts).toMatchObject({
      inserted: 4,
      updated: 5,
      deleted: 3,
      unchanged: after.records - 9,
    });
    expect(restated?.sums).toEqual(after.sums);

    const [[count, sum] = []] = await site.query(
      "select count(*), sum(billing_pre_tax_total) from csp.billed_usage where invoice_number = 'G016907411'",
    );
    expect([Number(count), canonicalDecimal(sum ?? '')]).toEqual([after.records, after.sums['USD']]);
    expect(
      await site.query('select _change, count(*) from csp.billed_usage_history group by 1 order by 1'),
    ).toEqual([
      ['changed', '5'],
      ['removed', '3'],
    ]);
    expect(
      await site.query(
        "select count(*), min(_load_id), max(_load_id) from csp.billed_usage where invoice_number = 'G016907412'",
      ),
    ).toEqual(untouched);
    // What is published now and what was replaced give the old sum back, to the last digit.
    const [[old] = []] = await site.query(`
      select sum(amount) from (
        select billing_pre_tax_total as amount from csp.billed_usage
          where invoice_number = 'G016907411'
            and _load_id = (select min(_load_id) from csp.billed_usage where invoice_number = 'G016907411')
        union all
        select billing_pre_tax_total from csp.billed_usage_history
      ) x`);
    expect(canonicalDecimal(old ?? '')).toBe(before.sums['USD']);
  });

  it('asks only for an invoice that is named by hand', async () => {
    const site = sites[engine];
    site.sandbox.clearRequests();
    const summary = await site.sync({ invoices: ['G016907412'], streams: ['billed_reconciliation'] });
    expect(summary.scopes.map(({ stream, scope, outcome }) => [stream, scope, outcome])).toEqual([
      ['billed_reconciliation', 'G016907412', 'unchanged'],
    ]);
    expect(site.sandbox.requests.filter((request) => request.kind === 'export')).toHaveLength(1);
  });
});

describe('both engines', () => {
  it.each(STREAM_NAMES)('hold the same keys, numbers, hashes and values of %s, as text', async (stream) => {
    const { table } = STREAMS[stream];
    const declared = table.columns.map(({ name, type }) =>
      type === 'decimal' ? `cast(${name} as varchar) as ${name}` : name,
    );
    const sql = `select ${['line_item_key', 'line_item_occurrence', '_row_hash', '_blob_name', '_line_number', ...declared].join(', ')}
      from csp.${stream} order by line_item_key, line_item_occurrence`;
    const decimals = table.columns.map(({ type }, index) => (type === 'decimal' ? index + 5 : -1));
    const canonical = (row: (string | null)[]) =>
      row.map((value, index) =>
        decimals.includes(index) && value !== null ? canonicalDecimal(value) : value,
      );
    const [duckdb, postgres] = [await sites.duckdb.query(sql), await sites.postgres.query(sql)];
    expect(duckdb.length).toBeGreaterThan(100);
    expect(duckdb.map(canonical)).toEqual(postgres.map(canonical));
  });
});
