import { createServer, type Server } from 'node:http';
import type { AddressInfo } from 'node:net';
import { existsSync, mkdtempSync, readdirSync, rmSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { afterAll, beforeAll, beforeEach, describe, expect, it } from 'vitest';
import { systemClock, type Clock } from '../../../connector/clock.js';
import { runCli, type CliResult } from '../cli-io.js';

const TENANT = '0e195b37-4574-4539-bc42-0e539b9684c0';
const OTHER_TENANT = '11111111-4574-4539-bc42-0e539b9684c0';
const PERMISSION = 'PartnerBilling.Read.All';
const HOUR = 3_600_000;

interface Answer {
  readonly status: number;
  readonly code?: string;
  readonly date?: Date;
}

let cwd = '';
let server: Server;
let host = '';
let answer: Answer = { status: 404 };
let asked: { method: string; url: string; authorization: string | undefined }[] = [];

beforeAll(async () => {
  cwd = mkdtempSync(join(tmpdir(), 'check-'));
  server = createServer((request, response) => {
    const { method = '', url = '' } = request;
    asked.push({ method, url, authorization: request.headers.authorization });
    const body =
      answer.code === undefined ? '' : JSON.stringify({ error: { code: answer.code, message: 'said so' } });
    const date = (answer.date ?? new Date()).toUTCString();
    response.writeHead(answer.status, { 'content-type': 'application/json', 'request-id': 'r-1', date });
    response.end(body === '' ? '{}' : body);
  });
  await new Promise<void>((done) => server.listen(0, '127.0.0.1', done));
  host = `127.0.0.1:${(server.address() as AddressInfo).port}`;
});
afterAll(async () => {
  await new Promise((done) => server.close(done));
  rmSync(cwd, { recursive: true, force: true });
});
beforeEach(() => {
  answer = { status: 404, code: 'itemNotFound' };
  asked = [];
});

/** An unsigned token with claims; only Graph could tell. */
function token(claims: Record<string, unknown>): string {
  const encode = (value: object) => Buffer.from(JSON.stringify(value)).toString('base64url');
  const exp = Math.floor((Date.now() + HOUR) / 1000);
  return `${encode({ alg: 'none' })}.${encode({ tid: TENANT, exp, ...claims })}.c2lnbmF0dXJl`;
}

/** No attempt waits: a check that retries gives up as soon as its time would be over. */
function impatient(): Clock {
  let now = 0;
  return {
    now: () => new Date(),
    monotonicMs: () => now,
    sleep: (ms) => {
      now += ms;
      return Promise.resolve();
    },
  };
}

async function check(
  bearer: string,
  setting: { extra?: string; clock?: Clock; argv?: string[]; storage?: string } = {},
): Promise<CliResult> {
  writeFileSync(
    join(cwd, 'connector.yaml'),
    `version: 1
source:
  graph_url: http://${host}/v1.0
  tenant_id: ${TENANT}
  auth: { method: static_token, token: "\${env:TOKEN}" }
  storage_hosts: ["${setting.storage ?? host}", "*.blob.core.windows.net"]
streams: { billed_usage: { invoices: [G016907411] } }
destination: { type: duckdb, path: x.duckdb }
${setting.extra ?? ''}`,
  );
  const argv = ['check', ...(setting.argv ?? [])];
  return await runCli(argv, { cwd, env: { TOKEN: bearer }, clock: setting.clock ?? systemClock });
}

describe('check', () => {
  it('proves sign-in, permission, Graph, storage, folders and destination, and changes nothing', async () => {
    const bearer = token({ roles: [PERMISSION] });
    const { exitCode, out, err } = await check(bearer, { extra: 'archive: ./archive\n' });
    expect(err).toBe('');
    expect(exitCode).toBe(0);
    expect(out).toMatch(/^ok {10}configuration .*connector\.yaml: valid: billed_usage$/m);
    expect(out).toMatch(/^ok {10}sign-in with static_token: a token came, valid for (59|60) min|1 h/m);
    expect(out).toMatch(new RegExp(`^ok {10}tenant ${TENANT}: the token is of this tenant$`, 'm'));
    expect(out).toMatch(/^ok {10}permission PartnerBilling\.Read\.All: among the token's roles/m);
    expect(out).toMatch(
      /^ok {10}Graph at .*: reached and permitted \(404 for an operation that does not exist\)$/m,
    );
    expect(out).toMatch(/^ok {10}storage host 127\.0\.0\.1:\d+: reached \(it answered 404\)$/m);
    expect(out).toMatch(/^not proven {2}storage host \*\.blob\.core\.windows\.net: only a manifest names/m);
    expect(out).toMatch(/^ok {10}spool .*: can be made, .* free$/m);
    expect(out).toMatch(/^ok {10}archive .*: can be made/m);
    expect(out).toMatch(/\n\n\d+ ok, 0 failed, [1-9]\d* not proven\n$/);
    expect(asked.map(({ method, url }) => [method, url])).toEqual([
      ['GET', '/v1.0/reports/partners/billing/operations/00000000-0000-0000-0000-000000000000'],
      ['HEAD', '/'],
    ]);
    expect(asked[0]?.authorization).toBe(`Bearer ${bearer}`);
    expect(asked[1]?.authorization).toBeUndefined();
    expect(readdirSync(cwd)).toEqual(['connector.yaml']);
  });

  it('takes a delegated permission, and says what an opaque token leaves open', async () => {
    const delegated = await check(token({ scp: `openid ${PERMISSION}` }));
    expect(delegated.out).toMatch(/^ok {10}permission .*: among the token's scopes/m);
    const opaque = await check('opaque-token');
    expect(opaque.exitCode).toBe(0);
    expect(opaque.out).toMatch(/^not proven {2}permission PartnerBilling\.Read\.All: the token is opaque$/m);
  });

  it('fails with what to do where permission, tenant or time are wrong', async () => {
    const exp = Math.floor((Date.now() - HOUR) / 1000);
    const { exitCode, out } = await check(token({ tid: OTHER_TENANT, roles: ['User.Read.All'], exp }));
    expect(exitCode).toBe(2);
    expect(out).toMatch(/^failed {6}sign-in with static_token: a token came, expired$/m);
    expect(out).toMatch(
      new RegExp(`^failed {6}tenant .*: the token is of tenant ${OTHER_TENANT}; sign in to`, 'm'),
    );
    expect(out).toMatch(/^failed {6}permission .*: the token has only User\.Read\.All; in Entra, add it/m);
  });

  it.each([
    [{ status: 403, code: 'Forbidden' }, 2, /^failed {6}Graph at .*403.*request-id r-1.*admin consent/m],
    [{ status: 401, code: 'InvalidAuthenticationToken' }, 2, /^failed {6}Graph at .*401/m],
    [{ status: 200 }, 0, /^not proven {2}Graph at .*: it answered 200 where 404 was expected$/m],
    [{ status: 400, code: 'BadRequest' }, 0, /^not proven {2}Graph at .*: reached, but it answered 400/m],
    [{ status: 503, code: 'serviceNotAvailable' }, 3, /^failed {6}Graph at .*503.*given up/m],
    [{ status: 302 }, 2, /^failed {6}Graph at .*redirects/m],
  ])('judges the answer %j of Graph and exits %d', async (given: Answer, code, line) => {
    answer = given;
    const { exitCode, out } = await check(token({ roles: [PERMISSION] }), { clock: impatient() });
    expect(out).toMatch(line);
    expect(exitCode).toBe(code);
  });

  it('reports a clock that differs from Graph', async () => {
    answer = { status: 404, date: new Date(Date.now() - 3 * HOUR) };
    const { exitCode, out } = await check(token({ roles: [PERMISSION] }));
    expect(exitCode).toBe(2);
    expect(out).toMatch(/^failed {6}this machine's clock: it differs from Graph's by (2 h 59|3 h 0) min/m);
  });

  it('calls a storage host that gives no answer a transient failure', async () => {
    const { exitCode, out } = await check(token({ roles: [PERMISSION] }), { storage: '127.0.0.1:1' });
    expect(exitCode).toBe(3);
    expect(out).toMatch(/^failed {6}storage host 127\.0\.0\.1:1: no answer: .*ECONNREFUSED/m);
  });

  it('names a spool that may not be made', async () => {
    writeFileSync(join(cwd, 'a-file'), '');
    const { exitCode, out } = await check(token({ roles: [PERMISSION] }), {
      extra: 'spool: ./a-file/spool\n',
    });
    rmSync(join(cwd, 'a-file'));
    expect(exitCode).toBe(2);
    expect(out).toMatch(/^failed {6}spool .*a-file is no folder; name another one$/m);
  });

  it('prints one JSON document with --json, and never the token', async () => {
    const bearer = token({ roles: [PERMISSION] });
    const { exitCode, out, err } = await check(bearer, { argv: ['--json', '--log-level', 'trace'] });
    const { findings, ...rest } = JSON.parse(out) as { exitCode: number; findings: Record<string, string>[] };
    expect(rest).toEqual({ exitCode });
    expect(findings.length).toBeGreaterThan(6);
    for (const finding of findings) expect(finding).toMatchObject({ tried: expect.any(String) as string });
    expect(`${out}${err}`).not.toContain(bearer);
    expect(existsSync(join(cwd, 'spool'))).toBe(false);
  });
});
