import { randomBytes } from 'node:crypto';
import { hostname } from 'node:os';
import pMap from 'p-map';
import type { LockedError } from '../schemas/errors.js';
import { monthOf, scopeLabel, type Scope } from '../schemas/scope.js';
import { endRun } from './end-run.js';
import { createExtractor, type Extractor } from './extract/extractor.js';
import type { LoadContext } from './load-context.js';
import { Spool } from './load-package.js';
import { openDestination } from './load/open-destination.js';
import { planRun, type Plan, type PlannedExport } from './plan.js';
import { planRetry } from './plan-retry.js';
import { publishedIn } from './published-of.js';
import { refreshInvoices } from './refresh-invoices.js';
import { NO_MEMORY, openMemory } from './run-memory.js';
import type { EndedRun, Run, SyncOptions } from './run-context.js';
import { RunDataset } from './run-dataset.js';
import { serialQueue } from './serial-queue.js';
import { stockOf } from './spool-stock.js';
import { syncScope, type ScopeResult } from './sync-scope.js';

/**
 * The main job: takes the dataset's lock, reads the invoice list where invoices are discovered, plans, exports all
 * scopes at the same time within `limits.concurrent_exports`, loads each package as it becomes whole, one at a time, and
 * records the run. A scope that fails does not stop the others; the summary lists every scope with its own outcome.
 * @throws ConnectorError when nothing could be planned: configuration, lock, destination.
 */
export async function runSync(options: SyncOptions): Promise<EndedRun> {
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
      const view = { destination, memory, tenantId, dataset, migrate, clock };
      return await lockedRun({
        ...options,
        ...{ runId, startedAt, spool, destinationLabel: destination.label, readCopy: destination.readCopy },
        dataset: new RunDataset(view),
        newId: () => newId(clock.now()),
      });
    } finally {
      await lock.release();
    }
  } finally {
    await destination.close();
  }
}

async function lockedRun(run: Run): Promise<EndedRun> {
  const { dataset, spool, startedAt, selection, report } = run;
  const { config } = run.loaded;
  const heldBy = await dataset.prepare();
  const former = dataset.state.lastRun;
  const invoiceList = selection.refused === undefined ? await refreshInvoices(run) : null;
  const { usable, useless } = await stockOf(spool, dataset.state, startedAt);
  for (const one of useless) await one.remove();
  const plan =
    selection.refused === undefined
      ? planRun(config, dataset.state, selection, startedAt, usable)
      : await planRetry(spool, dataset.state, selection.refused);
  const warnings = [...(heldBy === null ? [] : [plannedFromMemory(heldBy)]), ...plan.warnings];
  for (const message of warnings) report({ event: 'warning', message, hint: 'see connector.yaml' });
  const results = await runPlan(run, plan);
  const summary = await endRun(run, { plan, invoiceList, results, warnings });
  const { runId, outcome, exitCode } = summary;
  report({ event: 'run.finished', runId, outcome, exitCode });
  return { summary, former, state: dataset.state };
}

async function runPlan(run: Run, plan: Plan): Promise<ScopeResult[]> {
  const { loaded, report, clock, signal, spool, dataset } = run;
  const { config, resolve } = loaded;
  const extractor: Extractor = createExtractor({ config, resolve, spool, report, clock });
  const load: LoadContext = {
    ...{ config, report, clock, signal, runId: run.runId, connectorVersion: run.connectorVersion },
    destinationLabel: run.destinationLabel,
    archive: config.archive === undefined ? null : resolve(config.archive),
    spool: resolve(config.spool),
    openForLoad: () => dataset.openForLoad(),
    newLoadId: run.newId,
  };
  const published = publishedIn(dataset.state);
  // One transaction at a time: the destination sets the pace, and exports go on while one scope loads.
  const inTurn = serialQueue();
  const results: Promise<ScopeResult>[] = [];
  const exports = billedFirst(plan.exports);
  const billed = exports.filter(({ request }) => request.scope.by === 'invoice').length;
  const isClosed = async (scope: Scope): Promise<boolean> => {
    if (scope.by === 'invoice' || scope.month >= monthOf(run.startedAt)) return false;
    const ended = await Promise.all(results.slice(0, billed));
    return ended.some((one) => one.superseded.some((closed) => scopeLabel(closed) === scopeLabel(scope)));
  };
  await pMap(
    exports,
    async (planned) => {
      const { exported, result } = syncScope({ planned, extractor, load, published, isClosed, inTurn });
      results.push(result);
      await exported;
    },
    { concurrency: config.limits.concurrent_exports },
  );
  return await Promise.all(results);
}

/** Billed scopes begin first: whether they close a month is known before what takes the place of its estimates is loaded. */
function billedFirst(exports: readonly PlannedExport[]): readonly PlannedExport[] {
  const isBilled = ({ request }: PlannedExport): boolean => request.scope.by === 'invoice';
  return [...exports.filter(isBilled), ...exports.filter((planned) => !isBilled(planned))];
}

function plannedFromMemory(heldBy: LockedError): string {
  return `${heldBy.message}: planned from what the spool remembers`;
}

/** An id that sorts by time: `20261123T225900123Z-1f2e3d4c`. */
function newId(at: Date): string {
  return `${at.toISOString().replace(/[-:.]/g, '')}-${randomBytes(4).toString('hex')}`;
}
