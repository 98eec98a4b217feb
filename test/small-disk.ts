import { execFile, spawn, type ChildProcess, type SpawnOptions } from 'node:child_process';
import { chmod, mkdtemp, readdir, rm, stat, statfs, writeFile } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { promisify } from 'node:util';

const run = promisify(execFile);

/**
 * A disk that is really full: a small file system in memory where mounting one is allowed (Linux, as root), else a
 * limit of the system on the size of files. Which of the two is `kind`; the errors of both are the system's own.
 */
export interface SmallDisk {
  readonly kind: 'file system' | 'file size';
  /** Everything below it is on the disk. */
  readonly folder: string;
  /**
   * Fills the disk until that many bytes are free; a size limit leaves the largest file that
   * many, or lets no file grow beyond `-bytes` where that is negative.
   */
  leave(bytes: number): Promise<void>;
  /** Makes room again. */
  makeRoom(): Promise<void>;
  /** Starts a program for which the disk is as full as it is now. */
  start(program: string, args: readonly string[], options: SpawnOptions): ChildProcess;
  remove(): Promise<void>;
}

/** Makes a disk of that many bytes; with `kind`, or `TEST_SMALL_DISK` in the environment, of that kind. */
export async function makeSmallDisk(
  bytes: number,
  kind = process.env['TEST_SMALL_DISK'],
): Promise<SmallDisk> {
  const folder = await mkdtemp(join(tmpdir(), 'small-disk-'));
  // Others may enter: a database server runs as somebody else.
  await chmod(folder, 0o755);
  if (kind === 'file size') return limited(folder);
  const isMounted = await run('mount', [
    '-t',
    'tmpfs',
    '-o',
    `size=${bytes},mode=0755`,
    'tmpfs',
    folder,
  ]).then(
    () => true,
    () => false,
  );
  return isMounted ? mounted(folder) : limited(folder);
}

function mounted(folder: string): SmallDisk {
  const ballast = join(folder, 'ballast');
  return {
    kind: 'file system',
    folder,
    leave: async (bytes) => {
      await rm(ballast, { force: true });
      const { bavail, bsize } = await statfs(folder);
      await writeFile(ballast, Buffer.alloc(Math.max(0, bavail * bsize - bytes)));
    },
    makeRoom: () => rm(ballast, { force: true }),
    start: (program, args, options) => spawn(program, args, options),
    remove: async () => {
      await run('umount', ['-l', folder]);
      await rm(folder, { recursive: true, force: true });
    },
  };
}

function limited(folder: string): SmallDisk {
  let bytes: number | undefined;
  return {
    kind: 'file size',
    folder,
    leave: async (left) => {
      const names = await readdir(folder, { recursive: true });
      const sizes = await Promise.all(names.map(async (name) => (await stat(join(folder, name))).size));
      bytes = left < 0 ? -left : Math.max(0, ...sizes) + left;
    },
    makeRoom: () => {
      bytes = undefined;
      return Promise.resolve();
    },
    start: (program, args, options) => {
      if (bytes === undefined) return spawn(program, args, options);
      // Blocks of 512 bytes; a program that ignores the signal gets an error instead of its end.
      const limit = `trap '' XFSZ; ulimit -f ${Math.floor(bytes / 512)}; exec "$@"`;
      return spawn('/bin/sh', ['-c', limit, 'sh', program, ...args], options);
    },
    remove: () => rm(folder, { recursive: true, force: true }),
  };
}
