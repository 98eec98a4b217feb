import { mkdtempSync, rmSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { afterAll, beforeAll, describe, expect, it } from 'vitest';
import { loadConfig } from '../../../connector/config.js';
import { Interruption } from '../../../connector/interruption.js';
import { runCli, type CliResult } from '../cli-io.js';
import { ask } from '../sandbox/sandbox-client.js';

let cwd = '';
beforeAll(() => {
  cwd = mkdtempSync(join(tmpdir(), 'sandbox-command-'));
});
afterAll(() => rmSync(cwd, { recursive: true, force: true }));

/** Runs `sandbox` until it says where it listens, does something, and stops it. */
async function runUntilTold(
  argv: readonly string[],
  meanwhile: (graphUrl: string) => Promise<void>,
): Promise<CliResult> {
  const stop = new AbortController();
  return await new Promise<CliResult>((resolve, reject) => {
    const onErr = (text: string): void => {
      const graphUrl = /Graph +(http:\S+)/.exec(text)?.[1];
      if (graphUrl === undefined) return;
      meanwhile(graphUrl)
        .catch(reject)
        .finally(() => stop.abort(new Interruption('SIGINT')));
    };
    runCli(['sandbox', ...argv], { cwd, signal: stop.signal, onErr }).then(resolve, reject);
  });
}

describe('the sandbox command', () => {
  it('runs until it is told to stop and prints nothing but a configuration that works', async () => {
    let status = 0;
    const result = await runUntilTold(
      ['--rows', '40', '--fault', 'poll-404', '--fault', 'blob-cut:2'],
      async (url) => {
        status = (await ask(`${url}/reports/partners/billing/operations/1`)).status;
      },
    );
    expect(status).toBe(401);
    expect(result.exitCode).toBe(130);
    writeFileSync(join(cwd, 'connector.yaml'), result.out);
    const { config } = await loadConfig({ env: {}, cwd });
    expect(config.source.graph_url).toMatch(/^http:\/\/127\.0\.0\.1:\d+\/v1\.0$/);
    expect(config.source.partner_center_url).toMatch(/^http:\/\/127\.0\.0\.1:\d+\/v1$/);
    expect(config.source.auth).toEqual({
      method: 'static_token',
      token: 'sandbox-graph-token',
      partner_center_token: 'sandbox-partner-center',
    });
    expect(config.streams.billed_usage?.invoices).toEqual(['G016907411', 'G016907412']);
    expect(config.streams.unbilled_reconciliation).toMatchObject({
      periods: ['current', 'last'],
      currencies: ['USD', 'EUR'],
    });
    await expect(ask(`${config.source.graph_url}/`)).rejects.toThrow(/ECONNREFUSED/);
  });

  it('refuses an unknown fault with the list of those it knows', async () => {
    const { exitCode, out, err } = await runCli(['sandbox', '--fault', 'post-999'], { cwd });
    expect([exitCode, out]).toEqual([2, '']);
    expect(err).toContain('"post-999" is no fault');
    expect(err).toContain('sas-expires-midway: ');
  });
});
