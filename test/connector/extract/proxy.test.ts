import { afterEach, beforeEach, describe, expect, it } from 'vitest';
import { readFile } from 'node:fs/promises';
import { connectGraph } from '../../../connector/extract/connection.js';
import { openAgents } from '../../../connector/extract/http-agents.js';
import { openSignIn } from '../../../connector/extract/sign-in.js';
import { extractorFor, INVOICE, NOTHING_PUBLISHED } from './extract-scene.js';
import { etagOf, someBlob, startGraph } from './graph-double.js';
import { sendJson, startProxy, startServer, TEST_AUTHORITY, type Handler } from './http-double.js';
import { configOf, TENANT, testClock, TOKEN } from './scene.js';

const NAMES = ['HTTP_PROXY', 'HTTPS_PROXY', 'ALL_PROXY', 'http_proxy', 'https_proxy', 'all_proxy'];
const BLOB = someBlob(20);

const ok: Handler = (_request, response) => {
  sendJson(response, 200, { status: 'running' });
};
const authority =
  (origin: string): Handler =>
  (request, response) => {
    const base = `${origin}/${TENANT}`;
    if (!request.path.endsWith('openid-configuration')) {
      sendJson(response, 200, { token_type: 'Bearer', expires_in: 3600, access_token: 'granted-token' });
      return;
    }
    sendJson(response, 200, {
      token_endpoint: `${base}/oauth2/v2.0/token`,
      authorization_endpoint: `${base}/oauth2/v2.0/authorize`,
      issuer: `${base}/v2.0`,
      jwks_uri: `${base}/discovery/v2.0/keys`,
      end_session_endpoint: `${base}/oauth2/v2.0/logout`,
    });
  };

/** Gives all three HTTP stacks something to do; the way they take is what is tested. */
describe('one proxy setting for all three HTTP stacks', () => {
  const before = new Map<string, string | undefined>();

  beforeEach(() => {
    for (const name of NAMES) before.set(name, process.env[name]);
  });

  afterEach(() => {
    for (const [name, value] of before) {
      if (value === undefined) Reflect.deleteProperty(process.env, name);
      else process.env[name] = value;
    }
  });

  it('is used by the Graph client, with the configured authority trusted behind it', async () => {
    const graph = await startServer(ok, { tls: true });
    const proxy = await startProxy(graph.port);
    const graphUrl = 'https://graph.example.test/v1.0';
    const connection = connectGraph({
      config: configOf(graphUrl, { source: { proxy: proxy.url, ca_file: TEST_AUTHORITY } }),
      report: () => undefined,
      clock: testClock(),
    });
    await connection.client.request({ method: 'GET', url: `${graphUrl}/x`, errand: 'poll' });
    expect(proxy.asked).toEqual(['CONNECT graph.example.test:443 HTTP/1.1']);
    expect(graph.requests[0]?.headers.authorization).toBe(`Bearer ${TOKEN}`);
    connection.agents.close();
  });

  it('is used by the sign-in', async () => {
    const origin = 'https://login.example.test';
    const server = await startServer(authority(origin), { tls: true });
    const proxy = await startProxy(server.port);
    const auth = { method: 'client_secret', client_id: 'app', client_secret: 'planted' };
    const { source } = configOf('https://graph.microsoft.com/v1.0', {
      source: { auth, authority_host: origin },
    });
    const agents = openAgents({ proxy: proxy.url, caFile: TEST_AUTHORITY });
    const signIn = openSignIn({ source, agents, clock: testClock() });
    expect(await signIn.token()).toBe('granted-token');
    expect(new Set(proxy.asked)).toEqual(new Set(['CONNECT login.example.test:443 HTTP/1.1']));
    agents.close();
  });

  it('is used by the blob reader, while Graph on loopback is reached directly', async () => {
    const storage = await startServer(
      (_request, response) => {
        response.writeHead(200, { etag: etagOf(BLOB), 'content-length': String(BLOB.length) }).end(BLOB);
      },
      { tls: true },
    );
    const proxy = await startProxy(storage.port);
    const double = await startGraph({ 'part-0.json.gz': BLOB });
    double.behaviour.manifest = { rootDirectory: 'https://account.blob.example.test/container/v1' };
    const source = { proxy: proxy.url, ca_file: TEST_AUTHORITY, storage_hosts: ['*.blob.example.test'] };
    const { extractor } = await extractorFor(double, { source });
    const outcome = await extractor.exportScope(INVOICE, NOTHING_PUBLISHED);
    if (outcome.kind !== 'package') throw new Error(outcome.kind);
    expect(await readFile((await outcome.package.blobs())[0]?.path ?? '')).toEqual(BLOB);
    expect(proxy.asked).toEqual(['CONNECT account.blob.example.test:443 HTTP/1.1']);
    expect(storage.requests[0]?.path).toBe('/container/v1/part-0.json.gz');
  });

  it('leaves loopback alone, for Graph and for storage', async () => {
    const proxy = await startProxy(1);
    const double = await startGraph({ 'part-0.json.gz': BLOB });
    const { extractor } = await extractorFor(double, { source: { proxy: proxy.url } });
    expect(await extractor.exportScope(INVOICE, NOTHING_PUBLISHED)).toMatchObject({ kind: 'package' });
    expect(proxy.asked).toEqual([]);
  });

  it('is the only one: the proxy variables of the environment are not used', async () => {
    const proxy = await startProxy(1);
    const proxied = await startServer(ok);
    for (const name of NAMES) process.env[name] = name.startsWith('HTTP') ? proxy.url : proxied.origin;
    const double = await startGraph({ 'part-0.json.gz': BLOB });
    const { extractor } = await extractorFor(double);
    expect(await extractor.exportScope(INVOICE, NOTHING_PUBLISHED)).toMatchObject({ kind: 'package' });
    expect([proxy.asked, proxied.requests]).toEqual([[], []]);
  });
});
