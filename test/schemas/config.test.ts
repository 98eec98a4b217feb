import { describe, expect, it } from 'vitest';
import { configSchema, durationSchema, sizeSchema } from '../../schemas/config.js';

const MINIMAL = {
  version: 1,
  source: { tenant_id: '0E195B37-4574-4539-BC42-0E539B9684C0', auth: { method: 'azure_cli' } },
  streams: { unbilled_usage: { currencies: ['usd'] } },
  destination: { type: 'duckdb', path: 'x.duckdb' },
};

const withSource = (source: Record<string, unknown>) => ({
  ...MINIMAL,
  source: { ...MINIMAL.source, ...source },
});

describe('configSchema', () => {
  it('writes GUIDs and hosts in lower case, currencies in upper case, and addresses without a slash at the end', () => {
    const config = configSchema.parse(
      withSource({
        graph_url: 'https://graph.microsoft.com/v1.0//',
        storage_hosts: ['*.Blob.Core.Windows.Net'],
      }),
    );
    expect(config.source.tenant_id).toBe('0e195b37-4574-4539-bc42-0e539b9684c0');
    expect(config.source.graph_url).toBe('https://graph.microsoft.com/v1.0');
    expect(config.source.storage_hosts).toEqual(['*.blob.core.windows.net']);
    expect(config.streams.unbilled_usage).toEqual({
      periods: ['current', 'last'],
      currencies: ['USD'],
      attribute_set: 'full',
    });
  });

  it.each([
    'http://127.0.0.1:8080/v1.0',
    'http://localhost:1/v1.0',
    'http://[::1]:9',
    'https://graph.example',
  ])('takes %s as graph_url', (graph_url) => {
    expect(configSchema.safeParse(withSource({ graph_url })).success).toBe(true);
  });

  it.each([
    'http://graph.example',
    'http://127.0.0.1.example/v1.0',
    'https://user:secret@graph.example',
    'https://graph.example?x=1',
    'ftp://127.0.0.1',
    'graph.example',
    '',
  ])('refuses %s as graph_url', (graph_url) => {
    expect(configSchema.safeParse(withSource({ graph_url })).success).toBe(false);
  });

  it.each(['127.0.0.1:10000', 'account.blob.core.windows.net', '*.blob.core.windows.net'])(
    'takes %s as storage host',
    (host) => {
      expect(configSchema.safeParse(withSource({ storage_hosts: [host] })).success).toBe(true);
    },
  );

  it.each(['*', '*.', 'https://x.example', 'x.example/y', 'a*.example', 'x.example:', ''])(
    'refuses %s as storage host',
    (host) => {
      expect(configSchema.safeParse(withSource({ storage_hosts: [host] })).success).toBe(false);
    },
  );

  it('takes discover with a month to begin from, or ids, for a billed stream', () => {
    const streams = { billed_usage: { invoices: 'discover', since: '2025-01' }, billed_reconciliation: {} };
    const config = configSchema.parse({ ...MINIMAL, streams });
    expect(config.streams.billed_usage).toMatchObject({ invoices: 'discover', since: '2025-01' });
    expect(config.streams.billed_reconciliation?.invoices).toEqual([]);
    for (const since of ['2025-13', '2025', '2025-01-01', '1999-01']) {
      const wrong = { billed_usage: { invoices: 'discover', since } };
      expect(configSchema.safeParse({ ...MINIMAL, streams: wrong }).success).toBe(false);
    }
  });

  it('re-checks invoices nightly to day 15 and weekly to day 45 unless told otherwise', () => {
    expect(configSchema.parse(MINIMAL).recheck).toEqual({ nightly_until_day: 15, weekly_until_day: 45 });
  });

  it.each(['https://hooks.example/x?token=1', 'http://127.0.0.1:9/x'])(
    'takes %s as webhook',
    (webhook_url) => {
      expect(configSchema.safeParse({ ...MINIMAL, notify: { webhook_url } }).success).toBe(true);
    },
  );

  it('refuses a webhook that is not encrypted', () => {
    const notify = { webhook_url: 'http://hooks.example/x' };
    expect(configSchema.safeParse({ ...MINIMAL, notify }).success).toBe(false);
  });

  it.each(['csp', '_x', 'a1'])('takes %s as dataset', (dataset) => {
    const destination = { ...MINIMAL.destination, dataset };
    expect(configSchema.safeParse({ ...MINIMAL, destination }).success).toBe(true);
  });

  it.each(['Csp', 'a b', '1a', 'a"b', 'pg_catalog', 'information_schema', 'x'.repeat(64)])(
    'refuses %s as dataset',
    (dataset) => {
      const destination = { ...MINIMAL.destination, dataset };
      expect(configSchema.safeParse({ ...MINIMAL, destination }).success).toBe(false);
    },
  );

  it.each([
    ['0s', 0],
    ['250ms', 250],
    ['90s', 90_000],
    ['5m', 300_000],
    ['2h', 7_200_000],
    ['20d', 1_728_000_000],
  ])('reads the length of time %s', (text, ms) => {
    expect(durationSchema.parse(text)).toBe(ms);
  });

  it.each(['5', '5 m', '-5m', '1.5h', '21d', '999999999d', 'm', ''])(
    'refuses %j as length of time',
    (text) => {
      expect(durationSchema.safeParse(text).success).toBe(false);
    },
  );

  it.each([
    ['1KiB', 1024],
    ['16MiB', 16_777_216],
    ['2GiB', 2_147_483_648],
    ['65536B', 65_536],
  ])('reads the size %s', (text, bytes) => {
    expect(sizeSchema.parse(text)).toBe(bytes);
  });

  it.each(['16', '16MB', '1.5GiB', '0B', '999999999GiB', ''])('refuses %j as size', (text) => {
    expect(sizeSchema.safeParse(text).success).toBe(false);
  });

  it.each([0, 12, '0.1%', '100%', '99.999999%'])(
    'takes %s as limit of rejected records',
    (rejected_records) => {
      expect(configSchema.safeParse({ ...MINIMAL, limits: { rejected_records } }).success).toBe(true);
    },
  );

  it.each([-1, 0.5, '5', '101%', '.1%', '0.1 %'])(
    'refuses %s as limit of rejected records',
    (rejected_records) => {
      expect(configSchema.safeParse({ ...MINIMAL, limits: { rejected_records } }).success).toBe(false);
    },
  );
});
