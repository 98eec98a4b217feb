import { createHash, type Hash } from 'node:crypto';
import { open, rename, rm, writeFile, type FileHandle } from 'node:fs/promises';
import { join } from 'node:path';
import {
  PACKAGE_FILES,
  partialRecordSchema,
  type BlobRecord,
  type PartialRecord,
} from '../schemas/load-package.js';
import { onDisk } from './disk-error.js';
import { FILE_MODE, makeFolder, readRecord, syncFolder, writeDurably } from './durable-file.js';
import { atStep } from './run-step.js';

const READ_BYTES = 1024 * 1024;

/**
 * A blob on its way to disk: `partial/<file>` until it is whole, then `blobs/<file>`. Knows how many bytes are
 * there, which version of the blob they belong to, and their digests; survives the process.
 */
export class PartialBlob {
  readonly name: string;
  readonly #folder: string;
  #file: FileHandle;
  #offset = 0;
  #sha256: Hash = createHash('sha256');
  #md5: Hash = createHash('md5');
  #record: PartialRecord | null = null;

  private constructor(folder: string, name: string, file: FileHandle) {
    this.#folder = folder;
    this.name = name;
    this.#file = file;
  }

  /**
   * Opens a package's partial blob. What an earlier run left of it is hashed again and kept, if it is known which
   * version it belongs to.
   */
  static async open(packageFolder: string, name: string): Promise<PartialBlob> {
    await makeFolder(join(packageFolder, PACKAGE_FILES.partial));
    const path = join(packageFolder, PACKAGE_FILES.partial, name);
    const file = await onDisk(path, async () => {
      await (await open(path, 'a', FILE_MODE)).close();
      return await open(path, 'r+');
    });
    const partial = new PartialBlob(packageFolder, name, file);
    try {
      await partial.#adopt();
      return partial;
    } catch (error) {
      await file.close();
      throw error;
    }
  }

  /** How many bytes are on disk. */
  get offset(): number {
    return this.#offset;
  }

  /** Which version they belong to, and how long it is; null before the first answer of storage. */
  get record(): PartialRecord | null {
    return this.#record;
  }

  /** Notes the version that the following bytes belong to. A record that a crash tears only costs these bytes. */
  async begin(record: PartialRecord): Promise<void> {
    const content = JSON.stringify(record);
    await onDisk(this.#recordPath, () => writeFile(this.#recordPath, content, { mode: FILE_MODE }));
    this.#record = record;
  }

  /** Adds bytes at the end. */
  async append(chunk: Uint8Array): Promise<void> {
    await onDisk(this.#path, () => this.#write(chunk));
    this.#sha256.update(chunk);
    this.#md5.update(chunk);
    this.#offset += chunk.byteLength;
  }

  async #write(chunk: Uint8Array): Promise<void> {
    let written = 0;
    while (written < chunk.byteLength) {
      const { bytesWritten } = await this.#file.write(
        chunk,
        written,
        chunk.byteLength - written,
        this.#offset + written,
      );
      written += bytesWritten;
    }
  }

  /** Forgets what is there: the blob is read from its beginning again. */
  async restart(): Promise<void> {
    await rm(this.#recordPath, { force: true });
    await this.#file.truncate(0);
    this.#offset = 0;
    this.#sha256 = createHash('sha256');
    this.#md5 = createHash('md5');
    this.#record = null;
  }

  /** MD5 of the bytes on disk, base64 as storage sends it. */
  get md5(): string {
    return this.#md5.copy().digest('base64');
  }

  /**
   * Makes the blob a whole one: synced, its record written, then renamed to its name. The caller has compared the
   * length. After this the partial blob is closed.
   */
  async complete(): Promise<BlobRecord> {
    const { etag, contentMd5 } = this.#record ?? {};
    const record: BlobRecord = {
      name: this.name,
      bytes: this.#offset,
      sha256: this.#sha256.copy().digest('hex'),
      ...(etag === undefined ? {} : { etag }),
      ...(contentMd5 === undefined ? {} : { contentMd5 }),
    };
    await onDisk(this.#path, async () => {
      await this.#file.sync();
      await this.#file.close();
    });
    const blobs = join(this.#folder, PACKAGE_FILES.blobs);
    await makeFolder(blobs);
    await writeDurably(join(blobs, `${this.name}.json`), JSON.stringify(record));
    atStep('blob recorded');
    await rename(this.#path, join(blobs, this.name));
    await syncFolder(blobs);
    atStep('blob renamed');
    await rm(this.#recordPath, { force: true });
    return record;
  }

  /** Leaves the bytes for a later run. */
  async close(): Promise<void> {
    await this.#file.close();
  }

  get #path(): string {
    return join(this.#folder, PACKAGE_FILES.partial, this.name);
  }

  get #recordPath(): string {
    return `${this.#path}.json`;
  }

  async #adopt(): Promise<void> {
    const record = await readRecord(this.#recordPath, partialRecordSchema);
    const { size } = await this.#file.stat();
    if (record === null || record.name !== this.name || size > record.bytes) {
      await this.restart();
      return;
    }
    this.#record = record;
    const buffer = Buffer.allocUnsafe(READ_BYTES);
    for (;;) {
      const { bytesRead } = await this.#file.read(buffer, 0, READ_BYTES, this.#offset);
      if (bytesRead === 0) return;
      const chunk = buffer.subarray(0, bytesRead);
      this.#sha256.update(chunk);
      this.#md5.update(chunk);
      this.#offset += bytesRead;
    }
  }
}
