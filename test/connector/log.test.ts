import { PassThrough } from 'node:stream';
import { describe, expect, it } from 'vitest';
import { systemClock } from '../../connector/clock.js';
import { CommandContext } from '../../connector/command-context.js';
import { errorText } from '../../connector/error-record.js';
import { createLog } from '../../connector/log.js';
import type { LogFormat, LogLevel } from '../../connector/log-options.js';
import { LoggedProgress } from '../../connector/progress-log.js';
import { Secrets } from '../../connector/secrets.js';
import { Terminal } from '../../connector/terminal.js';
import { asConnectorError, ConfigError, TransientError } from '../../schemas/errors.js';
import type { ProgressEvent } from '../../schemas/progress.js';

const SECRET = 'pl4nted "secret"';
const SAS = 'sig=aB%2Fc%3D';

function logged(level: LogLevel, format: LogFormat) {
  const secrets = new Secrets();
  secrets.add([SECRET]);
  let text = '';
  const out = { write: (written: string) => (text += written) };
  const terminal = new Terminal(out, (line) => secrets.scrub(line));
  const clock = { ...systemClock, now: () => new Date('2026-11-23T10:00:00Z') };
  return { log: createLog({ level, format, terminal, secrets, clock }), text: () => text };
}

/** An error as libraries throw them: with a request, its headers and more hung on it. */
function libraryError(): Error {
  return Object.assign(new Error(`socket hang up at https://x/y?${SAS}, ${SECRET}`), {
    code: 'ECONNRESET',
    options: { headers: { authorization: 'Bearer abcdefghijklmnop' } },
    config: { token: SECRET },
  });
}

describe('createLog', () => {
  it('writes one JSON document a line, with level, time and message', () => {
    const { log, text } = logged('info', 'json');
    log.info({ scope: 'G016907411' }, 'begun');
    log.debug('not asked for');
    log.warn('second');
    const lines = text().trimEnd().split('\n');
    expect(lines.map((line) => JSON.parse(line) as unknown)).toEqual([
      { level: 'info', time: '2026-11-23T10:00:00.000Z', scope: 'G016907411', message: 'begun' },
      { level: 'warn', time: '2026-11-23T10:00:00.000Z', message: 'second' },
    ]);
  });

  it('writes lines for people in the pretty format', () => {
    const { log, text } = logged('info', 'pretty');
    log.info({ scope: 'G016907411' }, 'begun');
    expect(text()).toMatch(/INFO.*: begun\n {4}scope: "G016907411"\n$/);
  });

  it.each([
    ['trace', 'json'],
    ['trace', 'pretty'],
    ['info', 'json'],
    ['error', 'pretty'],
  ] as const)('prints no secret at level %s in %s, whatever hangs on an error', (level, format) => {
    const { log, text } = logged(level, format);
    const error = new TransientError({
      message: 'the blob was cut',
      hint: `ask again with ${SECRET}`,
      facts: { blob: 'part-0', tries: 3n, address: `https://h/b?${SAS}`, nothing: undefined },
      cause: libraryError(),
    });
    log.error({ err: error, nested: { url: `https://h/?${SAS}`, secret: SECRET } }, `failed: ${SECRET}`);
    log.error(libraryError());
    expect(text()).toContain('ECONNRESET');
    expect(text()).toContain('transient');
    expect(text()).toContain('[redacted]');
    for (const planted of ['pl4nted', 'aB%2Fc', 'abcdefghijklmnop']) expect(text()).not.toContain(planted);
  });

  it('shows kind, facts, hint and causes of an error, and stacks only from debug on', () => {
    const error = new ConfigError({
      message: 'no',
      hint: 'do this',
      facts: { line: 3, big: 12345678901234567890n },
      cause: new Error('deeper', { cause: 'a text' }),
    });
    const info = logged('info', 'json');
    info.log.error({ err: error }, 'no');
    expect(JSON.parse(info.text())).toMatchObject({
      err: {
        type: 'ConfigError',
        kind: 'config',
        hint: 'do this',
        facts: { line: 3, big: '12345678901234567890' },
        cause: { type: 'Error', message: 'deeper', cause: { type: 'string', message: 'a text' } },
      },
    });
    expect(info.text()).not.toContain('stack');
    const debug = logged('debug', 'json');
    debug.log.error({ err: error }, 'no');
    expect(debug.text()).toContain('log.test.ts');
  });

  it('ends with errors that are their own cause', () => {
    const error = new Error('round and round');
    error.cause = new Error('in between', { cause: error });
    const { log, text } = logged('info', 'json');
    log.error({ err: error }, 'x');
    expect(text().match(/round and round/g)?.length).toBeLessThan(5);
  });
});

describe('LoggedProgress', () => {
  it('writes events with their facts at a level that fits them', () => {
    const { log, text } = logged('trace', 'json');
    const view = new LoggedProgress(log);
    const scope = { by: 'invoice', stream: 'billed_usage', invoice: 'G016907411' } as const;
    view.report({ event: 'scope.started', scope, reason: 'never asked for' });
    view.report({ event: 'export.polled', scope, status: 'running', waitMs: 1000, requestId: 'r-1' });
    view.report({ event: 'blob.bytes', scope, blob: 'part-0', bytes: 10 });
    view.report({ event: 'warning', scope, message: 'odd', hint: 'look' });
    view.report({ event: 'scope.finished', scope, outcome: 'failed', exitCode: 3 });
    view.stop();
    const lines = text()
      .trimEnd()
      .split('\n')
      .map((line) => JSON.parse(line) as Record<string, unknown>);
    expect(lines.map((line) => [line['level'], line['message']])).toEqual([
      ['info', 'scope.started'],
      ['debug', 'export.polled'],
      ['trace', 'blob.bytes'],
      ['warn', 'odd'],
      ['error', 'scope.finished'],
    ]);
    expect(lines[1]).toMatchObject({
      stream: 'billed_usage',
      scope: 'G016907411',
      requestId: 'r-1',
      waitMs: 1000,
    });
  });
});

describe('the ids on log lines', () => {
  const G1 = { by: 'invoice', stream: 'billed_usage', invoice: 'G016907411' } as const;
  const G2 = { by: 'invoice', stream: 'billed_usage', invoice: 'G016907412' } as const;

  /** The ids and the event of each line that the events leave. */
  function idsOf(events: readonly ProgressEvent[]): unknown[] {
    const { log, text } = logged('trace', 'json');
    const view = new LoggedProgress(log);
    for (const event of events) view.report(event);
    return text()
      .trimEnd()
      .split('\n')
      .map((line) => {
        const { event, scope, runId, operationId, loadId, requestId } = JSON.parse(line) as Record<
          string,
          string
        >;
        return [event, scope, runId, operationId, loadId, requestId].map((one) => one ?? '-').join(' ');
      });
  }

  it('are those of the run, the operation, the load and the newest request, on every line from when they are known', () => {
    expect(
      idsOf([
        { event: 'run.started', runId: 'R' },
        { event: 'scope.started', scope: G1, reason: 'never asked for' },
        { event: 'retried', scope: G1, what: 'export', cause: '503', attempt: 1, waitMs: 1, requestId: 'q0' },
        { event: 'export.requested', scope: G1, operationId: 'O', requestId: 'q1' },
        { event: 'export.polled', scope: G1, status: 'running', waitMs: 1, requestId: 'q2' },
        { event: 'manifest.read', scope: G1, eTag: 'e', blobs: 1, requestId: 'q3' },
        { event: 'blob.whole', scope: G1, blob: 'b', bytes: 1 },
        { event: 'load.started', scope: G1, blobs: 1, loadId: 'L1' },
        { event: 'load.started', scope: G1, blobs: 1, loadId: 'L2' },
        { event: 'warning', scope: G1, message: 'odd', hint: '' },
        { event: 'scope.finished', scope: G1, outcome: 'published', exitCode: 0 },
        { event: 'run.finished', runId: 'R', outcome: '1 published', exitCode: 0 },
      ]),
    ).toEqual([
      'run.started - R - - -',
      'scope.started G016907411 R - - -',
      'retried G016907411 R - - q0',
      'export.requested G016907411 R O - q1',
      'export.polled G016907411 R O - q2',
      'manifest.read G016907411 R O - q3',
      'blob.whole G016907411 R O - q3',
      'load.started G016907411 R O L1 q3',
      'load.started G016907411 R O L2 q3',
      'warning G016907411 R O L2 q3',
      'scope.finished G016907411 R O L2 q3',
      'run.finished - R - - -',
    ]);
  });

  it('of one scope are not those of another, of an earlier time or of another run', () => {
    expect(
      idsOf([
        { event: 'run.started', runId: 'R' },
        { event: 'export.requested', scope: G1, operationId: 'O1', requestId: 'q1' },
        { event: 'scope.started', scope: G2, reason: '' },
        { event: 'export.resumed', scope: G2, packageId: 'p', operationId: 'O2' },
        { event: 'blob.whole', scope: G1, blob: 'b', bytes: 1 },
        { event: 'load.waiting', holder: 'duckdb', waitedMs: 1 },
        { event: 'scope.finished', scope: G1, outcome: 'failed', exitCode: 3 },
        { event: 'scope.started', scope: G1, reason: '' },
        { event: 'run.started', runId: 'S' },
        { event: 'blob.whole', scope: G2, blob: 'b', bytes: 1 },
      ]),
    ).toEqual([
      'run.started - R - - -',
      'export.requested G016907411 R O1 - q1',
      'scope.started G016907412 R - - -',
      'export.resumed G016907412 R O2 - -',
      'blob.whole G016907411 R O1 - q1',
      'load.waiting - R - - -',
      'scope.finished G016907411 R O1 - q1',
      'scope.started G016907411 R - - -',
      'run.started - S - - -',
      'blob.whole G016907412 S - - -',
    ]);
  });
});

describe('lines of a JSON log that are no progress', () => {
  it('have an event of their own and the run that they are about', async () => {
    let err = '';
    const context = new CommandContext(
      {
        stdout: new PassThrough(),
        stderr: { write: (text) => (err += text) },
        env: {},
        cwd: '/',
        clock: systemClock,
        signal: new AbortController().signal,
        secrets: new Secrets(),
      },
      { logFormat: 'json' },
      '0.0.0',
    );
    await context.warn('before any run');
    const view = await context.progress();
    view.report({ event: 'run.started', runId: 'R' });
    await context.warn('odd');
    await context.tell('words');
    await context.tell('a table', { message: 'nothing changed', summary: { exitCode: 0 } });
    await context.fail(new ConfigError({ message: 'no', hint: 'do this' }));
    const lines = err
      .trimEnd()
      .split('\n')
      .map((line) => JSON.parse(line) as Record<string, unknown>);
    expect(lines.map(({ time: _time, err: _err, ...rest }) => rest)).toEqual([
      { level: 'warn', event: 'warning', message: 'before any run' },
      { level: 'info', event: 'run.started', runId: 'R', message: 'run.started' },
      { level: 'warn', event: 'warning', runId: 'R', message: 'odd' },
      { level: 'info', event: 'message', runId: 'R', message: 'words' },
      { level: 'info', event: 'summary', runId: 'R', message: 'nothing changed', summary: { exitCode: 0 } },
      { level: 'error', event: 'error', runId: 'R', message: 'no' },
    ]);
    expect(lines.at(-1)).toMatchObject({ err: { kind: 'config', hint: 'do this' } });
  });
});

describe('errorText', () => {
  const error = new ConfigError({
    message: 'connector.yaml:3:4 spool: no',
    hint: 'mend it',
    facts: { line: 3, requestId: 'r-1', nothing: undefined, empty: '' },
    cause: new Error('deeper'),
  });

  it('says what happened, the facts that the message lacks, and what to do', () => {
    expect(errorText(error, false)).toBe(
      'error: connector.yaml:3:4 spool: no\n  requestId: r-1\nhint: mend it',
    );
  });

  it('shows causes and stacks only where they are asked for', () => {
    const text = errorText(error, true);
    expect(text).toContain('because of');
    expect(text).toContain('Error: deeper');
    expect(text).toContain('log.test.ts');
    expect(errorText(asConnectorError(new TypeError('x is null')), false)).not.toContain('log.test.ts');
  });
});
