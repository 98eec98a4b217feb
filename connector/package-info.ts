import { existsSync, readFileSync } from 'node:fs';
import { dirname, join } from 'node:path';
import { SystemError } from '../schemas/errors.js';

const NAME = 'partner-billing-connector';

/**
 * The folder that holds our `package.json`, `sql/` and `connector.yaml`, absolute, whether this file runs from the
 * source or from `dist/`.
 * @throws SystemError when the package was taken apart.
 */
export function packageRoot(): string {
  return foundPackage().root;
}

/** The connector's version, as in `package.json`. */
export function packageVersion(): string {
  return foundPackage().version;
}

let found: { readonly root: string; readonly version: string } | undefined;

function foundPackage(): { readonly root: string; readonly version: string } {
  if (found !== undefined) return found;
  for (let folder = import.meta.dirname; ; folder = dirname(folder)) {
    const file = join(folder, 'package.json');
    const manifest: unknown = existsSync(file) ? JSON.parse(readFileSync(file, 'utf8')) : null;
    if (isOurs(manifest)) return (found = { root: folder, version: manifest.version });
    if (folder === dirname(folder)) break;
  }
  throw new SystemError({
    message: `no package.json of ${NAME} above ${import.meta.dirname}`,
    hint: 'install the package again',
  });
}

function isOurs(manifest: unknown): manifest is { name: string; version: string } {
  return (
    typeof manifest === 'object' &&
    manifest !== null &&
    'name' in manifest &&
    manifest.name === NAME &&
    'version' in manifest &&
    typeof manifest.version === 'string'
  );
}
