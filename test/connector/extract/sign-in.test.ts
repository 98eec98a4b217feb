import { writeFile } from 'node:fs/promises';
import { join } from 'node:path';
import { afterEach, describe, expect, it } from 'vitest';
import { openAgents } from '../../../connector/extract/http-agents.js';
import { openSignIn, tokenScope, type Audience, type SignIn } from '../../../connector/extract/sign-in.js';
import { ConfigError, TransientError } from '../../../schemas/errors.js';
import {
  sendJson,
  startServer,
  TEST_AUTHORITY,
  TLS_FOLDER,
  type Handler,
  type HttpDouble,
} from './http-double.js';
import { configOf, errorOf, everythingIn, temporaryFolder, TENANT, testClock } from './scene.js';

const SECRET = 'planted-client-secret-42';
const CLIENT = '11111111-2222-3333-4444-555555555555';

/** Answers the token request. */
type TokenHandler = Handler;

const granted: TokenHandler = (_request, response) => {
  sendJson(response, 200, { token_type: 'Bearer', expires_in: 3600, access_token: 'granted-token' });
};
const refused =
  (number: number, status = 401, error = 'invalid_client'): TokenHandler =>
  (_request, response) => {
    const error_description = `AADSTS${number}: planted words. Trace ID: 1 Correlation ID: 2`;
    sendJson(response, status, {
      error,
      error_description,
      error_codes: [number],
      timestamp: 'x',
      trace_id: '1',
      correlation_id: '2',
    });
  };

/** A sign-in authority on https loopback, with the two routes that the classes need. */
async function startAuthority(token: TokenHandler): Promise<HttpDouble> {
  const authority: HttpDouble = await startServer(
    (request, response) => {
      const base = `${authority.origin}/${TENANT}`;
      if (request.path.endsWith('/.well-known/openid-configuration')) {
        sendJson(response, 200, {
          token_endpoint: `${base}/oauth2/v2.0/token`,
          authorization_endpoint: `${base}/oauth2/v2.0/authorize`,
          issuer: `${base}/v2.0`,
          jwks_uri: `${base}/discovery/v2.0/keys`,
          end_session_endpoint: `${base}/oauth2/v2.0/logout`,
        });
        return;
      }
      return token(request, response);
    },
    { tls: true },
  );
  return authority;
}

function signInAt(
  authority: string,
  auth: Record<string, string>,
  source: Record<string, string> = {},
  audience: Audience = 'Graph',
): SignIn {
  const config = configOf('https://graph.microsoft.com/v1.0', {
    source: { auth, authority_host: authority, ca_file: TEST_AUTHORITY, ...source },
  });
  return openSignIn({
    source: config.source,
    audience,
    agents: openAgents({ caFile: config.source.ca_file, proxy: config.source.proxy }),
    clock: testClock(),
  });
}

const WITH_SECRET = { method: 'client_secret', client_id: CLIENT, client_secret: SECRET };

function tokenRequests(authority: HttpDouble): URLSearchParams[] {
  return authority.requests
    .filter(({ method }) => method === 'POST')
    .map(({ body }) => new URLSearchParams(body));
}

const changedEnvironment = new Map<string, string | undefined>();

function setEnvironment(values: Readonly<Record<string, string>>): void {
  for (const [name, value] of Object.entries(values)) {
    changedEnvironment.set(name, process.env[name]);
    process.env[name] = value;
  }
}

afterEach(() => {
  for (const [name, value] of changedEnvironment) {
    if (value === undefined) delete process.env[name];
    else process.env[name] = value;
  }
  changedEnvironment.clear();
});

describe('signing in with the real credential classes', () => {
  it('by client secret asks the configured authority for a Graph token, once for many uses', async () => {
    const authority = await startAuthority(granted);
    const signIn = signInAt(authority.origin, WITH_SECRET);
    expect([await signIn.token(), await signIn.token(), await signIn.token()]).toEqual(
      Array(3).fill('granted-token'),
    );
    const requests = tokenRequests(authority);
    expect(requests).toHaveLength(1);
    expect(requests[0]?.get('client_id')).toBe(CLIENT);
    expect(requests[0]?.get('client_secret')).toBe(SECRET);
    expect(requests[0]?.get('scope')).toContain('https://graph.microsoft.com/.default');
    expect(authority.requests.every(({ path }) => path.startsWith(`/${TENANT}/`))).toBe(true);
  });

  it('by certificate sends an assertion', async () => {
    const authority = await startAuthority(granted);
    const certificate_file = join(TLS_FOLDER, 'test-client.pem');
    const signIn = signInAt(authority.origin, {
      method: 'client_certificate',
      client_id: CLIENT,
      certificate_file,
    });
    expect(await signIn.token()).toBe('granted-token');
    expect(tokenRequests(authority)[0]?.get('client_assertion')).toMatch(/^eyJ/);
  });

  it('by workload identity sends the token of the file', async () => {
    const authority = await startAuthority(granted);
    const token_file = join(await temporaryFolder(), 'token');
    await writeFile(token_file, 'federated-token');
    const signIn = signInAt(authority.origin, { method: 'workload_identity', client_id: CLIENT, token_file });
    expect(await signIn.token()).toBe('granted-token');
    expect(tokenRequests(authority)[0]?.get('client_assertion')).toBe('federated-token');
  });

  it('by managed identity asks the endpoint of the machine', async () => {
    const endpoint = await startServer((_request, response) => {
      const expires_on = String(Math.floor(Date.now() / 1000) + 3600);
      sendJson(response, 200, {
        access_token: 'machine-token',
        expires_on,
        resource: 'x',
        token_type: 'Bearer',
      });
    });
    setEnvironment({ IDENTITY_ENDPOINT: `${endpoint.origin}/msi/token`, IDENTITY_HEADER: 'planted-header' });
    const signIn = signInAt('https://localhost:1', { method: 'managed_identity' });
    expect(await signIn.token()).toBe('machine-token');
    expect(endpoint.requests[0]?.headers['x-identity-header']).toBe('planted-header');
    expect(decodeURIComponent(endpoint.requests[0]?.query ?? '')).toContain(
      'resource=https://graph.microsoft.com',
    );
  });

  it('by the default chain uses what the environment names', async () => {
    const authority = await startAuthority(granted);
    setEnvironment({ AZURE_TENANT_ID: TENANT, AZURE_CLIENT_ID: CLIENT, AZURE_CLIENT_SECRET: SECRET });
    const signIn = signInAt(authority.origin, { method: 'default' });
    expect([await signIn.token(), await signIn.token()]).toEqual(['granted-token', 'granted-token']);
    expect(tokenRequests(authority)).toHaveLength(1);
  });

  it('by static token sends nothing', async () => {
    const authority = await startAuthority(granted);
    const signIn = signInAt(authority.origin, { method: 'static_token', token: 'my-token' });
    expect(await signIn.token()).toBe('my-token');
    expect(await signIn.renewed('my-token')).toBe('my-token');
    expect(authority.requests).toHaveLength(0);
  });

  it('uses no proxy of the environment', async () => {
    const proxy = await startServer(granted);
    setEnvironment({ HTTPS_PROXY: proxy.origin, HTTP_PROXY: proxy.origin, ALL_PROXY: proxy.origin });
    const authority = await startAuthority(granted);
    expect(await signInAt(authority.origin, WITH_SECRET).token()).toBe('granted-token');
    expect(proxy.requests).toHaveLength(0);
  });
});

describe('signing in for Partner Center', () => {
  const forPartnerCenter = (authority: HttpDouble, auth: Record<string, string> = WITH_SECRET): SignIn =>
    signInAt(authority.origin, auth, {}, 'Partner Center');

  it('asks for a token of its own audience, beside the one for Graph', async () => {
    const authority = await startAuthority((request, response) => {
      const scope = new URLSearchParams(request.body).get('scope') ?? '';
      const access_token = scope.includes('api.partnercenter') ? 'for-partner-center' : 'for-graph';
      sendJson(response, 200, { token_type: 'Bearer', expires_in: 3600, access_token });
    });
    const [graph, partnerCenter] = [signInAt(authority.origin, WITH_SECRET), forPartnerCenter(authority)];
    expect([await graph.token(), await partnerCenter.token()]).toEqual(['for-graph', 'for-partner-center']);
    expect([await graph.token(), await partnerCenter.token()]).toEqual(['for-graph', 'for-partner-center']);
    const scopes = tokenRequests(authority).map((asked) => asked.get('scope')?.split(' ')[0]);
    expect(scopes).toEqual([
      'https://graph.microsoft.com/.default',
      'https://api.partnercenter.microsoft.com/.default',
    ]);
  });

  it('with a static token takes the one that is meant for it', async () => {
    const authority = await startAuthority(granted);
    const auth = { method: 'static_token', token: 'for-graph', partner_center_token: 'for-partner-center' };
    expect(await forPartnerCenter(authority, auth).token()).toBe('for-partner-center');
    const without = forPartnerCenter(authority, { method: 'static_token', token: 'for-graph' });
    const error = await errorOf(without.token());
    expect(error).toBeInstanceOf(ConfigError);
    expect((error as ConfigError).message).toContain('source.auth.partner_center_token is not set');
  });

  it.each([
    [500011, 'must be the partner tenant'],
    [65001, 'administrator must consent'],
  ])('that fails with AADSTS%i says whom it was for and how to do without', async (number, hint) => {
    const authority = await startAuthority(refused(number));
    const error = await errorOf(forPartnerCenter(authority).token());
    expect(error).toBeInstanceOf(ConfigError);
    expect((error as ConfigError).message).toContain('sign-in for Partner Center (client_secret) failed');
    expect((error as ConfigError).hint).toContain(hint);
    expect((error as ConfigError).hint).toContain('list ids by hand');
    expect(everythingIn(error)).not.toContain(SECRET);
  });
});

describe('renewing a refused token', () => {
  it('asks once, however many were refused with it', async () => {
    let count = 0;
    const authority = await startAuthority((_request, response) => {
      count += 1;
      sendJson(response, 200, { token_type: 'Bearer', expires_in: 3600, access_token: `token-${count}` });
    });
    const signIn = signInAt(authority.origin, WITH_SECRET);
    const first = await signIn.token();
    const renewed = await Promise.all([signIn.renewed(first), signIn.renewed(first), signIn.renewed(first)]);
    expect(renewed).toEqual(['token-2', 'token-2', 'token-2']);
    expect(await signIn.renewed(first)).toBe('token-2');
    expect(await signIn.token()).toBe('token-2');
    expect(tokenRequests(authority)).toHaveLength(2);
  });
});

describe('a sign-in that fails', () => {
  it.each([
    [7000215, 'client_secret is wrong'],
    [7000222, 'has expired'],
    [700016, 'client_id names no app'],
    [90002, 'tenant_id names no tenant'],
    [65001, 'PartnerBilling.Read.All'],
    [99999999, 'app registration'],
  ])('with AADSTS%i needs a person and says what to do', async (number, hint) => {
    const authority = await startAuthority(refused(number));
    const error = await errorOf(signInAt(authority.origin, WITH_SECRET).token());
    expect(error).toBeInstanceOf(ConfigError);
    expect((error as ConfigError).hint).toContain(hint);
    expect((error as ConfigError).facts).toMatchObject({ aadsts: number, method: 'client_secret' });
    expect(everythingIn(error)).not.toContain(SECRET);
  });

  it.each([90033, 90024, 50033])('with AADSTS%i may work later', async (number) => {
    const authority = await startAuthority(refused(number, 400, 'temporarily_unavailable'));
    const error = await errorOf(signInAt(authority.origin, WITH_SECRET).token());
    expect(error).toBeInstanceOf(TransientError);
    expect((error as TransientError).facts).toMatchObject({ aadsts: number });
  });

  it('because the authority answers 500 may work later', async () => {
    const authority = await startAuthority((_request, response) => {
      sendJson(response, 500, { error: 'server_error', error_description: 'something broke' });
    });
    expect(await errorOf(signInAt(authority.origin, WITH_SECRET).token())).toBeInstanceOf(TransientError);
  });

  it('because nobody answers, or the authority of its certificate is unknown, points to network and ca_file', async () => {
    const authority = await startAuthority(granted);
    const unknown = openSignIn({
      source: configOf('https://graph.microsoft.com/v1.0', {
        source: { auth: WITH_SECRET, authority_host: authority.origin },
      }).source,
      agents: openAgents({}),
      clock: testClock(),
    });
    for (const signIn of [unknown, signInAt('https://localhost:1', WITH_SECRET)]) {
      const error = await errorOf(signIn.token());
      expect(error).toBeInstanceOf(TransientError);
      expect((error as TransientError).hint).toContain('source.ca_file');
    }
  });

  it('because a file is missing needs a person', async () => {
    const authority = await startAuthority(granted);
    const missing = {
      method: 'client_certificate',
      client_id: CLIENT,
      certificate_file: '/does/not/exist.pem',
    };
    const error = await errorOf(signInAt(authority.origin, missing).token());
    expect(error).toBeInstanceOf(ConfigError);
    expect((error as ConfigError).hint).toContain('certificate_file');
    expect(await errorOf(signInAt(authority.origin, { method: 'workload_identity' }).token())).toBeInstanceOf(
      ConfigError,
    );
  });

  it('does not wait for an authority when the run is stopped', async () => {
    const authority = await startAuthority(() => undefined);
    const controller = new AbortController();
    const asked = signInAt(authority.origin, WITH_SECRET).token(controller.signal);
    setTimeout(() => {
      controller.abort(new Error('stopped by a person'));
    }, 100);
    expect(await errorOf(asked)).toMatchObject({ message: 'stopped by a person' });
  });
});

it('the token is asked for the configured service, and for the real one when a double on loopback stands in', () => {
  expect(tokenScope('Graph', 'https://graph.microsoft.com/v1.0')).toBe(
    'https://graph.microsoft.com/.default',
  );
  expect(tokenScope('Graph', 'https://graph.example.org/beta')).toBe('https://graph.example.org/.default');
  expect(tokenScope('Graph', 'http://127.0.0.1:8080/v1.0')).toBe('https://graph.microsoft.com/.default');
  expect(tokenScope('Partner Center', 'http://127.0.0.1:8080/v1')).toBe(
    'https://api.partnercenter.microsoft.com/.default',
  );
});
