import { chmodSync, mkdirSync, mkdtempSync, rmSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { afterAll, beforeAll, describe, expect, it } from 'vitest';
import { loadConfig } from '../../connector/config.js';
import { interpolate } from '../../connector/config-interpolation.js';
import { passwordsIn } from '../../connector/config-secrets.js';
import { Secrets } from '../../connector/secrets.js';
import { withoutRootRights } from '../as-nobody.js';

const TENANT = '0e195b37-4574-4539-bc42-0e539b9684c0';
const SECRET = 'pl4nted-Secret';

function configText(parts: {
  auth?: string;
  destination?: string;
  source?: string;
  streams?: string;
}): string {
  return `version: 1
source:
  tenant_id: ${TENANT}
${parts.source ?? ''}  auth: ${parts.auth ?? '{ method: azure_cli }'}
streams: ${parts.streams ?? '{ billed_usage: { invoices: [G016907411] } }'}
destination: ${parts.destination ?? '{ type: duckdb, path: x.duckdb }'}
`;
}

let folder = '';
beforeAll(() => {
  folder = mkdtempSync(join(tmpdir(), 'config-secrets-'));
  mkdirSync(join(folder, 'secrets'));
  writeFileSync(join(folder, 'secrets', 'token'), `${SECRET}\n`);
  writeFileSync(join(folder, 'secrets', 'two-lines'), 'a\n\n');
  writeFileSync(join(folder, 'secrets', 'binary'), Uint8Array.of(0xff, 0xfe));
  writeFileSync(join(folder, 'secrets', 'long'), 'x'.repeat(70_000));
});
afterAll(() => rmSync(folder, { recursive: true, force: true }));

function load(text: string, env: NodeJS.ProcessEnv = {}) {
  writeFileSync(join(folder, 'connector.yaml'), text);
  return loadConfig({ env, cwd: folder });
}

async function messageOf(text: string, env: NodeJS.ProcessEnv = {}): Promise<string> {
  const error = await load(text, env).then(
    () => new Error('it loaded'),
    (thrown: unknown) => thrown as Error,
  );
  return `${error.message} ${JSON.stringify(error)} ${error.stack ?? ''}`;
}

describe('interpolate', () => {
  const source = {
    env: (name: string) => (name === 'A' ? { value: '${env:B}' } : { missing: 'is not set' }),
    file: (path: string) => ({ value: `<${path}>` }),
  };

  it.each([
    ['x${env:A}y', 'x${env:B}y'],
    ['${file:a b/c}', '<a b/c>'],
    ['$${env:A}', '${env:A}'],
    ['$$${env:A}', '$${env:A}'],
    ['a $ b $5 {c}', 'a $ b $5 {c}'],
    ['${env:A}${env:A}', '${env:B}${env:B}'],
    ['', ''],
  ])('turns %j into %j', (text, expected) => {
    expect(interpolate(text, source)).toMatchObject({ text: expected, problems: [] });
  });

  it.each(['${A}', '${env:}', '${env:A', '${ENV:A}', '${env:A-B}', '${}', '${file:}'])(
    'refuses %j without quoting it',
    (text) => {
      const { problems } = interpolate(`${SECRET}${text}`, source);
      expect(problems).toHaveLength(1);
      expect(problems[0]).toContain('neither ${env:NAME} nor ${file:path}');
      expect(problems[0]).not.toContain(SECRET);
    },
  );

  it('names what has no value', () => {
    expect(interpolate('${env:NONE}', source).problems).toEqual(['environment variable NONE is not set']);
  });
});

describe('references in the configuration', () => {
  it('read files relative to the configuration, without the newline at their end', async () => {
    const auth = '{ method: static_token, token: "${file:secrets/token}" }';
    const { config, warnings, secrets } = await load(configText({ auth }));
    expect(config.source.auth).toEqual({ method: 'static_token', token: SECRET });
    expect(warnings).toEqual([]);
    expect(secrets).toEqual([SECRET]);
    const two = await load(
      configText({ auth: '{ method: static_token, token: "${file:./secrets/two-lines}" }' }),
    );
    expect(two.config.source.auth).toEqual({ method: 'static_token', token: 'a\n' });
  });

  it.each([
    ['secrets/none', 'file secrets/none does not exist'],
    ['secrets', 'file secrets is a folder'],
    ['secrets/binary', 'file secrets/binary is not UTF-8 text'],
    ['secrets/long', 'file secrets/long is longer than 65536 bytes'],
  ])('say why the file %s gives no value', async (path, expected) => {
    const text = configText({ auth: `{ method: static_token, token: "\${file:${path}}" }` });
    expect(await messageOf(text)).toContain(`connector.yaml:4:40 source.auth.token: ${expected}`);
  });

  it('say that a file may not be read', async () => {
    writeFileSync(join(folder, 'secrets', 'closed'), SECRET);
    chmodSync(join(folder, 'secrets', 'closed'), 0);
    for (const path of [folder, join(folder, 'secrets')]) chmodSync(path, 0o777);
    rmSync(join(folder, 'connector.yaml'), { force: true });
    const text = configText({ auth: '{ method: static_token, token: "${file:secrets/closed}" }' });
    expect(await withoutRootRights(() => messageOf(text))).toContain(
      'file secrets/closed may not be read by this user',
    );
  });

  it('fill whole lists and numbers in, and never touch what the file itself says', async () => {
    const text = `${configText({
      streams: '{ billed_usage: { invoices: "${env:IDS}" }, unbilled_usage: { currencies: "${env:CUR}" } }',
      destination: '{ type: duckdb, path: x.duckdb, threads: "${env:THREADS}" }',
    })}limits: { rejected_records: "\${env:LIMIT}" }\n`;
    const env = { IDS: ' 016907411,G2 ,', CUR: 'usd', THREADS: '3', LIMIT: '7' };
    const { config } = await load(text, env);
    expect(config.streams.billed_usage?.invoices).toEqual(['016907411', 'G2']);
    expect(config.streams.unbilled_usage?.currencies).toEqual(['USD']);
    expect(config.destination).toMatchObject({ threads: 3 });
    expect(config.limits.rejected_records).toBe(7);
    const { config: none } = await load(text, { ...env, IDS: '' });
    expect(none.streams.billed_usage?.invoices).toEqual([]);
    const literal = configText({ destination: '{ type: duckdb, path: x.duckdb, threads: "3" }' });
    expect(await messageOf(literal)).toContain('must be a whole number from 1 to 256, not "3"');
  });

  it('are named, but their values are not quoted, where they fill in what is not allowed', async () => {
    const text = configText({
      streams: '{ billed_usage: { invoices: "${env:IDS}" } }',
    }).replace(TENANT, '${env:TENANT}');
    const message = await messageOf(text, { IDS: `G1,${SECRET}!`, TENANT: SECRET });
    expect(message).toContain(
      'connector.yaml:3:14 source.tenant_id: the value of environment variable TENANT must be a GUID',
    );
    expect(message).toContain(
      'connector.yaml:5:38 streams.billed_usage.invoices[1]: the value of environment variable IDS must be an invoice id',
    );
    expect(message).not.toContain(SECRET);
  });
});

describe('a secret written in the file', () => {
  it.each([
    [
      'client_secret',
      { auth: `{ method: client_secret, client_id: a, client_secret: ${SECRET} }` },
      '4:63 source.auth.client_secret',
    ],
    ['token', { auth: `{ method: static_token, token: ${SECRET} }` }, '4:40 source.auth.token'],
    [
      'certificate_password',
      {
        auth: `{ method: client_certificate, client_id: a, certificate_file: x, certificate_password: ${SECRET} }`,
      },
      '4:96 source.auth.certificate_password',
    ],
    [
      'a password in destination.url',
      { destination: `{ type: postgres, url: "postgres://u:${SECRET}@h/d" }` },
      '6:37 destination.url',
    ],
    ['a password in source.proxy', { source: `  proxy: http://u:${SECRET}@h:3128\n` }, '4:10 source.proxy'],
  ])('gives a warning with its place: %s', async (_what, parts, place) => {
    const { warnings, secrets } = await load(configText(parts));
    expect(warnings).toEqual([
      `connector.yaml:${place}: a secret is written in the file; fill it in with \${env:NAME} or \${file:path}`,
    ]);
    expect(secrets).toContain(SECRET);
  });

  it('counts as one too where a driver reads it from the environment by itself', async () => {
    const text = configText({ destination: '{ type: postgres, url: "postgres://u@h/d" }' });
    const { secrets } = await load(text, { PGPASSWORD: SECRET, AZURE_CLIENT_SECRET: 'other', HOME: '/x' });
    expect(secrets).toEqual(['other', SECRET]);
  });

  it('gives none where only the password is filled in', async () => {
    const text = configText({ destination: '{ type: postgres, url: "postgres://u:${env:PW}@h/d" }' });
    const { warnings, secrets } = await load(text, { PW: 'p%40ss-word' });
    expect(warnings).toEqual([]);
    expect(secrets).toEqual(['p%40ss-word', 'p@ss-word']);
  });

  it.each([
    ['a list in place of it', `[${SECRET}]`],
    ['a group in place of it', `{ ${SECRET}: 1 }`],
    ['a broken quote', `"${SECRET}`],
    ['a broken reference', `${SECRET}\${env:X`],
    ['a bad escape', `"${SECRET}\\q"`],
    ['an unknown tag', `!${SECRET} x`],
    ['an unknown alias', `*${SECRET}`],
  ])('is in no error: %s', async (_what, value) => {
    for (const key of ['client_secret', 'method']) {
      const auth = `\n    client_id: a\n    ${key}: ${value}\n`;
      const message = await messageOf(configText({ auth }));
      expect(message).toContain('connector.yaml:');
      // What stands in place of a word that is no secret (`method`) may be quoted.
      if (key === 'client_secret') expect(message).not.toContain(SECRET);
    }
  });

  it('is in no error about an address that carries it', async () => {
    const texts = [
      configText({ destination: `{ type: postgres, url: "mysql://u:${SECRET}@h/d" }` }),
      configText({ source: `  proxy: "socks://u:${SECRET}@h"\n` }),
      configText({ source: `  graph_url: "https://u:${SECRET}@graph.example"\n` }),
    ];
    for (const text of texts) {
      const message = await messageOf(text);
      expect(message).toMatch(/must be an/);
      expect(message).not.toContain(SECRET);
    }
  });
});

describe('passwordsIn', () => {
  it.each([
    ['postgres://u:secret@h:5432/d', ['secret']],
    ['postgres://u:p%40ss@h/d', ['p%40ss', 'p@ss']],
    ['postgres://u:a:b@c@h/d', ['a:b@c']],
    ['postgres://u@h/d?password=secret&sslmode=require', ['secret']],
    ['postgres://u:bad%@h/d', ['bad%']],
    ['postgres://u@h/d', []],
    ['postgres:///d?host=/run', []],
    ['', []],
  ])('finds in %j %j', (address, passwords) => {
    expect(passwordsIn(address)).toEqual(passwords);
  });
});

describe('Secrets', () => {
  it('removes a secret as it is, in JSON, percent-encoded, and line by line', () => {
    const secrets = new Secrets();
    const value = 'a"b\\c d/é-secret';
    expect(secrets.add([value, '-----a private key of a certificate\nits second line, long enough'])).toBe(0);
    for (const form of [
      value,
      JSON.stringify(value),
      encodeURIComponent(value),
      'its second line, long enough',
    ]) {
      expect(secrets.scrub(`before ${form} after`)).toMatch(/^before "?\[redacted\]"? after$/);
    }
  });

  it('removes the longer of two secrets where one contains the other', () => {
    const secrets = new Secrets();
    secrets.add(['secret', 'secret-and-more']);
    expect(secrets.scrub('x secret-and-more y secret z')).toBe('x [redacted] y [redacted] z');
  });

  it('counts secrets that are too short to be removed, and leaves text alone', () => {
    const secrets = new Secrets();
    expect(secrets.add(['abc', SECRET])).toBe(1);
    expect(secrets.scrub('abc')).toBe('abc');
  });

  it('keeps the structure, the keys and the numbers of JSON', () => {
    const secrets = new Secrets();
    secrets.add(['null', '1234']);
    const scrubbed = secrets.scrubJson({ null: null, a: [1234, 'x1234y', { b: 'null' }], c: true });
    expect(scrubbed).toEqual({ null: null, a: [1234, 'x[redacted]y', { b: '[redacted]' }], c: true });
  });
});
