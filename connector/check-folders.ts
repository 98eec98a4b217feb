import { constants } from 'node:fs';
import { access, stat, statfs } from 'node:fs/promises';
import { dirname } from 'node:path';
import type { LoadedConfig } from './config.js';
import type { Finding } from './finding.js';
import { bytesText } from './quantity-text.js';

/** Whether spool and archive are there, or can be made, and may be written, and how much is free. Makes nothing. */
export async function checkFolders(loaded: LoadedConfig): Promise<Finding[]> {
  const { spool, archive } = loaded.config;
  const named = [['spool', spool], ...(archive === undefined ? [] : [['archive', archive]])] as const;
  return await Promise.all(
    named.map(([name = '', path = '']) =>
      checkFolder(`${name} ${loaded.resolve(path)}`, loaded.resolve(path)),
    ),
  );
}

async function checkFolder(what: string, path: string): Promise<Finding> {
  const existing = await nearestExisting(path);
  try {
    if (!(await stat(existing)).isDirectory()) {
      return { tried: what, result: 'failed', detail: `${existing} is no folder; name another one` };
    }
    await access(existing, constants.W_OK | constants.X_OK);
  } catch {
    return { tried: what, result: 'failed', detail: `${existing} may not be written by this user` };
  }
  const { bavail, bsize } = await statfs(existing);
  const free = `${bytesText(bavail * bsize)} free`;
  return {
    tried: what,
    result: 'ok',
    detail: existing === path ? `may be written, ${free}` : `can be made, ${free}`,
  };
}

async function nearestExisting(path: string): Promise<string> {
  try {
    await stat(path);
    return path;
  } catch {
    const above = dirname(path);
    return above === path ? path : await nearestExisting(above);
  }
}
