import { existsSync } from 'node:fs';
import { scopeText } from '../../schemas/scope.js';
import type { CommandContext } from '../command-context.js';
import type { LoadedConfig } from '../config.js';
import { Spool, type LoadPackage } from '../load-package.js';
import type { RecordedState } from '../load/destination.js';
import { durationText } from '../quantity-text.js';
import { statusText, type DatasetStatus, type PackageStatus } from '../status-text.js';
import { withSession } from './with-destination.js';

/** Options of `partner-billing status`. */
export interface StatusOptions {
  readonly json?: boolean;
}

/**
 * `partner-billing status`: per scope what is published, the age of its data, counts and exact sums; the last run;
 * unfinished and refused load packages of the spool. Changes nothing.
 */
export async function status(context: CommandContext, options: StatusOptions): Promise<number> {
  const loaded = await context.loadConfig();
  const { state, label } = await withSession(context, loaded, 'read', async (session, destination) => ({
    state: await session.readState(),
    label: destination.label,
  }));
  const found = await datasetStatus(loaded, label, state, context.io.clock.now());
  if (options.json === true) await context.printJson(found);
  else await context.print(statusText(found));
  return 0;
}

async function datasetStatus(
  loaded: LoadedConfig,
  destination: string,
  state: RecordedState,
  now: Date,
): Promise<DatasetStatus> {
  return {
    destination,
    tenantId: state.tenantId,
    scopes: state.scopes.map(({ scope, snapshot, ...recorded }) => ({
      stream: scope.stream,
      scope: scopeText(scope),
      ...recorded,
      published: snapshot,
      ageOfDataMs: ageOf(snapshot?.manifestCreatedAt ?? null, now),
    })),
    lastRun: state.lastRun,
    packages: await packagesInSpool(loaded, now),
  };
}

/** Age is counted from when Microsoft made the manifest; null where that is not known. */
function ageOf(instant: string | null, now: Date): number | null {
  return instant === null ? null : Math.max(0, now.getTime() - Date.parse(instant));
}

async function packagesInSpool(loaded: LoadedConfig, now: Date): Promise<PackageStatus[]> {
  const { config } = loaded;
  const root = loaded.resolve(config.spool);
  if (!existsSync(root)) return [];
  const spool = await Spool.open(root, config.source.tenant_id, config.destination.dataset);
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
