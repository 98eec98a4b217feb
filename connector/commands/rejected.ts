import { join } from 'node:path';
import type { RejectedRecord } from '../../schemas/batch.js';
import { PACKAGE_FILES } from '../../schemas/load-package.js';
import { scopeLabel, scopeText, type Scope } from '../../schemas/scope.js';
import type { CommandContext } from '../command-context.js';
import type { LoadedConfig } from '../config.js';
import type { LoadPackage } from '../load-package.js';
import { publishedRejected } from '../load/rejected-records.js';
import { namedScope } from '../plan-requests.js';
import { writeText } from '../query-output.js';
import { tableText } from '../query-output-table.js';
import { readRejected, rejectedCounts } from '../rejected-file.js';
import { rejectedJson, rejectedTable, rejectingHead, type RejectingSnapshot } from '../rejected-text.js';
import { EVERYTHING } from '../selection.js';
import { readRecorded, type Recorded } from './recorded.js';
import { runMainJob } from './run-main-job.js';
import { tellSummary } from './tell-summary.js';
import { withDestination } from './with-destination.js';

/** Options of `partner-billing rejected`. */
export interface RejectedOptions {
  /** Parse refused load packages again. */
  readonly retry?: boolean;
  readonly json?: boolean;
}

/**
 * `partner-billing rejected [scope]`: the rejected records, with reason, blob and line, of the snapshots that are published
 * and of the load packages in the spool that were refused. With `--retry` the refused packages are parsed again in a run of
 * their own, whose exit code is returned.
 */
export async function rejected(
  context: CommandContext,
  named: string | undefined,
  options: RejectedOptions,
): Promise<number> {
  const loaded = await context.loadConfig();
  const recorded = await readRecorded(context, loaded);
  const isMeant = (scope: Scope): boolean => named === undefined || isNamed(named, scope);
  const refused = await refusedPackages(recorded, isMeant);
  if (options.retry === true) return await retry(context, loaded, refused, options.json === true);
  const found = [...publishedOf(recorded, isMeant), ...(await Promise.all(refused.map(refusedOf)))];
  if (options.json === true) await printJson(context, loaded, found);
  else await printTables(context, loaded, found);
  return 0;
}

function isNamed(named: string, scope: Scope): boolean {
  const { stream, scope: text } = namedScope(named);
  return text === scopeText(scope) && (stream === null || stream === scope.stream);
}

async function retry(
  context: CommandContext,
  loaded: LoadedConfig,
  packages: readonly LoadPackage[],
  json: boolean,
): Promise<number> {
  if (packages.length === 0 && !json) {
    await context.tell('no refused load package is in the spool, so there is nothing to parse again');
    return 0;
  }
  const refused = packages.map((one) => scopeLabel(one.exportRecord.scope));
  const summary = await runMainJob(context, { loaded, selection: { ...EVERYTHING, refused } });
  return await tellSummary(context, summary, json);
}

function publishedOf({ state }: Recorded, isMeant: (scope: Scope) => boolean): RejectingSnapshot[] {
  return state.scopes
    .filter(({ scope }) => isMeant(scope))
    .flatMap(({ scope, snapshot }) => {
      if (snapshot === null || snapshot.counts.rejected === 0) return [];
      const { eTag, loadId, counts } = snapshot;
      const about = { stream: scope.stream, scope: scopeText(scope), snapshot: 'published' } as const;
      return [{ ...about, eTag, loadId, rejected: counts.rejected }];
    });
}

async function refusedPackages(
  { spool }: Recorded,
  isMeant: (scope: Scope) => boolean,
): Promise<readonly LoadPackage[]> {
  const packages = (await spool?.list()) ?? [];
  return packages.filter((one) => one.refusal() !== null && isMeant(one.exportRecord.scope));
}

async function refusedOf(one: LoadPackage): Promise<RejectingSnapshot> {
  const { scope } = one.exportRecord;
  return {
    stream: scope.stream,
    scope: scopeText(scope),
    snapshot: 'refused',
    eTag: one.manifest()?.eTag ?? null,
    folder: one.path,
    reason: one.refusal()?.message ?? '',
    rejected: (await rejectedCounts(one.rejectedPath))?.given ?? 0,
  };
}

async function printTables(
  context: CommandContext,
  loaded: LoadedConfig,
  found: readonly RejectingSnapshot[],
): Promise<void> {
  if (found.length === 0) await context.tell('no record is rejected, and no load package is refused');
  await withRecords(context, loaded, found, async (of, records) => {
    await context.print(rejectingHead(of));
    if (of.rejected === 0) return;
    await writeText(tableText(rejectedTable(records)), context.io.stdout);
    await context.print('\n');
  });
}

async function printJson(
  context: CommandContext,
  loaded: LoadedConfig,
  found: readonly RejectingSnapshot[],
): Promise<void> {
  const { stdout } = context.io;
  let before = '[';
  await withRecords(context, loaded, found, async (of, records) => {
    await writeText(pieces(`${before}\n`, rejectedJson(of, records)), stdout);
    before = ',';
  });
  await context.print(found.length === 0 ? '[]' : '\n]');
}

async function* pieces(first: string, rest: AsyncIterable<string>): AsyncGenerator<string> {
  yield first;
  yield* rest;
}

/** Reads the records of one snapshot after the other; the destination is opened only where one is published. */
async function withRecords(
  context: CommandContext,
  loaded: LoadedConfig,
  found: readonly RejectingSnapshot[],
  use: (of: RejectingSnapshot, records: AsyncIterable<RejectedRecord>) => Promise<void>,
): Promise<void> {
  const { dataset } = loaded.config.destination;
  for (const of of found) {
    const { loadId, folder } = of;
    if (loadId === undefined) {
      await use(of, readRejected(join(folder ?? '', PACKAGE_FILES.rejected)));
      continue;
    }
    await withDestination(context, loaded, (destination) =>
      publishedRejected(destination, dataset, loadId, (records) => use(of, records)),
    );
  }
}
