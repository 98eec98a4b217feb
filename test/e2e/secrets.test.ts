import { copyFileSync, mkdtempSync, readdirSync, readFileSync, rmSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import pg from 'pg';
import { afterAll, beforeAll, describe, expect, it } from 'vitest';
import { systemClock, type Clock } from '../../connector/clock.js';
import { startSandbox, type FaultSetting, type Sandbox } from '../../connector/sandbox/sandbox.js';
import { runCli } from '../connector/cli-io.js';
import {
  sendJson,
  startServer,
  TEST_AUTHORITY,
  TLS_FOLDER,
  type HttpDouble,
} from '../connector/extract/http-double.js';
import { createTestDatabase, type TestDatabase } from '../postgres-server.js';

/** What must be seen nowhere; each is in a place where a secret can be. Characters that are encoded in addresses too. */
const PLANTED = {
  clientSecret: 'pl4nt~client.secret/+=1',
  token: 'pl4nted-graph-token-2',
  partnerCenter: 'pl4nted-partner-center-token-3',
  database: 'pl4nted db&password#4',
  wrongDatabase: 'pl4nted-wrong-db-password-5',
  proxy: 'pl4nted-proxy-password-6',
  webhook: 'T00/pl4nted-webhook-7',
  certificate: 'pl4nted-certificate-password-8',
  fromEnvironment: 'pl4nted-pgpassword-9',
};
const STREAMS = { unbilled_usage: null, unbilled_reconciliation: null };

let folder = '';
let sandbox: Sandbox;
let database: TestDatabase;
let databaseUrl = '';
const role = `secret_role_${process.pid}`;
/** Everything that any command printed, by command. */
const printed: string[] = [];

/** A clock on which waits take no time. */
function quickClock(): Clock {
  let skipped = 0;
  return {
    now: () => new Date(systemClock.now().getTime() + skipped),
    monotonicMs: () => systemClock.monotonicMs() + skipped,
    sleep: async (ms, signal) => {
      await systemClock.sleep(1, signal);
      skipped += ms;
    },
  };
}

/** A sign-in service that grants the sandbox's token, or refuses in words that repeat what it was sent. */
async function startAuthority(grants: boolean): Promise<HttpDouble> {
  const authority: HttpDouble = await startServer(
    (request, response) => {
      const base = `${authority.origin}/${sandbox.tenantId}`;
      if (request.path.endsWith('/.well-known/openid-configuration')) {
        sendJson(response, 200, {
          token_endpoint: `${base}/oauth2/v2.0/token`,
          authorization_endpoint: `${base}/oauth2/v2.0/authorize`,
          issuer: `${base}/v2.0`,
          jwks_uri: `${base}/discovery/v2.0/keys`,
          end_session_endpoint: `${base}/oauth2/v2.0/logout`,
        });
      } else if (grants) {
        const body = { token_type: 'Bearer', expires_in: 3600, access_token: PLANTED.token };
        sendJson(response, 200, body);
      } else {
        const said = `AADSTS7000215: ${decodeURIComponent(request.body)} ${PLANTED.clientSecret}`;
        sendJson(response, 401, { error: 'invalid_client', error_description: said, error_codes: [7000215] });
      }
    },
    { tls: true },
  );
  return authority;
}

beforeAll(async () => {
  folder = mkdtempSync(join(tmpdir(), 'secrets-'));
  sandbox = await startSandbox({
    usageRows: 60,
    reconciliationRows: 20,
    blobs: 2,
    pollsUntilDone: 1,
    retryAfterSeconds: 0,
    token: PLANTED.token,
  });
  database = await createTestDatabase();
  const admin = new pg.Client({ connectionString: database.url });
  await admin.connect();
  await admin.query(`CREATE ROLE ${role} SUPERUSER LOGIN PASSWORD '${PLANTED.database}'`);
  await admin.end();
  const signedIn = `//${role}:${encodeURIComponent(PLANTED.database)}@`;
  databaseUrl = database.url.replace(/\/\/(?:[^@/]*@)?/, signedIn);
});
afterAll(async () => {
  await sandbox.close();
  const admin = new pg.Client({ connectionString: database.url });
  await admin.connect();
  await admin.query(`DROP OWNED BY ${role} CASCADE`);
  await admin.query(`DROP ROLE ${role}`);
  await admin.end();
  await database.drop();
  rmSync(folder, { recursive: true, force: true });
});

/** Runs commands at the most talkative level in both log formats, with faults on; keeps what they print. */
async function run(
  settings: Record<string, unknown>,
  faults: readonly FaultSetting[],
  commands: readonly string[],
) {
  writeFileSync(join(folder, 'connector.yaml'), sandbox.configuration({ streams: STREAMS, ...settings }));
  const exitCodes: number[] = [];
  for (const format of ['json', 'pretty']) {
    for (const command of commands) {
      sandbox.setFaults([...faults]);
      const argv = [...command.split(' '), '--log-level', 'trace', '--log-format', format];
      const env = {
        AZURE_CLIENT_SECRET: PLANTED.clientSecret,
        PGPASSWORD: PLANTED.fromEnvironment,
        NODE_EXTRA_CA_CERTS: TEST_AUTHORITY,
      };
      const { exitCode, out, err } = await runCli(argv, { cwd: folder, env, clock: quickClock() });
      printed.push(`${command} with ${faults.join(' ')}\n${out}\n${err}`);
      exitCodes.push(exitCode);
    }
  }
  sandbox.setFaults([]);
  return exitCodes;
}

/** All files that runs left, the configuration apart, as text. */
function filesLeft(): { path: string; text: string }[] {
  return readdirSync(folder, { recursive: true, withFileTypes: true })
    .filter((entry) => entry.isFile() && !/^(connector\.yaml|.*\.pem)$/.test(entry.name))
    .map((entry) => join(entry.parentPath, entry.name))
    .map((path) => ({ path, text: readFileSync(path, 'latin1') }));
}

async function everyRow(): Promise<string> {
  const client = new pg.Client({ connectionString: database.url });
  await client.connect();
  const { rows: tables } = await client.query<{ name: string }>(
    `SELECT format('%I.%I', table_schema, table_name) AS name FROM information_schema.tables WHERE table_schema LIKE 'csp%'`,
  );
  let text = '';
  for (const { name } of tables) {
    const { rows } = await client.query<{ row: string }>(`SELECT t::text AS row FROM ${name} t`);
    text += `${name}\n${rows.map(({ row }) => row).join('\n')}\n`;
  }
  await client.end();
  return text;
}

/** The secret in the forms in which it could get out. */
const forms = (secret: string): string[] => [
  ...new Set([
    secret,
    encodeURIComponent(secret),
    encodeURI(secret),
    JSON.stringify(secret).slice(1, -1),
    Buffer.from(secret).toString('base64'),
  ]),
];

function expectNoSecretIn(text: string, where: string): void {
  for (const [name, secret] of Object.entries({
    ...PLANTED,
    sandboxPartnerCenter: 'sandbox-partner-center',
  })) {
    for (const form of forms(secret)) {
      const at = text.indexOf(form);
      if (at !== -1)
        throw new Error(`${name} is in ${where}: ...${text.slice(Math.max(0, at - 200), at)}[HERE]`);
    }
  }
  expect(text).not.toMatch(/[?&]sig=(?!\[redacted\])|-----BEGIN [A-Z ]*PRIVATE KEY/);
}

const ALL = ['sync --metrics-file run.prom --json', 'status', 'plan --json', 'check', 'invoices'];

describe('secrets in every place that has one', () => {
  it('are in no output, log, file or row, whatever fails', async () => {
    const base = {
      source: {
        auth: { method: 'static_token', token: PLANTED.token, partner_center_token: PLANTED.partnerCenter },
        proxy: `http://proxy-user:${PLANTED.proxy}@127.0.0.1:9`,
      },
      archive: './archive',
      notify: { webhook_url: `${sandbox.graphUrl}/${PLANTED.webhook}` },
    };
    const postgres = { type: 'postgres', url: databaseUrl };
    const faults: FaultSetting[][] = [
      ['post-403'],
      ['post-redirect'],
      ['poll-401', 'post-429:1'],
      ['manifest-other-host'],
      ['sas-wrong'],
      ['blob-redirect'],
      ['blob-404'],
      ['rows-broken-line'],
      [],
    ];
    const codes = new Set<number>();
    for (const one of faults) {
      for (const code of await run({ ...base, destination: postgres }, one, ['sync --metrics-file run.prom']))
        codes.add(code);
    }
    for (const code of await run({ ...base, destination: postgres }, [], ALL)) codes.add(code);
    for (const code of await run(base, ['blob-cut:1'], ['sync', 'status'])) codes.add(code);
    // A server that knows everything, and says it.
    const webhookUrl = base.notify.webhook_url;
    const { clientSecret, token, partnerCenter, database: password, proxy, fromEnvironment } = PLANTED;
    const known = [clientSecret, token, partnerCenter, password, proxy, webhookUrl, fromEnvironment];
    for (const message of [known.join(' '), known.map(encodeURIComponent).join(' ')]) {
      const echo = await startServer((_request, response) => {
        const body = { error: { code: token, message }, code: token, description: message };
        sendJson(response, 403, body, { 'request-id': token, 'ms-requestid': token });
      });
      const source = { ...base.source, graph_url: `${echo.origin}/v1.0`, partner_center_url: echo.origin };
      const before = printed.length;
      const destination = { ...postgres, dataset: 'csp_told' };
      await run({ ...base, source, destination }, [], ['sync', 'check', 'invoices --live']);
      expect(echo.requests.length).toBeGreaterThan(3);
      const redacted = printed.slice(before).filter((text) => text.includes('[redacted]'));
      expect(redacted.length).toBeGreaterThanOrEqual(4);
    }
    // Several things went wrong, and one went right: else there was nothing to hide anything in.
    expect([...codes].sort((a, b) => a - b)).toEqual(expect.arrayContaining([0, 2, 4]));

    const wrong = `postgres://${role}:${PLANTED.wrongDatabase}@127.0.0.1:1/db`;
    for (const url of [wrong, `${wrong}?sslmode=verify-full&sslrootcert=none.pem`]) {
      await run({ ...base, destination: { type: 'postgres', url } }, [], ['sync', 'check', 'status']);
    }
    // What is wrong with a configuration is told without what is in it.
    const broken = { ...base, source: { ...base.source, proxy: `ftp://u:${PLANTED.proxy}@h`, tenant_id: 1 } };
    expect(
      await run(
        { ...broken, destination: { type: 'postgres', url: `nonsense:${PLANTED.database}` } },
        [],
        ['check'],
      ),
    ).toEqual([2, 2]);

    copyFileSync(join(TLS_FOLDER, 'test-client.pem'), join(folder, 'client.pem'));
    const [granting, refusing] = [await startAuthority(true), await startAuthority(false)];
    const client_id = '11111111-2222-3333-4444-555555555555';
    for (const [authority, auth] of [
      [granting, { method: 'client_secret', client_id, client_secret: PLANTED.clientSecret }],
      [refusing, { method: 'client_secret', client_id, client_secret: PLANTED.clientSecret }],
      [
        refusing,
        {
          method: 'client_certificate',
          client_id,
          certificate_file: './client.pem',
          certificate_password: PLANTED.certificate,
        },
      ],
    ] as const) {
      const source = { auth, authority_host: authority.origin, ca_file: TEST_AUTHORITY, proxy: null };
      const { archive, notify } = base;
      const text = sandbox.configuration({ streams: STREAMS, archive, notify });
      const merged = text.replace(
        / {2}auth:\n(?: {4}.*\n)+/,
        `${Object.entries({ authority_host: source.authority_host, ca_file: source.ca_file })
          .map(([key, value]) => `  ${key}: ${value}\n`)
          .join('')}  auth: ${JSON.stringify(auth)}\n`,
      );
      writeFileSync(join(folder, 'connector.yaml'), merged);
      for (const format of ['json', 'pretty']) {
        for (const command of ['sync', 'check']) {
          const argv = [command, '--log-level', 'trace', '--log-format', format];
          const { out, err } = await runCli(argv, { cwd: folder, clock: quickClock() });
          printed.push(`${command} with ${auth.method}\n${out}\n${err}`);
        }
      }
      expect(authority.requests.length).toBeGreaterThan(0);
    }

    for (const text of printed) expectNoSecretIn(text, text.split('\n')[0] ?? '');
    const files = filesLeft();
    for (const { path, text } of files) expectNoSecretIn(text, path);
    const names = files.map(({ path }) => path.slice(folder.length));
    expect(names.some((name) => name.startsWith('/archive/'))).toBe(true);
    expect(names).toEqual(expect.arrayContaining(['/run.prom', '/partner_billing.duckdb']));
    const rows = await everyRow();
    expect(rows).toContain('csp.billed_usage');
    expectNoSecretIn(rows, 'the database');
  });
});
