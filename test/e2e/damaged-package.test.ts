import { readFile, rm, truncate, writeFile } from 'node:fs/promises';
import { join } from 'node:path';
import { afterAll, beforeAll, describe, expect, it } from 'vitest';
import type { Sandbox } from '../../connector/sandbox/sandbox.js';
import { BLOBS, countOf, crashSandbox, CrashSite, INVOICE } from './crash-scene.js';
import { contentOf } from './dataset-content.js';

/** A package as a crash, a disk or a person may leave it; what the next run has to ask for again. */
interface Damage {
  readonly what: string;
  readonly posts: number;
  readonly blobs: number;
  readonly damage: (folder: string, blob: string) => Promise<void>;
}

const DAMAGES: readonly Damage[] = [
  {
    what: 'a flipped byte in the middle of a blob',
    ...{ posts: 0, blobs: 1 },
    damage: (_, blob) => flip(blob, (length) => Math.floor(length / 2)),
  },
  {
    what: 'a flipped byte where gzip has no checksum',
    ...{ posts: 0, blobs: 1 },
    damage: (_, blob) => flip(blob, () => 5),
  },
  { what: 'a blob cut short', posts: 0, blobs: 1, damage: (_, blob) => truncate(blob, 100) },
  { what: 'a blob that is gone', posts: 0, blobs: 1, damage: (_, blob) => rm(blob) },
  {
    what: 'a blob whose record is gone',
    ...{ posts: 0, blobs: 1 },
    damage: (_, blob) => rm(`${blob}.json`),
  },
  {
    what: 'a blob whose record is torn',
    ...{ posts: 0, blobs: 1 },
    damage: (_, blob) => truncate(`${blob}.json`, 20),
  },
  {
    what: 'a blob whose record has another digest',
    ...{ posts: 0, blobs: 1 },
    damage: async (_, blob) => {
      const record = JSON.parse(await readFile(`${blob}.json`, 'utf8')) as object;
      await writeFile(`${blob}.json`, JSON.stringify({ ...record, sha256: '0'.repeat(64) }));
    },
  },
  {
    what: 'no manifest.json',
    ...{ posts: 0, blobs: 0 },
    damage: (folder) => rm(join(folder, 'manifest.json')),
  },
  {
    what: 'a torn manifest.json',
    ...{ posts: 0, blobs: 0 },
    damage: (folder) => truncate(join(folder, 'manifest.json'), 50),
  },
  {
    what: 'no export.json',
    ...{ posts: 1, blobs: BLOBS },
    damage: (folder) => rm(join(folder, 'export.json')),
  },
  {
    what: 'a torn export.json',
    ...{ posts: 1, blobs: BLOBS },
    damage: (folder) => truncate(join(folder, 'export.json'), 50),
  },
  {
    what: 'an export.json without a byte',
    ...{ posts: 1, blobs: BLOBS },
    damage: (folder) => truncate(join(folder, 'export.json'), 0),
  },
  {
    what: 'files of somebody else',
    ...{ posts: 0, blobs: 0 },
    damage: async (folder, blob) => {
      await writeFile(join(folder, '.DS_Store'), 'x');
      await writeFile(join(folder, 'part-00000.json.gz'), 'not a blob');
      await writeFile(`${blob}.bak`, await readFile(blob));
    },
  },
];

let sandbox: Sandbox;
let base: CrashSite;
let killed: CrashSite;
let content: string[];
let files: string[];

beforeAll(async () => {
  sandbox = await crashSandbox();
  base = await CrashSite.open(sandbox, 'duckdb');
  await base.sync();
  sandbox.restate(INVOICE, { changed: 3, removed: 2, added: 4 });
  const undisturbed = await CrashSite.open(sandbox, 'duckdb', base);
  await undisturbed.sync();
  content = await contentOf((sql) => undisturbed.query(sql));
  files = await undisturbed.files();
  await undisturbed.close();
  killed = await CrashSite.open(sandbox, 'duckdb', base);
  await killed.runStoppedAt({ step: 'package whole', signals: ['SIGKILL'] });
});

afterAll(async () => {
  await killed.close();
  await base.close();
  await sandbox.close();
});

describe('a whole package that waits to be loaded', () => {
  it.each(DAMAGES.map((damage) => [damage.what, damage] as const))(
    'with %s is mended by the next run',
    async (_, { posts, blobs, damage }) => {
      const site = await CrashSite.open(sandbox, 'duckdb', killed);
      try {
        const [found] = await site.packages();
        const [blob] = (await found?.blobs()) ?? [];
        await damage(found?.path ?? '', blob?.path ?? '');
        sandbox.clearRequests();
        const summary = await site.sync();
        expect(summary.scopes.map(({ outcome, exitCode }) => [outcome, exitCode])).toContainEqual([
          'published',
          0,
        ]);
        expect(summary.exitCode).toBe(0);
        expect([countOf(sandbox, 'export'), countOf(sandbox, 'blob')]).toEqual([posts, blobs]);
        expect(await contentOf((sql) => site.query(sql))).toEqual(content);
        expect(await site.files()).toEqual(files);
      } finally {
        await site.close();
      }
    },
  );
});

async function flip(path: string, at: (length: number) => number): Promise<void> {
  const bytes = await readFile(path);
  const place = at(bytes.length);
  bytes[place] = (bytes[place] ?? 0) ^ 0x10;
  await writeFile(path, bytes);
}
