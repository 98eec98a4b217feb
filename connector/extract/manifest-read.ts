import { IntegrityError } from '../../schemas/errors.js';
import { isOperationBody } from '../../schemas/graph.js';
import { scopeLabel, type Scope } from '../../schemas/scope.js';
import type { Clock } from '../clock.js';
import { ExportGone } from './export-turn.js';
import type { ServiceClient } from './service-client.js';
import { checkManifest, type CheckedManifest, type ManifestSource } from './manifest.js';
import { gone, readOperation } from './operation.js';
import { standingOf, statusText } from './operation-status.js';

/** What reading a manifest needs. */
export interface ManifestContext {
  readonly client: ServiceClient;
  readonly clock: Clock;
  readonly tenantId: string;
  readonly storageHosts: readonly string[];
  readonly scope: Scope;
  readonly operationId: string | null;
  readonly signal?: AbortSignal | undefined;
}

/** A manifest, and Graph's request ids of the answers it came in. */
export interface ReadManifest extends CheckedManifest {
  readonly requestIds: readonly string[];
}

interface Answered {
  readonly body: unknown;
  readonly url: string;
  readonly requestId: string | null;
}

/**
 * Reads a manifest from an answer that is at hand (the last poll), or from an address: of an operation that embeds
 * it or links to it, or its own. Where its count and its list of blobs differ it is read once more.
 * @throws ExportGone on 404 and 410, IntegrityError when there is none or it cannot be used, ConfigError for another
 * tenant, storage host or origin.
 */
export async function readManifest(
  context: ManifestContext,
  from: string,
  atHand?: { readonly body: unknown; readonly requestId: string | null },
): Promise<ReadManifest> {
  const first = await readOnce(context, from, atHand);
  if (first.countAgrees) return first;
  const again = await readOnce(context, first.record.readFrom);
  const requestIds = [...first.requestIds, ...again.requestIds];
  if (again.countAgrees) return { ...again, requestIds };
  throw new IntegrityError({
    message: `${scopeLabel(context.scope)}: the manifest counts ${again.record.blobCount ?? 0} blobs and lists ${again.record.blobs.length}, twice (request-id ${requestIds.at(-1) ?? 'not given'})`,
    hint: 'nothing was downloaded; the next run asks anew; if it stays, report it to Microsoft with the request id',
    facts: {
      blobCount: again.record.blobCount,
      blobs: again.record.blobs.length,
      requestId: requestIds.at(-1),
    },
  });
}

async function readOnce(
  context: ManifestContext,
  from: string,
  atHand?: { readonly body: unknown; readonly requestId: string | null },
): Promise<ReadManifest> {
  const answers: Answered[] = [atHand === undefined ? await ask(context, from) : { ...atHand, url: from }];
  let found = followed(answers.at(-1));
  if (found === null && atHand !== undefined) {
    // An operation that has just succeeded may show its manifest a moment later.
    answers.push(await ask(context, from));
    found = followed(answers.at(-1));
  }
  if (found !== null && 'link' in found) {
    answers.push(await ask(context, found.link));
    found = followed(answers.at(-1));
  }
  const requestIds = answers.flatMap(({ requestId }) => (requestId === null ? [] : [requestId]));
  if (found === null || 'link' in found) throw notFound(context, answers.at(-1)?.body, requestIds);
  const source: ManifestSource = {
    readFrom: found.readFrom,
    readAt: context.clock.now(),
    operationId: context.operationId,
    requestId: requestIds.at(-1) ?? null,
    place: scopeLabel(context.scope),
    tenantId: context.tenantId,
    storageHosts: context.storageHosts,
  };
  return { ...checkManifest(found.manifest, source), requestIds };
}

async function ask({ client, scope, signal }: ManifestContext, url: string): Promise<Answered> {
  const answer = await client.request({ method: 'GET', url, errand: 'manifest', scope, signal });
  if (answer.gone) throw gone(answer);
  return { body: answer.body, url, requestId: answer.requestId };
}

/** Where an answer has the manifest: in it, or behind a link. Null where an operation has neither. */
function followed(
  answered: Answered | undefined,
): { readonly manifest: unknown; readonly readFrom: string } | { readonly link: string } | null {
  if (answered === undefined) return null;
  const { body, url } = answered;
  if (!isOperationBody(body)) return { manifest: body, readFrom: url };
  const operation = readOperation(body);
  if (operation === null) return null;
  const { resourceLocation, resourceLink } = operation;
  const link = typeof resourceLocation === 'string' ? resourceLocation : resourceLink;
  const embedded = typeof resourceLocation === 'object' && hasBlobs(resourceLocation);
  if (embedded || (typeof resourceLocation === 'object' && link === undefined)) {
    return { manifest: resourceLocation, readFrom: url };
  }
  return link !== undefined && URL.canParse(link, url) ? { link: new URL(link, url).href } : null;
}

function hasBlobs(manifest: Readonly<Record<string, unknown>>): boolean {
  return Object.keys(manifest).some((name) => ['blobs', 'blobcount'].includes(name.toLowerCase()));
}

function notFound(
  context: ManifestContext,
  body: unknown,
  requestIds: readonly string[],
): IntegrityError | ExportGone {
  const requestId = requestIds.at(-1);
  const operation = readOperation(body);
  if (operation !== null && standingOf(operation) === 'failed') {
    return new ExportGone(`the operation is now ${statusText(operation)}`, {
      afterPause: true,
      requestId: requestId ?? null,
    });
  }
  return new IntegrityError({
    message: `${scopeLabel(context.scope)}: the export succeeded, but its manifest is nowhere (request-id ${requestId ?? 'not given'})`,
    hint: 'neither resourceLocation nor a link to it; report it to Microsoft with the request id',
    facts: { requestId },
  });
}
