import { existsSync } from 'node:fs';
import { dirname, join } from 'node:path';
import { packageRoot } from './package-info.js';

/**
 * How this program is called from a folder, in commands that are to be pasted: `npx partner-billing` where npx finds
 * it without the network (in our own repository, or where we are installed), else `node` with the full path.
 */
export function invocationText(cwd: string): string {
  const root = packageRoot();
  for (let folder = cwd; ; folder = dirname(folder)) {
    const installed = existsSync(join(folder, 'node_modules', '.bin', 'partner-billing'));
    if (installed || folder === root) return 'npx partner-billing';
    // npx looks no further than the nearest package.
    if (existsSync(join(folder, 'package.json')) || folder === dirname(folder)) break;
  }
  return `node ${join(root, 'dist', 'connector', 'cli.js')}`;
}
