import { join } from 'node:path';
import type { LoadPackage } from '../load-package.js';
import { requestExport, type AcceptedExport } from './export-request.js';
import { DataChanged, ExportGone } from './export-turn.js';
import type { ServiceClient } from './service-client.js';
import { readManifest, type ManifestContext, type ReadManifest } from './manifest-read.js';
import { isSameData } from './manifest.js';
import { NO_DATA_CODE } from './no-data.js';
import { pollOperation } from './operation.js';
import type { ResumeContext } from './package-resume.js';

/** Graph has no data for the scope. */
export interface NoData {
  readonly code: string;
  readonly message: string;
}

/** What reading the manifest of a package needs. */
export interface ManifestJob extends ResumeContext {
  readonly client: ServiceClient;
  readonly random: () => number;
  readonly signal: AbortSignal | undefined;
}

/** The manifest of a package's export as it is now, or that there is no data; and what a person may want to know. */
export interface CurrentManifest {
  readonly reading: ReadManifest | NoData;
  readonly warnings: readonly string[];
}

/**
 * Reads the manifest of a package from wherever its export stands: from where it was read before, or by polling its
 * operation, or by asking for the export first.
 * @throws DataChanged when the package has a manifest already and this one is of other data; ExportGone when the
 * operation or the manifest is gone or the operation failed.
 */
export async function readCurrentManifest(
  job: ManifestJob,
  loadPackage: LoadPackage,
): Promise<CurrentManifest> {
  const kept = loadPackage.manifest();
  const { operation } = loadPackage.exportRecord;
  if (kept !== null && operation !== undefined && kept.operationId === operation.id) {
    const reading = await readManifest(contextOf(job, loadPackage), kept.readFrom);
    return { reading: ofSameData(loadPackage, reading), warnings: [] };
  }
  const accepted = operation === undefined ? await ask(job, loadPackage) : null;
  const reading = await pollToManifest(job, loadPackage, accepted);
  return {
    reading: 'code' in reading ? reading : ofSameData(loadPackage, reading),
    warnings: accepted?.warnings ?? [],
  };
}

async function ask(job: ManifestJob, loadPackage: LoadPackage): Promise<AcceptedExport> {
  const { config, client, clock, report, signal, request, spool } = job;
  const accepted = await requestExport(
    {
      graphUrl: config.source.graph_url,
      client,
      clock,
      report,
      pollDeadlineMs: config.limits.poll_deadline,
      signal,
    },
    loadPackage,
    { ...request, scope: loadPackage.exportRecord.scope },
  );
  await loadPackage.moveTo(join(spool.folderOf(accepted.scope), loadPackage.packageId));
  return accepted;
}

async function pollToManifest(
  job: ManifestJob,
  loadPackage: LoadPackage,
  accepted: AcceptedExport | null,
): Promise<ReadManifest | NoData> {
  const { operation, scope } = loadPackage.exportRecord;
  if (operation === undefined) throw new ExportGone('no operation is noted');
  const end = await pollOperation(job, {
    url: operation.url,
    scope,
    // A clock that is set while we are at it takes no time from an export that was just asked for.
    deadlineMs:
      job.clock.monotonicMs() +
      (accepted === null ? remainingMs(job, operation.deadline) : job.config.limits.poll_deadline),
    retryAfter: accepted?.retryAfter,
    date: accepted?.date,
  });
  if (end.kind === 'succeeded') return await readManifest(contextOf(job, loadPackage), operation.url, end);
  if (end.code === NO_DATA_CODE) return { code: end.code, message: end.message };
  const { code, message, requestId } = end;
  throw new ExportGone(
    `the operation failed: ${code === '' ? 'no code' : code}: ${message} (request-id ${requestId ?? 'not given'})`,
    { afterPause: true, requestId },
  );
}

/** The noted deadline is by the wall clock, for it must outlive the process; a clock set back adds no time. */
function remainingMs({ clock, config }: ManifestJob, deadline: string): number {
  const remaining = Date.parse(deadline) - clock.now().getTime();
  return Math.min(Math.max(remaining, 0), config.limits.poll_deadline);
}

function contextOf(job: ManifestJob, loadPackage: LoadPackage): ManifestContext {
  const { source } = job.config;
  const { scope, operation } = loadPackage.exportRecord;
  return {
    client: job.client,
    clock: job.clock,
    tenantId: source.tenant_id,
    storageHosts: source.storage_hosts,
    scope,
    operationId: operation?.id ?? null,
    signal: job.signal,
  };
}

function ofSameData(loadPackage: LoadPackage, reading: ReadManifest): ReadManifest {
  const kept = loadPackage.manifest();
  if (kept === null || isSameData(kept, reading.record)) return reading;
  throw new DataChanged(
    kept.eTag === reading.record.eTag
      ? `the manifest lists other blobs under the same eTag ${kept.eTag}`
      : `the eTag changed from ${kept.eTag} to ${reading.record.eTag}`,
  );
}
