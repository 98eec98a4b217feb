import pMap from 'p-map';
import type { LockedError } from '../schemas/errors.js';
import { monthOf, scopeLabel, type Scope } from '../schemas/scope.js';
import { endRun } from './end-run.js';
import { createExtractor, type Extractor } from './extract/extractor.js';
import { loadContextOf, withRun } from './hold-dataset.js';
import { planRun, type Plan, type PlannedExport, type UnfinishedPackage } from './plan.js';
import { planReload } from './plan-reload.js';
import { planRetry } from './plan-retry.js';
import { publishedIn } from './published-of.js';
import { refreshInvoices } from './refresh-invoices.js';
import type { EndedRun, Run, SyncOptions } from './run-context.js';
import { serialQueue } from './serial-queue.js';
import { stockOf } from './spool-stock.js';
import type { ScopeResult } from './scope-result.js';
import { sweepSpool } from './spool-sweep.js';
import { syncScope } from './sync-scope.js';

/**
 * The main job: takes the dataset's lock, reads the invoice list where invoices are discovered, plans, exports all
 * scopes at the same time within `limits.concurrent_exports`, loads each package as it becomes whole, one at a time, and
 * records the run. A scope that fails does not stop the others; the summary lists every scope with its own outcome.
 * @throws ConnectorError when nothing could be planned: configuration, lock, destination.
 */
export async function runSync(options: SyncOptions): Promise<EndedRun> {
  return await withRun(options, lockedRun);
}

async function lockedRun(run: Run): Promise<EndedRun> {
  const { dataset, spool, startedAt, selection, report } = run;
  const heldBy = await dataset.prepare();
  const former = dataset.state.lastRun;
  const isNightly = selection.refused === undefined && selection.reload === undefined;
  const invoiceList = isNightly ? await refreshInvoices(run) : null;
  await sweepSpool(spool.root);
  const { usable, useless } = await stockOf(spool, dataset.state, startedAt);
  for (const one of useless) await one.remove();
  const plan = await planOf(run, usable);
  const warnings = [...(heldBy === null ? [] : [plannedFromMemory(heldBy)]), ...plan.warnings];
  for (const message of warnings)
    report({ event: 'warning', message, hint: plan.warnings.includes(message) ? 'see connector.yaml' : '' });
  const results = await runPlan(run, plan);
  const summary = await endRun(run, { plan, invoiceList, results, warnings });
  return { summary, former, state: dataset.state };
}

async function planOf(run: Run, usable: readonly UnfinishedPackage[]): Promise<Plan> {
  const { dataset, spool, startedAt, selection } = run;
  const { refused, reload } = selection;
  if (reload !== undefined) return planReload(dataset.state, reload, startedAt);
  if (refused !== undefined) return await planRetry(spool, dataset.state, refused);
  return planRun(run.loaded.config, dataset.state, selection, startedAt, usable);
}

async function runPlan(run: Run, plan: Plan): Promise<ScopeResult[]> {
  const { loaded, report, clock, spool, dataset } = run;
  const { config, resolve } = loaded;
  const extractor: Extractor = createExtractor({ config, resolve, spool, report, clock });
  const load = loadContextOf(run);
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
