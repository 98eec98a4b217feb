import { existsSync } from 'node:fs';
import { readdir } from 'node:fs/promises';
import { join } from 'node:path';
import { afterEach, describe, expect, it } from 'vitest';
import { runCli } from '../connector/cli-io.js';
import { startSite, type Site } from './site.js';

const INVOICE = 'G016907411';
const STREAMS = {
  billed_usage: { invoices: [INVOICE] },
  billed_reconciliation: null,
  unbilled_usage: null,
  unbilled_reconciliation: null,
};

let site: Site | undefined;

afterEach(async () => {
  await site?.close();
  site = undefined;
});

async function siteWithBrokenLines(settings: Record<string, unknown> = {}): Promise<Site> {
  site = await startSite(
    { type: 'duckdb', path: './billing.duckdb' },
    { invoices: [{ id: INVOICE, month: '2026-10', currency: 'USD' }] },
    { streams: STREAMS, ...settings },
  );
  site.sandbox.setFaults(['rows-broken-line']);
  return site;
}

interface Listed {
  readonly snapshot: string;
  readonly scope: string;
  readonly rejected: number;
  readonly folder?: string;
  readonly reason?: string;
  readonly records: readonly {
    readonly blobName: string;
    readonly lineNumber: number;
    readonly line: string;
  }[];
}

describe('rejected', () => {
  it('lists the records of a refused load package, and parses it again when told to, without a request', async () => {
    const at = await siteWithBrokenLines();
    const run = (...argv: string[]) => runCli(['rejected', ...argv], { cwd: at.folder });
    const nothing = await run('--json');
    expect([nothing.exitCode, JSON.parse(nothing.out)]).toEqual([0, []]);
    expect((await run('--retry')).err).toContain('no refused load package is in the spool');

    expect((await at.sync()).exitCode).toBe(4);
    const [found, ...more] = JSON.parse((await run('--json')).out) as Listed[];
    expect(more).toEqual([]);
    expect(found).toMatchObject({ snapshot: 'refused', scope: INVOICE });
    expect(found?.reason).toMatch(/records were rejected and the limit is 0/);
    expect(found?.rejected).toBeGreaterThan(0);
    expect(found?.records).toHaveLength(found?.rejected ?? -1);
    const [first] = found?.records ?? [];
    expect([first?.blobName, first?.line]).toEqual([
      expect.stringMatching(/\.json\.gz$/),
      expect.stringMatching(/./),
    ]);
    expect(first?.lineNumber).toBeGreaterThan(0);
    const table = await run(`billed_usage:${INVOICE}`);
    expect(table.out).toMatch(
      new RegExp(`^billed_usage ${INVOICE}, refused at eTag .*: ${found?.rejected} rejected record`),
    );
    expect(table.out).toContain(`load package: ${found?.folder ?? ''}`);
    expect((await run('G000000001')).err).toContain('no record is rejected');

    at.sandbox.clearRequests();
    const again = await run('--retry', INVOICE);
    expect(again.exitCode).toBe(4);
    expect(again.err).not.toContain('the data is the same');
    expect(existsSync(join(found?.folder ?? '', 'refused.json'))).toBe(true);

    await at.configure({ streams: STREAMS, limits: { rejected_records: '50%' } });
    const retried = await run('--retry', '--json');
    const summary = JSON.parse(retried.out) as {
      scopes: { outcome: string; reason: string; rejected: number }[];
    };
    expect([retried.exitCode, summary.scopes.length]).toEqual([0, 1]);
    expect(summary.scopes[0]).toMatchObject({ outcome: 'published', rejected: found?.rejected });
    expect(summary.scopes[0]?.reason).toMatch(/^parsed again; refused at /);
    expect(at.sandbox.requests).toEqual([]);
    const packages = await readdir(join(at.folder, 'spool'), { recursive: true });
    expect(packages.filter((name) => name.endsWith('refused.json'))).toEqual([]);
    const published = JSON.parse((await run('--json')).out) as Listed[];
    expect(published).toMatchObject([{ snapshot: 'published', scope: INVOICE, rejected: found?.rejected }]);
    expect(published[0]?.records).toEqual(found?.records);
  });

  it('is told of by status, by every summary and to the next run, where a snapshot was published without some', async () => {
    const at = await siteWithBrokenLines({ limits: { rejected_records: '50%' } });
    const run = (...argv: string[]) => runCli(argv, { cwd: at.folder });
    const first = await run('sync');
    expect(first.exitCode).toBe(0);
    const [, rejected = ''] =
      /published without (\d+) rejected records? \(`rejected` lists them\)/.exec(first.err) ?? [];
    expect(Number(rejected)).toBeGreaterThan(0);
    const second = await run('sync', '--invoice', INVOICE);
    expect(second.err).toMatch(
      new RegExp(`^billed_usage +${INVOICE} +unchanged +${rejected} rejected$`, 'm'),
    );
    expect(second.err).toContain(`published without ${rejected} rejected record`);
    const status = await run('status');
    expect(status.out).toMatch(
      new RegExp(`published without ${rejected} of its \\d+ records, which were rejected`),
    );
    expect(status.out).toMatch(new RegExp(`\\(${rejected} rejected\\)`));
    const [[recorded] = []] = await at.query(`select records_rejected from csp._snapshots`);
    expect(recorded).toBe(rejected);
    const table = await run('rejected');
    expect(table.out).toContain(`published at eTag`);
    expect(table.out).toContain(`(${rejected} row`);
  });
});
