import { ConfigError } from '../schemas/errors.js';
import { scopeLabel, scopeText } from '../schemas/scope.js';
import type { LoadPackage } from './load-package.js';
import type { ScopeToReload } from './plan-reload.js';

/**
 * The newest package of an archive that holds what is published of a scope: the same eTag and attribute set. Pure.
 * @param packages in the order of publishing
 * @throws ConfigError where the archive has none
 */
export function archivedPackageOf(
  packages: readonly LoadPackage[],
  { scope, snapshot }: ScopeToReload,
): LoadPackage {
  const found = packages.findLast(
    (one) =>
      scopeLabel(one.exportRecord.scope) === scopeLabel(scope) &&
      one.manifest()?.eTag === snapshot.eTag &&
      one.exportRecord.attributeSet === snapshot.attributeSet,
  );
  if (found !== undefined) return found;
  throw new ConfigError({
    message: `${scopeLabel(scope)}: eTag ${snapshot.eTag} is published, and the archive has no package of it`,
    hint: 'name another archive, or reload it by a new export: leave out --from-archive (packages of unbilled streams are archived only with archive_unbilled: true)',
    facts: { stream: scope.stream, scope: scopeText(scope), etag: snapshot.eTag },
  });
}
