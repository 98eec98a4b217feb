import { mkdir, mkdtemp, readdir, readFile, rm, stat, writeFile } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { dirname, join } from 'node:path';
import { afterEach, beforeEach, describe, expect, it } from 'vitest';
import { onDisk } from '../../connector/disk-error.js';
import { writeDurably } from '../../connector/durable-file.js';
import { sweepSpool } from '../../connector/spool-sweep.js';
import { LoadPackage, Spool } from '../../connector/load-package.js';
import { copyAcross } from '../../connector/move-folder.js';
import { PartialBlob } from '../../connector/partial-blob.js';
import { ConfigError, SystemError, TransientError } from '../../schemas/errors.js';
import type { ManifestRecord } from '../../schemas/load-package.js';
import type { ExportRequest } from '../../schemas/scope.js';

const TENANT = '0e195b37-4574-4539-bc42-0e539b9684c0';
const GRAPH = 'https://graph.microsoft.com/v1.0';
const NOW = new Date('2026-11-23T10:00:00Z');
const INVOICE: ExportRequest = {
  scope: { by: 'invoice', stream: 'billed_usage', invoice: 'G016907411' },
  attributeSet: 'full',
};
const MANIFEST: ManifestRecord = {
  id: 'manifest-1',
  eTag: 'one',
  partnerTenantId: TENANT,
  rootDirectory: 'https://account.blob.core.windows.net/c',
  blobCount: 2,
  blobs: [{ name: 'b.gz' }, { name: 'a.gz' }],
  readFrom: `${GRAPH}/operations/1`,
  readAt: '2026-11-23T10:00:00.000Z',
};
const REFUSAL = {
  at: '2026-11-23T10:00:00Z',
  kind: 'data',
  message: 'too many rejected records',
  hint: 'look at rejected.parquet',
  facts: { rejected: '3' },
  connectorVersion: '0.1.0',
  rejectedLimit: '0',
  destination: 'x',
};

let folder = '';
let spool: Spool;

beforeEach(async () => {
  folder = await mkdtemp(join(tmpdir(), 'package-test-'));
  spool = await Spool.open(folder, TENANT, 'csp');
});

afterEach(async () => {
  await rm(folder, { recursive: true, force: true });
});

async function addBlob(to: LoadPackage, name: string, content: string): Promise<void> {
  const partial = await PartialBlob.open(to.path, name);
  await partial.begin({ name, etag: '"v1"', bytes: Buffer.byteLength(content) });
  await partial.append(Buffer.from(content));
  await partial.complete();
}

async function wholePackage(request = INVOICE): Promise<LoadPackage> {
  const made = await spool.begin(request, GRAPH, NOW);
  await made.keepManifest(MANIFEST);
  await addBlob(made, 'a.gz', 'aaa');
  await addBlob(made, 'b.gz', 'bb');
  return made;
}

describe('a load package', () => {
  it('lies where a person finds it, and reads the same when it is opened again', async () => {
    const made = await wholePackage();
    expect(dirname(made.path)).toBe(join(folder, TENANT, 'csp', 'billed_usage', 'G016907411'));
    expect(made.packageId).toMatch(/^20261123T100000000Z-[0-9a-f]{8}$/);
    const opened = await LoadPackage.open(made.path);
    expect(opened?.exportRecord).toEqual(made.exportRecord);
    expect(opened?.manifest()).toEqual(MANIFEST);
    expect((await readdir(made.path)).sort()).toEqual(['blobs', 'export.json', 'manifest.json', 'partial']);
    expect((await stat(made.path)).mode & 0o777).toBe(0o700);
  });

  it('is whole when every blob of its manifest is, and lists them in the order of the manifest', async () => {
    const made = await spool.begin(INVOICE, GRAPH, NOW);
    expect(await made.isWhole()).toBe(false);
    await expect(made.wholeManifest()).rejects.toBeInstanceOf(SystemError);
    await made.keepManifest(MANIFEST);
    await addBlob(made, 'a.gz', 'aaa');
    expect(await made.isWhole()).toBe(false);
    await addBlob(made, 'b.gz', 'bb');
    expect(await made.isWhole()).toBe(true);
    expect((await made.blobs()).map(({ name, bytes }) => [name, bytes])).toEqual([
      ['b.gz', 2],
      ['a.gz', 3],
    ]);
    expect((await made.blobs())[1]?.sha256).toBe(
      '9834876dcfb05cb167a5c24953eba58c4ac89b1adf57f28f2f9d09af107ee8f0',
    );
  });

  it('without blobs in its manifest is whole', async () => {
    const made = await spool.begin(INVOICE, GRAPH, NOW);
    await made.keepManifest({ ...MANIFEST, blobs: [], blobCount: 0 });
    expect(await made.isWhole()).toBe(true);
  });

  it('with a blob but no record of it, or a record but no blob, is not whole', async () => {
    const made = await wholePackage();
    await rm(join(made.path, 'blobs', 'a.gz.json'));
    expect(await made.isWhole()).toBe(false);
    await addBlob(made, 'a.gz', 'aaa');
    expect(await made.isWhole()).toBe(true);
    await rm(join(made.path, 'blobs', 'a.gz'));
    expect(await made.isWhole()).toBe(false);
  });

  it('notes what becomes known, and keeps what was', async () => {
    const made = await spool.begin(INVOICE, GRAPH, NOW);
    await made.note({ intents: [{ at: '2026-11-23T10:00:00.000Z', clientRequestId: 'x' }] });
    await made.note({ renewals: 1 });
    expect((await LoadPackage.open(made.path))?.exportRecord).toMatchObject({
      renewals: 1,
      intents: [{ clientRequestId: 'x' }],
      scope: INVOICE.scope,
    });
  });

  it('moves to the archive whole, without what was partial, and its empty folder goes', async () => {
    const made = await wholePackage();
    const source = made.path;
    const target = join(folder, 'archive', 'billed_usage', 'G016907411', made.packageId);
    await made.archiveTo(target);
    expect(made.path).toBe(target);
    expect(await made.isWhole()).toBe(true);
    expect((await readdir(target)).sort()).toEqual(['blobs', 'export.json', 'manifest.json']);
    await expect(stat(dirname(source))).rejects.toThrow();
    expect(await spool.list()).toEqual([]);
  });

  it('is copied whole where the archive is on another file system', async () => {
    const made = await wholePackage();
    const target = join(folder, 'elsewhere');
    await copyAcross(made.path, target);
    const copied = await LoadPackage.open(target);
    expect(await copied?.isWhole()).toBe(true);
    expect(await readdir(folder)).not.toContain('elsewhere.tmp');
    await expect(stat(made.path)).rejects.toThrow();
  });

  it('that is removed leaves nothing, not even an empty folder', async () => {
    const made = await wholePackage();
    await made.remove();
    expect(await spool.list()).toEqual([]);
    await expect(stat(dirname(made.path))).rejects.toThrow();
  });

  it('counts how often a blob was discarded, over restarts', async () => {
    const made = await wholePackage();
    expect(await made.discardBlob('a.gz')).toBe(true);
    expect((await made.blobs()).map(({ name }) => name)).toEqual(['b.gz']);
    const opened = await LoadPackage.open(made.path);
    expect(await opened?.discardBlob('a.gz')).toBe(false);
    expect(await opened?.discardBlob('b.gz')).toBe(true);
  });

  it('of a newer connector, or torn, is not taken for one of ours', async () => {
    const made = await wholePackage();
    const path = join(made.path, 'export.json');
    const record = JSON.parse(await readFile(path, 'utf8')) as object;
    await writeFile(path, JSON.stringify({ ...record, version: 2 }));
    expect(await LoadPackage.open(made.path)).toBeNull();
    await writeFile(path, '{"version":');
    expect(await LoadPackage.open(made.path)).toBeNull();
    expect(await spool.unfinished(INVOICE.scope)).toEqual([]);
  });
});

describe('the spool', () => {
  it('lists the unfinished packages of a scope, newest first, and no refused ones', async () => {
    const older = await spool.begin(INVOICE, GRAPH, NOW);
    const newer = await spool.begin(INVOICE, GRAPH, new Date('2026-11-24T10:00:00Z'));
    const other = await spool.begin(
      { ...INVOICE, scope: { ...INVOICE.scope, stream: 'billed_reconciliation' } },
      GRAPH,
      NOW,
    );
    expect((await spool.unfinished(INVOICE.scope)).map(({ packageId }) => packageId)).toEqual([
      newer.packageId,
      older.packageId,
    ]);
    await older.refuse(REFUSAL);
    expect((await spool.unfinished(INVOICE.scope)).map(({ packageId }) => packageId)).toEqual([
      newer.packageId,
    ]);
    expect((await spool.refused(INVOICE.scope))?.refusal()).toEqual(REFUSAL);
    expect(await spool.list()).toHaveLength(3);
    expect(await spool.refused(other.exportRecord.scope)).toBeNull();
  });

  it('keeps one refused package of a scope: the newest', async () => {
    const older = await wholePackage();
    await older.refuse(REFUSAL);
    const newer = await wholePackage();
    await newer.refuse(REFUSAL);
    expect((await spool.list()).map(({ packageId }) => packageId)).toEqual([newer.packageId]);
  });

  it('sweeps what a crash left of a package that was being made or deleted', async () => {
    const debris = join(spool.folderOf(INVOICE.scope), '20261122T100000000Z-00000000');
    await mkdir(join(debris, 'blobs'), { recursive: true });
    await writeFile(join(debris, 'blobs', 'large.gz'), 'x');
    const torn = await spool.begin(INVOICE, GRAPH, NOW);
    await writeFile(join(torn.path, 'export.json'), '{"version":1,"pack');
    const newer = await spool.begin(INVOICE, GRAPH, NOW);
    await writeFile(join(newer.path, 'export.json'), '{"version":2}');
    const made = await spool.begin(INVOICE, GRAPH, NOW);
    await writeFile(join(spool.root, 'remembered.json.0a1b2c3d.tmp'), '{"vers');
    await writeFile(join(spool.root, 'remembered.json'), '{}');
    await sweepSpool(spool.root);
    const left = await readdir(spool.folderOf(INVOICE.scope));
    expect(left.sort()).toEqual([newer.packageId, made.packageId].sort());
    expect((await readdir(spool.root)).sort()).toEqual(['billed_usage', 'remembered.json']);
  });

  it('sweeps the folder of a scope that nothing is left of', async () => {
    const folderOfScope = spool.folderOf(INVOICE.scope);
    await mkdir(join(folderOfScope, '20261122T100000000Z-00000000', 'blobs'), { recursive: true });
    await sweepSpool(spool.root);
    await expect(readdir(folderOfScope)).rejects.toThrow(/ENOENT/);
  });

  it('of one dataset does not see another, nor another tenant', async () => {
    await wholePackage();
    expect(await (await Spool.open(folder, TENANT, 'other')).list()).toEqual([]);
    expect(await (await Spool.open(folder, '99999999-4574-4539-bc42-0e539b9684c0', 'csp')).list()).toEqual(
      [],
    );
  });

  it('takes no name that leaves its folder', async () => {
    for (const invoice of ['../../etc', '..', 'a/b', '', '.hidden', 'G\u0000']) {
      const request: ExportRequest = {
        ...INVOICE,
        scope: { by: 'invoice', stream: 'billed_usage', invoice },
      };
      await expect(spool.begin(request, GRAPH, NOW)).rejects.toBeInstanceOf(ConfigError);
    }
  });
});

describe('a partial blob', () => {
  it('goes on with what is on disk, whose digest counts', async () => {
    const made = await spool.begin(INVOICE, GRAPH, NOW);
    const record = { name: 'a.gz', etag: '"v1"', bytes: 6 };
    const first = await PartialBlob.open(made.path, 'a.gz');
    await first.begin(record);
    await first.append(Buffer.from('abc'));
    await first.close();
    const second = await PartialBlob.open(made.path, 'a.gz');
    expect([second.offset, second.record]).toEqual([3, record]);
    await second.append(Buffer.from('def'));
    expect(await second.complete()).toMatchObject({
      bytes: 6,
      etag: '"v1"',
      sha256: 'bef57ec7f53a6d40beb640a780a639c83bc29ac8a9816f1fc6c5c6dcd93c4721',
    });
    expect(await readFile(join(made.path, 'blobs', 'a.gz'), 'utf8')).toBe('abcdef');
    expect(await readdir(join(made.path, 'partial'))).toEqual([]);
  });

  it('without a record of its version, or longer than it may be, begins anew', async () => {
    const made = await spool.begin(INVOICE, GRAPH, NOW);
    await mkdir(join(made.path, 'partial'));
    await writeFile(join(made.path, 'partial', 'a.gz'), 'unknown');
    const unknown = await PartialBlob.open(made.path, 'a.gz');
    expect(unknown.offset).toBe(0);
    await unknown.begin({ name: 'a.gz', etag: '"v1"', bytes: 2 });
    await unknown.append(Buffer.from('abc'));
    await unknown.close();
    const longer = await PartialBlob.open(made.path, 'a.gz');
    expect([longer.offset, longer.record]).toEqual([0, null]);
    await longer.close();
  });
});

describe('the disk', () => {
  it('has the old or the whole new content, for its owner only, and no other file', async () => {
    const path = join(folder, 'record.json');
    await writeDurably(path, 'old');
    await writeDurably(path, 'new');
    expect(await readFile(path, 'utf8')).toBe('new');
    expect((await stat(path)).mode & 0o777).toBe(0o600);
    expect((await readdir(folder)).filter((name) => name.includes('record'))).toEqual(['record.json']);
  });

  it.each([
    ['ENOSPC', ConfigError],
    ['EDQUOT', ConfigError],
    ['EACCES', ConfigError],
    ['EROFS', ConfigError],
    ['EMFILE', TransientError],
    ['EIO', TransientError],
  ])('that answers %s leads to an error that names the path', async (code, kind) => {
    const failing = onDisk('/spool/x', () => Promise.reject(Object.assign(new Error('no'), { code })));
    await expect(failing).rejects.toBeInstanceOf(kind);
    await expect(failing).rejects.toThrow(/\/spool\/x/);
  });

  it('that answers anything else is not guessed at', async () => {
    const defect = new TypeError('defect');
    await expect(onDisk('/spool/x', () => Promise.reject(defect))).rejects.toBe(defect);
  });
});
