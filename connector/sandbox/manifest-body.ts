import type { BlobFile } from './blob-store.js';
import type { DataVersion } from './data-version.js';
import type { FaultSwitch } from './fault-switch.js';

/** What a manifest is drawn up from. */
export interface ManifestParts {
  readonly version: DataVersion;
  readonly files: readonly BlobFile[];
  readonly tenantId: string;
  /** URL of the version's directory, no slash at the end. */
  readonly rootDirectory: string;
  /** A fresh SAS, without `?`. */
  readonly sas: string;
}

/**
 * A manifest as Graph sends it, with the member names and values of 2024 (api-contract.md 3.1), or in whatever
 * other spelling the faults ask for.
 */
export function manifestBody(parts: ManifestParts, faults: FaultSwitch): Record<string, unknown> {
  const { version, files, tenantId } = parts;
  const old = faults.fires('manifest-json-lines');
  const numbered = faults.fires('manifest-item-count');
  const blobs = blobList(files, numbered, faults);
  const body: Record<string, unknown> = {
    id: version.manifestId,
    schemaVersion: old ? '1' : '2',
    dataFormat: old ? 'compressedJSONLines' : 'compressedJSON',
    createdDateTime: version.createdAt.toISOString(),
    eTag: version.eTag,
    partnerTenantId: faults.fires('manifest-other-tenant')
      ? '11111111-2222-4333-8444-555555555555'
      : tenantId,
    rootDirectory: rootOf(parts, faults),
    sasToken: faults.fires('manifest-sas-question-mark') ? `?${parts.sas}` : parts.sas,
    partitionType: numbered ? 'ItemCount' : old ? 'Default' : 'default',
    blobCount: blobs.length + (faults.fires('manifest-blob-count') ? 1 : 0),
    blobs,
  };
  if (faults.fires('manifest-no-blob-count')) delete body['blobCount'];
  if (faults.fires('manifest-sas-upper')) rename(body, 'sasToken', 'SASToken');
  if (faults.fires('manifest-unknown-members')) {
    body['@odata.type'] = '#microsoft.graph.partners.billing.manifest';
    body['futureMember'] = { nested: [1, null] };
  }
  if (faults.fires('manifest-legacy-names')) {
    rename(body, 'rootDirectory', 'rootFolder');
    rename(body, 'createdDateTime', 'utcCreatedDateTime');
    rename(body, 'schemaVersion', 'version');
    delete body['sasToken'];
    body['rootFolderSAS'] = `${parts.rootDirectory}?${parts.sas}`;
  }
  return body;
}

function rootOf(parts: ManifestParts, faults: FaultSwitch): string {
  if (faults.fires('manifest-other-host')) return `https://storage.example.net/${parts.version.directory}`;
  return faults.fires('manifest-trailing-slash') ? `${parts.rootDirectory}/` : parts.rootDirectory;
}

function blobList(
  files: readonly BlobFile[],
  numbered: boolean,
  faults: FaultSwitch,
): Record<string, unknown>[] {
  if (faults.fires('manifest-no-blobs')) return [];
  const climbs = faults.fires('manifest-path-trick');
  const sized = faults.fires('manifest-blob-sizes');
  return files.map((file, index) => ({
    name: climbs && index === 0 ? `../${file.name}` : file.name,
    partitionValue: numbered ? String(index + 1) : 'default',
    ...(sized ? { sizeInBytes: file.length, itemCount: file.records } : {}),
  }));
}

function rename(body: Record<string, unknown>, from: string, to: string): void {
  body[to] = body[from];
  delete body[from];
}
