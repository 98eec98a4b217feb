import { Readable } from 'node:stream';
import { pipeline } from 'node:stream/promises';
import { createGunzip, type Gunzip } from 'node:zlib';

/** The gzip file is damaged: cut off, altered, or followed by bytes that are no gzip. */
export class DamagedGzip extends Error {
  override readonly name = 'DamagedGzip';
}

/** The bytes inflate to more than the limits allow. */
export class InflatesTooMuch extends Error {
  override readonly name = 'InflatesTooMuch';
}

/** How much a blob may inflate. */
export interface InflationLimits {
  /** Inflated bytes per compressed byte. */
  readonly inflationRatio: number;
  /** Up to this many inflated bytes any ratio is allowed. */
  readonly inflationGraceBytes: number;
}

/** zlib's default of 16 KiB is four times slower. */
const CHUNK_BYTES = 1024 * 1024;

/** A blob whose first bytes have been looked at. */
export interface BlobBody {
  /** Whether it begins with gzip's `1f 8b`; otherwise it was inflated on its way (a proxy, a client). */
  readonly isGzip: boolean;
  /** Its bytes, inflated. */
  readonly chunks: AsyncIterable<Uint8Array>;
}

/**
 * A blob's bytes, inflated where they are gzip, with all members of the file. What is yielded counts only when the
 * iteration ends without an error, for the trailer with the checksum comes last. A file cut exactly between two
 * members cannot be noticed here, only by its length.
 * Iterating throws DamagedGzip where a member is cut off or fails its checksum, or where bytes follow that are no
 * member (padding with zeros too); InflatesTooMuch beyond the limits; and whatever `chunks` throws, unchanged.
 */
export async function openBody(
  chunks: AsyncIterable<Uint8Array>,
  limits: InflationLimits,
): Promise<BlobBody> {
  const iterator = chunks[Symbol.asyncIterator]();
  let start = Buffer.alloc(0);
  while (start.length < 2) {
    const next = await iterator.next();
    if (next.done === true) break;
    start = Buffer.concat([start, next.value]);
  }
  const isGzip = start[0] === 0x1f && start[1] === 0x8b;
  const all = startingWith(start, iterator);
  return { isGzip, chunks: isGzip ? inflated(all, limits) : all };
}

async function* startingWith(
  start: Uint8Array,
  iterator: AsyncIterator<Uint8Array>,
): AsyncGenerator<Uint8Array> {
  try {
    if (start.length > 0) yield start;
    for (let next = await iterator.next(); next.done !== true; next = await iterator.next()) {
      if (next.value.length > 0) yield next.value;
    }
  } finally {
    await iterator.return?.();
  }
}

async function* inflated(
  chunks: AsyncIterable<Uint8Array>,
  limits: InflationLimits,
): AsyncGenerator<Uint8Array> {
  const source = new CountedSource(chunks);
  const unzip = createGunzip({ chunkSize: CHUNK_BYTES });
  const feeding = pipeline(Readable.from(source.read(), { objectMode: false }), unzip);
  // The same error comes out of the loop below; without a listener here it would end the process.
  feeding.catch(() => undefined);
  let inflatedBytes = 0;
  try {
    for await (const chunk of unzip) {
      const bytes = chunk as Buffer;
      inflatedBytes += bytes.length;
      refuseBomb(inflatedBytes, unzip, limits);
      yield bytes;
    }
  } catch (error) {
    throw isZlibError(error) ? new DamagedGzip(error.message, { cause: error }) : error;
  }
  // zlib stops without a word at a zero after a member, and would lose the members behind it.
  if (!source.ended || unzip.bytesWritten !== source.bytes) {
    throw new DamagedGzip('bytes follow that are no gzip member');
  }
}

class CountedSource {
  bytes = 0;
  ended = false;

  constructor(private readonly chunks: AsyncIterable<Uint8Array>) {}

  async *read(): AsyncGenerator<Uint8Array> {
    for await (const chunk of this.chunks) {
      this.bytes += chunk.length;
      yield chunk;
    }
    this.ended = true;
  }
}

function refuseBomb(inflatedBytes: number, unzip: Gunzip, limits: InflationLimits): void {
  if (inflatedBytes <= limits.inflationGraceBytes) return;
  if (inflatedBytes <= unzip.bytesWritten * limits.inflationRatio) return;
  throw new InflatesTooMuch(
    `${inflatedBytes} bytes out of ${unzip.bytesWritten} (more than ${limits.inflationRatio}:1)`,
  );
}

function isZlibError(error: unknown): error is Error {
  return (
    error instanceof Error && 'code' in error && typeof error.code === 'string' && error.code.startsWith('Z_')
  );
}
