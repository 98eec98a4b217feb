import { existsSync, readFileSync } from 'node:fs';
import { dirname, join } from 'node:path';
import { fileURLToPath } from 'node:url';
import { SystemError } from '../../schemas/errors.js';

let found: string | undefined;

/** The folder of our package.json, where `sql/` is too: the same from source and from `dist`. */
export function packageFolder(): string {
  if (found !== undefined) return found;
  let folder = dirname(fileURLToPath(import.meta.url));
  while (!existsSync(join(folder, 'package.json'))) {
    const parent = dirname(folder);
    if (parent === folder) {
      throw new SystemError({
        message: 'package.json was not found above connector/load',
        hint: 'the installation is damaged: install the connector again',
      });
    }
    folder = parent;
  }
  found = folder;
  return folder;
}

/** The connector's version, as package.json says. */
export function packageVersion(): string {
  const text = readFileSync(join(packageFolder(), 'package.json'), 'utf8');
  return (JSON.parse(text) as { version: string }).version;
}
