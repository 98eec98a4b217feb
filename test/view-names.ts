import { readdirSync } from 'node:fs';
import { join } from 'node:path';
import type { Dialect } from '../connector/load/destination.js';
import { packageRoot } from '../connector/package-info.js';

/** The macros, views and functions that migrating makes after the migrations, as it names them. */
export function viewNames(dialect: Dialect): string[] {
  return ['macro', 'view', 'function'].flatMap((kind) =>
    readdirSync(join(packageRoot(), 'sql', dialect, `${kind}s`))
      .sort()
      .map((file) => `${kind} ${file.replace('.sql', '')}`),
  );
}
