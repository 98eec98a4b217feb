import { spawn } from 'node:child_process';
import { once } from 'node:events';
import { existsSync, mkdtempSync, readdirSync, readFileSync, rmSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { afterEach, beforeEach, describe, expect, it } from 'vitest';
import { systemClock } from '../../../connector/clock.js';
import { Interruption } from '../../../connector/interruption.js';
import { packageRoot } from '../../../connector/package-info.js';
import type { RunSummary } from '../../../connector/run-summary.js';
import { startSandbox, type Sandbox } from '../../../connector/sandbox/sandbox.js';
import type { Health } from '../../../connector/schedule-health.js';
import { DrivenClock } from '../../driven-clock.js';
import { runCli, type CliResult } from '../cli-io.js';

const TOKEN = 'pl4nted-graph-token';

let cwd = '';
let sandbox: Sandbox;
let clock: DrivenClock;
beforeEach(async () => {
  cwd = mkdtempSync(join(tmpdir(), 'schedule-'));
  clock = new DrivenClock('2026-11-23T12:00:00Z');
  sandbox = await startSandbox({
    usageRows: 30,
    blobs: 1,
    pollsUntilDone: 0,
    retryAfterSeconds: 0,
    token: TOKEN,
    now: () => clock.now(),
  });
  configure({ cron: '15 3 * * *', time_zone: 'Europe/Berlin', health_file: 'run/health.json' });
});
afterEach(async () => {
  await sandbox.close();
  rmSync(cwd, { recursive: true, force: true });
});

function configure(schedule: object | null): void {
  writeFileSync(
    join(cwd, 'connector.yaml'),
    sandbox.configuration({
      source: { auth: { token: '${env:GRAPH_TOKEN}' } },
      streams: { billed_reconciliation: null, unbilled_reconciliation: null, unbilled_usage: null },
      ...(schedule === null ? {} : { schedule }),
    }),
  );
}

const health = () => JSON.parse(readFileSync(join(cwd, 'run', 'health.json'), 'utf8')) as Health;

/** `schedule` in this process, with what it says so far. */
function start(...argv: string[]) {
  const stop = new AbortController();
  let err = '';
  const onErr = (text: string): void => {
    err += text;
  };
  const ended: Promise<CliResult> = runCli(['schedule', ...argv], {
    cwd,
    env: { GRAPH_TOKEN: TOKEN },
    signal: stop.signal,
    clock,
    onErr,
  });
  return {
    ended,
    /** Lets time pass, seconds only, until it has said so; rejects when it ended before. */
    said: async (wanted: RegExp): Promise<void> => {
      let over: CliResult | null = null;
      void ended.then((result) => (over = result));
      while (!wanted.test(err)) {
        if (over !== null) throw new Error(`ended too early: ${err}`);
        await systemClock.sleep(5);
        await clock.passTo(new Date(clock.now().getTime() + 500).toISOString());
      }
    },
    stop: async (): Promise<CliResult> => {
      stop.abort(new Interruption('SIGTERM'));
      return await ended;
    },
  };
}

describe('schedule', () => {
  it('does what sync does when it is due, keeps the health file, and ends with 0 when it is told to', async () => {
    const running = start('--json');
    await running.said(/next run 2026-11-24 03:15 Europe\/Berlin \(\+01:00\)/);
    expect(health()).toMatchObject({
      healthy: true,
      state: 'waiting',
      since: expect.stringMatching(/^2026-11-23T12:0/) as string,
      timeZone: 'Europe/Berlin',
      nextRun: '2026-11-24T02:15:00.000Z',
      lastRun: null,
    });
    await clock.passTo('2026-11-24T02:15:00Z');
    await running.said(/ended after .*: done, exit 0[^]*next run 2026-11-25 03:15/);
    const { exitCode, out, err } = await running.stop();
    expect(exitCode).toBe(0);
    const summaries = out
      .trimEnd()
      .split('\n')
      .map((line) => JSON.parse(line) as RunSummary);
    expect(summaries.map((summary) => summary.outcome)).toEqual(['2 published']);
    expect(health()).toMatchObject({
      healthy: false,
      state: 'stopped',
      lastRun: { due: '2026-11-24T02:15:00.000Z', outcome: 'done', exitCode: 0 },
    });
    expect(`${out}${err}${JSON.stringify(health())}`).not.toContain(TOKEN);
  });

  it('goes on after a failing run, and after a configuration that is broken for a night', async () => {
    const running = start();
    await running.said(/next run 2026-11-24 /);
    sandbox.setFaults(['post-403']);
    await clock.passTo('2026-11-24T02:15:00Z');
    await running.said(/ended after .*: config, exit 2[^]*next run 2026-11-25/);
    sandbox.setFaults([]);
    const good = readFileSync(join(cwd, 'connector.yaml'), 'utf8');
    writeFileSync(join(cwd, 'connector.yaml'), `${good}\nschedul: {}\n`);
    await clock.passTo('2026-11-25T02:15:00Z');
    await running.said(/error: [^]*schedul[^]*ended after .*: config, exit 2[^]*next run 2026-11-26/);
    writeFileSync(join(cwd, 'connector.yaml'), good);
    await clock.passTo('2026-11-26T02:15:00Z');
    await running.said(/ended after .*: done, exit 0/);
    expect((await running.stop()).exitCode).toBe(0);
  });

  it('ends a run as sync does on a signal, and the next start goes on with it', async () => {
    const running = start();
    await running.said(/next run 2026-11-24 /);
    sandbox.setFaults(['poll-retry-after-hour']);
    await clock.passTo('2026-11-24T02:15:00Z');
    await running.said(/export asked for[^]*export asked for/);
    expect((await running.stop()).exitCode).toBe(143);
    sandbox.setFaults([]);
    const again = start();
    await again.said(/was cut off; it begins again \(2 of 3\)[^]*ended after .*: done, exit 0/);
    expect((await again.stop()).exitCode).toBe(0);
    expect(sandbox.requests.filter((request) => request.kind === 'export')).toHaveLength(2);
  });

  it('keeps its state in the spool, where nothing takes it for a package', async () => {
    const running = start();
    await running.said(/next run/);
    await running.stop();
    const [tenant = ''] = readdirSync(join(cwd, 'spool'));
    expect(readdirSync(join(cwd, 'spool', tenant, 'csp'))).toEqual(['schedule.json']);
    const { exitCode, out } = await runCli(['status', '--json'], { cwd, env: { GRAPH_TOKEN: TOKEN } });
    expect([exitCode, (JSON.parse(out) as { packages: object[] }).packages]).toEqual([0, []]);
  });

  it('answers on the health port until it ends', async () => {
    const port = 20_000 + (process.pid % 10_000);
    configure({ cron: '15 3 * * *', health_port: port });
    const running = start();
    await running.said(/next run 2026-11-24 03:15 UTC/);
    const response = await fetch(`http://127.0.0.1:${port}/healthz`);
    expect([response.status, await response.json()]).toMatchObject([
      200,
      { healthy: true, nextRun: '2026-11-24T03:15:00.000Z', lastRun: null },
    ]);
    await running.stop();
    await expect(fetch(`http://127.0.0.1:${port}/healthz`)).rejects.toThrow();
  });

  it('as a process of its own ends at once on SIGTERM, with 0', async () => {
    const program = join(packageRoot(), 'dist', 'connector', 'cli.js');
    const running = spawn(process.execPath, [program, 'schedule'], {
      cwd,
      env: { GRAPH_TOKEN: TOKEN },
      stdio: ['ignore', 'ignore', 'pipe'],
    });
    const closed = once(running, 'close');
    let err = '';
    for await (const chunk of running.stderr) {
      err += String(chunk);
      if (!running.killed && err.includes('next run')) running.kill('SIGTERM');
    }
    expect(await closed).toEqual([0, null]);
    expect(err).toContain('told to stop');
    expect(health()).toMatchObject({ state: 'stopped', healthy: false });
  });

  it('refuses to start without schedule: in the configuration', async () => {
    configure(null);
    const { exitCode, err } = await start().ended;
    expect(exitCode).toBe(2);
    expect(err).toContain('has no schedule:');
    expect(existsSync(join(cwd, 'run'))).toBe(false);
  });
});
