import { mkdtempSync, rmSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { afterEach, beforeEach, describe, expect, it } from 'vitest';
import { Interruption } from '../../../connector/interruption.js';
import type { RunSummary } from '../../../connector/run-summary.js';
import { startSandbox, type Sandbox } from '../../../connector/sandbox/sandbox.js';
import { holdInAnotherProcess } from '../../duckdb-process.js';
import { runCli, type CliSetting } from '../cli-io.js';

const TOKEN = 'pl4nted-graph-token';

let cwd = '';
let sandbox: Sandbox;
beforeEach(async () => {
  cwd = mkdtempSync(join(tmpdir(), 'sync-'));
  sandbox = await startSandbox({
    usageRows: 30,
    reconciliationRows: 20,
    blobs: 2,
    pollsUntilDone: 0,
    retryAfterSeconds: 0,
    token: TOKEN,
  });
  writeFileSync(
    join(cwd, 'connector.yaml'),
    sandbox.configuration({
      source: { auth: { token: '${env:GRAPH_TOKEN}', partner_center_token: null } },
      streams: { billed_reconciliation: null, unbilled_reconciliation: null, unbilled_usage: null },
    }),
  );
});
afterEach(async () => {
  await sandbox.close();
  rmSync(cwd, { recursive: true, force: true });
});

const run = (argv: string[], setting: Partial<CliSetting> = {}) =>
  runCli(argv, { cwd, env: { GRAPH_TOKEN: TOKEN }, ...setting });

describe('sync', () => {
  it('prints a table and what changed to standard error, and nothing to standard output', async () => {
    const first = await run(['sync']);
    expect([first.exitCode, first.out]).toEqual([0, '']);
    const { records, sums } = sandbox.expected({ stream: 'billed_usage', invoice: 'G016907411' });
    expect(first.err).toMatch(/^billed_usage G016907411 +begun: never asked for$/m);
    expect(first.err).toMatch(
      new RegExp(
        `^billed_usage +G016907411 +published +${records} +${records} new +USD ${sums['USD']}$`,
        'm',
      ),
    );
    expect(first.err).toMatch(/^run \S+: 2 published, .* s$/m);
    const second = await run(['sync']);
    expect(second.exitCode).toBe(0);
    expect(second.err).toMatch(/^run \S+: nothing to do, 2 scopes left \(`plan` says why\), .* s$/m);
    const named = await run(['sync', '--invoice', 'G016907411', 'G016907412']);
    expect(named.err).toMatch(/^run \S+: nothing changed, .* s$/m);
    const quiet = await run(['sync', '--quiet']);
    expect(quiet).toEqual({ exitCode: 0, out: '', err: '' });
  });

  it('prints exactly one JSON document to standard output with --json', async () => {
    const { exitCode, out, err } = await run(['sync', '--json', '--invoice', 'G016907412']);
    const summary = JSON.parse(out) as RunSummary;
    expect(exitCode).toBe(0);
    expect(summary.outcome).toBe('1 published');
    expect(summary.scopes).toHaveLength(1);
    expect(summary.scopes[0]).toMatchObject({
      stream: 'billed_usage',
      scope: 'G016907412',
      outcome: 'published',
      exitCode: 0,
      reason: 'named by hand; never asked for',
      sums: sandbox.expected({ stream: 'billed_usage', invoice: 'G016907412' }).sums,
    });
    expect(out.split('\n')).toHaveLength(2);
    expect(err).not.toContain('{');
    expect(err).not.toMatch(/^run /m);
  });

  it('writes events and the summary as JSON lines with --log-format json', async () => {
    const { out, err } = await run(['sync', '--log-format', 'json']);
    const lines = err
      .trimEnd()
      .split('\n')
      .map((line) => JSON.parse(line) as Record<string, unknown>);
    expect(out).toBe('');
    expect(lines.filter((line) => line['event'] === 'scope.finished')).toHaveLength(2);
    expect(lines.at(-1)).toMatchObject({ level: 'info', message: '2 published', summary: { exitCode: 0 } });
  });

  it.each([
    ['trace', 'json'],
    ['trace', 'pretty'],
  ])('prints no token and no SAS at level %s in %s, whatever fails', async (level, format) => {
    const talkative = ['--log-level', level, '--log-format', format];
    sandbox.setFaults(['blob-cut:1', 'poll-503:1', 'post-429:1']);
    const faulty = await run(['sync', '--json', ...talkative]);
    sandbox.setFaults(['sas-wrong']);
    sandbox.restate({ stream: 'billed_usage', invoice: 'G016907411' }, { changed: 1 });
    const named = ['sync', '--invoice', 'G016907411', 'G016907412', ...talkative];
    const refused = await run(named);
    sandbox.setFaults(['post-403']);
    const denied = await run(named);
    expect([faulty.exitCode, refused.exitCode > 0, denied.exitCode]).toEqual([0, true, 2]);
    for (const { out, err } of [faulty, refused, denied]) {
      expect(err.length).toBeGreaterThan(500);
      expect(`${out}${err}`).not.toContain(TOKEN);
      expect(`${out}${err}`).not.toMatch(/sig=(?!\[redacted\])/);
    }
  });

  it('says what failed and what to do, scope by scope, with the gravest exit code', async () => {
    sandbox.setFaults(['post-403:1']);
    const { exitCode, err } = await run(['sync']);
    expect(exitCode).toBe(2);
    expect(err).toMatch(/^error: billed_usage G01690741\d: .*403/m);
    expect(err).toMatch(/^ {2}hint: .*admin consent/m);
    expect(err).toMatch(/^run \S+: 1 failed, 1 published, .* s, exit 2$/m);
  });

  it('with --quiet prints nothing but what failed, and what to do', async () => {
    sandbox.setFaults(['post-403:1']);
    const { exitCode, out, err } = await run(['sync', '--quiet']);
    expect([exitCode, out]).toEqual([2, '']);
    expect(err).toMatch(/^error: billed_usage G01690741\d: .*403/m);
    expect(err).toMatch(/^ {2}hint: .*admin consent/m);
    expect(err).not.toMatch(/begun|^stream /m);
  });

  it('stops in good order on SIGINT, and the same command goes on from there', async () => {
    const stop = new AbortController();
    sandbox.setFaults(['poll-retry-after-hour']);
    const stopped = await run(['sync'], {
      signal: stop.signal,
      onErr: (text) => {
        if (text.includes('export asked for')) setImmediate(() => stop.abort(new Interruption('SIGINT')));
      },
    });
    expect(stopped.exitCode).toBe(130);
    expect(stopped.err).toContain('told to stop: ending in good order');
    sandbox.setFaults([]);
    const again = await run(['sync', '--json']);
    expect(again.exitCode).toBe(0);
    expect((JSON.parse(again.out) as RunSummary).outcome).toBe('2 published');
  });
});

describe('after a sync', () => {
  it('status shows snapshots, ages and sums, and plan why each scope would be asked for again', async () => {
    await run(['sync', '--quiet']);
    const { eTag, sums } = sandbox.expected({ stream: 'billed_usage', invoice: 'G016907411' });
    const { out } = await run(['status', '--json']);
    const status = JSON.parse(out) as {
      tenantId: string;
      scopes: { scope: string; ageOfDataMs: number }[];
      lastRun: object;
      packages: object[];
    };
    expect(status.tenantId).toBe(sandbox.tenantId);
    expect(status.scopes[0]).toMatchObject({
      scope: 'G016907411',
      state: 'published',
      published: { eTag, sums },
    });
    expect(status.scopes[0]?.ageOfDataMs).toBeGreaterThan(0);
    expect(status.lastRun).toMatchObject({ outcome: '2 published', exitCode: 0 });
    expect(status.packages).toEqual([]);
    const text = await run(['status']);
    expect(text.out).toMatch(
      new RegExp(`^billed_usage +G016907411 +published +\\d+ +USD ${sums['USD']} +${eTag} `, 'm'),
    );
    const plan = await run(['plan', '--stream', 'billed_usage']);
    expect(plan.out).toMatch(new RegExp(`published at eTag ${eTag}, day \\d+; asked again from 20`));
    expect(sandbox.requests.filter((request) => request.kind === 'export')).toHaveLength(2);
  });

  it('status, plan and invoices answer from what the spool remembers while a program holds the file', async () => {
    await run(['sync', '--quiet']);
    const free = await run(['plan', '--json']);
    const holder = await holdInAnotherProcess(join(cwd, 'partner_billing.duckdb'));
    try {
      const held = await run(['plan', '--json']);
      expect([held.exitCode, held.out]).toEqual([0, free.out]);
      expect(held.err).toMatch(/^warning: .*PID \d+.*: this is what the spool remembers$/m);
      const status = await run(['status']);
      expect(status.out).toContain('everything is in order');
      expect(status.out).toMatch(/^billed_usage +G016907411 +published /m);
      const invoices = await run(['invoices']);
      expect(invoices.out).toContain('the invoice list was never read');
    } finally {
      await holder.end();
    }
  });
});
