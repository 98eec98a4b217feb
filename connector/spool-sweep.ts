import { readdir, readFile, rm } from 'node:fs/promises';
import { join } from 'node:path';
import { PACKAGE_FILES } from '../schemas/load-package.js';
import { errorCode } from './error-code.js';
import { foldersIn, removeIfEmpty } from './move-folder.js';

/** What `replaceFile` calls a file that is not whole yet. */
const TEMPORARY = /\.[0-9a-f]{8}\.tmp$/;

/**
 * Deletes what a crash left in a dataset's folder of the spool and no run can go on with: packages that were being made
 * or deleted, whose `export.json` is missing or torn, and records that were being written. A package that another version
 * of the connector wrote is left alone. To be called by the run that holds the dataset, before it begins a package.
 */
export async function sweepSpool(root: string): Promise<void> {
  for (const stream of await foldersIn(root)) {
    for (const scope of await foldersIn(stream)) {
      for (const found of await foldersIn(scope)) {
        if (await isDebris(found)) await rm(found, { recursive: true, force: true });
      }
      await removeIfEmpty(scope);
    }
  }
  for (const name of await readdir(root)) {
    if (TEMPORARY.test(name)) await rm(join(root, name), { force: true });
  }
}

async function isDebris(folder: string): Promise<boolean> {
  try {
    JSON.parse(await readFile(join(folder, PACKAGE_FILES.exportRecord), 'utf8'));
    return false;
  } catch (error) {
    if (error instanceof SyntaxError || errorCode(error) === 'ENOENT') return true;
    throw error;
  }
}
