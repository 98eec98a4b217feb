import { readdirSync } from 'node:fs';
import { join } from 'node:path';
import { packageRoot } from '../connector/package-info.js';

/** The views and functions that migrating makes after the migrations, as it names them; the same for both dialects. */
export function viewNames(): string[] {
  return ['view', 'function'].flatMap((kind) =>
    readdirSync(join(packageRoot(), 'sql', 'duckdb', `${kind}s`))
      .sort()
      .map((file) => `${kind} ${file.replace('.sql', '')}`),
  );
}
