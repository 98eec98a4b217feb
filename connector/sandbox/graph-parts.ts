import type { BlobFile, BlobStore } from './blob-store.js';
import type { DataVersion } from './data-version.js';
import type { FaultSwitch } from './fault-switch.js';
import type { Operations } from './operations.js';
import type { Settings } from './options.js';
import type { SandboxData } from './sandbox-data.js';
import type { StorageService } from './storage-service.js';

/** What Graph is made of here. */
export interface GraphParts {
  readonly settings: Settings;
  readonly data: SandboxData;
  readonly store: BlobStore;
  readonly storage: StorageService;
  readonly faults: FaultSwitch;
  readonly operations: Operations;
  /** `http://127.0.0.1:PORT`. */
  readonly origin: string;
}

/** The blobs of a version, made unless they are there, and open to readers of storage. */
export async function blobsOf(parts: GraphParts, version: DataVersion): Promise<readonly BlobFile[]> {
  await parts.data.prepare(version.scope);
  const files = await parts.store.files(version, parts.data.source(version));
  parts.storage.offer(version, files);
  return files;
}
