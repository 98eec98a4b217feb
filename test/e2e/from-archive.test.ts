import { appendFile, cp, readdir, readFile, rm, writeFile } from 'node:fs/promises';
import { join } from 'node:path';
import { DuckDBInstance } from '@duckdb/node-api';
import { afterEach, beforeEach, describe, expect, it } from 'vitest';
import type { ArchiveVerdict } from '../../connector/commands/verify-archive.js';
import { readLedger } from '../../connector/proof-ledger.js';
import type { RunSummary } from '../../connector/run-summary.js';
import { systemClock } from '../../connector/clock.js';
import { loadConfig } from '../../connector/config.js';
import { openDestination } from '../../connector/load/open-destination.js';
import { canonicalDecimal } from '../../schemas/decimal-text.js';
import { runCli } from '../connector/cli-io.js';
import { createTestDatabase, type TestDatabase } from '../postgres-server.js';
import { startSite, type Site } from './site.js';

const SCOPE = { stream: 'billed_usage', invoice: 'G016907411' } as const;
const BILLED = { invoices: [SCOPE.invoice] };

let site: Site;
let database: TestDatabase;
beforeEach(async () => {
  database = await createTestDatabase();
  site = await startSite(
    { type: 'duckdb', path: './billing.duckdb' },
    { invoices: [{ id: SCOPE.invoice, month: '2026-10', currency: 'USD' }] },
    {
      streams: {
        billed_usage: BILLED,
        billed_reconciliation: BILLED,
        unbilled_usage: null,
        unbilled_reconciliation: null,
      },
      archive: './archive',
    },
  );
});
afterEach(async () => {
  await site.close();
  await database.drop();
});

/** Restates the usage and loads it, so that there is history. */
async function twoSnapshots(): Promise<void> {
  await site.sync();
  site.sandbox.restate(SCOPE, { changed: 4, removed: 2, added: 3 });
  await site.sync({ invoices: [SCOPE.invoice] });
}

/** A configuration for a destination that knows nothing of Graph. */
async function elsewhere(destination: object): Promise<string> {
  const path = join(site.folder, 'elsewhere.yaml');
  await writeFile(path, JSON.stringify({ version: 1, destination, spool: './spool2' }));
  return path;
}

async function fill(
  config: string,
  ...more: string[]
): Promise<{ exitCode: number; summary: RunSummary; err: string }> {
  const argv = ['sync', '--from-archive', 'archive', '--config', config, '--json', ...more];
  const { exitCode, out, err } = await runCli(argv, { cwd: site.folder });
  return { exitCode, summary: JSON.parse(out) as RunSummary, err };
}

async function queryOf(config: string, sql: string): Promise<(string | null)[][]> {
  const standIns = {
    source: { tenant_id: site.sandbox.tenantId, auth: { method: 'azure_cli' } },
    streams: { billed_usage: {} },
  };
  const loaded = await loadConfig({ path: config, env: {}, cwd: site.folder, standIns });
  const destination = await openDestination(loaded.config, {
    path: loaded.resolve,
    report: () => undefined,
    clock: systemClock,
  });
  try {
    return await destination.query(sql, async (result) => {
      const found: (string | null)[][] = [];
      for await (const row of result.rows()) found.push([...row]);
      return found;
    });
  } finally {
    await destination.close();
  }
}

const KEYS = (table: string) =>
  `select line_item_key, line_item_occurrence, _row_hash, _blob_name, _line_number from csp.${table} order by 1, 2, 3`;
const SUMS =
  'select currency, sum(amount) from (select billing_currency as currency, billing_pre_tax_total as amount from csp.billed_usage) x group by 1';

describe.each(['duckdb', 'postgres'] as const)('a %s destination filled from an archive', (engine) => {
  const config = () =>
    elsewhere(
      engine === 'duckdb'
        ? { type: 'duckdb', path: './other.duckdb' }
        : { type: 'postgres', url: database.url },
    );

  it('has the same rows, keys, hashes and history, without a request to anybody', async () => {
    await twoSnapshots();
    site.sandbox.clearRequests();
    const path = await config();
    const { exitCode, summary } = await fill(path);
    expect([exitCode, summary.outcome]).toEqual([0, '3 published']);
    expect(site.sandbox.requests).toEqual([]);
    for (const table of ['billed_usage', 'billed_reconciliation', 'billed_usage_history']) {
      const there = await queryOf(path, KEYS(table));
      expect(there).toEqual(await site.query(KEYS(table)));
      expect(there.length > 0 || table === 'billed_usage_history').toBe(true);
    }
    const canonical = (rows: (string | null)[][]) =>
      rows.map(([currency, sum]) => [currency, canonicalDecimal(sum ?? '')]);
    expect(canonical(await queryOf(path, SUMS))).toEqual(canonical(await site.query(SUMS)));
  });

  it('takes only what is missing the next time, and nothing over what the archive does not have', async () => {
    await site.sync();
    const path = await config();
    expect((await fill(path)).summary.outcome).toBe('2 published');
    expect((await fill(path)).summary.outcome).toBe('nothing to do');
    site.sandbox.restate(SCOPE, { changed: 1 });
    await site.sync({ invoices: [SCOPE.invoice] });
    expect((await fill(path)).summary.scopes.map(({ stream, outcome }) => [stream, outcome])).toEqual([
      ['billed_usage', 'published'],
    ]);
    await rm(join(site.folder, 'archive', site.sandbox.tenantId, 'csp', 'billed_usage'), { recursive: true });
    await cp(
      join(site.folder, 'archive', site.sandbox.tenantId, 'csp', 'billed_reconciliation'),
      join(site.folder, 'kept'),
      { recursive: true },
    );
    expect((await fill(path)).summary.outcome).toBe('nothing to do');
  });
});

describe('an archive', () => {
  it('keeps estimates where that is asked for, and another destination gets them as they are now, proven', async () => {
    const month = { stream: 'unbilled_usage', month: '2026-11', currency: 'USD' } as const;
    const unbilled = join(site.folder, 'archive', site.sandbox.tenantId, 'csp', 'unbilled_usage');
    const streams = {
      billed_usage: null,
      billed_reconciliation: null,
      unbilled_usage: { periods: ['current'], currencies: ['USD'] },
      unbilled_reconciliation: null,
    };
    await site.configure({ streams, archive: './archive' });
    await site.sync();
    await expect(readdir(unbilled)).rejects.toThrow(/ENOENT/);
    for (const changed of [3, 2]) {
      await site.configure({ streams, archive: './archive', archive_unbilled: true });
      site.sandbox.restate(month, { changed, removed: 1 });
      await site.sync();
    }
    expect(await readdir(join(unbilled, '2026-11-USD'))).toHaveLength(2);
    const path = await elsewhere({ type: 'postgres', url: database.url });
    const { exitCode, summary } = await fill(path);
    expect([exitCode, summary.outcome]).toEqual([0, '2 published']);
    // Lineage is of the packages that the archive has: the first night's is not among them.
    const hashes = `select line_item_key, line_item_occurrence, _row_hash from csp.unbilled_usage order by 1, 2`;
    const rows = await queryOf(path, hashes);
    expect(rows).toEqual(await site.query(hashes));
    expect(rows.length).toBeGreaterThan(0);
    const { exitCode: verified, out } = await runCli(['verify', '--from-archive', 'archive', '--json'], {
      cwd: site.folder,
    });
    expect(verified).toBe(0);
    const { scopes } = JSON.parse(out) as ArchiveVerdict;
    expect(scopes.map(({ stream, scope, outcome }) => [stream, scope, outcome])).toEqual([
      ['unbilled_usage', '2026-11-USD', 'same'],
    ]);
  });

  it('that was damaged is refused by name and left as it is; the other scopes are loaded', async () => {
    await site.sync();
    const archive = join(site.folder, 'archive');
    const files = (await readdir(archive, { recursive: true })).filter(
      (name) => name.includes('billed_usage') && name.endsWith('.gz'),
    );
    const damaged = join(archive, files[0] ?? '');
    const bytes = await readFile(damaged);
    bytes[bytes.length >> 1]! ^= 0xff;
    await writeFile(damaged, bytes);
    const before = (await readdir(archive, { recursive: true })).sort();
    const { exitCode, summary } = await fill(await elsewhere({ type: 'duckdb', path: './other.duckdb' }));
    expect(exitCode).toBe(6);
    expect(Object.fromEntries(summary.scopes.map(({ stream, outcome }) => [stream, outcome]))).toEqual({
      billed_usage: 'failed',
      billed_reconciliation: 'published',
    });
    expect((await readdir(archive, { recursive: true })).sort()).toEqual(before);
    const spool = await readdir(join(site.folder, 'spool2'), { recursive: true });
    expect(spool.filter((name) => name.endsWith('.gz'))).toEqual([]);
  });

  it('does not pass for the last word on a scope that was published empty by name since', async () => {
    await site.sync();
    site.sandbox.setFaults(['poll-failed-5000']);
    const allowEmpty = [`${SCOPE.stream}:${SCOPE.invoice}`];
    const emptied = await site.sync({ streams: [SCOPE.stream], allowEmpty });
    expect(emptied.outcome).toBe('1 published');
    const { exitCode, summary } = await fill(await elsewhere({ type: 'duckdb', path: './other.duckdb' }));
    expect(exitCode).toBe(6);
    expect(summary.scopes.map(({ stream, outcome }) => `${stream} ${outcome}`).sort()).toEqual([
      'billed_reconciliation published',
      'billed_usage failed',
    ]);
  });

  it('has each published proof in a chain, once, also after a crash in the middle of a line', async () => {
    await twoSnapshots();
    const folder = join(site.folder, 'archive', site.sandbox.tenantId, 'csp');
    const ledger = join(folder, 'proofs.jsonl');
    const { proofs, problems } = await readLedger(folder);
    expect(problems).toEqual([]);
    const loads = await site.query(
      "select load_id, proof_sha256 from csp._snapshots where outcome = 'published' order by published_at",
    );
    expect(proofs.map(({ load_id }) => load_id)).toEqual(loads.map(([id]) => id));
    const documents = (await readdir(folder, { recursive: true })).filter((name) =>
      name.endsWith('proof.json'),
    );
    expect(documents).toHaveLength(3);
    await appendFile(ledger, '{"previous');
    expect((await readLedger(folder)).problems).toEqual(['proofs.jsonl ends in the middle of line 4']);
    site.sandbox.restate(SCOPE, { changed: 1 });
    await site.sync({ invoices: [SCOPE.invoice] });
    expect(await readLedger(folder)).toMatchObject({ problems: [], proofs: { length: 4 } });
    const text = await readFile(ledger, 'utf8');
    await writeFile(ledger, text.replace('"records_read":', '"records_read":1'));
    expect((await readLedger(folder)).problems).toEqual([
      'proofs.jsonl line 1: its proof was changed',
      'proofs.jsonl line 2 does not follow the line before it',
    ]);
  });

  it('verifies the destination against its packages: the same, or what differs, exit 6', async () => {
    await twoSnapshots();
    const verify = async () => {
      const argv = ['verify', '--from-archive', 'archive', '--json'];
      const { exitCode, out } = await runCli(argv, { cwd: site.folder });
      const { scopes, problems } = JSON.parse(out) as ArchiveVerdict;
      return {
        exitCode,
        outcomes: scopes.map(({ stream, outcome }) => `${stream} ${outcome}`).sort(),
        problems,
      };
    };
    expect(await verify()).toEqual({
      exitCode: 0,
      outcomes: ['billed_reconciliation same', 'billed_usage same'],
      problems: [],
    });
    const database = await DuckDBInstance.create(join(site.folder, 'billing.duckdb'));
    const connection = await database.connect();
    await connection.run('update csp.billed_usage set quantity = quantity + 1 where _line_number = 1');
    connection.closeSync();
    database.closeSync();
    expect(await verify()).toMatchObject({
      exitCode: 6,
      outcomes: ['billed_reconciliation same', 'billed_usage differs'],
    });
  });

  it('that holds nothing, or is asked for a part, is an error that says what to do', async () => {
    const path = await elsewhere({ type: 'duckdb', path: './other.duckdb' });
    const run = (...argv: string[]) => runCli(['sync', '--config', path, ...argv], { cwd: site.folder });
    const empty = await run('--from-archive', 'none');
    expect(empty.exitCode).toBe(2);
    const part = await run('--from-archive', 'archive', '--invoice', 'G1');
    expect([part.exitCode, part.err.includes('leave out --stream, --invoice and --allow-empty')]).toEqual([
      2,
      true,
    ]);
  });
});
