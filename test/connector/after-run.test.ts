import { mkdtempSync, readFileSync, rmSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { PassThrough } from 'node:stream';
import { afterEach, beforeEach, describe, expect, it } from 'vitest';
import { AfterRun, tellOfRun } from '../../connector/after-run.js';
import { CommandContext } from '../../connector/command-context.js';
import type { LoadedConfig } from '../../connector/config.js';
import { secretsOf } from '../../connector/config-secrets.js';
import { Interruption } from '../../connector/interruption.js';
import type { FormerRun, NotifyBody } from '../../connector/notify-body.js';
import type { RunSummary } from '../../connector/run-summary.js';
import { Secrets } from '../../connector/secrets.js';
import { ConfigError, LockedError } from '../../schemas/errors.js';
import { collected, configOf, TENANT, testClock, TOKEN } from './extract/scene.js';
import { sendJson, startServer, type HttpDouble } from './extract/http-double.js';
import { EVENTS, SCOPES, STATE, summary } from './metrics-night.js';

const HOOK = 'T0PS3CRET/hook-1f2e3d';
const UNCHANGED: RunSummary = { ...summary([]), outcome: 'nothing changed' };
const PUBLISHED: RunSummary = { ...summary(SCOPES), exitCode: 4, outcome: '1 refused, 1 published' };
const QUIET_NIGHT = { outcome: 'nothing changed', exitCode: 0, counts: '[]' };

let folder = '';
beforeEach(() => {
  folder = mkdtempSync(join(tmpdir(), 'after-run-'));
});
afterEach(() => rmSync(folder, { recursive: true, force: true }));

/** A command's context and configuration with a webhook at `server`; everything it writes to standard error is kept. */
function scene(server: HttpDouble | null, metricsFile?: string) {
  const base = configOf('https://graph.microsoft.com/v1.0');
  const notify = server === null ? undefined : { webhook_url: `${server.origin}/${HOOK}`, timeout: 5000 };
  const config = { ...base, notify };
  const secrets = new Secrets();
  secrets.add(secretsOf(config, {}));
  const loaded: LoadedConfig = {
    config,
    path: join(folder, 'connector.yaml'),
    warnings: [],
    secrets: [],
    resolve: (path) => join(folder, path),
  };
  const stop = new AbortController();
  let err = '';
  const context = new CommandContext(
    {
      stdout: new PassThrough(),
      stderr: { write: (text) => (err += text) },
      env: {},
      cwd: folder,
      clock: testClock('2026-11-27T03:00:00.000Z'),
      signal: stop.signal,
      secrets,
    },
    { logFormat: 'json', logLevel: 'trace' },
    '1.2.3',
  );
  const after = new AfterRun(context, loaded, metricsFile);
  for (const event of EVENTS) after.report(event);
  return { after, context, loaded, stop, err: () => err };
}

const ok = () => startServer((_request, response) => sendJson(response, 200, 'ok'));
const told = (server: HttpDouble) => server.requests.map(({ body }) => JSON.parse(body) as NotifyBody);
const metrics = () => readFileSync(join(folder, 'm.prom'), 'utf8');

describe('a run that ended', () => {
  it('is told to the webhook when it published something, and to nobody when nothing changed', async () => {
    const server = await ok();
    const quiet = await scene(server).after.ended({ summary: UNCHANGED, former: QUIET_NIGHT, state: STATE });
    expect([quiet, server.requests]).toEqual([[], []]);
    const loud = await scene(server).after.ended({ summary: PUBLISHED, former: QUIET_NIGHT, state: STATE });
    expect(loud).toEqual([]);
    expect(told(server)).toMatchObject([
      {
        reasons: ['published', 'outcome changed'],
        tenantId: TENANT,
        dataset: 'csp',
        destination: 'duckdb',
        summary: { outcome: '1 refused, 1 published' },
      },
    ]);
  });

  it('writes its metrics, relative to the working directory, where a file is named, and nothing elsewhere', async () => {
    await scene(null).after.ended({ summary: PUBLISHED, former: null, state: STATE });
    expect(() => metrics()).toThrow('ENOENT');
    const { after } = scene(null, 'm.prom');
    expect(await after.ended({ summary: PUBLISHED, former: null, state: STATE })).toEqual([]);
    expect(metrics()).toMatch(
      new RegExp(`runs_total\\{tenant="${TENANT}",dataset="csp",destination="duckdb",outcome="data"\\} 1`),
    );
    expect(metrics()).toContain('what="poll",why="server"} 2');
  });

  it('is not failed by what it could not tell: both are warnings, and the webhook hears of the run all the same', async () => {
    const server = await startServer((_request, response) => sendJson(response, 404, 'no'));
    const { after } = scene(server, 'missing/m.prom');
    const warnings = await after.ended({ summary: PUBLISHED, former: null, state: STATE });
    expect(warnings).toEqual([
      expect.stringMatching(/^--metrics-file .*missing\/m\.prom could not be written: ENOENT/),
      'notify.webhook_url was not told of this run: it answered 404',
    ]);
    expect(server.requests).toHaveLength(1);
  });

  it('tells nobody when it was told to stop, and counts as interrupted', async () => {
    const server = await ok();
    const { after, stop } = scene(server, 'm.prom');
    stop.abort(new Interruption('SIGTERM'));
    expect(await after.ended({ summary: PUBLISHED, former: null, state: null })).toEqual([]);
    expect(server.requests).toEqual([]);
    expect(metrics()).toContain('outcome="interrupted"} 1');
    expect(metrics()).toMatch(/last_run_exit_code\{.*\} 143/);
  });
});

describe('a run that failed before it could plan', () => {
  it('is told with what is known of it, and counted', async () => {
    const server = await ok();
    const { after } = scene(server, 'm.prom');
    const error = new ConfigError({ message: 'the dataset belongs to another tenant', hint: 'name another' });
    expect(await after.failed(error)).toEqual([]);
    expect(told(server)).toMatchObject([
      {
        reasons: ['outcome changed'],
        exitCode: 2,
        previous: null,
        summary: {
          runId: 'R',
          connectorVersion: '1.2.3',
          startedAt: '2026-11-27T03:00:00.000Z',
          exitCode: 2,
          scopes: [],
        },
      },
    ]);
    expect(told(server)[0]?.text).toContain(
      'failed: the dataset belongs to another tenant; name another (exit 2)',
    );
    expect(metrics()).toContain('outcome="config"} 1');
  });

  it('is counted but not told when another run has the dataset', async () => {
    const server = await ok();
    const { after } = scene(server, 'm.prom');
    await after.failed(new LockedError({ message: 'held by run 7', hint: 'wait' }));
    expect(server.requests).toEqual([]);
    expect(metrics()).toContain('outcome="locked"} 1');
  });
});

describe('tellOfRun', () => {
  it('compares with the run before that it was given', async () => {
    const server = await ok();
    const { context, loaded } = scene(server);
    const { report } = collected();
    const told = { context, loaded, report, metricsFile: undefined };
    const run = (former: FormerRun | null) =>
      tellOfRun(told, () => Promise.resolve({ summary: UNCHANGED, former, state: null }));
    await run(QUIET_NIGHT);
    expect(server.requests).toEqual([]);
    await run({ ...QUIET_NIGHT, outcome: '1 failed', exitCode: 3 });
    await run(null);
    expect(server.requests.map(({ body }) => (JSON.parse(body) as NotifyBody).reasons)).toEqual([
      ['outcome changed'],
      ['first run'],
    ]);
  });

  it('hands events on, and adds what could not be told to the warnings, which are reported too', async () => {
    const { context, loaded } = scene(null);
    const { events, report } = collected();
    const summed: RunSummary = { ...PUBLISHED, warnings: ['odd'] };
    const given = await tellOfRun({ context, loaded, report, metricsFile: 'm.prom' }, (tell) => {
      for (const event of EVENTS) tell(event);
      return Promise.resolve({ summary: summed, former: QUIET_NIGHT, state: STATE });
    });
    expect(given).toEqual(summed);
    expect(events).toEqual(EVENTS);
    expect(metrics()).toContain('what="poll",why="server"} 2');
    expect(metrics()).toContain('partner_billing_data_age_seconds{');
    const unwritten = await tellOfRun({ context, loaded, report, metricsFile: 'missing/m.prom' }, () =>
      Promise.resolve({ summary: summed, former: QUIET_NIGHT, state: STATE }),
    );
    expect(unwritten).toEqual({ ...PUBLISHED, warnings: ['odd', expect.stringContaining('ENOENT')] });
    expect(events.slice(EVENTS.length)).toMatchObject([{ event: 'warning', hint: '' }]);
  });

  it('tells of a run that fails, and lets its error through', async () => {
    const server = await ok();
    const { context, loaded } = scene(server);
    const error = new ConfigError({ message: 'no', hint: 'do this' });
    const { report } = collected();
    const run = tellOfRun({ context, loaded, report, metricsFile: 'm.prom' }, () => Promise.reject(error));
    await expect(run).rejects.toBe(error);
    expect(told(server)).toMatchObject([{ exitCode: 2 }]);
    expect(metrics()).toContain('outcome="config"} 1');
  });
});

describe('secrets', () => {
  it('are in nothing that is sent, and the address of the webhook in nothing that is written', async () => {
    const server = await startServer((_request, response) => sendJson(response, 500, `no such ${HOOK}`));
    const { after, context, err } = scene(server, 'm.prom');
    const error = new ConfigError({ message: `refused ${TOKEN} at ${server.origin}/${HOOK}`, hint: 'x' });
    const view = await context.progress();
    for (const message of await after.failed(error)) view.report({ event: 'warning', message, hint: '' });
    expect(server.requests).toHaveLength(2);
    expect(server.requests[0]?.body).toContain('refused [redacted] at [redacted]');
    expect(err()).toContain('it answered 500, after a second attempt');
    for (const text of [err(), metrics(), ...server.requests.map(({ body }) => body)]) {
      for (const secret of [TOKEN, 'T0PS3CRET', 'hook-1f2e3d']) expect(text).not.toContain(secret);
    }
  });
});
