import { readFileSync } from 'node:fs';
import { join } from 'node:path';
import { describe, expect, it } from 'vitest';
import { parse } from 'yaml';
import { loadConfig } from '../../connector/config.js';
import { connectorJsonSchema } from '../../connector/generate-schema.js';
import { packageRoot } from '../../connector/package-info.js';

const ROOT = packageRoot();
const read = (path: string) => readFileSync(join(ROOT, path), 'utf8');
const SAMPLE_ENV = {
  AZURE_TENANT_ID: '0e195b37-4574-4539-bc42-0e539b9684c0',
  AZURE_CLIENT_ID: '7c3e1994-38ff-4412-a99b-9369f6bb7706',
  AZURE_CLIENT_SECRET: 'planted-secret',
  PARTNER_BILLING_SINCE: '2026-01',
  PARTNER_BILLING_CURRENCY: 'USD',
};

interface Schema {
  readonly description?: string;
  readonly properties?: Readonly<Record<string, Schema>>;
  readonly oneOf?: readonly Schema[];
  readonly items?: Schema;
  readonly anyOf?: readonly Schema[];
  readonly const?: unknown;
}

/** Every key of the schema with its path, through groups, choices and lists. */
function keysOf(schema: Schema, path = ''): [path: string, schema: Schema][] {
  const own = Object.entries(schema.properties ?? {}).flatMap(([name, inner]) => {
    const full = path === '' ? name : `${path}.${name}`;
    return [[full, inner] as [string, Schema], ...keysOf(inner, full)];
  });
  return [...own, ...[...(schema.oneOf ?? []), ...(schema.anyOf ?? [])].flatMap((one) => keysOf(one, path))];
}

const SCHEMA = JSON.parse(connectorJsonSchema()) as Schema;

describe('schemas/connector.schema.json', () => {
  it('is current: node dist/connector/generate-schema.js writes it', () => {
    expect(read('schemas/connector.schema.json')).toBe(connectorJsonSchema());
  });

  it('says what every key means', () => {
    expect(keysOf(SCHEMA).length).toBeGreaterThan(40);
    expect(keysOf(SCHEMA).filter(([, schema]) => schema.description === undefined)).toEqual([]);
  });
});

describe('connector.yaml', () => {
  const text = read('connector.yaml');

  it('begins with the line by which editors find the schema', () => {
    expect(text.split('\n')[0]).toBe('# yaml-language-server: $schema=schemas/connector.schema.json');
  });

  it('loads without a warning once its environment variables are set', async () => {
    const loaded = await loadConfig({ path: join(ROOT, 'connector.yaml'), env: SAMPLE_ENV, cwd: '/' });
    expect(loaded.warnings).toEqual([]);
    expect(loaded.config.streams.billed_usage).toMatchObject({ invoices: 'discover', since: '2026-01' });
    expect(loaded.config.streams.unbilled_usage?.currencies).toEqual(['USD']);
    expect(loaded.config.streams.billed_reconciliation).toMatchObject({
      invoices: 'discover',
      since: '2026-01',
    });
  });

  it('names the environment variables that it needs, and needs no other', () => {
    const lines = text.split('\n').filter((line) => !/^\s*#/.test(line));
    const used = lines.flatMap((line) => [...line.matchAll(/\$\{env:(\w+)\}/g)].map((match) => match[1]));
    expect([...new Set(used)].sort()).toEqual(Object.keys(SAMPLE_ENV).sort());
    for (const name of Object.keys(SAMPLE_ENV)) expect(text).toMatch(new RegExp(`^#   ${name} `, 'm'));
  });

  it('shows every key of the schema, optional ones as comments', () => {
    const missing = keysOf(SCHEMA).filter(([path]) => {
      const name = path.split('.').at(-1) ?? '';
      return !new RegExp(`^[\\s#]*${name}:`, 'm').test(text);
    });
    expect(missing).toEqual([]);
  });

  it('shows every way to sign in and every type of destination', () => {
    const choices = keysOf(SCHEMA).flatMap(([path, schema]) =>
      typeof schema.const === 'string' ? [[path.split('.').at(-1), schema.const]] : [],
    );
    expect(choices.length).toBeGreaterThan(8);
    for (const [name, value] of choices) {
      expect(text).toMatch(new RegExp(`^[\\s#]*${name}: ${value}\\b`, 'm'));
    }
  });

  it('states the default of every setting that it shows uncommented', () => {
    const written = parse(text) as { destination: object; limits: object; spool: string; lock_wait: string };
    expect(written.limits).toEqual({
      rejected_records: 0,
      concurrent_exports: 4,
      concurrent_blobs: 4,
      poll_deadline: '2h',
      line_bytes: '16MiB',
    });
    expect(written.lock_wait).toBe('5m');
    expect(written.spool).toBe('./spool');
    expect(written.destination).toMatchObject({
      dataset: 'csp',
      migrate: 'auto',
      memory_limit: '1GiB',
      threads: 2,
    });
  });
});
