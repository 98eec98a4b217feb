import { chmod, mkdtemp, rm } from 'node:fs/promises';
import { readdirSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { expect, it } from 'vitest';
import { packageRoot } from '../connector/package-info.js';
import { measureLarge } from './bench/large.js';
import { monthSize, usageRows } from './bench/large-size.js';
import { largeViews } from './bench/large-views.js';

it('the benchmark of a large warehouse, made small, finds in every view what it planted, the same on both engines', async () => {
  const cache = await mkdtemp(join(tmpdir(), 'bench-large-'));
  // The server may run as another user.
  await chmod(cache, 0o755);
  try {
    const result = await measureLarge(10_000, cache, { views: [], commands: false });
    expect(result.failures.filter((failure) => !/ took [\d.]+ s$/.test(failure))).toEqual([]);
    const views = readdirSync(join(packageRoot(), 'sql', 'duckdb', 'views'))
      .filter((file) => /^(recon|rpt)_/.test(file))
      .map((file) => file.replace('.sql', ''));
    expect(result.measurements.map(({ engine, view }) => `${engine} ${view}`).sort()).toEqual(
      ['duckdb', 'postgres'].flatMap((engine) => views.map((view) => `${engine} ${view}`)).sort(),
    );
  } finally {
    await rm(cache, { recursive: true, force: true });
  }
}, 120_000);

it('an invoice of the large warehouse has a million rows of usage, and each view says what it must find', () => {
  const size = monthSize(10_000_000);
  expect(usageRows(size)).toBe(1_004_400);
  expect(largeViews(size).find(({ view }) => view === 'recon_usage_vs_invoice')?.expected).toEqual({
    agrees: 9_999,
    mismatch: 1,
  });
});
