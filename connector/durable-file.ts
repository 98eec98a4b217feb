import { randomBytes } from 'node:crypto';
import { mkdir, open, readFile, rename, rm, stat } from 'node:fs/promises';
import { dirname } from 'node:path';
import type { z } from 'zod';
import { onDisk } from './disk-error.js';
import { errorCode } from './error-code.js';

/** Mode of every file that we write: the data is a partner's invoices. */
export const FILE_MODE = 0o600;
/** Mode of every folder that we make. */
export const FOLDER_MODE = 0o700;

/** Makes a folder and its missing parents, for its owner only. */
export async function makeFolder(path: string): Promise<void> {
  await onDisk(path, () => mkdir(path, { recursive: true, mode: FOLDER_MODE }));
}

/**
 * Writes a small file so that after a crash either the old or the whole new content is there: a file of another
 * name, synced, renamed over the old one, the folder synced. When it resolves the content survives a power cut.
 */
export async function writeDurably(path: string, content: string): Promise<void> {
  await onDisk(path, () => replaceFile(path, content));
  await syncFolder(dirname(path));
}

/**
 * Writes a small file under another name and renames it over the old one: whoever reads it sees the whole old or the
 * whole new content. `mode` is given to it whatever the umask is.
 */
export async function replaceFile(path: string, content: string, mode = FILE_MODE): Promise<void> {
  const temporary = `${path}.${randomBytes(4).toString('hex')}.tmp`;
  try {
    const file = await open(temporary, 'wx', FILE_MODE);
    try {
      if (mode !== FILE_MODE) await file.chmod(mode);
      await file.writeFile(content);
      await file.sync();
    } finally {
      await file.close();
    }
    await rename(temporary, path);
  } catch (error) {
    await rm(temporary, { force: true });
    throw error;
  }
}

/** Makes the names in a folder survive a power cut, where the system can. */
export async function syncFolder(path: string): Promise<void> {
  const folder = await open(path, 'r');
  try {
    await folder.sync();
  } catch (error) {
    // Some file systems know no sync of folders; there the rename itself is all that can be had.
    if (!['EINVAL', 'EPERM', 'EISDIR', 'ENOTSUP'].includes(errorCode(error))) throw error;
  } finally {
    await folder.close();
  }
}

/** Whether a file or folder is there. */
export async function exists(path: string): Promise<boolean> {
  return await stat(path).then(
    () => true,
    (error: unknown) => {
      if (errorCode(error) === 'ENOENT' || errorCode(error) === 'ENOTDIR') return false;
      throw error;
    },
  );
}

/**
 * Reads a small JSON file and checks its shape. Null when it is absent, torn or of another shape: what is known of
 * unfinished work may always be forgotten, it is only asked for again.
 */
export async function readRecord<T>(path: string, schema: z.ZodType<T>): Promise<T | null> {
  let content: string;
  try {
    content = await readFile(path, 'utf8');
  } catch (error) {
    if (errorCode(error) === 'ENOENT' || errorCode(error) === 'ENOTDIR') return null;
    throw error;
  }
  try {
    return schema.parse(JSON.parse(content));
  } catch {
    return null;
  }
}
