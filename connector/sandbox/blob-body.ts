import { open } from 'node:fs/promises';
import { Readable } from 'node:stream';
import type { BlobFile } from './blob-store.js';
import type { ByteRange } from './byte-range.js';

const CHUNK = 256 * 1024;

/** A blob as it will be sent: of a damaged one the bytes differ, and perhaps how many there are. */
export interface BlobView {
  readonly file: BlobFile;
  readonly length: number;
  /** Position of a byte that is sent wrong, or null. */
  readonly flippedAt: number | null;
}

const TRAILING = Buffer.from('no gzip!');

/** What a blob is sent as: whole, or as a fault leaves it. */
export function viewOf(
  file: BlobFile,
  damage: 'truncated' | 'between members' | 'flipped' | 'trailing' | null,
): BlobView {
  switch (damage) {
    case 'truncated':
      return { file, length: Math.max(0, file.length - 10), flippedAt: null };
    case 'between members':
      return { file, length: file.memberEnds[0] ?? file.length, flippedAt: null };
    case 'flipped':
      return { file, length: file.length, flippedAt: Math.floor(file.length / 2) };
    case 'trailing':
      return { file, length: file.length + TRAILING.length, flippedAt: null };
    case null:
      return { file, length: file.length, flippedAt: null };
  }
}

/** The bytes of a range of a view, read as they are asked for. */
export function bodyOf(view: BlobView, range: ByteRange): Readable {
  return Readable.from(bytesOf(view, range), { objectMode: false });
}

async function* bytesOf({ file, flippedAt }: BlobView, { start, end }: ByteRange): AsyncGenerator<Buffer> {
  const handle = await open(file.path, 'r');
  try {
    let position = start;
    const last = Math.min(end, file.length - 1);
    while (position <= last) {
      const buffer = Buffer.allocUnsafe(Math.min(CHUNK, last - position + 1));
      const { bytesRead } = await handle.read(buffer, 0, buffer.length, position);
      const chunk = buffer.subarray(0, bytesRead);
      const flip = flippedAt === null ? -1 : flippedAt - position;
      if (flip >= 0 && flip < bytesRead) chunk[flip] = (chunk[flip] ?? 0) ^ 0x10;
      position += bytesRead;
      yield chunk;
    }
  } finally {
    await handle.close();
  }
  if (end >= file.length) {
    yield TRAILING.subarray(Math.max(0, start - file.length), end - file.length + 1);
  }
}
