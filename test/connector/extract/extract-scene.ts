import { readdir, readFile, stat } from 'node:fs/promises';
import { join } from 'node:path';
import {
  createExtractor,
  type ExtractorOptions,
  type Extractor,
} from '../../../connector/extract/extractor.js';
import { SERVICE_TIMEOUTS } from '../../../connector/extract/service-request.js';
import { Spool } from '../../../connector/load-package.js';
import type { ExportRequest } from '../../../schemas/scope.js';
import type { GraphDouble } from './graph-double.js';
import { collected, configOf, TENANT, temporaryFolder, testClock, type TestClock } from './scene.js';

/** An invoice to export. */
export const INVOICE: ExportRequest = {
  scope: { by: 'invoice', stream: 'billed_usage', invoice: 'G016907411' },
  attributeSet: 'full',
};
/** A month to export. */
export const MONTH: ExportRequest = {
  scope: { by: 'month', stream: 'unbilled_usage', month: '2026-11', currency: 'USD' },
  attributeSet: 'full',
  period: 'current',
};

/** An extractor over a spool, beside a double of Graph. */
export interface ExtractScene {
  readonly extractor: Extractor;
  readonly spool: Spool;
  readonly spoolFolder: string;
  readonly clock: TestClock;
  readonly events: ReturnType<typeof collected>['events'];
}

/** Makes an extractor; give it the spool folder of an earlier one to continue its work. */
export async function extractorFor(
  double: GraphDouble,
  options: Partial<Pick<ExtractorOptions, 'blobIdleMs' | 'freeBytes'>> & {
    readonly spoolFolder?: string;
    readonly clock?: TestClock;
    readonly source?: Readonly<Record<string, unknown>>;
    readonly limits?: Readonly<Record<string, unknown>>;
  } = {},
): Promise<ExtractScene> {
  const spoolFolder = options.spoolFolder ?? (await temporaryFolder());
  const clock = options.clock ?? testClock();
  const { events, report } = collected();
  const spool = await Spool.open(spoolFolder, TENANT, 'csp');
  const config = configOf(double.graphUrl, {
    source: { storage_hosts: [`127.0.0.1:${double.storage.port}`], ...options.source },
    ...(options.limits === undefined ? {} : { limits: options.limits }),
  });
  const extractor = createExtractor({
    config,
    spool,
    report,
    clock,
    random: () => 0,
    timeouts: { ...SERVICE_TIMEOUTS, response: 2000, request: 5000 },
    freeBytes: options.freeBytes ?? (() => Promise.resolve(1e12)),
    blobIdleMs: options.blobIdleMs ?? 2000,
  });
  return { extractor, spool, spoolFolder, clock, events };
}

/** All files below a folder, with their content as text and their mode. */
export async function filesIn(
  folder: string,
): Promise<{ readonly path: string; readonly text: string; readonly mode: number }[]> {
  const entries = await readdir(folder, { recursive: true, withFileTypes: true });
  return await Promise.all(
    entries
      .filter((entry) => entry.isFile())
      .map(async (entry) => {
        const path = join(entry.parentPath, entry.name);
        return { path, text: await readFile(path, 'latin1'), mode: (await stat(path)).mode & 0o777 };
      }),
  );
}

/** Nothing is published. */
export const NOTHING_PUBLISHED = (): null => null;
