import http from 'node:http';
import https from 'node:https';
import { isLoopback, type SourceConfig } from '../schemas/config.js';
import { ConfigError } from '../schemas/errors.js';
import type { Clock } from './clock.js';
import { tokenClaims, type TokenClaims } from './extract/access-token.js';
import { createServiceClient } from './extract/service-client.js';
import { graphService, NEEDED_PERMISSION } from './extract/graph-service.js';
import type { HttpAgents } from './extract/http-agents.js';
import type { SignIn } from './extract/sign-in.js';
import type { Finding } from './finding.js';
import { durationText } from './quantity-text.js';

/** No operation has this id: Graph answers 404 to whoever may ask, 403 to whoever may not. */
const NO_OPERATION = '00000000-0000-0000-0000-000000000000';
const WINDOW_MS = 30_000;
const HOST_TIMEOUT_MS = 10_000;
const MAX_CLOCK_SKEW_MS = 120_000;

/** What the checks of the source work with. */
export interface SourceCheck {
  readonly source: SourceConfig;
  readonly agents: HttpAgents;
  readonly signIn: SignIn;
  readonly clock: Clock;
  readonly signal: AbortSignal;
}

/** Signs in and reads what the token says of itself: tenant, audience, permission, expiry. */
export async function checkSignIn(check: SourceCheck): Promise<Finding[]> {
  const { auth } = check.source;
  const what = `sign-in with ${auth.method}`;
  const claims = tokenClaims(await check.signIn.token(check.signal));
  if (claims === null) {
    const detail = 'a token came; it cannot be read here, so its tenant and permission show only at Graph';
    return [
      { tried: what, result: 'ok', detail },
      { tried: `permission ${NEEDED_PERMISSION}`, result: 'not proven', detail: 'the token is opaque' },
    ];
  }
  const left = claims.expiresAt === null ? null : claims.expiresAt.getTime() - check.clock.now().getTime();
  const valid = left === null ? '' : left > 0 ? `, valid for ${durationText(left)}` : ', expired';
  return [
    { tried: what, result: left !== null && left <= 0 ? 'failed' : 'ok', detail: `a token came${valid}` },
    tenantFinding(check.source, claims),
    permissionFinding(claims),
  ];
}

function tenantFinding(source: SourceConfig, claims: TokenClaims): Finding {
  const what = `tenant ${source.tenant_id}`;
  if (claims.tenantId === null)
    return { tried: what, result: 'not proven', detail: 'the token names no tenant' };
  return claims.tenantId === source.tenant_id
    ? { tried: what, result: 'ok', detail: 'the token is of this tenant' }
    : {
        tried: what,
        result: 'failed',
        detail: `the token is of tenant ${claims.tenantId}; sign in to the partner tenant, or mend source.tenant_id`,
      };
}

function permissionFinding(claims: TokenClaims): Finding {
  const what = `permission ${NEEDED_PERMISSION}`;
  if (claims.roles.includes(NEEDED_PERMISSION))
    return { tried: what, result: 'ok', detail: "among the token's roles (application permission)" };
  if (claims.scopes.includes(NEEDED_PERMISSION))
    return { tried: what, result: 'ok', detail: "among the token's scopes (delegated permission)" };
  const has = [...claims.roles, ...claims.scopes].join(', ');
  return {
    tried: what,
    result: 'failed',
    detail: `the token has ${has === '' ? 'no permission' : `only ${has}`}; in Entra, add it to the app registration and grant admin consent`,
  };
}

/** Asks Graph for an operation that does not exist: 404 proves that it is reached and permits us. */
export async function checkGraph(check: SourceCheck): Promise<Finding[]> {
  const { source, clock } = check;
  const what = `Graph at ${source.graph_url}`;
  const client = createServiceClient({
    service: graphService(source.graph_url),
    agents: check.agents,
    signIn: check.signIn,
    clock,
    random: Math.random,
    report: () => undefined,
  });
  try {
    const answer = await client.request({
      method: 'GET',
      url: `${source.graph_url}/reports/partners/billing/operations/${NO_OPERATION}`,
      errand: 'check',
      signal: check.signal,
      deadlineMs: clock.monotonicMs() + WINDOW_MS,
    });
    const found: Finding = answer.gone
      ? {
          tried: what,
          result: 'ok',
          detail: `reached and permitted (${answer.status} for an operation that does not exist)`,
        }
      : { tried: what, result: 'not proven', detail: `it answered ${answer.status} where 404 was expected` };
    return [found, ...clockFinding(answer.header('date'), clock)];
  } catch (error) {
    if (!(error instanceof ConfigError) || error.facts['status'] !== 400) throw error;
    const detail = `reached, but it answered 400 where 404 was expected: ${error.message}`;
    return [{ tried: what, result: 'not proven', detail }];
  }
}

/** Tokens and SAS are refused when this machine's clock is wrong. Nothing where the clocks agree or no date came. */
function clockFinding(date: string | undefined, clock: Clock): Finding[] {
  const there = date === undefined ? NaN : Date.parse(date);
  const skew = Math.abs(clock.now().getTime() - there);
  if (Number.isNaN(skew) || skew <= MAX_CLOCK_SKEW_MS) return [];
  const detail = `it differs from Graph's by ${durationText(skew)}; set it, tokens and SAS are refused otherwise`;
  return [{ tried: "this machine's clock", result: 'failed', detail, kind: 'config' }];
}

/** Asks every storage host that is named in full for anything at all; any answer proves that it is reached. */
export async function checkStorageHosts(check: SourceCheck): Promise<Finding[]> {
  return await Promise.all(
    check.source.storage_hosts.map(async (host): Promise<Finding> => {
      const what = `storage host ${host}`;
      if (host.startsWith('*')) {
        const detail =
          'only a manifest names the hosts behind it; the network must let this machine reach them';
        return { tried: what, result: 'not proven', detail };
      }
      const scheme = isLoopback(host.replace(/:\d+$/, '')) ? 'http' : 'https';
      try {
        const status = await anyAnswer(new URL(`${scheme}://${host}/`), check);
        return { tried: what, result: 'ok', detail: `reached (it answered ${status})` };
      } catch (error) {
        const why = error instanceof Error ? error.message : String(error);
        const detail = `no answer: ${why}; look at the network, source.proxy and source.ca_file`;
        return { tried: what, result: 'failed', detail, kind: 'transient' };
      }
    }),
  );
}

function anyAnswer(url: URL, check: SourceCheck): Promise<number> {
  const { request } = url.protocol === 'https:' ? https : http;
  return new Promise((resolve, reject) => {
    const asked = request(
      url,
      { method: 'HEAD', agent: check.agents.for(url), timeout: HOST_TIMEOUT_MS, signal: check.signal },
      (answer) => {
        answer.resume();
        resolve(answer.statusCode ?? 0);
      },
    );
    asked.on('timeout', () => asked.destroy(new Error(`nothing within ${HOST_TIMEOUT_MS / 1000} s`)));
    asked.on('error', reject);
    asked.end();
  });
}
