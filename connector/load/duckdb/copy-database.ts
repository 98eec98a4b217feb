import { chmod, constants, copyFile, open, rename, rm, stat, statfs } from 'node:fs/promises';
import { dirname } from 'node:path';
import { ConfigError, ConnectorError, TransientError } from '../../../schemas/errors.js';
import { exists, syncFolder } from '../../durable-file.js';
import { errorCode } from '../../error-code.js';
import { statement } from '../sql-text.js';
import { openFile, type DuckdbLimits } from './database.js';
import { waitForFile, type FileWait } from './wait-for-file.js';

/** Bytes that a copy leaves free for everything else on the disk. */
const KEPT_FREE = 64 * 1024 ** 2;

/** What DuckDB keeps beside a database file while changes are not in it yet; it applies them to whatever file it finds. */
const WAL_SUFFIXES = ['.wal', '.wal.checkpoint', '.wal.recovery'] as const;

/** A database file to copy, and how it may be opened for that. */
export interface CopySource {
  readonly path: string;
  readonly limits: DuckdbLimits;
  readonly wait: FileWait;
}

/**
 * Copies a database file to `temporary`, a name of its own in the folder where the copy is to be, for the owner only.
 * Nobody writes to the file meanwhile, and what was in its write-ahead log is in the copy. Where the file system can
 * share blocks between files the copy is made at once and takes no space. The copy is synced; returns its bytes.
 * @throws LockedError when another process has the file open for writing, still after `lock_wait`
 * @throws ConfigError when the disk has no room or may not be written
 */
export async function copyDatabase(source: CopySource, temporary: string): Promise<number> {
  await settle(source);
  const bytes = await copyWhole(source, temporary);
  await onCopy(temporary, async () => {
    const file = await open(temporary, 'r+');
    await file.sync().finally(() => file.close());
  });
  return bytes;
}

/** Gives a copy its mode and its name, in one step that survives a power cut. */
export async function putInPlace(temporary: string, path: string, mode: number): Promise<void> {
  await onCopy(path, async () => {
    await chmod(temporary, mode);
    await rename(temporary, path);
    await syncFolder(dirname(path));
  });
}

/** The write-ahead logs that lie beside a database file. DuckDB would apply them to it, whichever file they belong to. */
export async function walsBeside(path: string): Promise<string[]> {
  const found: string[] = [];
  for (const suffix of WAL_SUFFIXES) if (await exists(path + suffix)) found.push(path + suffix);
  return found;
}

/** What a killed run left in the write-ahead log is taken into the file, so that the file alone is the database. */
async function settle({ path, limits, wait }: CopySource): Promise<void> {
  if ((await walsBeside(path)).length === 0) return;
  const database = await waitForFile(() => openFile(path, 'write', limits), wait);
  try {
    await database.connection.run(statement('duckdb', 'session', 'checkpoint'));
  } finally {
    database.close();
  }
}

/**
 * Closing any handle of a file gives up every lock that this process has on it. So each attempt has a lock of its own,
 * and copies in one call that opens the file once.
 */
async function copyWhole(source: CopySource, temporary: string): Promise<number> {
  const { COPYFILE_EXCL, COPYFILE_FICLONE_FORCE } = constants;
  try {
    return await copyUndisturbed(source, temporary, COPYFILE_EXCL | COPYFILE_FICLONE_FORCE);
  } catch (error) {
    if (error instanceof ConnectorError) throw error;
    await rm(temporary, { force: true });
  }
  return await onCopy(temporary, async () => {
    await refuseFullDisk(dirname(temporary), (await stat(source.path)).size);
    return await copyUndisturbed(source, temporary, COPYFILE_EXCL);
  });
}

async function copyUndisturbed(source: CopySource, temporary: string, mode: number): Promise<number> {
  const { path, limits, wait } = source;
  const database = await waitForFile(() => openFile(path, 'read', limits), wait);
  try {
    const before = await stat(path, { bigint: true });
    await copyFile(path, temporary, mode);
    const after = await stat(path, { bigint: true });
    const { size } = await stat(temporary);
    const isSame = before.ino === after.ino && before.mtimeNs === after.mtimeNs && before.size === after.size;
    if (isSame && BigInt(size) === after.size && (await walsBeside(path)).length === 0) return size;
    throw new TransientError({
      message: `${path} was changed by another program while it was copied`,
      hint: 'the next run copies it again; let nobody else write to the file during a run',
      facts: { path },
    });
  } finally {
    database.close();
  }
}

async function refuseFullDisk(folder: string, bytes: number): Promise<void> {
  const { bavail, bsize } = await statfs(folder);
  const [free, needed] = [bavail * bsize, bytes + KEPT_FREE];
  if (free >= needed) return;
  throw new ConfigError({
    message: `the disk of ${folder} has ${mebibytes(free)} free, and a copy of the database needs ${mebibytes(needed)}`,
    hint: `free some space in ${folder}`,
    facts: { folder, free, needed },
  });
}

/** What goes wrong on the disk comes out as an error of ours that names the place. */
async function onCopy<T>(path: string, work: () => Promise<T>): Promise<T> {
  try {
    return await work();
  } catch (error) {
    if (error instanceof ConnectorError) throw error;
    const code = errorCode(error);
    if (code === '') throw error;
    const isFull = ['ENOSPC', 'EDQUOT', 'EFBIG'].includes(code);
    throw new ConfigError({
      message: `${path} could not be written: ${error instanceof Error ? error.message : code}`,
      hint: isFull
        ? `the disk is full: free some space in ${dirname(path)}`
        : `the folder ${dirname(path)} must be there, and this user must be able to write in it`,
      facts: { path, code },
      cause: error,
    });
  }
}

function mebibytes(bytes: number): string {
  return `${Math.ceil(bytes / 1024 ** 2)} MiB`;
}
