import { readdir, writeFile } from 'node:fs/promises';
import { join } from 'node:path';
import { DuckDBInstance } from '@duckdb/node-api';
import pg from 'pg';
import { afterEach, describe, expect, it } from 'vitest';
import type { Dialect } from '../../connector/load/destination.js';
import { readLedger } from '../../connector/proof-ledger.js';
import type { RunStep } from '../../schemas/run-steps.js';
import { createTestDatabase, type TestDatabase } from '../postgres-server.js';
import { runStoppedAt } from '../stopped-at-step.js';
import { outcomesOf, startDatedSite, type DatedSite } from './dated-site.js';

const DAY = '2026-11-23';
const INVOICE = 'G016907411';
const USAGE = `billed_usage ${INVOICE}`;
const ROWS = `select line_item_key, line_item_occurrence, _row_hash, billing_pre_tax_total, quantity, tags
  from csp.billed_usage order by 1, 2`;
const HISTORY = 'select _change, count(*) from csp.billed_usage_history group by 1 order by 1';
const FIRST = 'select line_item_key from csp.billed_usage order by 1 limit 1';
const LAST = 'select line_item_key from csp.billed_usage order by 1 desc limit 1';

/** A cell, a row that is gone, and one that nobody billed. */
const BY_HAND = [
  `update csp.billed_usage set billing_pre_tax_total = billing_pre_tax_total + 0.01 where line_item_key = (${FIRST})`,
  `create table csp.copied as select * from csp.billed_usage where line_item_key = (${LAST})`,
  `delete from csp.billed_usage where line_item_key = (${LAST})`,
  `update csp.copied set line_item_key = '00000000-0000-0000-0000-000000000001', _load_id = 'mine'`,
  'insert into csp.billed_usage select * from csp.copied',
  'drop table csp.copied',
];

let site: DatedSite | undefined;
let database: TestDatabase | undefined;
afterEach(async () => {
  await site?.close();
  await database?.drop();
  [site, database] = [undefined, undefined];
});

/** A site with one invoice loaded; its one package is in the archive. */
async function loadedSite(engine: Dialect): Promise<DatedSite & { settings: Record<string, unknown> }> {
  database = engine === 'postgres' ? await createTestDatabase() : undefined;
  const settings = {
    destination:
      database === undefined
        ? { type: 'duckdb', path: './billing.duckdb' }
        : { type: 'postgres', url: database.url },
    streams: {
      ...{ billed_reconciliation: null, unbilled_usage: null, unbilled_reconciliation: null },
      billed_usage: { invoices: [INVOICE] },
    },
    archive: './archive',
  };
  const invoices = [{ id: INVOICE, month: '2026-10', currency: 'USD' }];
  site = await startDatedSite(DAY, { invoices }, settings);
  expect(outcomesOf(await site.run(['sync']))).toEqual({ [USAGE]: 'published 0' });
  return { ...site, settings };
}

async function byHand(at: DatedSite, statements: readonly string[]): Promise<void> {
  if (database !== undefined) {
    const client = new pg.Client({ connectionString: database.url });
    await client.connect();
    try {
      for (const sql of statements) await client.query(sql);
    } finally {
      await client.end();
    }
    return;
  }
  const instance = await DuckDBInstance.create(join(at.folder, 'billing.duckdb'));
  const connection = await instance.connect();
  for (const sql of statements) await connection.run(sql);
  connection.closeSync();
  instance.closeSync();
}

async function archived(at: DatedSite): Promise<string[]> {
  return await readdir(join(at.folder, 'archive', at.sandbox.tenantId, 'csp', 'billed_usage', INVOICE));
}

async function ledgerOf(at: DatedSite) {
  return await readLedger(join(at.folder, 'archive', at.sandbox.tenantId, 'csp'));
}

describe.each([
  ['duckdb', 'from the archive', ['--from-archive', 'archive']],
  ['postgres', 'by a new export', []],
] as const)('a scope on %s that was changed by hand', (engine, how, options) => {
  it(`is put right ${how}, is proven again, and is no restatement`, async () => {
    const at = await loadedSite(engine);
    const before = await at.query(ROWS);
    const counts = { inserted: 1, updated: 1, deleted: 1, unchanged: before.length - 2 };
    await byHand(at, BY_HAND);
    const differs = await at.cli(['verify']);
    const hint = `partner-billing sync --reload billed_usage:${INVOICE}`;
    expect([differs.exitCode, differs.out]).toEqual([6, expect.stringContaining(hint)]);

    at.exportsAskedFor();
    const isExported = options.length === 0;
    const run = await at.run(['sync', '--reload', INVOICE, ...options]);
    expect(run.summary.scopes).toMatchObject([{ outcome: 'reloaded', exitCode: 0, counts, warnings: [] }]);
    expect(run.summary.outcome).toBe('1 reloaded');
    expect(at.exportsAskedFor()).toBe(isExported ? 1 : 0);
    expect((await at.cli(['verify'])).exitCode).toBe(0);
    expect(await at.query(ROWS)).toEqual(before);
    expect(await at.query(HISTORY)).toEqual([['reloaded', '2']]);
    expect(await at.query('select * from csp.recon_snapshot_changes')).toEqual([]);
    const diff = await at.cli(['diff', INVOICE, '--format', 'json']);
    expect(JSON.parse(diff.out)).toMatchObject([{ changes: [], reloads: [{}] }]);

    // Of a new export there is a package, of the archive's own no copy; either has its line in the ledger.
    expect(await archived(at)).toHaveLength(isExported ? 2 : 1);
    expect(await ledgerOf(at)).toMatchObject({ problems: [], proofs: { length: 2 } });
    expect((await at.cli(['verify', '--from-archive', 'archive'])).exitCode).toBe(0);
    expect(outcomesOf(await at.run(['sync', '--invoice', INVOICE]))).toEqual({ [USAGE]: 'unchanged 0' });
  });
});

describe('a reload', () => {
  it('that was killed before its load is forgotten by the next sync, and after its commit is done', async () => {
    const at = await loadedSite('duckdb');
    const config = join(at.folder, 'killed.yaml');
    await writeFile(config, at.sandbox.configuration(at.settings));
    const killedAt = async (step: RunStep) => {
      const argv = ['sync', '--reload', INVOICE, '--config', config, '--log-level', 'warn'];
      const { signal, stderr } = await runStoppedAt({ step, signals: ['SIGKILL'] }, new Date(), argv);
      expect(signal, stderr).toBe('SIGKILL');
      const sync = await at.run(['sync']);
      expect(outcomesOf(sync)).toEqual({ [USAGE]: 'unchanged 0' });
      const spool = await readdir(join(at.folder, 'spool'), { recursive: true });
      expect(spool.filter((name) => name.endsWith('export.json'))).toEqual([]);
      const packages = (await archived(at)).length;
      const proofs = (await ledgerOf(at)).proofs.length;
      return [(await at.cli(['verify'])).exitCode, packages, proofs];
    };
    await byHand(at, BY_HAND);
    expect(await killedAt('package whole')).toEqual([6, 1, 1]);
    expect(await killedAt('after commit')).toEqual([0, 2, 2]);
  });

  it('that finds the data restated says that nobody can tell what was whose, and no diff counts it', async () => {
    const at = await loadedSite('duckdb');
    await byHand(at, BY_HAND);
    at.sandbox.restate({ stream: 'billed_usage', invoice: INVOICE }, { changed: 1, added: 1 });
    const run = await at.run(['sync', '--reload', `billed_usage:${INVOICE}`]);
    expect(run.summary.scopes).toMatchObject([{ outcome: 'reloaded', exitCode: 0 }]);
    expect(run.summary.scopes[0]?.warnings).toEqual([expect.stringContaining('cannot be told apart')]);
    expect((await at.cli(['verify'])).exitCode).toBe(0);
    expect(await at.query('select * from csp.recon_snapshot_changes')).toEqual([]);
    expect(await at.query(HISTORY)).toMatchObject([['reloaded', expect.anything()]]);
    const old = await at.run(['sync', '--reload', INVOICE, '--from-archive', 'archive']);
    expect(old.summary.scopes).toMatchObject([{ counts: { updated: 0, deleted: 0, inserted: 0 } }]);
  });

  it('of what is not published, not in the archive, or beside a selection is an error that says what to do', async () => {
    const at = await loadedSite('duckdb');
    const expectRefusal = async (argv: readonly string[], why: string) => {
      const { exitCode, err } = await at.cli(['sync', '--reload', ...argv]);
      expect(exitCode).toBe(2);
      expect(err).toContain(why);
    };
    await expectRefusal(['G1'], 'nothing is published of it');
    await expectRefusal([INVOICE, '--stream', 'billed_usage'], 'leave out --stream');
    await byHand(at, ["update csp._snapshots set etag = 'x'", "update csp._scopes set etag = 'x'"]);
    await expectRefusal([INVOICE, '--from-archive', 'archive'], 'the archive has no package of it');
  });
});
