import { readdir } from 'node:fs/promises';
import { join } from 'node:path';
import { ConfigError } from '../schemas/errors.js';
import { errorCode } from './error-code.js';
import { Spool, type LoadPackage } from './load-package.js';

/** The packages of one dataset in an archive. */
export interface ArchiveStock {
  /** The partner tenant that they are of. */
  readonly tenantId: string;
  readonly dataset: string;
  /** In the order of publishing. */
  readonly packages: readonly LoadPackage[];
}

/** Which of the datasets of an archive is meant; undefined where the archive may tell. */
export interface ArchiveChoice {
  readonly tenantId?: string | undefined;
  readonly dataset?: string | undefined;
}

/**
 * The packages of an archive, `<root>/<tenant>/<dataset>/<stream>/<scope>/<package>/`, in the order in which they were
 * published. Package ids sort by when their export began, and of one scope nothing newer is published before something
 * older. Nothing is changed.
 * @throws ConfigError when there is none, or several datasets and no choice between them
 */
export async function archiveStock(root: string, choice: ArchiveChoice): Promise<ArchiveStock> {
  const found = await datasetsIn(root);
  const wanted = found.filter(
    ({ tenantId, dataset }) =>
      (choice.tenantId === undefined || choice.tenantId === tenantId) &&
      (choice.dataset === undefined || found.length === 1 || choice.dataset === dataset),
  );
  const [one, ...others] = wanted;
  if (one === undefined || others.length > 0) throw unclear(root, found, choice);
  const spool = await Spool.open(root, one.tenantId, one.dataset);
  const packages = [...(await spool.list())].sort((a, b) => (a.packageId < b.packageId ? -1 : 1));
  return { ...one, packages };
}

/** The one tenant of whom an archive holds packages; null where there is none, or more than one. */
export async function onlyTenantOf(root: string): Promise<string | null> {
  const [one, ...others] = new Set((await datasetsIn(root)).map(({ tenantId }) => tenantId));
  return one === undefined || others.length > 0 ? null : one;
}

interface ArchivedDataset {
  readonly tenantId: string;
  readonly dataset: string;
}

async function datasetsIn(root: string): Promise<readonly ArchivedDataset[]> {
  const found: ArchivedDataset[] = [];
  for (const tenantId of await folderNames(root)) {
    for (const dataset of await folderNames(join(root, tenantId))) found.push({ tenantId, dataset });
  }
  return found;
}

async function folderNames(folder: string): Promise<readonly string[]> {
  try {
    const entries = await readdir(folder, { withFileTypes: true });
    return entries
      .filter((entry) => entry.isDirectory())
      .map(({ name }) => name)
      .sort();
  } catch (error) {
    if (errorCode(error) === 'ENOENT' || errorCode(error) === 'ENOTDIR') return [];
    throw error;
  }
}

function unclear(root: string, found: readonly ArchivedDataset[], choice: ArchiveChoice): ConfigError {
  const names = found.map(({ tenantId, dataset }) => `${tenantId}/${dataset}`);
  if (found.length === 0) {
    return new ConfigError({
      message: `${root} holds no archived packages`,
      hint: 'name the folder that `archive:` of the other configuration names: below it are tenant, dataset, stream, scope, package',
      facts: { archive: root },
    });
  }
  return new ConfigError({
    message: `${root} holds packages of ${names.join(', ')}, and ${choice.tenantId ?? 'no tenant'} / ${choice.dataset ?? 'no dataset'} does not tell which`,
    hint: 'set source.tenant_id, and destination.dataset to the name of the dataset in the archive',
    facts: { archive: root },
  });
}
