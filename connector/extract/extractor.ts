import { setMaxListeners } from 'node:events';
import type { Config } from '../../schemas/config.js';
import type { ExportRequest } from '../../schemas/scope.js';
import type { Spool } from '../load-package.js';
import { connectGraph, type ConnectionOptions } from './connection.js';
import { watchFreeSpace } from './free-space.js';
import { PackageClaims } from './package-claims.js';
import { createSlots } from './package-download.js';
import type { ExportOutcome, PublishedOf } from './export-outcome.js';
import { exportScope } from './scope-export.js';

export type { ExportOutcome, PublishedOf } from './export-outcome.js';

/** Milliseconds without a byte of a blob after which an attempt to read it ends. */
const BLOB_IDLE_MS = 60_000;

/** What the extractor is made of. */
export interface ExtractorOptions extends ConnectionOptions {
  readonly config: Config;
  readonly spool: Spool;
  /** How long a blob may give no byte. */
  readonly blobIdleMs?: number;
  /** Free bytes on the spool's disk, instead of asking the system. */
  readonly freeBytes?: () => Promise<number>;
}

/** How a scope is to be exported. */
export interface ExportOptions {
  /** Hand over a package even where eTag and attribute set are those that are published. */
  readonly force?: boolean | undefined;
  readonly signal?: AbortSignal | undefined;
}

/** Exports scopes into load packages. */
export interface Extractor {
  /**
   * Resumes or begins the export of a scope until its package is whole on disk. What is on disk is neither asked
   * for nor read again. A blob that was discarded is all that is downloaded when the scope is exported again.
   * @throws ConfigError, TransientError, IntegrityError; or the signal's reason. What was reached stays on disk.
   */
  exportScope(
    request: ExportRequest,
    publishedOf: PublishedOf,
    options?: ExportOptions,
  ): Promise<ExportOutcome>;
}

/** Makes the extractor of a run: one credential, one set of connections, one bound on downloads for all scopes. */
export function createExtractor(options: ExtractorOptions): Extractor {
  const { config, spool, clock, report, random = Math.random } = options;
  const { client, agents } = connectGraph(options);
  const slots = createSlots(config.limits.concurrent_blobs);
  const claims = new PackageClaims();
  const space = watchFreeSpace(spool.root, options.freeBytes);
  return {
    exportScope: async (request, publishedOf, { force = false, signal } = {}) => {
      // As many scopes as are configured wait on a run's one signal; that is no leak to warn about.
      if (signal !== undefined) setMaxListeners(0, signal);
      return await exportScope({
        config,
        spool,
        client,
        agents,
        clock,
        random,
        report,
        slots,
        claims,
        space,
        blobIdleMs: options.blobIdleMs ?? BLOB_IDLE_MS,
        request,
        publishedOf,
        force,
        signal,
      });
    },
  };
}
