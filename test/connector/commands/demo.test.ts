import { existsSync, mkdirSync, mkdtempSync, readFileSync, rmSync, statSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { afterAll, beforeAll, describe, expect, it } from 'vitest';
import { STREAM_NAMES } from '../../../schemas/streams.js';
import { runCli, type CliResult } from '../cli-io.js';

let cwd = '';
let first: CliResult;
beforeAll(async () => {
  cwd = mkdtempSync(join(tmpdir(), 'demo-'));
  first = await runCli(['demo', '--rows', '40'], { cwd });
}, 180_000);
afterAll(() => rmSync(cwd, { recursive: true, force: true }));

/** The arguments of a command line as a shell splits it; only double quotes occur. */
function argumentsOf(line: string): string[] {
  return [...line.matchAll(/"([^"]*)"|(\S+)/g)].map((match) => match[1] ?? match[2] ?? '');
}

describe('demo', () => {
  it('runs all four streams into DuckDB and prints what the database holds', () => {
    expect(first.exitCode).toBe(0);
    expect(first.err).toMatch(/run \S+: 14 published, .* 6 no data, /);
    for (const stream of STREAM_NAMES)
      expect(first.out).toMatch(new RegExp(`^${stream}\n {2}scope +records`, 'm'));
    expect(
      first.out.match(/^ {2}G0169073?\d+ +\d+ +-?\d+(\.\d+)? +(USD|EUR) +\S{17} +20\S+Z?$/gm),
    ).toHaveLength(6);
    expect(first.out.match(/^ {2}20\d\d-\d\d-(USD|EUR) +\d+ +-?\d+/gm)).toHaveLength(8);
    expect(existsSync(join(cwd, 'demo', 'partner_billing.duckdb'))).toBe(true);
  });

  it('keeps the tokens out of the configuration and for their owner only', () => {
    const text = readFileSync(join(cwd, 'demo', 'connector.yaml'), 'utf8');
    for (const name of ['sandbox-token', 'sandbox-partner-center-token']) {
      expect(text).toContain(`token: \${file:./${name}}`);
      expect(statSync(join(cwd, 'demo', name)).mode & 0o777).toBe(0o600);
    }
    expect(first.err).not.toContain('warning');
  });

  it('ends with a reconciliation in which the planted error is found by one check, and explained', () => {
    expect(first.out).toContain('Is G016907411 right? The sandbox planted one small error');
    const [, counts = ''] = /^line_recalc +(.+)$/m.exec(first.out) ?? [];
    const [examined, matched, tolerated, partial, differ, unchecked, currency, difference] = counts
      .trim()
      .split(/ +/);
    expect([partial, differ, unchecked, currency, difference]).toEqual(['0', '1', '0', 'USD', '1']);
    expect(Number(matched) + Number(tolerated) + 1).toBe(Number(examined));
    for (const check of ['invoice_tieout', 'usage_vs_invoice'])
      expect(first.out).toMatch(new RegExp(`^${check} +\\d+ +\\d+ +\\d+ +0 +0 +0 *$`, 'm'));
    expect(first.out).toContain('Explained:');
  });

  it('prints next commands that work when pasted', async () => {
    const commands = first.out
      .split('\n')
      .filter((line) => line.includes('--config'))
      .map((line) => line.trim());
    expect(commands.map((line) => / (status|plan|query|reconcile) /.exec(line)?.[1])).toEqual([
      'status',
      'plan',
      'reconcile',
      'query',
      'query',
    ]);
    for (const line of commands) {
      const argv = argumentsOf(line.replace(/^.*?(?= (status|plan|query|reconcile) )/, ''));
      const { exitCode, out, err } = await runCli(argv, { cwd });
      // The month has the planted error in it.
      expect([line, exitCode, err]).toEqual([line, line.includes(' reconcile ') ? 7 : 0, '']);
      expect(out.length).toBeGreaterThan(100);
    }
  });

  it('finds nothing changed and reads no blob the second time', async () => {
    const second = await runCli(['demo', '--rows', '40'], { cwd });
    expect(second.exitCode).toBe(0);
    expect(second.err).toMatch(/run \S+: nothing changed, .*; no blob was read/);
    expect(second.out).toBe(first.out);
  }, 180_000);

  it('does not replace a configuration that it did not write', async () => {
    mkdirSync(join(cwd, 'mine'));
    writeFileSync(join(cwd, 'mine', 'connector.yaml'), 'version: 1\n');
    const { exitCode, err } = await runCli(['demo', '--dir', 'mine'], { cwd });
    expect(exitCode).toBe(2);
    expect(err).toContain('mine/connector.yaml was not written by the demo');
    expect(readFileSync(join(cwd, 'mine', 'connector.yaml'), 'utf8')).toBe('version: 1\n');
  });
});
