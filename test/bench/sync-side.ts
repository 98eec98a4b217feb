import { join } from 'node:path';
import pMap from 'p-map';
import { systemClock } from '../../connector/clock.js';
import { loadConfig, type LoadedConfig } from '../../connector/config.js';
import { createExtractor } from '../../connector/extract/extractor.js';
import { Spool } from '../../connector/load-package.js';
import { requestsOf } from '../../connector/plan-requests.js';
import { EVERYTHING } from '../../connector/selection.js';
import { runSync } from '../../connector/sync.js';
import type { ProgressEvent } from '../../schemas/progress.js';
import type { Done } from './measure.js';

/** Downloads every invoice of the configuration into its spool, as a sync does, and loads none. */
export async function downloadAll(folder: string): Promise<Done> {
  const loaded = await configOf(folder);
  const { config, resolve } = loaded;
  const spool = await Spool.open(resolve(config.spool), config.source.tenant_id, config.destination.dataset);
  const report = (): void => undefined;
  const extractor = createExtractor({ config, resolve, spool, report, clock: systemClock });
  const requests = requestsOf(config, 'billed_usage', EVERYTHING, [], new Date());
  await pMap(requests, (request) => extractor.exportScope(request, () => null), {
    concurrency: config.limits.concurrent_exports,
  });
  return { rows: 0, counts: { invoices: requests.length } };
}

/**
 * A whole sync. Where the spool holds the invoices whole already, nothing is asked for: it is loading alone.
 * The stages say how much of the time something was being loaded, and how much of that something was being downloaded too.
 */
export async function syncAll(folder: string): Promise<Done> {
  const seen: { readonly at: number; readonly event: ProgressEvent['event'] }[] = [];
  const start = systemClock.monotonicMs();
  const { summary } = await runSync({
    loaded: await configOf(folder),
    selection: EVERYTHING,
    report: ({ event }) => {
      if (event === 'load.started' || event === 'blob.whole')
        seen.push({ at: (systemClock.monotonicMs() - start) / 1000, event });
    },
    clock: systemClock,
    signal: new AbortController().signal,
    connectorVersion: 'bench',
  });
  if (summary.exitCode !== 0)
    throw new Error(`the sync ended with ${summary.exitCode}: ${JSON.stringify(summary)}`);
  const firstLoad = seen.find(({ event }) => event === 'load.started')?.at ?? 0;
  const lastBlob = seen.findLast(({ event }) => event === 'blob.whole')?.at ?? 0;
  return {
    rows: summary.scopes.reduce((sum, scope) => sum + (scope.counts?.staged ?? 0), 0),
    counts: { invoices: summary.scopes.length },
    stages: {
      'until the first load begins': firstLoad,
      'from then on, until the last blob is downloaded': Math.max(0, lastBlob - firstLoad),
    },
  };
}

async function configOf(folder: string): Promise<LoadedConfig> {
  return await loadConfig({ path: join(folder, 'connector.yaml'), env: {}, cwd: folder });
}
