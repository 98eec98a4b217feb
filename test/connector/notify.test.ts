import { createServer, type AddressInfo } from 'node:net';
import { describe, expect, it } from 'vitest';
import { notifyWebhook } from '../../connector/notify.js';
import { notifyBody } from '../../connector/notify-body.js';
import { notifySchema } from '../../schemas/config-routine.js';
import { configOf, testClock } from './extract/scene.js';
import { sendJson, startProxy, startServer, TEST_AUTHORITY, type Handler } from './extract/http-double.js';
import { summary } from './metrics-night.js';

const SECRET_PATH = 'T0PS3CRET/hook-1f2e3d';
const SECRET_QUERY = 'key=pl4nted-key';
const BODY = notifyBody(summary([]), null, { tenantId: 't', dataset: 'csp', destination: 'duckdb' });

interface Told {
  readonly warning: string | null;
  readonly waits: readonly number[];
}

/** Tells a webhook at an address, and checks that a warning shows nothing of the address. */
async function tell(
  origin: string,
  given: { timeout?: string; proxy?: string; caFile?: string; signal?: AbortSignal } = {},
): Promise<Told> {
  const clock = testClock();
  const address = new URL(`${origin}/${SECRET_PATH}?${SECRET_QUERY}`);
  address.username = 'hooker';
  address.password = 'hook-password';
  const notify = notifySchema.parse({ webhook_url: address.href, timeout: given.timeout ?? '20s' });
  const connection = { proxy: given.proxy, caFile: given.caFile };
  const signal = given.signal ?? new AbortController().signal;
  const warning = await notifyWebhook({ notify, connection, clock, signal }, BODY);
  if (warning !== null) {
    expect(warning).toMatch(/^notify\.webhook_url was not told of this run: /);
    const parts = [address.hostname, 'T0PS3CRET', 'hook-1f2e3d', 'pl4nted', 'hooker', 'hook-password'];
    if (address.port !== '') parts.push(address.port);
    for (const part of parts) expect(warning).not.toContain(part);
  }
  return { warning, waits: clock.waits };
}

/** Answers each request with the next status, the last one for ever. */
function answering(...statuses: readonly number[]): Handler {
  let count = 0;
  return (_request, response) => {
    sendJson(response, statuses[Math.min(count, statuses.length - 1)] ?? 200, 'ok');
    count += 1;
  };
}

describe('notifyWebhook', () => {
  it('posts the document as JSON to the very address, once', async () => {
    const server = await startServer(answering(200));
    expect(await tell(server.origin)).toEqual({ warning: null, waits: [] });
    expect(server.requests).toHaveLength(1);
    const [request] = server.requests;
    expect(request).toMatchObject({ method: 'POST', path: `/${SECRET_PATH}`, query: SECRET_QUERY });
    expect(request?.headers['content-type']).toBe('application/json');
    expect(JSON.parse(request?.body ?? '')).toEqual(JSON.parse(JSON.stringify(BODY)));
  });

  it.each([201, 202, 204])('takes %d for an answer', async (status) => {
    const server = await startServer(answering(status));
    expect((await tell(server.origin)).warning).toBeNull();
  });

  it('tries once more, a second later, after what may have been bad luck', async () => {
    for (const status of [429, 500, 503]) {
      const server = await startServer(answering(status, 200));
      expect(await tell(server.origin)).toEqual({ warning: null, waits: [1000] });
      expect(server.requests).toHaveLength(2);
    }
  });

  it('gives up after the second attempt', async () => {
    const server = await startServer(answering(500));
    const { warning, waits } = await tell(server.origin);
    expect(warning).toContain('it answered 500, after a second attempt');
    expect(waits).toEqual([1000]);
    expect(server.requests).toHaveLength(2);
  });

  it.each([400, 401, 404, 410, 501])('does not try again after %d', async (status) => {
    const server = await startServer(answering(status));
    expect((await tell(server.origin)).warning).toContain(`it answered ${status}`);
    expect(server.requests).toHaveLength(1);
  });

  it.each([301, 302, 307, 308])('follows no redirect (%d)', async (status) => {
    const other = await startServer(answering(200));
    const server = await startServer((_request, response) => {
      response.writeHead(status, { location: `${other.origin}/elsewhere` });
      response.end();
    });
    expect((await tell(server.origin)).warning).toContain(`it redirects (${status})`);
    expect(other.requests).toEqual([]);
    expect(server.requests).toHaveLength(1);
  });

  it('tries a connection that fails once more', async () => {
    const closed = createServer();
    await new Promise<void>((resolve) => closed.listen(0, '127.0.0.1', resolve));
    const { port } = closed.address() as AddressInfo;
    await new Promise((resolve) => closed.close(resolve));
    const { warning, waits } = await tell(`http://127.0.0.1:${port}`);
    expect(warning).toContain('it could not be reached (ECONNREFUSED), after a second attempt');
    expect(waits).toEqual([1000]);
  });

  it('waits no longer than notify.timeout, and sends nothing twice that may have been taken', async () => {
    const silent = await startServer(() => undefined);
    expect((await tell(silent.origin, { timeout: '60ms' })).warning).toContain(
      'it did not answer within notify.timeout',
    );
    expect(silent.requests).toHaveLength(1);
  });

  it('reads no more of an answer than its status: the rest may never come, or never end', async () => {
    const stalling = await startServer((_request, response) => {
      response.writeHead(200, { 'content-length': '10' });
      response.write('half');
    });
    expect((await tell(stalling.origin)).warning).toBeNull();
    const server = await startServer((_request, response) => {
      response.writeHead(200);
      const more = (): void => void (response.destroyed || response.write('x'.repeat(65_536), more));
      more();
    });
    expect((await tell(server.origin)).warning).toBeNull();
  });

  it('says what to do about a certificate that is not trusted, and trusts source.ca_file', async () => {
    const server = await startServer(answering(200), { tls: true });
    const { warning, waits } = await tell(server.origin);
    expect(warning).toContain('its certificate is not trusted here');
    expect(warning).toContain('source.ca_file');
    expect(waits).toEqual([]);
    expect(server.requests).toEqual([]);
    expect((await tell(server.origin, { caFile: TEST_AUTHORITY })).warning).toBeNull();
    expect((await tell(server.origin, { caFile: '/nowhere.pem' })).warning).toContain(
      '/nowhere.pem cannot be read',
    );
  });

  it('goes through source.proxy', async () => {
    const server = await startServer(answering(200), { tls: true });
    const proxy = await startProxy(server.port);
    const settings = { proxy: proxy.url, caFile: TEST_AUTHORITY };
    expect((await tell('https://graph.example.test', settings)).warning).toBeNull();
    expect(proxy.asked).toEqual(['CONNECT graph.example.test:443 HTTP/1.1']);
    expect(server.requests).toHaveLength(1);
  });

  it('is no reason to stay when the run is told to stop', async () => {
    const stop = new AbortController();
    const server = await startServer(() => stop.abort(new Error('stopped')));
    expect((await tell(server.origin, { signal: stop.signal })).warning).toContain('told to stop');
    expect(server.requests).toHaveLength(1);
  });

  it('is configured by notify, whose address is a secret of the configuration', () => {
    expect(configOf('https://graph.microsoft.com/v1.0').notify).toBeUndefined();
    expect(notifySchema.parse({ webhook_url: 'https://h/x' }).timeout).toBe(10_000);
  });
});
