import { existsSync } from 'node:fs';
import { mkdtemp, readdir, readFile, rm, stat } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { dirname, join } from 'node:path';
import { gunzipSync } from 'node:zlib';
import { describe, expect, it } from 'vitest';
import { blobLines } from '../../../connector/sandbox/blob-content.js';
import { namedScope } from '../../../connector/sandbox/present-scope.js';
import { settled } from '../../../connector/sandbox/options.js';
import { SandboxData } from '../../../connector/sandbox/sandbox-data.js';
import { ask, blobUrl, manifestOf, NOW, small, USAGE } from './sandbox-client.js';

describe('the blobs of the sandbox', () => {
  it('are files while it runs and gone when it is closed', async () => {
    const sandbox = await small();
    const files = await sandbox.blobFiles(USAGE);
    const served = await ask(blobUrl(await manifestOf(sandbox), 1));
    const stored = await readFile(files[1] ?? '');
    await sandbox.close();
    expect(files).toHaveLength(2);
    expect(served.body.equals(stored)).toBe(true);
    expect(files.some((file) => existsSync(file))).toBe(false);
    expect(existsSync(dirname(files[0] ?? ''))).toBe(false);
  });

  it('stay in a cache directory, where the next sandbox finds them', async () => {
    const cacheDirectory = await mkdtemp(join(tmpdir(), 'sandbox-cache-'));
    const run = async () => {
      const sandbox = await small({ cacheDirectory });
      const files = await sandbox.blobFiles(USAGE);
      const { eTag } = await manifestOf(sandbox);
      await sandbox.close();
      const stats = await Promise.all(files.map((file) => stat(file)));
      return { files, eTag, written: stats.map(({ mtimeMs, ino }) => [mtimeMs, ino]) };
    };
    const [first, second] = [await run(), await run()];
    const left = await readdir(cacheDirectory);
    await rm(cacheDirectory, { recursive: true, force: true });
    expect(second).toEqual(first);
    expect(left).toHaveLength(1);
  });

  it('are given up when the sandbox closes while they are made', async () => {
    const cacheDirectory = await mkdtemp(join(tmpdir(), 'sandbox-cache-'));
    const sandbox = await small({ cacheDirectory, usageRows: 2_000_000, blobs: 1 });
    const making = sandbox.blobFiles(USAGE).catch((error: unknown) => error);
    await new Promise((resolve) => setTimeout(resolve, 50));
    await sandbox.close();
    const left = await readdir(cacheDirectory);
    await rm(cacheDirectory, { recursive: true, force: true });
    expect(await making).toMatchObject({ name: 'AbortError' });
    expect(left).toEqual([]);
  });

  it('hold every row of a scope once, whatever their number', async () => {
    const texts = [];
    for (const blobs of [1, 7]) {
      const sandbox = await small({ blobs });
      const files = await sandbox.blobFiles(USAGE);
      texts.push(
        (await Promise.all(files.map(async (file) => gunzipSync(await readFile(file)).toString()))).join(''),
      );
      await sandbox.close();
    }
    expect(texts[1]).toBe(texts[0]);
  });

  it('are made a stretch at a time: memory does not grow with the rows', () => {
    const settings = settled({ usageRows: 10_000_000, blobs: 1, now: () => NOW });
    const data = new SandboxData(settings);
    const version = data.version(namedScope(settings, USAGE), 'full', []);
    const source = data.source(version);
    let lines = 0;
    let most = 0;
    let heapAfterWarmUp = 0;
    for (const chunk of blobLines(source, version, { index: 0, count: 1 })) {
      lines += chunk.lines;
      most = Math.max(most, chunk.bytes.length);
      if (heapAfterWarmUp === 0 && lines > 20_000) heapAfterWarmUp = process.memoryUsage().heapUsed;
      if (lines > 70_000) break;
    }
    const grown = process.memoryUsage().heapUsed - heapAfterWarmUp;
    expect(lines).toBeGreaterThan(70_000);
    expect(most).toBeLessThanOrEqual(256 * 1024);
    expect(grown).toBeLessThan(80 * 1024 * 1024);
  });
});
