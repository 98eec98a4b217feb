import { chmod, mkdtemp, rm, writeFile } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { gzipSync } from 'node:zlib';
import { afterAll, afterEach, beforeAll, describe, expect, it, vi } from 'vitest';
import { parsePackageBlobs } from '../../connector/parse-package.js';
import type { ParsedPart } from '../../schemas/batch.js';
import { ConnectorError, IntegrityError } from '../../schemas/errors.js';
import { arrowSchema } from '../../schemas/table-arrow.js';
import { BILLED_USAGE } from '../../schemas/tables/billed-usage.js';
import { parseBlob } from '../../transforms/parse-blob.js';
import { gather, inChunks, parseBytes, rowsOf, usageLine } from '../transforms/blob-parts.js';
import { withoutRootRights } from '../as-nobody.js';

let folder: string;

beforeAll(async () => {
  folder = await mkdtemp(join(tmpdir(), 'package-'));
});
afterAll(() => rm(folder, { recursive: true, force: true }));

interface BlobFile {
  readonly name: string;
  readonly path: string;
}

async function blob(name: string, bytes: Buffer): Promise<BlobFile> {
  const path = join(folder, name);
  await writeFile(path, bytes);
  return { name, path };
}

function linesOf(name: string, count: number): Buffer {
  const lines = Array.from({ length: count }, (_, index) =>
    usageLine({
      MeterId: `${name}-${index}`,
      Quantity: `${index}.125`,
      UsageDate: '2024-08-01',
      New: { index },
    }),
  );
  return gzipSync(lines.join('\n'));
}

async function errorOf(blobs: readonly BlobFile[], signal?: AbortSignal): Promise<unknown> {
  try {
    for await (const part of parsePackageBlobs(blobs, BILLED_USAGE, { signal })) expect(part).toBeDefined();
  } catch (error) {
    return error;
  }
  return null;
}

describe('the blobs of a package', () => {
  it('are parsed in a thread to what parsing them here gives, in their order', async () => {
    const contents = new Map([
      ['b.gz', linesOf('b', 300)],
      ['a.gz', Buffer.concat([linesOf('a', 10), gzipSync('\nbad\n'), linesOf('c', 5)])],
      ['empty.gz', gzipSync('')],
    ]);
    const blobs: BlobFile[] = [];
    for (const [name, bytes] of contents) blobs.push(await blob(name, bytes));
    const parts: ParsedPart[] = [];
    const options = { limits: { batchRows: 100 }, threads: 1 };
    for await (const part of parsePackageBlobs(blobs, BILLED_USAGE, options)) parts.push(part);
    const counts = parts.flatMap((part) => (part.kind === 'counts' ? [part.counts] : []));
    expect(counts.map(({ blobName }) => blobName)).toEqual(['b.gz', 'a.gz', 'empty.gz']);
    const schema = arrowSchema(BILLED_USAGE);
    for (const [name, bytes] of contents) {
      const here = await parseBytes(bytes);
      const ofBlob = counts.find(({ blobName }) => blobName === name);
      expect({ ...ofBlob, blobName: 'blob' }).toEqual(here.counts);
      const batches = parts.flatMap((part) =>
        part.kind === 'batch' && part.batch.blobName === name ? [part.batch] : [],
      );
      expect(batches.flatMap(({ records }) => rowsOf(records))).toEqual(here.rows);
      for (const { records } of batches) {
        expect(records.schema.fields.map(String)).toEqual(schema.fields.map(String));
        expect([...records.schema.metadata]).toEqual([...schema.metadata]);
      }
      const rejected = parts.flatMap((part) => (part.kind === 'rejected' ? part.rejected : []));
      expect(rejected.filter(({ blobName }) => blobName === name)).toHaveLength(here.rejected.length);
    }
  });

  it('that are none give nothing', async () => {
    const parts: unknown[] = [];
    for await (const part of parsePackageBlobs([], BILLED_USAGE, {})) parts.push(part);
    expect(parts).toEqual([]);
  });

  it('raise errors of the class and with the facts that they have in the thread', async () => {
    const whole = await blob('whole.gz', linesOf('w', 3));
    const damaged = await blob('damaged.gz', linesOf('d', 3).subarray(0, -4));
    const error = await errorOf([whole, damaged]);
    expect(error).toBeInstanceOf(IntegrityError);
    expect(error).toMatchObject({
      message: expect.stringContaining('damaged.gz') as string,
      facts: { blob: 'damaged.gz', rule: 'gzip' },
      exitCode: 6,
    });
    const gone = await errorOf([whole, { name: 'gone.gz', path: join(folder, 'gone.gz') }]);
    expect(gone).toMatchObject({ kind: 'integrity', facts: { blob: 'gone.gz', code: 'ENOENT' } });
    const directory = await errorOf([{ name: 'folder', path: folder }]);
    expect(directory).toBeInstanceOf(ConnectorError);
    expect(directory).toMatchObject({ kind: 'system', message: expect.stringContaining('EISDIR') as string });
  });

  it('that may not be read are a matter of configuration', async () => {
    const secret = await blob('secret.gz', linesOf('s', 1));
    await chmod(secret.path, 0);
    await chmod(folder, 0o755);
    const denied = await withoutRootRights(() => errorOf([secret]));
    expect(denied).toMatchObject({ kind: 'config', facts: { code: 'EACCES' } });
  });

  it('end with the reason of the signal, before the thread starts or while it works', async () => {
    const many = await blob('many.gz', linesOf('m', 2000));
    const reason = new Error('stopped by the user');
    expect(await errorOf([many], AbortSignal.abort(reason))).toBe(reason);
    const stop = new AbortController();
    let batches = 0;
    const parsing = (async () => {
      for await (const part of parsePackageBlobs([many], BILLED_USAGE, {
        limits: { batchRows: 10 },
        signal: stop.signal,
      })) {
        if (part.kind === 'batch') batches += 1;
        if (batches === 3) stop.abort(reason);
      }
    })();
    await expect(parsing).rejects.toBe(reason);
    expect(batches).toBe(3);
  });

  it('are not parsed further than three parts ahead of whoever takes them', async () => {
    const first = await blob('first.gz', linesOf('f', 100));
    const missing = { name: 'missing.gz', path: join(folder, 'missing.gz') };
    const parts = parsePackageBlobs([first, missing], BILLED_USAGE, { limits: { batchRows: 10 } })[
      Symbol.asyncIterator
    ]();
    expect((await parts.next()).value).toMatchObject({ kind: 'batch' });
    // Room for the thread to run ahead to the missing blob, were nothing to hold it.
    await new Promise((resolve) => setTimeout(resolve, 300));
    await writeFile(missing.path, linesOf('late', 1));
    const rest = await gather({ [Symbol.asyncIterator]: () => parts });
    expect(rest.counts).toMatchObject({ blobName: 'missing.gz', recordsRead: 1 });
    expect(rest.rows).toHaveLength(91);
  });

  it('may be left before their end: the thread ends too', async () => {
    const many = await blob('left.gz', linesOf('l', 2000));
    const before = process.getActiveResourcesInfo().filter((name) => name === 'MessagePort').length;
    for await (const part of parsePackageBlobs([many], BILLED_USAGE, { limits: { batchRows: 10 } })) {
      expect(part.kind).toBe('batch');
      break;
    }
    const after = process.getActiveResourcesInfo().filter((name) => name === 'MessagePort').length;
    expect(after).toBeLessThanOrEqual(before);
  });

  it('are parsed one package after the other by the same thread, each to the same end as alone', async () => {
    const first = await blob('one.gz', linesOf('o', 300));
    const second = await blob('two.gz', linesOf('t', 70));
    const alone = await gather(parseBlob(inChunks(linesOf('t', 70)), 'two.gz', BILLED_USAGE));
    await gather(parsePackageBlobs([first], BILLED_USAGE, { limits: { batchRows: 10 } }));
    for (let time = 0; time < 3; time += 1) {
      const again = await gather(
        parsePackageBlobs([second], BILLED_USAGE, { limits: { batchRows: 10 + time } }),
      );
      expect(again.counts).toEqual(alone.counts);
      expect(again.rows).toEqual(alone.rows);
    }
  });

  it('of two packages at once have a thread each', async () => {
    const both = await Promise.all([blob('l1.gz', linesOf('l1', 200)), blob('l2.gz', linesOf('l2', 200))]);
    const parsed = await Promise.all(
      both.map((each) => gather(parsePackageBlobs([each], BILLED_USAGE, { limits: { batchRows: 10 } }))),
    );
    expect(parsed.map(({ counts }) => counts.recordsRead)).toEqual([200, 200]);
    expect(parsed.map(({ counts }) => counts.blobName)).toEqual(['l1.gz', 'l2.gz']);
  });

  it('are parsed by several threads to the same, each blob in its order', async () => {
    const names = ['t1.gz', 't2.gz', 't3.gz', 't4.gz', 't5.gz'];
    const blobs = await Promise.all(names.map((name, index) => blob(name, linesOf(name, 40 * index))));
    const options = { limits: { batchRows: 10 } };
    const found = new Map<string, ParsedPart[]>(names.map((name) => [name, []]));
    for await (const part of parsePackageBlobs(blobs, BILLED_USAGE, { ...options, threads: 3 })) {
      const name =
        part.kind === 'batch' ? part.batch.blobName : part.kind === 'counts' ? part.counts.blobName : '';
      found.get(name)?.push(part);
    }
    for (const each of blobs) {
      const alone = await gather(parsePackageBlobs([each], BILLED_USAGE, { ...options, threads: 1 }));
      const mixed = await gather(found.get(each.name) ?? []);
      expect(mixed.rows).toEqual(alone.rows);
      expect(mixed.counts).toEqual(alone.counts);
    }
  });

  it('are all given up where one of several is damaged', async () => {
    const good = await Promise.all(['g1.gz', 'g2.gz'].map((name) => blob(name, linesOf(name, 900))));
    const bad = await blob('cut.gz', linesOf('cut', 900).subarray(0, -20));
    const parts = parsePackageBlobs([...good, bad], BILLED_USAGE, { limits: { batchRows: 10 }, threads: 3 });
    await expect(gather(parts)).rejects.toMatchObject({ kind: 'integrity', facts: { blob: 'cut.gz' } });
  });
});

describe('PARTNER_BILLING_DECODER', () => {
  afterEach(() => vi.unstubAllEnvs());

  it.each(['reference', 'fast'])('chooses the %s decoder, with the same result', async (name) => {
    const file = await blob(`${name}.gz`, linesOf('same', 200));
    const chosen = await gather(parsePackageBlobs([file], BILLED_USAGE));
    vi.stubEnv('PARTNER_BILLING_DECODER', name);
    const asked = await gather(parsePackageBlobs([file], BILLED_USAGE));
    expect(asked.rows).toEqual(chosen.rows);
    expect(asked.rows).toHaveLength(200);
  });

  it('that names none is an error of the configuration', async () => {
    vi.stubEnv('PARTNER_BILLING_DECODER', 'quick');
    const file = await blob('quick.gz', linesOf('q', 1));
    await expect(gather(parsePackageBlobs([file], BILLED_USAGE))).rejects.toMatchObject({
      kind: 'config',
      facts: { key: 'PARTNER_BILLING_DECODER' },
    });
  });
});
