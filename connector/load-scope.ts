import type { BlobCounts, ParsedPart } from '../schemas/batch.js';
import { asConnectorError, DataError, IntegrityError, type ConnectorError } from '../schemas/errors.js';
import type { RowEncoding } from '../schemas/row-encoding.js';
import { scopeLabel, type Scope } from '../schemas/scope.js';
import type { EmptyScope, LoadContext, PackageToLoad } from './load-context.js';
import type { DestinationSession, PublishRequest, PublishResult } from './load/destination.js';
import { parsePackageBlobs } from './parse-package.js';
import { emptyRequest, publishRequest } from './publish-request.js';
import { keepInLedger, putAway } from './put-away.js';
import { RejectedFile } from './rejected-file.js';
import { atStep } from './run-step.js';

/** What became of a package. */
export type LoadOutcome =
  | {
      readonly kind: 'published';
      readonly eTag: string;
      readonly result: PublishResult;
      /** Why the package could be neither archived nor removed; the next run tries it again. */
      readonly notPutAway?: ConnectorError;
    }
  /** This eTag was published already: a run died between its commit and the removal of its package. */
  | { readonly kind: 'already published'; readonly eTag: string }
  /** Nothing published; the package stays in the spool with the reason, or is removed where the old snapshot is kept. */
  | { readonly kind: 'refused' | 'kept'; readonly eTag: string; readonly error: ConnectorError }
  /** A blob proved damaged; it was deleted and is to be downloaded once more. */
  | { readonly kind: 'damaged blob'; readonly error: ConnectorError };

/**
 * Loads and publishes a whole package: parses its blobs, publishes in one transaction, then archives or removes
 * it. What is refused for what it contains stays in the spool with `refused.json`.
 * @throws LockedError, TransientError and whatever else leaves the package as it is for the next run.
 */
export async function loadPackage(context: LoadContext, toLoad: PackageToLoad): Promise<LoadOutcome> {
  context.signal.throwIfAborted();
  const request = await publishRequest(context, toLoad);
  const refused = refusedBefore(context, toLoad);
  if (refused !== null) return { kind: 'refused', eTag: request.eTag, error: refused };
  const session = await context.openForLoad();
  try {
    if (!request.reload && (await isPublished(session, request))) {
      await putAway(context, toLoad, session);
      return { kind: 'already published', eTag: request.eTag };
    }
    const published = await publishOrRefuse(context, toLoad, session, request);
    if (published.kind !== 'published') return published;
    // The snapshot is committed: whatever happens to its package now, it is published.
    return await putAway(context, toLoad, session).then(
      () => published,
      (thrown: unknown) => ({ ...published, notPutAway: asConnectorError(thrown) }),
    );
  } finally {
    await session.close();
  }
}

/** Publishes an empty snapshot over the rows of a scope; billed rows go to history. @throws LockedError */
export async function publishNothing(context: LoadContext, empty: EmptyScope): Promise<PublishResult> {
  const request = emptyRequest(context, empty);
  const session = await context.openForLoad();
  try {
    const result = await session.publish(request, noParts);
    await keepInLedger(context, empty.scope, session);
    return result;
  } finally {
    await session.close();
  }
}

async function* noParts(): AsyncIterable<ParsedPart> {}

async function publishOrRefuse(
  context: LoadContext,
  toLoad: PackageToLoad,
  session: DestinationSession,
  request: PublishRequest,
): Promise<LoadOutcome> {
  try {
    await proveMonth(toLoad);
    const result = await session.publish(request, (encoding) => parts(context, toLoad, request, encoding));
    return { kind: 'published', eTag: request.eTag, result };
  } catch (thrown) {
    return await notPublished(context, toLoad, session, request, asConnectorError(thrown));
  }
}

/**
 * The refusal of the very same data, where nothing has changed that could turn it: parsing it again would only
 * reject the same records (architecture.md section 4, step 6).
 */
function refusedBefore(context: LoadContext, toLoad: PackageToLoad): ConnectorError | null {
  const refusal = toLoad.package.refusal();
  if (refusal?.kind !== 'data') return null;
  const same =
    refusal.rejectedLimit === String(context.config.limits.rejected_records) &&
    refusal.connectorVersion === context.connectorVersion &&
    refusal.destination === context.destinationLabel;
  if (!same) return null;
  const { message, hint } = refusal;
  return new DataError({ message: `${message} (refused at ${refusal.at}; the data is the same)`, hint });
}

/** The month in the manifest's path, where it shows one, is the month that the export was asked for. */
async function proveMonth({ scope, package: loaded }: PackageToLoad): Promise<void> {
  const { billingMonth } = await loaded.wholeManifest();
  if (scope.by !== 'month' || billingMonth === undefined || billingMonth === scope.month) return;
  throw new IntegrityError({
    message: `${scopeLabel(scope)}: the manifest is of month ${billingMonth}`,
    hint: 'the published snapshot is kept; run again later',
    facts: { rule: 'month', month: billingMonth },
  });
}

async function isPublished(session: DestinationSession, request: PublishRequest): Promise<boolean> {
  const state = await session.readState();
  const recorded = state.scopes.find((entry) => scopeLabel(entry.scope) === scopeLabel(request.scope));
  return recorded?.snapshot?.eTag === request.eTag && recorded.snapshot.attributeSet === request.attributeSet;
}

async function* parts(
  context: LoadContext,
  toLoad: PackageToLoad,
  request: PublishRequest,
  encoding: RowEncoding | null,
): AsyncIterable<ParsedPart> {
  const { report, config } = context;
  const blobs = await toLoad.package.blobs();
  report({ event: 'load.started', scope: toLoad.scope, blobs: blobs.length, loadId: request.loadId });
  const rejected = new RejectedFile(toLoad.package.rejectedPath);
  let records = 0;
  let blobsDone = 0;
  try {
    const limits = { lineBytes: config.limits.line_bytes };
    const options = { limits, threads: config.limits.parse_threads, signal: context.signal, encoding };
    for await (const part of parsePackageBlobs(blobs, request.table, options)) {
      if (part.kind === 'rejected') await rejected.add(part.rejected);
      if (part.kind === 'batch') records += part.batch.records.numRows;
      if (part.kind === 'counts') blobsDone += 1;
      if (part.kind !== 'rejected')
        report({ event: 'load.records', scope: toLoad.scope, records, blobsDone });
      yield part;
      if (part.kind === 'batch') atStep('mid-decode');
    }
  } finally {
    await rejected.close();
  }
}

async function notPublished(
  context: LoadContext,
  toLoad: PackageToLoad,
  session: DestinationSession,
  request: PublishRequest,
  error: ConnectorError,
): Promise<LoadOutcome> {
  const damaged = damagedBlob(error);
  if (damaged !== null && (await toLoad.package.discardBlob(damaged))) return { kind: 'damaged blob', error };
  if (isKept(toLoad.scope, error, context.clock.now())) {
    await toLoad.package.remove();
    return { kind: 'kept', eTag: request.eTag, error };
  }
  if (!isAboutTheData(error)) throw error;
  await session.recordRefusal(request, error.message, error.kind);
  await toLoad.package.refuse({
    at: context.clock.now().toISOString(),
    kind: error.kind,
    message: error.message,
    hint: error.hint,
    facts: Object.fromEntries(Object.entries(error.facts).map(([name, value]) => [name, String(value)])),
    connectorVersion: context.connectorVersion,
    rejectedLimit: String(context.config.limits.rejected_records),
    destination: context.destinationLabel,
  });
  return { kind: 'refused', eTag: request.eTag, error };
}

/** Whether what was downloaded is at fault. A full disk or a missing right is not: the package waits for the next run. */
function isAboutTheData(error: ConnectorError): boolean {
  if (error.kind === 'config') return typeof error.facts['rule'] === 'string';
  return error.kind === 'data' || error.kind === 'integrity';
}

/** The blob whose bytes on disk are not, or no longer, what Graph made: worth one more download. */
function damagedBlob(error: ConnectorError): string | null {
  const { rule, blob } = error.facts;
  const isDamage = error.kind === 'integrity' && (rule === 'gzip' || rule === 'blobs');
  return isDamage && typeof blob === 'string' ? blob : null;
}

/**
 * Whether an unbilled answer that turned empty, or belongs to another month, leaves the old snapshot standing with
 * a warning: until the 11th of the month, because usage pauses and refills at the month's turn (architecture.md
 * section 3). After that it is an error.
 */
export function isKept(scope: Scope, error: ConnectorError, now: Date): boolean {
  const rule = error.facts['rule'];
  return scope.by === 'month' && (rule === 'empty' || rule === 'month') && now.getUTCDate() <= 11;
}

/** Fields that no column holds, over all blobs of a snapshot, with the number of records that had them. */
export function driftOf(blobs: readonly BlobCounts[]): Record<string, number> {
  const drift: Record<string, number> = {};
  for (const { unknownFields } of blobs) {
    for (const [name, count] of Object.entries(unknownFields)) drift[name] = (drift[name] ?? 0) + count;
  }
  return drift;
}
