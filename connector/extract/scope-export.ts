import { IntegrityError, TransientError } from '../../schemas/errors.js';
import { scopeLabel, type ExportRequest } from '../../schemas/scope.js';
import type { LoadPackage } from '../load-package.js';
import { atStep } from '../run-step.js';
import type { ExportOutcome } from './export-outcome.js';
import { DataChanged, ExportGone } from './export-turn.js';
import type { FreeSpace } from './free-space.js';
import type { ServiceClient } from './service-client.js';
import type { HttpAgents } from './http-agents.js';
import { readCurrentManifest, type NoData } from './current-manifest.js';
import type { ReadManifest } from './manifest-read.js';
import { isSameData } from './manifest.js';
import { downloadPackage, type Slots } from './package-download.js';
import { beginPackage, resumeOrBegin, type ResumeContext } from './package-resume.js';
import { GRAPH_PACE, retryDelay } from './retry-delay.js';
import { createSasSource } from './sas-source.js';
import { noDataHint } from './no-data.js';

/** New exports in place of one that is gone or has failed. */
const RENEWALS = 2;
/** How often the data may change under our hands in one run. */
const CHANGES = 3;
const REQUEST_IDS_KEPT = 20;

/** One scope to export, and everything that is needed for it. */
export interface ScopeExport extends ResumeContext {
  readonly client: ServiceClient;
  readonly agents: HttpAgents;
  readonly random: () => number;
  readonly slots: Slots;
  readonly space: FreeSpace;
  readonly blobIdleMs: number;
  readonly force: boolean;
  readonly signal: AbortSignal | undefined;
}

/** See `Extractor.exportScope`. */
export async function exportScope(job: ScopeExport): Promise<ExportOutcome> {
  job.signal?.throwIfAborted();
  let current = await resumeOrBegin(job);
  let changes = 0;
  for (;;) {
    try {
      return await advance(job, current);
    } catch (error) {
      if (error instanceof ExportGone) {
        await renew(job, current, error);
      } else if (error instanceof DataChanged) {
        changes += 1;
        if (changes > CHANGES) throw restless(current, error);
        current = await beginAnew(job, current, error);
      } else {
        // Nothing of a manifest that cannot be used is worth resuming: the next run exports anew.
        if (error instanceof IntegrityError && current.manifest() === null) await current.remove();
        throw error;
      }
    }
  }
}

/** Brings a package from wherever it stands to its end. */
async function advance(job: ScopeExport, loadPackage: LoadPackage): Promise<ExportOutcome> {
  if (await loadPackage.isWhole()) return whole(loadPackage, []);
  const { reading, warnings } = await readCurrentManifest(job, loadPackage);
  atStep('manifest read');
  if ('code' in reading) return await noData(loadPackage, reading);
  const settled = await settledBefore(job, loadPackage, reading);
  if (settled !== null) return settled;
  await keep(job, loadPackage, reading);
  await download(job, loadPackage, reading);
  await loadPackage.wholeManifest();
  atStep('package whole');
  return whole(loadPackage, [...warnings, ...reading.notes]);
}

async function noData(loadPackage: LoadPackage, { code, message }: NoData): Promise<ExportOutcome> {
  const { scope } = loadPackage.exportRecord;
  await loadPackage.remove();
  return { kind: 'no data', scope, code, message, hint: noDataHint(scope) };
}

/** Where nothing needs to be downloaded: the data is published already, or is the very data that was refused. */
async function settledBefore(
  job: ScopeExport,
  loadPackage: LoadPackage,
  { record }: ReadManifest,
): Promise<ExportOutcome | null> {
  const { scope, attributeSet } = loadPackage.exportRecord;
  const published = job.publishedOf(scope);
  if (!job.force && published?.eTag === record.eTag && published.attributeSet === attributeSet) {
    await loadPackage.remove();
    return { kind: 'unchanged', scope, eTag: record.eTag };
  }
  const refused = await job.spool.refused(scope);
  const before = refused?.manifest() ?? null;
  // Only what was refused for its records is the same again; what arrived damaged may arrive sound this time.
  if (refused?.refusal()?.kind !== 'data' || before === null) return null;
  if (!isSameData(before, record) || refused.exportRecord.attributeSet !== attributeSet) return null;
  if (!(await refused.isWhole())) return null;
  await loadPackage.remove();
  return whole(refused, []);
}

async function keep(job: ScopeExport, loadPackage: LoadPackage, reading: ReadManifest): Promise<void> {
  const { record, requestIds } = reading;
  const { scope, requestIds: known } = loadPackage.exportRecord;
  const published = job.publishedOf(scope);
  await loadPackage.note({
    over: published === null ? null : { eTag: published.eTag, attributeSet: published.attributeSet },
    requestIds: [...new Set([...known, ...requestIds])].slice(-REQUEST_IDS_KEPT),
  });
  await loadPackage.keepManifest(record);
  atStep('manifest recorded');
  const requestId = requestIds.at(-1);
  job.report({
    event: 'manifest.read',
    scope,
    eTag: record.eTag,
    blobs: record.blobs.length,
    blobsOnDisk: (await loadPackage.blobs()).length,
    ...(requestId === undefined ? {} : { requestId }),
  });
}

async function download(job: ScopeExport, loadPackage: LoadPackage, first: ReadManifest): Promise<void> {
  if (first.sas === null) return;
  const { agents, clock, random, report, slots, space, signal, blobIdleMs } = job;
  const { scope } = loadPackage.exportRecord;
  const sas = createSasSource(first.sas, async () => {
    const again = await readCurrentManifest(job, loadPackage);
    if ('code' in again.reading || again.reading.sas === null) {
      throw new ExportGone('the manifest, read again, opens no blobs');
    }
    return again.reading.sas;
  });
  await setAsideKnown(job, loadPackage, first);
  await downloadPackage(
    {
      scope,
      rootDirectory: first.record.rootDirectory,
      sas,
      agents,
      clock,
      random,
      report,
      space,
      idleMs: blobIdleMs,
    },
    loadPackage,
    { slots, signal },
  );
}

/** Where the manifest states lengths, the whole download must fit before it begins. */
async function setAsideKnown(
  job: ScopeExport,
  loadPackage: LoadPackage,
  { sizes }: ReadManifest,
): Promise<void> {
  const onDisk = new Set((await loadPackage.blobs()).map(({ name }) => name));
  const toCome = [...sizes].reduce((sum, [name, bytes]) => (onDisk.has(name) ? sum : sum + bytes), 0);
  const giveBack = await job.space.setAside(toCome, scopeLabel(loadPackage.exportRecord.scope));
  giveBack();
}

/** Forgets the operation, so that a new export is asked for. @throws TransientError after two of them. */
async function renew(job: ScopeExport, loadPackage: LoadPackage, gone: ExportGone): Promise<void> {
  const { clock, random, report, signal } = job;
  const { renewals, scope } = loadPackage.exportRecord;
  if (renewals >= RENEWALS) {
    await loadPackage.remove();
    throw new TransientError({
      message: `${scopeLabel(scope)}: exported ${renewals + 1} times in vain: ${gone.message}`,
      hint: 'the next run begins anew; if it stays, report it to Microsoft with the request id',
      facts: { exports: renewals + 1, requestId: gone.requestId },
    });
  }
  const delay = retryDelay({
    attempt: renewals + 1,
    attempts: Infinity,
    remainingMs: Infinity,
    now: clock.now(),
    random: random(),
    pace: GRAPH_PACE,
  });
  const waitMs = gone.afterPause && 'delayMs' in delay ? delay.delayMs : 0;
  await loadPackage.note({ operation: undefined, renewals: renewals + 1 });
  report({
    event: 'retried',
    scope,
    what: 'export',
    cause: gone.message,
    why: 'gone',
    attempt: renewals + 1,
    waitMs,
    ...(gone.requestId === null ? {} : { requestId: gone.requestId }),
  });
  if (waitMs > 0) await clock.sleep(waitMs, signal);
}

/** A package for the data that took the place of the old; the operation is the same, for it leads to the new. */
async function beginAnew(job: ScopeExport, old: LoadPackage, changed: DataChanged): Promise<LoadPackage> {
  const { operation, intents, renewals, requestIds, scope } = old.exportRecord;
  const request: ExportRequest = { ...job.request, scope };
  const next = await beginPackage(job, request);
  await next.note({ operation, intents, renewals, requestIds });
  await old.remove();
  const { message: cause } = changed;
  job.report({ event: 'retried', scope, what: 'manifest', cause, why: 'changed', attempt: 1, waitMs: 0 });
  return next;
}

function whole(loadPackage: LoadPackage, warnings: readonly string[]): ExportOutcome {
  const { scope } = loadPackage.exportRecord;
  const shown = loadPackage.manifest()?.billingMonth;
  if (scope.by === 'invoice') {
    const billingMonthFrom = shown === undefined ? null : 'manifest';
    return { kind: 'package', scope, package: loadPackage, billingMonthFrom, warnings };
  }
  const differs = shown !== undefined && shown !== scope.month;
  const warning = `the manifest's BillingMonth is ${shown ?? ''}, the export's date says ${scope.month}`;
  return {
    kind: 'package',
    scope,
    package: loadPackage,
    billingMonthFrom: shown === scope.month ? 'manifest' : 'export date',
    warnings: differs ? [...warnings, warning] : warnings,
  };
}

function restless(loadPackage: LoadPackage, changed: DataChanged): TransientError {
  const { scope } = loadPackage.exportRecord;
  return new TransientError({
    message: `${scopeLabel(scope)}: the data changed ${CHANGES + 1} times while it was downloaded: ${changed.message}`,
    hint: 'Microsoft is restating it right now; the next run takes the newest',
    facts: { changes: CHANGES + 1 },
  });
}
