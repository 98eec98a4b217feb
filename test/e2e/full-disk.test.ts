import { readdir, writeFile } from 'node:fs/promises';
import { join } from 'node:path';
import { afterEach, expect, test } from 'vitest';
import { canonicalDecimal } from '../../schemas/decimal-text.js';
import { startCli, type CliEnd } from '../cli-child.js';
import { makeSmallDisk, type SmallDisk } from '../small-disk.js';
import { startSite, type Site } from './site.js';

const SCOPE = { stream: 'billed_usage', invoice: 'G016907411' } as const;
const STREAMS = {
  billed_usage: { invoices: [SCOPE.invoice] },
  billed_reconciliation: null,
  unbilled_usage: null,
  unbilled_reconciliation: null,
};
const MIB = 1024 ** 2;

let site: Site | undefined;
let disk: SmallDisk | undefined;
afterEach(async () => {
  await site?.close();
  await disk?.remove();
  site = disk = undefined;
});

async function start(
  where: SmallDisk,
  destination: Record<string, unknown>,
  settings: Record<string, unknown> = {},
): Promise<Site> {
  disk = where;
  const options = { usageRows: 2000, invoices: [{ id: SCOPE.invoice, month: '2026-10', currency: 'USD' }] };
  site = await startSite({ type: 'duckdb', path: './billing.duckdb', ...destination }, options, {
    streams: STREAMS,
    ...settings,
  });
  return site;
}

/** One run of the command, for which the disk is as full as it is now. */
function sync(at: Site, on: SmallDisk): Promise<CliEnd> {
  const start: SmallDisk['start'] = (program, args, options) => on.start(program, args, options);
  return startCli(['sync', '--config', at.configPath, '--no-progress'], start).ended;
}

const blobsRead = (at: Site) => at.sandbox.requests.filter(({ kind }) => kind === 'blob').length;

/** Records and their sum, as a reader finds them and as they are recorded. */
async function seen(at: Site) {
  const [usage] = await at.query('select count(*), sum(billing_pre_tax_total) from csp.billed_usage');
  const [recorded] = await at.query(
    "select count(*), max(load_id) from csp._snapshots where outcome = 'published'",
  );
  return [usage?.[0], canonicalDecimal(usage?.[1] ?? '0'), ...(recorded ?? [])];
}

async function expectNew(at: Site): Promise<void> {
  const { records, sums } = at.sandbox.expected(SCOPE);
  expect((await seen(at)).slice(0, 2)).toEqual([String(records), sums['USD']]);
}

test('a disk that is full under the database: nothing is published, and the package is loaded when there is room', async () => {
  const on = await makeSmallDisk(48 * MIB);
  const at = await start(on, { path: join(on.folder, 'billing.duckdb') });
  expect(await sync(at, on)).toMatchObject({ exitCode: 0 });
  const before = await seen(at);

  at.sandbox.restate(SCOPE, { changed: 1900 });
  await on.leave(MIB / 4);
  const full = await sync(at, on);
  expect(full.err).toMatch(/the disk is full .* MiB are free beside it/);
  expect(full.err).toMatch(/free space for the database and for destination.temp_directory/);
  expect(full.exitCode).toBe(2);
  expect(await seen(at)).toEqual(before);
  // No log and nothing spilled is left beside the file.
  expect((await readdir(on.folder)).filter((name) => /wal|tmp/.test(name))).toEqual([]);

  await on.makeRoom();
  at.sandbox.clearRequests();
  expect(await sync(at, on)).toMatchObject({ exitCode: 0 });
  expect(blobsRead(at)).toBe(0);
  await expectNew(at);
});
