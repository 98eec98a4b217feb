import { existsSync, mkdtempSync, rmSync, writeFileSync } from 'node:fs';
import { tmpdir, userInfo } from 'node:os';
import { join } from 'node:path';
import { afterAll, beforeAll, describe, expect, it } from 'vitest';
import { createDuckdbDestination } from '../../../connector/load/duckdb/destination.js';
import type { Destination } from '../../../connector/load/destination.js';
import { systemClock, type Clock } from '../../../connector/clock.js';
import type { InvoiceRow } from '../../../connector/invoices-text.js';
import { STREAMS } from '../../../schemas/streams.js';
import { listedInvoice } from '../../listed-invoice.js';
import { createTestDatabase, type TestDatabase } from '../../postgres-server.js';
import { lineRecord, publishRequest, snapshotOf, TENANT } from '../../snapshot.js';
import { runCli, type CliResult } from '../cli-io.js';
import { destinationOn } from '../load/postgres/server.js';

const NOW = new Date('2026-11-20T09:30:00.000Z');
let minutes = 0;
/** A minute passes whenever somebody looks. */
const clock: Clock = { ...systemClock, now: () => new Date(NOW.getTime() + 60_000 * (minutes += 1)) };
const PAGE = 'SELECT measure, status, left_amount, right_amount, stated_by FROM recon_invoice_tieout';

let cwd = '';
let database: TestDatabase;

beforeAll(async () => {
  cwd = mkdtempSync(join(tmpdir(), 'state-invoice-'));
  database = await createTestDatabase();
  configure('duckdb.yaml', { type: 'duckdb', path: './billing.duckdb' });
  configure('postgres.yaml', { type: 'postgres', url: database.url });
  configure('nowhere.yaml', { type: 'duckdb', path: './nowhere.duckdb' });
  const options = { path: (path: string) => path, report: () => undefined, clock: systemClock };
  const duckdb = createDuckdbDestination(
    {
      ...{ type: 'duckdb', path: join(cwd, 'billing.duckdb'), dataset: 'csp', migrate: 'auto' },
      ...{ memory_limit: 512 * 1024 ** 2, threads: 1 },
    },
    { ...options, lockWaitMs: 5000, connectorVersion: '0.0.0-test' },
  );
  await fill(duckdb);
  await fill(destinationOn(database.url));
});
afterAll(async () => {
  await database.drop();
  rmSync(cwd, { recursive: true, force: true });
});

function configure(name: string, destination: object): void {
  const source = { tenant_id: TENANT, auth: { method: 'static_token', token: '${env:GRAPH_TOKEN}' } };
  const streams = { billed_reconciliation: { invoices: ['G000001'] } };
  writeFileSync(join(cwd, name), JSON.stringify({ version: 1, source, streams, destination }));
}

/** G000001 is listed with 119 and has lines of 100 without tax; G000002 has lines and is on no list. */
async function fill(destination: Destination): Promise<void> {
  const session = await destination.open('write');
  try {
    await session.migrate();
    await session.recordInvoiceList({
      ...{
        tenantId: TENANT,
        runId: 'run-1',
        loadId: 'list-1',
        readAt: NOW,
        since: null,
        correlationId: null,
      },
      invoices: [
        listedInvoice('G000001', { total_charges: '119', currency: 'EUR' }),
        listedInvoice('D000009', { total_charges: '7' }),
      ],
    });
    for (const invoice of ['G000001', 'G000002']) {
      const scope = { by: 'invoice', stream: 'billed_reconciliation', invoice } as const;
      const line = lineRecord({ InvoiceNumber: invoice, Subtotal: '100', Total: '100', Currency: 'EUR' });
      const snapshot = await snapshotOf(STREAMS[scope.stream].table, { 'part-1.json.gz': [line] });
      await session.publish(
        publishRequest(scope, snapshot, { loadId: `l-${invoice}`, eTag: `e-${invoice}` }),
        snapshot.parts,
      );
    }
  } finally {
    await session.close();
    await destination.close();
  }
}

const run = (...argv: string[]): Promise<CliResult> =>
  runCli(argv, { cwd, env: { GRAPH_TOKEN: 'a-token-of-tests' }, clock });

async function tieout(config: string, invoice: string): Promise<unknown> {
  const sql = `${PAGE} WHERE invoice_number = '${invoice}' AND measure <> 'total' ORDER BY measure`;
  const { out, err } = await run('query', sql, '--format', 'json', '--config', config);
  expect(err).toBe('');
  return JSON.parse(out);
}

const row = (values: readonly (string | null)[]) =>
  Object.fromEntries(
    ['measure', 'status', 'left_amount', 'right_amount', 'stated_by'].map((name, index) => [
      name,
      values[index],
    ]),
  );

describe.each(['duckdb', 'postgres'])('invoices set on %s', (engine) => {
  const config = `${engine}.yaml`;
  const set = (...argv: string[]) => run('invoices', 'set', ...argv, '--config', config);

  it('states pre-tax and tax, exact and with name and time; what was stated last holds and is shown', async () => {
    const first = await set('G000001', '--pre-tax', '90.10', '--tax', '28.9');
    expect([first.exitCode, first.out]).toEqual([0, '']);
    expect(first.err).toContain(
      `G000001: EUR 90.1 before tax and 28.9 of tax, stated by ${userInfo().username}`,
    );
    const second = await set('G000001', '--pre-tax', '100.0000000000', '--tax', '019', '--by', ' Ada ');
    expect([second.exitCode, second.err]).toEqual([
      0,
      expect.stringContaining('EUR 100 before tax and 19 of tax, stated by Ada'),
    ]);
    const listed = await run('invoices', '--json', '--config', config);
    const { invoices } = JSON.parse(listed.out) as { invoices: readonly InvoiceRow[] };
    const stated = invoices.find(({ invoice }) => invoice === 'G000001')?.stated;
    expect(stated).toMatchObject({ currency: 'EUR', preTax: '100', tax: '19', statedBy: 'Ada' });
    expect(stated?.statedAt).toMatch(/^2026-11-20T09:/);
    expect(invoices.find(({ invoice }) => invoice === 'D000009')?.stated).toBeNull();
    const table = (await run('invoices', '--config', config)).out;
    expect(table).toMatch(/ stated\n/);
    expect(table).toMatch(/EUR 100 \+ 19 tax, Ada 2026-11-20/);
  });

  it('takes an invoice that is on no list by the currency of its lines, and negative amounts', async () => {
    const { exitCode } = await set('G000002', '--pre-tax', '-100', '--tax', '-0', '--by', 'Ada');
    expect(exitCode).toBe(0);
    expect(await tieout(config, 'G000002')).toEqual([
      row(['pre_tax', 'mismatch', '-100', '100', 'Ada']),
      row(['tax', 'matched', '0', '0', 'Ada']),
    ]);
  });

  it('refuses what does not add up to the listed total, unless it is said that the PDF does say so', async () => {
    const refused = await set('G000001', '--pre-tax', '100', '--tax', '18.99');
    expect([refused.exitCode, refused.out]).toEqual([2, '']);
    expect(refused.err).toMatch(
      /^error: 100 before tax and 18\.99 of tax are 118\.99, and the invoice list has 119 for G000001$/m,
    );
    expect(refused.err).toMatch(/^hint: look at the PDF again; .*--total-differs$/m);
    const told = await set('G000001', '--pre-tax', '100', '--tax', '18.99', '--total-differs');
    expect(told.exitCode).toBe(0);
  });

  it('refuses an invoice that nobody knows and a legacy one, and records nothing of them', async () => {
    const unknown = await set('G000003', '--pre-tax', '1', '--tax', '0');
    expect([unknown.exitCode, unknown.err]).toEqual([2, expect.stringContaining('G000003 is not known')]);
    const legacy = await set('D000009', '--pre-tax', '7', '--tax', '0');
    expect([legacy.exitCode, legacy.err]).toEqual([
      2,
      expect.stringContaining('D000009 is a legacy document'),
    ]);
    expect(await tieout(config, 'G000003')).toEqual([]);
  });
});

describe('the arguments of invoices set', () => {
  it.each([
    [['G1', '--pre-tax', '1,234.50', '--tax', '0'], /pre-tax.*an amount such as 1234\.50/],
    [['G1', '--pre-tax', '1e3', '--tax', '0'], /an amount such as 1234\.50/],
    [['G1', '--pre-tax', '1', '--tax', ''], /tax.*an amount such as 1234\.50/],
    [['G1', '--pre-tax', '1'], /required option '--tax <amount>'/],
    [['no invoice', '--pre-tax', '1', '--tax', '0'], /an invoice id such as/],
    [['G1', '--pre-tax', '1', '--tax', '0', '--by', ' '], /nobody is named/],
  ])('%j is refused before anything is opened', async (argv, message) => {
    const { exitCode, err, out } = await run('invoices', 'set', ...argv, '--config', 'nowhere.yaml');
    expect([exitCode, out]).toEqual([2, '']);
    expect(err).toMatch(message);
  });

  it('makes no database where there is none', async () => {
    const { exitCode, err } = await run(
      ...['invoices', 'set', 'G1', '--pre-tax', '1', '--tax', '0', '--config', 'nowhere.yaml'],
    );
    expect([exitCode, err]).toEqual([2, expect.stringContaining('G1 is not known')]);
    expect(existsSync(join(cwd, 'nowhere.duckdb'))).toBe(false);
  });
});
