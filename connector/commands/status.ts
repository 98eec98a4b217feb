import { scopeText } from '../../schemas/scope.js';
import type { CommandContext } from '../command-context.js';
import type { LoadedConfig } from '../config.js';
import { whatNeedsALook } from '../dataset-order.js';
import type { LoadPackage, Spool } from '../load-package.js';
import { planRun, type Plan } from '../plan.js';
import { durationText } from '../quantity-text.js';
import { expectationOf } from '../scope-expectation.js';
import { EVERYTHING } from '../selection.js';
import { statusText, type DatasetStatus, type PackageStatus } from '../status-text.js';
import { readRecorded, type Recorded } from './recorded.js';

/** Options of `partner-billing status`. */
export interface StatusOptions {
  /** List every scope, also those that nothing is expected of any more. */
  readonly all?: boolean;
  readonly json?: boolean;
}

/**
 * `partner-billing status`: is everything in order? What needs a look; the last run and the next; per scope what is
 * published, the age of its data against what the calendar expects, counts and exact sums; unfinished and refused load
 * packages of the spool. Changes nothing and sends nothing.
 */
export async function status(context: CommandContext, options: StatusOptions): Promise<number> {
  const loaded = await context.loadConfig();
  const recorded = await readRecorded(context, loaded);
  const now = context.io.clock.now();
  const found = await datasetStatus(loaded, recorded, now);
  if (options.json === true) await context.printJson(found);
  else await context.print(statusText(found, now, options.all));
  return 0;
}

async function datasetStatus(
  { config }: LoadedConfig,
  { state, label, spool }: Recorded,
  now: Date,
): Promise<DatasetStatus> {
  const packages = spool === null ? [] : await packagesIn(spool, now);
  const needsALook = whatNeedsALook(config, state, packages, now);
  return {
    destination: label,
    tenantId: state.tenantId,
    inOrder: needsALook.length === 0,
    needsALook,
    next: nextOf(planRun(config, state, EVERYTHING, now)),
    scopes: state.scopes.map((entry) => {
      const { scope, snapshot, ...recorded } = entry;
      return {
        stream: scope.stream,
        scope: scopeText(scope),
        ...recorded,
        published: snapshot,
        ageOfDataMs: ageOf(snapshot?.manifestCreatedAt ?? null, now),
        expected: expectationOf(entry, now).expected,
      };
    }),
    signOffs: state.signOffs,
    lastRun: state.lastRun,
    packages,
  };
}

function nextOf({ exports, left }: Plan): DatasetStatus['next'] {
  const [nextCheckAt = null] = left.flatMap((one) => one.nextCheckAt ?? []).sort();
  return { exports: exports.length, nextCheckAt };
}

/** Age is counted from when Microsoft made the manifest; null where that is not known. */
function ageOf(instant: string | null, now: Date): number | null {
  return instant === null ? null : Math.max(0, now.getTime() - Date.parse(instant));
}

async function packagesIn(spool: Spool, now: Date): Promise<PackageStatus[]> {
  return await Promise.all((await spool.list()).map((one) => packageStatus(one, now)));
}

async function packageStatus(found: LoadPackage, now: Date): Promise<PackageStatus> {
  const { scope, packageId } = found.exportRecord;
  const refusal = found.refusal();
  return {
    stream: scope.stream,
    scope: scopeText(scope),
    packageId,
    folder: found.path,
    state: refusal === null ? 'unfinished' : 'refused',
    detail: refusal === null ? await unfinishedText(found, now) : `${refusal.kind}: ${refusal.message}`,
  };
}

async function unfinishedText(found: LoadPackage, now: Date): Promise<string> {
  const manifest = found.manifest();
  if (manifest !== null) {
    const whole = (await found.blobs()).length;
    return whole === manifest.blobs.length
      ? 'downloaded, not loaded yet'
      : `${whole} of ${manifest.blobs.length} blobs downloaded`;
  }
  const { operation } = found.exportRecord;
  if (operation === undefined) return 'about to be asked for';
  const asked = `asked for ${durationText(ageOf(operation.askedAt, now) ?? 0)} ago`;
  return Date.parse(operation.deadline) > now.getTime()
    ? `${asked}; Graph works on it`
    : `${asked}; its time is over`;
}
