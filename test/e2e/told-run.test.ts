import { mkdtempSync, readFileSync, rmSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { PassThrough } from 'node:stream';
import { afterEach, beforeEach, describe, expect, it } from 'vitest';
import { systemClock } from '../../connector/clock.js';
import { runMainJob } from '../../connector/commands/run-main-job.js';
import { CommandContext } from '../../connector/command-context.js';
import type { NotifyBody } from '../../connector/notify-body.js';
import { startSandbox, type Sandbox } from '../../connector/sandbox/sandbox.js';
import { Secrets } from '../../connector/secrets.js';
import { EVERYTHING } from '../../connector/selection.js';
import { sendJson, startServer, type HttpDouble } from '../connector/extract/http-double.js';

const HOOK = 'T0PS3CRET/hook-1f2e3d';

let folder = '';
let sandbox: Sandbox;
let webhook: HttpDouble;
beforeEach(async () => {
  folder = mkdtempSync(join(tmpdir(), 'told-run-'));
  sandbox = await startSandbox({
    usageRows: 300,
    reconciliationRows: 20,
    blobs: 2,
    pollsUntilDone: 1,
    retryAfterSeconds: 0,
  });
  webhook = await startServer((_request, response) => sendJson(response, 200, 'ok'));
  writeFileSync(
    join(folder, 'connector.yaml'),
    sandbox.configuration({
      streams: { billed_reconciliation: null, unbilled_reconciliation: null, unbilled_usage: null },
      notify: { webhook_url: `${webhook.origin}/${HOOK}` },
    }),
  );
});
afterEach(async () => {
  await sandbox.close();
  rmSync(folder, { recursive: true, force: true });
});

/** One run as the command line does it, logged as JSON at trace. */
async function night() {
  let err = '';
  const io = {
    stdout: new PassThrough(),
    stderr: { write: (text: string) => (err += text) },
    env: {},
    cwd: folder,
    clock: systemClock,
    signal: new AbortController().signal,
    secrets: new Secrets(),
  };
  const context = new CommandContext(io, { logFormat: 'json', logLevel: 'trace' }, '1.2.3');
  const loaded = await context.loadConfig();
  const summary = await runMainJob(context, { loaded, selection: EVERYTHING, metricsFile: 'run.prom' });
  const lines = err
    .trimEnd()
    .split('\n')
    .map((line) => JSON.parse(line) as Record<string, unknown>);
  return { summary, lines, err };
}

const metric = (name: string): number => {
  const [, value] = new RegExp(`^partner_billing_${name}(?:\\{.*\\})? (\\S+)$`, 'm').exec(metrics()) ?? [];
  return Number(value ?? NaN);
};
const metrics = () => readFileSync(join(folder, 'run.prom'), 'utf8');
const told = () => webhook.requests.map(({ body }) => JSON.parse(body) as NotifyBody);

describe('a run against the sandbox', () => {
  it('leaves its metrics, tells the webhook once, and logs the ids of operation and request', async () => {
    sandbox.setFaults(['poll-503:1']);
    const { summary, lines, err } = await night();
    expect(summary).toMatchObject({ outcome: '2 published', warnings: [] });
    const records = summary.scopes.reduce((sum, scope) => sum + (scope.counts?.staged ?? 0), 0);
    expect(records).toBeGreaterThan(300);
    expect(metrics()).toMatch(/runs_total\{.*outcome="done"\} 1\n/);
    expect(metrics()).toMatch(/scopes_total\{.*outcome="published"\} 2\n/);
    expect(metrics()).toMatch(new RegExp(`records_total\\{.*stream="billed_usage"\\} ${records}\n`));
    expect(metrics()).toMatch(/retries_total\{.*what="poll",why="server"\} 1\n/);
    expect(metric('downloaded_bytes_total')).toBeGreaterThan(1000);
    expect(metric('poll_wait_seconds_total')).toBeGreaterThan(0);

    expect(told()).toHaveLength(1);
    expect(told()[0]).toMatchObject({ exitCode: 0, summary: { runId: summary.runId } });

    const events = new Set(lines.map((line) => line['event']));
    for (const event of [
      'export.requested',
      'export.polled',
      'manifest.read',
      'blob.whole',
      'load.records',
      'retried',
    ]) {
      expect(events).toContain(event);
    }
    for (const line of lines) {
      expect(line).toHaveProperty('event');
      if (
        ['export.polled', 'manifest.read', 'blob.whole', 'load.started', 'scope.finished'].includes(
          String(line['event']),
        )
      ) {
        expect(line).toMatchObject({ stream: 'billed_usage', operationId: expect.any(String) as string });
        expect(line).toHaveProperty('requestId');
      }
    }
    const operations = new Set(lines.map((line) => line['operationId']).filter((id) => id !== undefined));
    expect(operations.size).toBe(2);
    for (const text of [err, metrics(), JSON.stringify(told())]) {
      expect(text).not.toContain('T0PS3CRET');
      expect(text).not.toContain(sandbox.token);
    }
  });

  it('that finds nothing new tells nobody, and its counters go on', async () => {
    await night();
    const bytes = metric('downloaded_bytes_total');
    const { summary } = await night();
    expect(summary.exitCode).toBe(0);
    expect(told()).toHaveLength(1);
    expect(metrics()).toMatch(/runs_total\{.*outcome="done"\} 2\n/);
    expect(metric('downloaded_bytes_total')).toBe(bytes);
  });
});
