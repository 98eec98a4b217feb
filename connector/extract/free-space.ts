import { statfs } from 'node:fs/promises';
import { ConfigError } from '../../schemas/errors.js';

/** Bytes that are left free for everything else on the disk. */
const KEPT_FREE = 64 * 1024 * 1024;

/** Keeps downloads that run at the same time from filling the disk together. */
export interface FreeSpace {
  /**
   * Sets bytes aside for a download that is about to be written.
   * @returns gives the bytes back, as they are written or when it ends; more than was set aside is ignored.
   * @throws ConfigError, saying how much is needed, when the disk has not so much left.
   */
  setAside(bytes: number, what: string): Promise<(given?: number) => void>;
}

/** Watches the disk of a folder. `free` tells its free bytes, for tests. */
export function watchFreeSpace(
  folder: string,
  free: () => Promise<number> = () => freeBytes(folder),
): FreeSpace {
  let reserved = 0;
  return {
    async setAside(bytes, what) {
      const available = await free();
      const needed = reserved + bytes + KEPT_FREE;
      if (available < needed) throw notEnough(folder, what, needed, available);
      reserved += bytes;
      let left = bytes;
      return (given = left) => {
        const back = Math.min(given, left);
        left -= back;
        reserved -= back;
      };
    },
  };
}

async function freeBytes(folder: string): Promise<number> {
  const { bavail, bsize } = await statfs(folder);
  return bavail * bsize;
}

function notEnough(folder: string, what: string, needed: number, available: number): ConfigError {
  return new ConfigError({
    message: `${what}: the disk of ${folder} has ${mebibytes(available)} free, and ${mebibytes(needed)} are needed`,
    hint: 'free some space or set spool: to a folder on a larger disk; what was downloaded is kept',
    facts: { folder, needed, available },
  });
}

function mebibytes(bytes: number): string {
  return `${Math.ceil(bytes / 1024 ** 2)} MiB`;
}
