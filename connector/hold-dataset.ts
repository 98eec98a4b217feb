import { randomBytes } from 'node:crypto';
import { hostname } from 'node:os';
import { configuredTolerances } from '../schemas/config-tolerance.js';
import type { LoadContext } from './load-context.js';
import { Spool } from './load-package.js';
import { openDestination } from './load/open-destination.js';
import type { EndedRun, Run, SyncOptions } from './run-context.js';
import { RunDataset } from './run-dataset.js';
import { NO_MEMORY, openMemory } from './run-memory.js';

/**
 * Does a run's work while it holds the dataset's lock, and tells that it started and how it ended.
 * @throws LockedError when another run holds the dataset; whatever `work` throws
 */
export async function withRun(
  options: SyncOptions,
  work: (run: Run) => Promise<EndedRun>,
): Promise<EndedRun> {
  const { loaded, report, clock } = options;
  const { config } = loaded;
  const startedAt = clock.now();
  const runId = newId(startedAt);
  report({ event: 'run.started', runId });
  const path = (relative: string) => loaded.resolve(relative);
  const destination = await openDestination(config, { path, report, clock });
  try {
    const since = startedAt.toISOString();
    const lock = await destination.lockRun({ runId, host: hostname(), pid: process.pid, since });
    try {
      const { tenant_id: tenantId } = config.source;
      const { dataset, migrate, type } = config.destination;
      const spool = await Spool.open(loaded.resolve(config.spool), tenantId, dataset);
      const memory =
        type === 'duckdb'
          ? openMemory({ folder: spool.root, destination: destination.label, clock, report })
          : NO_MEMORY;
      const { signal } = options;
      const tolerances = configuredTolerances(config.tolerance);
      const view = { destination, memory, tenantId, dataset, migrate, tolerances, clock, signal };
      const ended = await work({
        ...options,
        ...{ runId, startedAt, spool, destinationLabel: destination.label, readCopy: destination.readCopy },
        dataset: new RunDataset(view),
        newId: () => newId(clock.now()),
      });
      const { outcome, exitCode } = ended.summary;
      report({ event: 'run.finished', runId, outcome, exitCode });
      return ended;
    } finally {
      await lock.release();
    }
  } finally {
    await destination.close();
  }
}

/** What the loads of a run work with. */
export function loadContextOf(run: Run): LoadContext {
  const { loaded, report, clock, signal, runId, connectorVersion, destinationLabel, dataset } = run;
  const { config, resolve } = loaded;
  return {
    ...{ config, report, clock, signal, runId, connectorVersion, destinationLabel },
    archive: config.archive === undefined ? null : resolve(config.archive),
    spool: resolve(config.spool),
    openForLoad: () => dataset.openForLoad(),
    newLoadId: run.newId,
  };
}

/** An id that sorts by time: `20261123T225900123Z-1f2e3d4c`. */
function newId(at: Date): string {
  return `${at.toISOString().replace(/[-:.]/g, '')}-${randomBytes(4).toString('hex')}`;
}
