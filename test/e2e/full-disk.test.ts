import { spawn } from 'node:child_process';
import { readdir, rm, writeFile } from 'node:fs/promises';
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
  usageRows = 2000,
): Promise<Site> {
  disk = where;
  const options = { usageRows, invoices: [{ id: SCOPE.invoice, month: '2026-10', currency: 'USD' }] };
  site = await startSite({ type: 'duckdb', path: './billing.duckdb', ...destination }, options, {
    streams: STREAMS,
    ...settings,
  });
  site.moveTo(new Date());
  return site;
}

/** One run in this process, for which there is room. */
async function syncWithRoom(at: Site): Promise<void> {
  const summary = await at.sync({ invoices: [SCOPE.invoice], streams: [SCOPE.stream] });
  expect(summary.scopes.map(({ error }) => error?.message)).toEqual([undefined]);
  expect(summary.exitCode).toBe(0);
}

/** One run of the command, for which the disk is as full as it is now. */
function sync(at: Site, on: SmallDisk): Promise<CliEnd> {
  const start: SmallDisk['start'] = (program, args, options) => on.start(program, args, options);
  return startCli(
    ['sync', '--config', at.configPath, '--invoice', SCOPE.invoice, '--stream', SCOPE.stream],
    start,
  ).ended;
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
  await syncWithRoom(at);
  const before = await seen(at);

  at.sandbox.restate(SCOPE, { changed: 1900 });
  // Below a limit of each file the log is what does not fit.
  await on.leave(on.kind === 'file system' ? MIB / 4 : -MIB / 2);
  const full = await sync(at, on);
  expect(full.err).toMatch(/the disk is full .* MiB are free beside it/);
  expect(full.err).toMatch(/free space for the database and for destination.temp_directory/);
  expect(full.exitCode).toBe(2);
  expect(await seen(at)).toEqual(before);
  expect(await readdir(on.folder)).not.toContain('billing.duckdb.tmp');

  await on.makeRoom();
  at.sandbox.clearRequests();
  await syncWithRoom(at);
  expect(blobsRead(at)).toBe(0);
  await expectNew(at);
});

test('a disk that is full under temp_directory: nothing is published, and it is named', async () => {
  const on = await makeSmallDisk(160 * MIB);
  const spill = join(on.folder, 'spill');
  const at = await start(on, { temp_directory: spill }, undefined, 9000);
  // A first load goes straight into its table; only a restated one is staged, and spills.
  await syncWithRoom(at);
  const before = await seen(at);
  at.sandbox.restate(SCOPE, { changed: 8900 });
  const destination = { type: 'duckdb', path: './billing.duckdb', temp_directory: spill };
  // So little memory is for the spilling only.
  await at.configure({
    streams: STREAMS,
    destination: { ...destination, memory_limit: '32MiB', threads: 1 },
  });
  await on.leave(2 * MIB);
  const full = await sync(at, on);
  expect(full.err).toMatch(/the disk is full/);
  expect(full.err).toMatch(/destination.temp_directory/);
  expect(full.exitCode).toBe(2);
  expect(await seen(at)).toEqual(before);
  expect(
    (await readdir(on.folder, { recursive: true })).filter((name) => name.includes('duckdb_temp')),
  ).toEqual([]);

  await on.makeRoom();
  at.sandbox.clearRequests();
  await at.configure({ streams: STREAMS, destination });
  await syncWithRoom(at);
  expect(blobsRead(at)).toBe(0);
  await expectNew(at);
});

test('a spool with too little room is told before anything is downloaded, with what is needed', async () => {
  const on = await makeSmallDisk(8 * MIB);
  const at = await start(on, {}, { spool: join(on.folder, 'spool') });
  const full = await sync(at, on);
  if (on.kind === 'file system') {
    expect(full.err).toMatch(/has 8 MiB free, and 6\d MiB are needed/);
    expect(full.err).toMatch(/set spool: to a folder on a larger disk/);
    expect(full.exitCode).toBe(2);
    expect(blobsRead(at)).toBe(0);
    await at.configure({ streams: STREAMS });
  }
  await syncWithRoom(at);
  await expectNew(at);
});

test('a spool that fills up while a blob is written keeps what is whole, and goes on when there is room', async () => {
  const on = await makeSmallDisk(48 * MIB, 'file size');
  const at = await start(on, {}, { spool: join(on.folder, 'spool') });
  await syncWithRoom(at);
  const before = await seen(at);
  at.sandbox.restate(SCOPE, { changed: 1900 });
  await on.leave(16 * 1024);
  const full = await sync(at, on);
  expect(full.err).toMatch(/EFBIG: file too large/);
  expect(full.err).toMatch(/the disk is full: free some space or set spool:/);
  expect(full.exitCode).toBe(2);
  expect(await seen(at)).toEqual(before);

  await on.makeRoom();
  const exports = at.sandbox.requests.filter(({ kind }) => kind === 'export').length;
  await syncWithRoom(at);
  expect(at.sandbox.requests.filter(({ kind }) => kind === 'export').length).toBe(exports);
  await expectNew(at);
});

test('a disk that is full under the archive: what is published stays, and its package is archived by the next run', async () => {
  const on = await makeSmallDisk(8 * MIB);
  const archive = join(on.folder, 'archive');
  const at = await start(on, {}, { archive });
  await on.leave(4096);
  // Where no small file system may be mounted: a file in the archive's place.
  const isFull = on.kind === 'file system';
  if (!isFull) await writeFile(archive, '');
  const full = await sync(at, { ...on, start: (...started) => spawn(...started) });
  expect(full.exitCode).toBe(2);
  expect(full.err).toMatch(/published, but its load package stays in the spool/);
  if (isFull) expect(full.err).toMatch(/no space left on device/i);
  await expectNew(at);
  const before = await seen(at);

  await on.makeRoom();
  if (!isFull) await rm(archive);
  at.sandbox.clearRequests();
  await syncWithRoom(at);
  expect(blobsRead(at)).toBe(0);
  expect(await seen(at)).toEqual(before);
  const archived = await readdir(archive, { recursive: true });
  expect(archived.filter((name) => name.endsWith('.json.gz'))).toHaveLength(2);
  expect(archived.filter((name) => /tmp|part$/.test(name))).toEqual([]);
});
