import { createHash } from 'node:crypto';
import { once } from 'node:events';
import { createWriteStream } from 'node:fs';
import { mkdir, mkdtemp, readFile, rename, rm, writeFile } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { Readable, Transform } from 'node:stream';
import { pipeline } from 'node:stream/promises';
import { constants, createGzip } from 'node:zlib';
import { z } from 'zod';
import { blobLines, type BlobPart } from './blob-content.js';
import type { DataVersion } from './data-version.js';
import { rowsAfter } from './restatement.js';
import type { RowSource } from './row-source.js';
import { guidOf } from './seeded.js';

/** So much may be made ahead of the compression, which runs in a thread of its own. */
const AHEAD = 1024 * 1024;
/** The fastest level, and chunks as large as those it is fed with: small ones cost more than the compression. */
const GZIP = { level: constants.Z_BEST_SPEED, chunkSize: 128 * 1024, highWaterMark: AHEAD };

const blobFileSchema = z.object({
  /** Name of the blob below its version's directory. */
  name: z.string(),
  /** Bytes as stored. */
  length: z.int(),
  /** MD5 of those bytes, base64. */
  md5: z.string(),
  /** Lines that are not blank. */
  records: z.int(),
  /** Where each gzip member ends; empty for a blob that is not compressed. */
  memberEnds: z.array(z.int()),
});

/** A blob on disk. */
export type BlobFile = z.infer<typeof blobFileSchema> & { readonly path: string };

/**
 * Makes blobs, once each, as files: lengths and digests are known before the first byte is served, and no row stays
 * in memory. They live in a folder of their own, removed by {@link close}, or in a cache that is kept.
 */
export class BlobStore {
  readonly #root: Promise<string>;
  readonly #isCache: boolean;
  readonly #blobs: number;
  readonly #made = new Map<string, Promise<readonly BlobFile[]>>();
  readonly #stop = new AbortController();

  /** `blobs` per version; `cacheDirectory` keeps them for later, null removes them in the end. */
  constructor(blobs: number, cacheDirectory: string | null) {
    this.#blobs = blobs;
    this.#isCache = cacheDirectory !== null;
    this.#root =
      cacheDirectory === null
        ? mkdtemp(join(tmpdir(), 'partner-billing-sandbox-'))
        : mkdir(cacheDirectory, { recursive: true }).then(() => cacheDirectory);
  }

  /** The blobs of a version, made now unless they were made before. */
  files(version: DataVersion, source: RowSource): Promise<readonly BlobFile[]> {
    const known = this.#made.get(version.key);
    if (known !== undefined) return known;
    const made = this.#filesOf(version, source);
    this.#made.set(version.key, made);
    made.catch(() => this.#made.delete(version.key));
    return made;
  }

  /** Stops what is being made and removes the files, unless they are in a cache. */
  async close(): Promise<void> {
    this.#stop.abort();
    await Promise.allSettled(this.#made.values());
    if (!this.#isCache) await rm(await this.#root, { recursive: true, force: true });
  }

  async #filesOf(version: DataVersion, source: RowSource): Promise<readonly BlobFile[]> {
    const folder = join(await this.#root, version.key);
    const cached = await readIndex(folder);
    if (cached !== null) return cached;
    const unfinished = await mkdtemp(`${folder}-`);
    const count = Math.min(this.#blobs, Math.max(1, rowsAfter(source, version.restatement)));
    const files: BlobFile[] = [];
    try {
      for (let index = 0; index < count; index++) {
        files.push(await makeBlob(unfinished, version, source, { index, count }, this.#stop.signal));
      }
      const known = files.map((file) => blobFileSchema.parse(file));
      await writeFile(join(unfinished, 'index.json'), JSON.stringify(known));
      await rename(unfinished, folder);
    } catch (error) {
      await rm(unfinished, { recursive: true, force: true });
      // Another sandbox on the same cache may have been faster.
      const other = await readIndex(folder);
      if (other !== null) return other;
      throw error;
    }
    return files.map((file) => ({ ...file, path: join(folder, file.name) }));
  }
}

async function readIndex(folder: string): Promise<readonly BlobFile[] | null> {
  const text = await readFile(join(folder, 'index.json'), 'utf8').catch(() => null);
  if (text === null) return null;
  return z
    .array(blobFileSchema)
    .parse(JSON.parse(text))
    .map((file) => ({ ...file, path: join(folder, file.name) }));
}

async function makeBlob(
  folder: string,
  version: DataVersion,
  source: RowSource,
  part: BlobPart,
  signal: AbortSignal,
): Promise<BlobFile> {
  // Part numbers have gaps, as Spark's have where a partition is empty.
  const number = part.index + Math.floor(part.index / 2);
  const name = `part-${String(number).padStart(5, '0')}-${guidOf(version.key)}.c000.json.gz`;
  const path = join(folder, name);
  const digest = createHash('md5');
  const file = createWriteStream(path);
  const written = { bytes: 0, records: 0, memberEnds: [] as number[] };
  const meter = (): Transform =>
    new Transform({
      transform(chunk: Buffer, _encoding, done) {
        digest.update(chunk);
        written.bytes += chunk.length;
        done(null, chunk);
      },
    });
  const options = { end: false, signal };
  const lines = blobLines(source, version, part);
  for (const member of membersOf(version, lines, written)) {
    const bytes = Readable.from(member, { objectMode: false, highWaterMark: AHEAD });
    if (version.faults.includes('blob-inflated')) {
      await pipeline(bytes, meter(), file, options);
    } else {
      await pipeline(bytes, createGzip(GZIP), meter(), file, options);
      written.memberEnds.push(written.bytes);
    }
  }
  file.end();
  await once(file, 'close');
  const { bytes: length, records, memberEnds } = written;
  return { name, path, length, md5: digest.digest('base64'), records, memberEnds };
}

/** The lines in one gzip member, or each of the first chunks of lines in one of its own. */
function* membersOf(
  version: DataVersion,
  lines: Generator<{ readonly bytes: Buffer; readonly lines: number }>,
  counted: { records: number },
): Generator<Iterable<Buffer>> {
  function* all(): Generator<Buffer> {
    for (const chunk of lines) {
      counted.records += chunk.lines;
      yield chunk.bytes;
    }
  }
  const several = version.faults.includes('blob-multi-member');
  if (!several) {
    yield all();
    return;
  }
  for (const bytes of all()) {
    const half = bytes.indexOf(0x0a, Math.floor(bytes.length / 2)) + 1;
    if (half > 0 && half < bytes.length) yield [bytes.subarray(0, half)];
    yield [bytes.subarray(half < bytes.length ? half : 0)];
  }
}
