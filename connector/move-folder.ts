import { copyFile, open, readdir, rename, rm, rmdir } from 'node:fs/promises';
import { dirname, join } from 'node:path';
import { onDisk } from './disk-error.js';
import { errorCode } from './error-code.js';
import { makeFolder, syncFolder } from './durable-file.js';

/**
 * Moves a folder, to another file system too: there it is copied under another name, synced, renamed when whole,
 * and only then deleted where it was. A folder that already has the name is replaced. Parents are made.
 */
export async function moveFolder(source: string, target: string): Promise<void> {
  await makeFolder(dirname(target));
  await rm(target, { recursive: true, force: true });
  try {
    await rename(source, target);
  } catch (error) {
    if (errorCode(error) !== 'EXDEV') throw error;
    await onDisk(target, () => copyAcross(source, target));
  }
  await syncFolder(dirname(target));
}

/** The copying half of {@link moveFolder}, for a target on another file system. */
export async function copyAcross(source: string, target: string): Promise<void> {
  const unfinished = `${target}.tmp`;
  await rm(unfinished, { recursive: true, force: true });
  await copySynced(source, unfinished);
  await rename(unfinished, target);
  await rm(source, { recursive: true, force: true });
}

/** Paths of the folders in a folder, sorted; none where it does not exist. */
export async function foldersIn(folder: string): Promise<string[]> {
  try {
    const entries = await readdir(folder, { withFileTypes: true });
    return entries
      .filter((entry) => entry.isDirectory())
      .map((entry) => join(folder, entry.name))
      .sort();
  } catch (error) {
    if (errorCode(error) === 'ENOENT') return [];
    throw error;
  }
}

/** Deletes a folder if nothing is in it. */
export async function removeIfEmpty(folder: string): Promise<void> {
  try {
    await rmdir(folder);
  } catch (error) {
    if (!['ENOTEMPTY', 'EEXIST', 'ENOENT'].includes(errorCode(error))) throw error;
  }
}

async function copySynced(source: string, target: string): Promise<void> {
  await makeFolder(target);
  for (const entry of await readdir(source, { withFileTypes: true })) {
    const from = join(source, entry.name);
    const to = join(target, entry.name);
    if (entry.isDirectory()) {
      await copySynced(from, to);
    } else {
      await copyFile(from, to);
      const file = await open(to, 'r+');
      await file.sync().finally(() => file.close());
    }
  }
  await syncFolder(target);
}
