import { describe, expect, it } from 'vitest';
import { connectGraph, type ServiceConnection } from '../../../connector/extract/connection.js';
import { SERVICE_TIMEOUTS } from '../../../connector/extract/service-request.js';
import { ConfigError, IntegrityError, TransientError } from '../../../schemas/errors.js';
import { sendJson, startServer, TEST_AUTHORITY, type Handler, type HttpDouble } from './http-double.js';
import { collected, configOf, errorOf, everythingIn, testClock, TOKEN, type TestClock } from './scene.js';

interface Scene {
  readonly graph: HttpDouble;
  readonly url: string;
  readonly clock: TestClock;
  readonly connection: ServiceConnection;
  readonly events: ReturnType<typeof collected>['events'];
}

async function scene(handler: Handler, changes: Parameters<typeof configOf>[1] = {}): Promise<Scene> {
  const graph = await startServer(handler);
  const clock = testClock();
  const { events, report } = collected();
  const connection = connectGraph({
    config: configOf(`${graph.origin}/v1.0`, changes),
    report,
    clock,
    random: () => 0,
    timeouts: { ...SERVICE_TIMEOUTS, response: 300, read: 300, socket: 400, request: 1500 },
  });
  return { graph, url: `${graph.origin}/v1.0/reports/x`, clock, connection, events };
}

function poll({ connection, url }: Scene, method: 'GET' | 'POST' = 'GET') {
  return connection.client.request({ method, url, errand: method === 'GET' ? 'poll' : 'export' });
}

/** Answers with the given ones in turn, the last for ever. */
function inTurn(...handlers: readonly Handler[]): Handler {
  let count = 0;
  return (request, response) => {
    const handler = handlers[Math.min(count, handlers.length - 1)];
    count += 1;
    return handler?.(request, response);
  };
}

const ok: Handler = (_request, response) => {
  sendJson(response, 200, { status: 'running' });
};
const status =
  (
    code: number,
    headers: Record<string, string> = {},
    body: unknown = { error: { code: 'busy', message: 'later' } },
  ): Handler =>
  (_request, response) => {
    sendJson(response, code, body, headers);
  };
const text =
  (code: number, body: string, type = 'text/html'): Handler =>
  (_request, response) => {
    response.writeHead(code, { 'content-type': type, 'request-id': 'gateway-1' }).end(body);
  };

describe('a request to Graph', () => {
  it('carries the token and a new client-request-id each time', async () => {
    const here = await scene(inTurn(status(503), ok));
    await poll(here);
    const ids = here.graph.requests.map(({ headers }) => String(headers['client-request-id']));
    expect(new Set(ids).size).toBe(2);
    expect(ids[0]).toMatch(/^[0-9a-f]{8}-[0-9a-f-]{27}$/);
    expect(here.graph.requests.every(({ headers }) => headers.authorization === `Bearer ${TOKEN}`)).toBe(
      true,
    );
  });

  it.each(['GET', 'POST'] as const)('%s waits as a 429 or 503 says and tries again', async (method) => {
    const here = await scene(
      inTurn(status(429, { 'retry-after': '57' }), status(503, { 'retry-after': '0' }), ok),
    );
    await poll(here, method);
    expect(here.clock.waits).toEqual([57_000, 1000]);
    expect(here.graph.requests).toHaveLength(3);
    expect(here.events).toMatchObject([
      { event: 'retried', why: 'throttled', requestId: 'graph-request-1' },
      { event: 'retried', why: 'server', requestId: 'graph-request-1' },
    ]);
  });

  it.each([408, 409, 423, 429, 500, 502, 503, 504, 509])('is tried again after %i', async (code) => {
    const here = await scene(inTurn(status(code), ok));
    await poll(here);
    expect(here.clock.waits).toEqual([10_000]);
  });

  it.each([400, 402, 403, 405, 406, 407, 411, 412, 413, 415, 416, 422, 501, 507])(
    'is not tried again after %i, which needs a person',
    async (code) => {
      const here = await scene(status(code));
      const error = await errorOf(poll(here));
      expect(error).toBeInstanceOf(ConfigError);
      expect(here.graph.requests).toHaveLength(1);
      if (code !== 407)
        expect((error as Error).message).toMatch(/busy: later \(request-id graph-request-1\)/);
    },
  );

  it('is given up after ten attempts with the last answer in the error', async () => {
    const here = await scene(status(503));
    const error = await errorOf(poll(here));
    expect(error).toBeInstanceOf(TransientError);
    expect((error as Error).message).toMatch(
      /503, busy: later \(request-id graph-request-1\); given up after 10 attempts/,
    );
    expect(here.graph.requests).toHaveLength(10);
  });

  it('is given up when a storm of 429 would last longer than the window', async () => {
    const here = await scene(status(429, { 'retry-after': '3600' }));
    expect(await errorOf(poll(here))).toBeInstanceOf(TransientError);
    expect(here.clock.waits).toEqual([600_000, 600_000, 600_000]);
  });

  it('says 404 and 410 to a GET by a word, and refuses 404 to a POST', async () => {
    expect(await poll(await scene(status(404)))).toMatchObject({ gone: true, status: 404 });
    expect(await poll(await scene(status(410)))).toMatchObject({ gone: true, status: 410 });
    expect(await errorOf(poll(await scene(status(404)), 'POST'))).toBeInstanceOf(ConfigError);
  });

  it('with a refused static token ends with the permission named, after one more try', async () => {
    const here = await scene(
      status(401, {}, { error: { code: 'InvalidAuthenticationToken', message: 'expired' } }),
    );
    const error = await errorOf(poll(here));
    expect(error).toBeInstanceOf(ConfigError);
    expect((error as ConfigError).hint).toContain('PartnerBilling.Read.All');
    expect(here.graph.requests).toHaveLength(2);
  });

  it('whose token has expired in the meantime gets a new one without notice', async () => {
    let tokens = 0;
    const graph = await startServer((request, response) => {
      if (request.headers.authorization === 'Bearer token-1') sendJson(response, 401, undefined);
      else sendJson(response, 200, { status: 'running' });
    });
    const clock = testClock();
    const { events, report } = collected();
    const { client } = connectGraph({
      config: configOf(graph.origin),
      report,
      clock,
      credential: {
        getToken: () => {
          tokens += 1;
          return Promise.resolve({ token: `token-${tokens}`, expiresOnTimestamp: Infinity });
        },
      },
    });
    expect(await client.request({ method: 'GET', url: `${graph.origin}/x`, errand: 'poll' })).toMatchObject({
      status: 200,
    });
    expect([clock.waits, events]).toEqual([[], []]);
  });

  it('that is forbidden names permission and setup', async () => {
    const error = await errorOf(poll(await scene(status(403))));
    expect((error as ConfigError).message).toContain('PartnerBilling.Read.All');
    expect((error as ConfigError).hint).toContain('grant admin consent');
  });

  it.each([
    [
      'HTML',
      text(200, '<html>welcome</html>'),
      /200, body: HTML \(request-id gateway-1\), where JSON was expected/,
    ],
    ['nothing', text(200, ''), /200, body: empty/],
    ['broken JSON', text(200, '{"status":', 'application/json'), /200, body: text/],
    ['HTML as an error', text(502, '<html>bad gateway</html>'), /502, body: HTML/],
  ])('that a gateway answers with %s is tried again, then given up', async (_name, handler, message) => {
    const here = await scene(handler);
    const error = await errorOf(poll(here));
    expect(error).toBeInstanceOf(TransientError);
    expect((error as Error).message).toMatch(message);
    expect(here.graph.requests.length).toBeGreaterThan(1);
  });

  it('reads JSON behind a byte-order mark', async () => {
    const here = await scene(text(200, '\uFEFF{"status":"running"}', 'application/json'));
    expect(await poll(here)).toMatchObject({ body: { status: 'running' } });
  });

  it('follows no redirect and says where it would have gone', async () => {
    const elsewhere = await startServer(ok);
    const here = await scene(status(302, { location: `${elsewhere.origin}/x?secret=1` }));
    const error = await errorOf(poll(here));
    expect(error).toBeInstanceOf(ConfigError);
    expect((error as Error).message).toContain(elsewhere.origin);
    expect((error as Error).message).not.toContain('secret');
    expect(elsewhere.requests).toHaveLength(0);
  });

  it('is never sent to another origin', async () => {
    const elsewhere = await startServer(ok);
    const here = await scene(ok);
    const error = await errorOf(
      here.connection.client.request({ method: 'GET', url: `${elsewhere.origin}/v1.0/x`, errand: 'poll' }),
    );
    expect(error).toBeInstanceOf(ConfigError);
    expect(elsewhere.requests).toHaveLength(0);
  });

  it.each<[string, Handler]>([
    ['never answers', () => undefined],
    [
      'stalls in the middle of a body',
      (_request, response) => {
        response.writeHead(200, { 'content-length': '100' }).write('{"status"');
      },
    ],
    [
      'cuts the connection',
      (_request, response) => {
        response.writeHead(200, { 'content-length': '100' }).write('{"status"');
        setImmediate(() => response.destroy());
      },
    ],
  ])('that Graph %s is tried again', async (_name, handler) => {
    const here = await scene(inTurn(handler, ok));
    expect(await poll(here)).toMatchObject({ body: { status: 'running' } });
    expect(here.clock.waits).toEqual([10_000]);
  });

  it('with an endless answer is refused', async () => {
    const here = await scene((_request, response) => {
      response.writeHead(200);
      const chunk = 'x'.repeat(1024 * 1024);
      const write = (): void => {
        if (!response.destroyed) response.write(chunk, () => setImmediate(write));
      };
      write();
    });
    expect(await errorOf(poll(here))).toBeInstanceOf(IntegrityError);
  });

  it('ends at once with the reason of an abort, even while it waits', async () => {
    const here = await scene(() => undefined);
    const controller = new AbortController();
    const asked = here.connection.client.request({
      method: 'GET',
      url: here.url,
      errand: 'poll',
      signal: controller.signal,
    });
    setTimeout(() => {
      controller.abort(new Error('stopped by a person'));
    }, 50);
    expect(await errorOf(asked)).toMatchObject({ message: 'stopped by a person' });
  });

  it('shows its token in no error, cause or fact', async () => {
    const failures = [status(403), status(503), text(500, `echo ${TOKEN} Bearer ${TOKEN}`)];
    for (const handler of failures) {
      expect(everythingIn(await errorOf(poll(await scene(handler))))).not.toContain(TOKEN);
    }
    const here = await scene(ok);
    await here.graph.close();
    expect(everythingIn(await errorOf(poll(here)))).not.toContain(TOKEN);
  });
});

describe('certificates', () => {
  it('a certificate of an unknown authority needs a person, and ca_file makes it known', async () => {
    const graph = await startServer(ok, { tls: true });
    const ask = (source: Record<string, string>) =>
      connectGraph({
        config: configOf(`${graph.origin}/v1.0`, { source }),
        report: () => undefined,
        clock: testClock(),
      }).client.request({ method: 'GET', url: `${graph.origin}/v1.0/x`, errand: 'poll' });
    const error = await errorOf(ask({}));
    expect(error).toBeInstanceOf(ConfigError);
    expect((error as ConfigError).hint).toContain('source.ca_file');
    expect(await ask({ ca_file: TEST_AUTHORITY })).toMatchObject({ status: 200 });
  });

  it('a ca_file that is absent or no certificate is named', async () => {
    const graph = await startServer(ok);
    for (const file of ['/does/not/exist.pem', import.meta.filename]) {
      expect(() =>
        connectGraph({
          config: configOf(graph.origin, { source: { ca_file: file } }),
          report: () => undefined,
          clock: testClock(),
        }),
      ).toThrow(ConfigError);
    }
  });
});
