import { randomBytes } from 'node:crypto';
import { hostname } from 'node:os';
import pMap from 'p-map';
import { asConnectorError, ConfigError } from '../schemas/errors.js';
import type { Report } from '../schemas/progress.js';
import { scopeLabel, type Scope } from '../schemas/scope.js';
import type { Clock } from './clock.js';
import type { LoadedConfig } from './config.js';
import { createExtractor, type Extractor } from './extract/extractor.js';
import { Spool } from './load-package.js';
import type { LoadContext } from './load-scope.js';
import type { Destination, DestinationSession, RecordedState, ScopeAnswer } from './load/destination.js';
import { openDestination } from './load/open-destination.js';
import { planRun, type Plan } from './plan.js';
import type { Selection } from './selection.js';
import { errorSummary, exitCodeOf, outcomeText, type RunSummary } from './run-summary.js';
import { serialQueue } from './serial-queue.js';
import { syncScope, type ScopeResult } from './sync-scope.js';

/** What a run is given. */
export interface SyncOptions {
  readonly loaded: LoadedConfig;
  readonly selection: Selection;
  readonly report: Report;
  readonly clock: Clock;
  readonly signal: AbortSignal;
  readonly connectorVersion: string;
}

/**
 * The main job: takes the dataset's lock, plans, exports all scopes at the same time within
 * `limits.concurrent_exports`, loads each package as it becomes whole, one at a time, and records the run.
 * A scope that fails does not stop the others; the summary lists every scope with its own outcome.
 * @throws ConnectorError when nothing could be planned: configuration, lock, destination.
 */
export async function runSync(options: SyncOptions): Promise<RunSummary> {
  const { loaded, report, clock } = options;
  const startedAt = clock.now();
  const runId = newId(startedAt);
  const destination = await openDestination(loaded.config, {
    path: (relative) => loaded.resolve(relative),
    report,
    clock,
  });
  try {
    const lock = await destination.lockRun({
      runId,
      host: hostname(),
      pid: process.pid,
      since: startedAt.toISOString(),
    });
    try {
      return await lockedRun(options, destination, runId, startedAt);
    } finally {
      await lock.release();
    }
  } finally {
    await destination.close();
  }
}

async function lockedRun(
  options: SyncOptions,
  destination: Destination,
  runId: string,
  startedAt: Date,
): Promise<RunSummary> {
  const state = await prepareDataset(options, destination);
  const plan = planRun(options.loaded.config, state, options.selection, startedAt);
  for (const message of plan.warnings)
    options.report({ event: 'warning', message, hint: 'see connector.yaml' });
  const results = await runPlan(options, destination, plan, state, runId);
  const scopes = results.map((result) => result.summary);
  const summary: RunSummary = {
    runId,
    connectorVersion: options.connectorVersion,
    startedAt: startedAt.toISOString(),
    finishedAt: options.clock.now().toISOString(),
    outcome: outcomeText(scopes),
    exitCode: exitCodeOf(scopes),
    scopes,
    warnings: [...plan.warnings],
  };
  return await recordRun(destination, summary, results);
}

/** Migrates where that is wanted and reads what is recorded. */
async function prepareDataset(options: SyncOptions, destination: Destination): Promise<RecordedState> {
  const { config } = options.loaded;
  const read = await withSession(destination, 'read', async (session) => ({
    pending: await session.pendingMigrations(),
    state: await session.readState(),
  }));
  const { tenantId } = read.state;
  if (tenantId !== null && tenantId !== config.source.tenant_id) {
    throw new ConfigError({
      message: `dataset ${destination.label} belongs to tenant ${tenantId}, not to ${config.source.tenant_id}`,
      hint: 'give each partner tenant a dataset of its own: set destination.dataset',
      facts: { dataset: config.destination.dataset, tenant: tenantId },
    });
  }
  if (read.pending.length === 0) return read.state;
  if (config.destination.migrate === 'manual') {
    const names = read.pending.map((migration) => migration.name).join(', ');
    throw new ConfigError({
      message: `the destination lacks ${read.pending.length} migrations (${names}), and destination.migrate is manual`,
      hint: 'run `partner-billing migrate --sql` to see them and `partner-billing migrate` to apply them',
    });
  }
  return await withSession(destination, 'write', async (session) => {
    await session.migrate();
    return await session.readState();
  });
}

async function runPlan(
  options: SyncOptions,
  destination: Destination,
  plan: Plan,
  state: RecordedState,
  runId: string,
): Promise<ScopeResult[]> {
  const { loaded, report, clock, signal } = options;
  const { config } = loaded;
  const spool = await Spool.open(
    loaded.resolve(config.spool),
    config.source.tenant_id,
    config.destination.dataset,
  );
  const extractor: Extractor = createExtractor({ config, resolve: loaded.resolve, spool, report, clock });
  const load: LoadContext = {
    config,
    destination,
    report,
    clock,
    signal,
    runId,
    connectorVersion: options.connectorVersion,
    archive: config.archive === undefined ? null : loaded.resolve(config.archive),
    spool: loaded.resolve(config.spool),
    newLoadId: () => newId(clock.now()),
  };
  const published = publishedIn(state);
  // One transaction at a time: the destination sets the pace, and exports go on while one scope loads.
  const inTurn = serialQueue();
  const results: Promise<ScopeResult>[] = [];
  await pMap(
    plan.exports,
    async (planned) => {
      const { exported, result } = syncScope({ planned, extractor, load, published, inTurn });
      results.push(result);
      await exported;
    },
    { concurrency: config.limits.concurrent_exports },
  );
  return await Promise.all(results);
}

function publishedIn(state: RecordedState) {
  const snapshots = new Map(state.scopes.map((entry) => [scopeLabel(entry.scope), entry.snapshot]));
  return (scope: Scope) => snapshots.get(scopeLabel(scope)) ?? null;
}

/** Records what was answered and the run itself; a summary is not kept back because that failed, but says so. */
async function recordRun(
  destination: Destination,
  summary: RunSummary,
  results: readonly ScopeResult[],
): Promise<RunSummary> {
  const answers = results
    .map((result) => result.answer)
    .filter((answer): answer is ScopeAnswer => answer !== null);
  const { runId, startedAt, finishedAt, connectorVersion, outcome, exitCode } = summary;
  const run = { runId, startedAt, finishedAt, connectorVersion, outcome, exitCode };
  const scopes = summary.scopes.map((scope) => ({
    stream: scope.stream,
    scope: scope.scope,
    outcome: scope.outcome,
    counts: scope.counts,
  }));
  try {
    await withSession(destination, 'write', async (session) => {
      await session.recordAnswers(answers);
      await session.recordRun({ ...run, counts: JSON.stringify(scopes) });
    });
    return summary;
  } catch (thrown) {
    const error = asConnectorError(thrown);
    const warning = `the run could not be recorded: ${errorSummary(error).message}`;
    return {
      ...summary,
      exitCode: summary.exitCode === 0 ? error.exitCode : summary.exitCode,
      outcome: `${summary.outcome}; not recorded`,
      warnings: [...summary.warnings, warning],
    };
  }
}

async function withSession<T>(
  destination: Destination,
  mode: 'read' | 'write',
  use: (session: DestinationSession) => Promise<T>,
): Promise<T> {
  const session = await destination.open(mode);
  try {
    return await use(session);
  } finally {
    await session.close();
  }
}

/** An id that sorts by time: `20261123T225900123Z-1f2e3d4c`. */
function newId(at: Date): string {
  return `${at.toISOString().replace(/[-:.]/g, '')}-${randomBytes(4).toString('hex')}`;
}
