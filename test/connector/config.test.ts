import { mkdtempSync, rmSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { afterAll, beforeAll, describe, expect, it } from 'vitest';
import { loadConfig, type LoadedConfig } from '../../connector/config.js';
import { ConfigError } from '../../schemas/errors.js';

const TENANT = '0e195b37-4574-4539-bc42-0e539b9684c0';
const GOOD = `version: 1
source:
  tenant_id: ${TENANT}
  auth:
    method: client_secret
    client_id: app
    client_secret: \${env:SECRET}
streams:
  billed_usage:
    invoices: [G016907411]
destination:
  type: duckdb
  path: ./x.duckdb
`;

let folder = '';
beforeAll(() => {
  folder = mkdtempSync(join(tmpdir(), 'config-'));
});
afterAll(() => rmSync(folder, { recursive: true, force: true }));

function load(text: string | Uint8Array, env: NodeJS.ProcessEnv = { SECRET: 'planted-secret' }) {
  writeFileSync(join(folder, 'connector.yaml'), text);
  return loadConfig({ env, cwd: folder });
}

async function problem(text: string | Uint8Array, env?: NodeJS.ProcessEnv): Promise<string> {
  const error = await load(text, env).then(
    () => null,
    (thrown: unknown) => thrown,
  );
  expect(error).toBeInstanceOf(ConfigError);
  return (error as ConfigError).message;
}

const change = (from: string | RegExp, to: string) => {
  const changed = GOOD.replace(from, to);
  expect(changed).not.toBe(GOOD);
  return changed;
};

describe('loadConfig', () => {
  it('checks the file, fills defaults in and turns durations and sizes into numbers', async () => {
    const { config, path, warnings, resolve, secrets } = await load(GOOD);
    expect(path).toBe(join(folder, 'connector.yaml'));
    expect(warnings).toEqual([]);
    expect(secrets).toEqual(['planted-secret']);
    expect(resolve('./spool')).toBe(join(folder, 'spool'));
    expect(config.source.graph_url).toBe('https://graph.microsoft.com/v1.0');
    expect(config.source.storage_hosts).toEqual(['*.blob.core.windows.net']);
    expect(config.limits).toEqual({
      rejected_records: 0,
      concurrent_exports: 4,
      concurrent_blobs: 4,
      poll_deadline: 7_200_000,
      line_bytes: 16 * 1024 * 1024,
    });
    expect(config.destination).toMatchObject({
      dataset: 'csp',
      migrate: 'auto',
      memory_limit: 1024 ** 3,
      threads: 2,
    });
    expect(config.streams.billed_usage).toEqual({
      invoices: ['G016907411'],
      attribute_set: 'full',
      accept_invoice_numbers: [],
    });
  });

  it('finds the file by --config, then PARTNER_BILLING_CONFIG, then ./connector.yaml', async () => {
    writeFileSync(join(folder, 'connector.yaml'), GOOD);
    writeFileSync(join(folder, 'a.yaml'), GOOD);
    writeFileSync(join(folder, 'b.yaml'), GOOD);
    const env = { SECRET: 'planted-secret', PARTNER_BILLING_CONFIG: 'a.yaml' };
    const found = (loaded: LoadedConfig) => loaded.path;
    expect(await loadConfig({ path: 'b.yaml', env, cwd: folder }).then(found)).toBe(join(folder, 'b.yaml'));
    expect(await loadConfig({ env, cwd: folder }).then(found)).toBe(join(folder, 'a.yaml'));
    const bare = { SECRET: 'planted-secret', PARTNER_BILLING_CONFIG: '' };
    expect(await loadConfig({ env: bare, cwd: folder }).then(found)).toBe(join(folder, 'connector.yaml'));
  });

  it('says which file is missing, unreadable as text, or too long', async () => {
    await expect(loadConfig({ path: 'none.yaml', env: {}, cwd: folder })).rejects.toThrow(
      'the configuration none.yaml does not exist',
    );
    await expect(loadConfig({ path: '.', env: {}, cwd: folder })).rejects.toThrow('is a folder');
    expect(await problem(`# ${'x'.repeat(256 * 1024)}`)).toContain(
      'is too long: at most 262144 bytes are read',
    );
  });

  it.each([
    ['an empty file', '', '1:1: the file is empty; it needs version, source, streams and destination'],
    ['a duplicate key', `${GOOD}spool: a\nspool: b\n`, '15:1: this key is written twice in one group'],
    ['an open bracket', change('[G016907411]', '[G016907411'), '11:1: no valid YAML'],
    ['a tab', change('    method:', '\tmethod:'), '5:1: a tab is used for indentation; YAML wants spaces'],
    ['a tag', change('./x.duckdb', '!path ./x.duckdb'), '13:9: tags such as !name are not allowed'],
    ['two documents', `${GOOD}---\na: 1\n`, '14:1: a second YAML document begins here; one is allowed'],
    ['deep nesting', `version: ${'['.repeat(30_000)}`, ': is nested too deeply'],
  ])('names the place of a syntax error: %s', async (_what, text, expected) => {
    expect(await problem(text)).toContain(expected);
    expect(await problem(text)).toMatch(/connector\.yaml:\d+:\d+/);
  });

  it.each([
    [
      'an unknown key',
      change('invoices:', 'invocies:'),
      '10:5 streams.billed_usage.invocies: is no setting. Did you mean invoices? Allowed here: invoices, since, attribute_set, accept_invoice_numbers',
    ],
    [
      'a key of another method',
      change('client_secret: ${env:SECRET}', 'client_secret: ${env:SECRET}\n    token: x'),
      '8:5 source.auth.token: is no setting. Allowed here: method, client_id, client_secret',
    ],
    [
      'a key of another type of destination',
      change('path: ./x.duckdb', 'path: ./x.duckdb\n  url: postgres://h/d'),
      '14:3 destination.url: is no setting. Allowed here: type, path, dataset, migrate, memory_limit, threads, temp_directory',
    ],
    ['a key named __proto__', `${GOOD}__proto__: { a: 1 }\n`, '14:1 __proto__: is no setting.'],
    ['an odd key', `${GOOD}"a b": 1\n`, '14:1 ["a b"]: is no setting.'],
    [
      'a missing key',
      change(/ {2}tenant_id.*\n/, ''),
      '2:1 source.tenant_id: is missing; it must be a GUID such as 0e195b37-4574-4539-bc42-0e539b9684c0',
    ],
    [
      'a missing group',
      change(/destination:[\s\S]*/, ''),
      '1:1 destination: is missing; it must be a group of keys: type, path,',
    ],
    ['an empty value', change(TENANT, ''), '3:14 source.tenant_id: is empty; it must be a GUID'],
    [
      'an empty group',
      change('streams:\n  billed_usage:\n    invoices: [G016907411]', 'streams: {}'),
      '8:10 streams: must be a group with at least one stream',
    ],
    [
      'a list in place of text',
      change(TENANT, `[${TENANT}]`),
      '3:14 source.tenant_id: must be a GUID such as 0e195b37-4574-4539-bc42-0e539b9684c0, not a list',
    ],
    [
      'text in place of a list',
      change('[G016907411]', 'G016907411'),
      '10:15 streams.billed_usage.invoices: must be discover, or a list of invoice ids, not "G016907411"',
    ],
    [
      'a month to discover from beside a list',
      change('[G016907411]', '[G016907411]\n    since: 2025-01'),
      '11:12 streams.billed_usage.since: must be a month such as 2025-01, and only beside invoices: discover',
    ],
    [
      'a schedule that is none',
      `${GOOD}schedule: { cron: 61 3 * * *, time_zone: Europe/Berlin }\n`,
      '14:19 schedule.cron: must be a cron expression of five fields such as 15 3 * * *, not "61 3 * * *"',
    ],
    [
      'a time zone that is none',
      `${GOOD}schedule: { cron: 15 3 * * *, time_zone: Mars }\n`,
      '14:42 schedule.time_zone: must be a time zone such as UTC or Europe/Berlin, not "Mars"',
    ],
    [
      'an amount that YAML reads as a number',
      `${GOOD}tolerance: { line_recalc: { USD: { per_unit: 0.01 } } }\n`,
      '14:46 tolerance.line_recalc.USD.per_unit: must be an exact amount in quotes such as "0.01", not negative, of at most 10 decimals; 0.01 is a number to YAML, write "0.01"',
    ],
    [
      'a negative amount',
      `${GOOD}tolerance: { line_recalc: { USD: { at_most: "-1" } } }\n`,
      '14:45 tolerance.line_recalc.USD.at_most: must be an exact amount in quotes such as "0.01", not negative, of at most 10 decimals, not "-1"',
    ],
    [
      'a check that has no tolerance',
      `${GOOD}tolerance: { line_recal: {} }\n`,
      '14:14 tolerance.line_recal: is no setting. Did you mean line_recalc? Allowed here: invoice_tieout,',
    ],
    [
      'a currency that is none',
      `${GOOD}tolerance: { line_recalc: { usd: {} } }\n`,
      '14:34 tolerance.line_recalc.usd: must be a currency code such as USD, or default',
    ],
    [
      'a check whose tolerance is no group',
      `${GOOD}tolerance: { line_recalc: "0.01" }\n`,
      '14:27 tolerance.line_recalc: must be a group whose keys are currency codes such as USD, or the word default for all that are not named, not "0.01"',
    ],
    [
      'an unknown key of a tolerance',
      `${GOOD}tolerance: { line_recalc: { USD: { per_uni: "1" } } }\n`,
      '14:36 tolerance.line_recalc.USD.per_uni: is no setting. Did you mean per_unit? Allowed here: per_unit, at_most',
    ],
    [
      'an invoice id that YAML reads as a number',
      change('[G016907411]', '[G016907411, 0169074]'),
      '10:28 streams.billed_usage.invoices[1]: must be an invoice id such as G016907411; 0169074 is a number to YAML, write "0169074"',
    ],
    [
      'an invoice id in the exponent form',
      change('[G016907411]', '[1e5]'),
      '10:16 streams.billed_usage.invoices[0]: must be an invoice id such as G016907411; 1e5 is a number to YAML, write "1e5"',
    ],
    [
      'a bad word',
      change('invoices: [G016907411]', 'invoices: []\n    attribute_set: ful'),
      '11:20 streams.billed_usage.attribute_set: must be full or basic, not "ful"; did you mean full?',
    ],
    [
      'a method that does not exist',
      change('method: client_secret', 'method: secret'),
      '5:13 source.auth.method: must be one of client_secret, client_certificate, managed_identity, workload_identity, azure_cli, default, static_token, not "secret"',
    ],
    [
      'a missing type',
      change('  type: duckdb\n', ''),
      '11:1 destination.type: is missing; it must be one of duckdb, postgres',
    ],
    [
      'http to a host that is not loopback',
      change('  tenant_id', '  graph_url: http://graph.example\n  tenant_id'),
      '3:14 source.graph_url: must be an https:// address without credentials or query (http:// only for a loopback host: 127.0.0.1, localhost, [::1])',
    ],
    [
      'a duration without unit',
      `${GOOD}lock_wait: 5\n`,
      '14:12 lock_wait: must be a length of time such as 90s, 5m or 2h, at most 20d, not 5',
    ],
    [
      'too many exports at once',
      `${GOOD}limits: { concurrent_exports: 65 }\n`,
      '14:31 limits.concurrent_exports: must be a whole number from 1 to 64, not 65',
    ],
    [
      'a share that is none',
      `${GOOD}limits: { rejected_records: 101% }\n`,
      '14:29 limits.rejected_records: must be a whole number, or a share such as 0.1%, not "101%"',
    ],
    [
      'a database that keeps nothing',
      change('./x.duckdb', '":memory:"'),
      '13:9 destination.path: must be the path of a file (:memory: keeps nothing between two runs, md: is not supported), not ":memory:"',
    ],
    ['another version', change('version: 1', 'version: 2'), '1:10 version: must be 1, not 2'],
    [
      'an alias that has no anchor',
      change(TENANT, '*tenant'),
      '3:14 source.tenant_id: is an alias (*name) that has no anchor',
    ],
  ])('names place, key and what is allowed: %s', async (_what, text, expected) => {
    expect(await problem(text)).toContain(`connector.yaml:${expected}`);
  });

  it('lists all problems at once, in the order of the file', async () => {
    const text = change(TENANT, 'nonsense')
      .replace('G016907411', '0712')
      .replace('${env:SECRET}', '${env:UNSET}')
      .concat('spol: x\n');
    expect(await problem(text, {})).toBe(
      [
        'connector.yaml has 4 problems:',
        '  connector.yaml:3:14 source.tenant_id: must be a GUID such as 0e195b37-4574-4539-bc42-0e539b9684c0, not "nonsense"',
        '  connector.yaml:7:20 source.auth.client_secret: environment variable UNSET is not set',
        '  connector.yaml:10:16 streams.billed_usage.invoices[0]: must be an invoice id such as G016907411; 0712 is a number to YAML, write "0712"',
        '  connector.yaml:14:1 spol: is no setting. Did you mean spool? Allowed here: version, source, streams, destination, spool, archive, archive_unbilled, lock_wait, limits, recheck, tolerance, retention, schedule, notify',
      ].join('\n'),
    );
  });

  it('gives the place, the key and the number of problems as facts', async () => {
    const thrown: unknown = await load(change(TENANT, 'x')).catch((error: unknown) => error);
    expect((thrown as ConfigError).facts).toEqual({
      file: 'connector.yaml',
      line: 3,
      column: 14,
      key: 'source.tenant_id',
      problems: 1,
    });
  });

  it('takes aliases, but not aliases that multiply or contain themselves', async () => {
    const twice = change('invoices: [G016907411]', 'invoices: &ids [G016907411]').replace(
      'destination:',
      '  billed_reconciliation:\n    invoices: *ids\ndestination:',
    );
    const { config } = await load(twice);
    expect(config.streams.billed_reconciliation?.invoices).toEqual(['G016907411']);
    const levels = Array.from(
      { length: 9 },
      (_, i) => `a${i + 1}: &a${i + 1} [${Array(9).fill(`*a${i}`).join(', ')}]`,
    );
    const bomb = `a0: &a0 x\n${levels.join('\n')}\n`;
    expect(await problem(bomb)).toContain('has too many values, or is nested too deeply');
    expect(await problem('a: &a\n  b: *a\n')).toContain('has too many values, or is nested too deeply');
  });
});
