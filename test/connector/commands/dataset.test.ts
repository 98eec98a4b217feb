import { existsSync, mkdirSync, mkdtempSync, readFileSync, rmSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { afterEach, beforeEach, describe, expect, it } from 'vitest';
import { systemClock } from '../../../connector/clock.js';
import { Spool } from '../../../connector/load-package.js';
import { runCli } from '../cli-io.js';

const TENANT = '0e195b37-4574-4539-bc42-0e539b9684c0';
const NOW = new Date('2026-11-23T10:00:00Z');
const clock = { ...systemClock, now: () => NOW };

let cwd = '';
beforeEach(() => {
  cwd = mkdtempSync(join(tmpdir(), 'dataset-'));
  writeFileSync(
    join(cwd, 'connector.yaml'),
    `version: 1
source: { tenant_id: ${TENANT}, auth: { method: azure_cli } }
streams:
  billed_usage: { invoices: [G016907411] }
  unbilled_usage: { currencies: [USD], attribute_set: basic }
destination: { type: duckdb, path: x.duckdb }
`,
  );
});
afterEach(() => rmSync(cwd, { recursive: true, force: true }));

const run = (...argv: string[]) => runCli(argv, { cwd, clock });

describe('plan', () => {
  it('shows what would be asked for and why, and makes no database', async () => {
    const { exitCode, out, err } = await run('plan');
    expect(exitCode).toBe(0);
    expect(out.split('\n').map((line) => line.split(/ {2,}/))).toEqual([
      ['sync would ask for 3 exports:'],
      ['stream', 'scope', 'asked for as', 'reason'],
      ['billed_usage', 'G016907411', 'full', 'never asked for'],
      ['unbilled_usage', '2026-11-USD', 'basic, current', 'never asked for'],
      ['unbilled_usage', '2026-10-USD', 'basic, last', 'never asked for'],
      [''],
    ]);
    expect(err).toMatch(/^warning: unbilled_usage: attribute_set basic/);
    expect(existsSync(join(cwd, 'x.duckdb'))).toBe(false);
  });

  it('prints one JSON document with --json, for what is named by hand', async () => {
    const { out } = await run('plan', '--json', '--invoice', 'G1', 'G2', '--stream', 'billed_usage');
    expect(JSON.parse(out)).toEqual({
      exports: ['G1', 'G2'].map((scope) => ({
        stream: 'billed_usage',
        scope,
        attributeSet: 'full',
        reason: 'named by hand; never asked for',
      })),
      left: [],
      warnings: [],
    });
  });

  it('refuses a stream that is not configured', async () => {
    const { exitCode, err } = await run('plan', '--stream', 'billed_reconciliation');
    expect(exitCode).toBe(2);
    expect(err).toContain('--stream billed_reconciliation is not in the configuration');
  });
});

describe('migrate', () => {
  it('prints what would run with --sql and changes nothing, then applies it, then has nothing to do', async () => {
    const shown = await run('migrate', '--sql');
    expect(shown.exitCode).toBe(0);
    expect(shown.out).toMatch(/^-- 000001_/);
    expect(shown.out).toContain('CREATE TABLE');
    expect(existsSync(join(cwd, 'x.duckdb'))).toBe(false);
    const applied = await run('migrate');
    expect([applied.exitCode, applied.out]).toEqual([0, '']);
    expect(applied.err).toMatch(/applied 000001_/);
    expect((await run('migrate')).err).toMatch(/no migration was pending/);
    const again = await run('migrate', '--sql');
    expect([again.out, again.err]).toEqual(['', 'no migration is pending\n']);
  });

  it('makes the tolerances of the configuration those of the checks, each time', async () => {
    const file = join(cwd, 'connector.yaml');
    const plain = readFileSync(file, 'utf8');
    const told = async () =>
      (await run('query', '--format', 'csv', "SELECT csp.recon_tolerance('line_recalc', 'USD', 2) AS t")).out;
    writeFileSync(file, `${plain}tolerance: { line_recalc: { USD: { per_unit: '0.03' } } }\n`);
    expect((await run('migrate')).exitCode).toBe(0);
    expect(await told()).toBe('t\r\n0.06\r\n');
    writeFileSync(file, plain);
    expect((await run('migrate')).exitCode).toBe(0);
    expect(await told()).toBe('t\r\n0.02\r\n');
  });
});

describe('status', () => {
  it('says so where nothing was ever asked for', async () => {
    const { exitCode, out } = await run('status');
    expect(exitCode).toBe(0);
    expect(out).toContain('no run is recorded');
    expect(out).toContain('no scope was ever asked for; run `partner-billing sync`');
    expect(existsSync(join(cwd, 'spool'))).toBe(false);
  });

  it('shows load packages that are unfinished or refused', async () => {
    mkdirSync(join(cwd, 'spool'));
    const spool = await Spool.open(join(cwd, 'spool'), TENANT, 'csp');
    const request = (invoice: string) => ({
      scope: { by: 'invoice', stream: 'billed_usage', invoice } as const,
      attributeSet: 'full' as const,
    });
    await spool.begin(request('G1'), 'https://graph.example', NOW);
    const polled = await spool.begin(request('G2'), 'https://graph.example', NOW);
    const operation = {
      url: 'https://graph.example/operations/1',
      askedAt: '2026-11-23T09:50:00Z',
      deadline: '2026-11-23T11:50:00Z',
    };
    await polled.note({ operation });
    const late = await spool.begin(request('G3'), 'https://graph.example', NOW);
    await late.note({ operation: { ...operation, deadline: '2026-11-23T09:55:00Z' } });
    const refused = await spool.begin(request('G4'), 'https://graph.example', NOW);
    await refused.refuse({
      at: NOW.toISOString(),
      kind: 'data',
      message: '3 records were rejected',
      hint: 'look at them',
      facts: {},
      connectorVersion: '0.1.0',
      rejectedLimit: '0',
      destination: 'x',
    });
    const { out } = await run('status', '--json');
    const { packages } = JSON.parse(out) as { packages: { scope: string; state: string; detail: string }[] };
    const found = packages
      .map(({ scope, state, detail }) => [scope, state, detail])
      .sort(([a = ''], [b = '']) => a.localeCompare(b));
    expect(found).toEqual([
      ['G1', 'unfinished', 'about to be asked for'],
      ['G2', 'unfinished', 'asked for 10 min 0 s ago; Graph works on it'],
      ['G3', 'unfinished', 'asked for 10 min 0 s ago; its time is over'],
      ['G4', 'refused', 'data: 3 records were rejected'],
    ]);
    expect((await run('status')).out).toMatch(
      /^billed_usage +G4 +refused +data: 3 records were rejected +\//m,
    );
  });
});
