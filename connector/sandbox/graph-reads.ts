import { setTimeout as wait } from 'node:timers/promises';
import type { BlobFile } from './blob-store.js';
import type { DataVersion } from './data-version.js';
import type { Exchange, Headers } from './exchange.js';
import { MANIFEST_FAULTS, POLL_FAULTS } from './faults.js';
import { graphHeaders, sendErrorFault, sendGraphError } from './graph-answer.js';
import { blobsOf, type GraphParts } from './graph-parts.js';
import { manifestBody } from './manifest-body.js';
import { operationBody, type Operation, type OperationState, type Served } from './operations.js';

/** How long a poll waits for blobs that are nearly ready, so that small data needs the same polls every time. */
const PATIENCE_MS = 10_000;
const ERROR = /^(?:poll|manifest)-(\d{3}(-date|-bare|-html)?|html|redirect)$/;
const POLL_ERRORS = (Object.keys(POLL_FAULTS) as (keyof typeof POLL_FAULTS)[]).filter((name) =>
  ERROR.test(name),
);
const MANIFEST_ERRORS = (Object.keys(MANIFEST_FAULTS) as (keyof typeof MANIFEST_FAULTS)[]).filter((name) =>
  ERROR.test(name),
);

/** Answers GET of an operation: 200 with a typed body, whatever became of the export (api-contract.md 2.2). */
export async function answerOperation(parts: GraphParts, exchange: Exchange, id: string): Promise<void> {
  const { faults, settings, origin } = parts;
  const operation = parts.operations.operation(id);
  if (operation === undefined) {
    sendGraphError(exchange, 404, 'itemNotFound', `There is no operation ${id}.`);
    return;
  }
  const error = faults.firstOf(POLL_ERRORS);
  if (error !== null && sendErrorFault(exchange, error, settings.now())) return;
  if (faults.fires('poll-unknown-status')) {
    const body = operationBody(origin, operation, 'running', settings.now(), faults);
    sendBody(parts, exchange, { ...body, status: 'validating' }, retryAfter(parts));
    return;
  }
  const { state, files } = await stateOf(parts, operation);
  const body = operationBody(origin, operation, state, settings.now(), faults);
  if (state === 'notStarted' || state === 'running') {
    sendBody(parts, exchange, body, retryAfter(parts));
  } else if (state === 'succeeded' && operation.served !== null && files !== null) {
    const result = await resultOf(parts, exchange, operation.served, files);
    sendBody(parts, exchange, { ...body, ...result });
  } else {
    sendBody(parts, exchange, { ...body, error: failureOf(parts, operation, state) });
  }
}

/** Answers GET of a manifest, with a fresh SAS each time. */
export async function answerManifest(parts: GraphParts, exchange: Exchange, id: string): Promise<void> {
  const { faults, settings } = parts;
  const error = faults.firstOf(MANIFEST_ERRORS);
  if (error !== null && sendErrorFault(exchange, error, settings.now())) return;
  const served = parts.operations.manifest(id);
  if (served === undefined) {
    sendGraphError(exchange, 404, 'itemNotFound', `There is no manifest ${id}.`);
    return;
  }
  const body = await freshManifest(parts, served, await blobsOf(parts, served.version));
  exchange.sendJson(200, body, graphHeaders(exchange));
}

function sendBody(parts: GraphParts, exchange: Exchange, body: object, more: Headers = {}): void {
  const headers = { 'Content-Type': 'application/json; charset=utf-8', ...graphHeaders(exchange), ...more };
  if (parts.faults.fires('poll-cut')) exchange.sendHalf(200, headers, JSON.stringify(body), 'cut');
  else if (parts.faults.fires('poll-stalled')) exchange.sendHalf(200, headers, JSON.stringify(body), 'stall');
  else exchange.sendJson(200, body, headers);
}

async function stateOf(
  parts: GraphParts,
  operation: Operation,
): Promise<{ readonly state: OperationState; readonly files: readonly BlobFile[] | null }> {
  const { faults, settings } = parts;
  const waiting = (state: OperationState) => {
    operation.polls++;
    return { state, files: null };
  };
  if (operation.polls < settings.pollsUntilDone)
    return waiting(operation.polls === 0 ? 'notStarted' : 'running');
  if (operation.served === null) return { state: 'failed', files: null };
  if (faults.isOn('poll-failed-5000') || faults.isOn('poll-failed-other'))
    return { state: 'failed', files: null };
  if (faults.fires('poll-skipped')) return { state: 'skipped', files: null };
  const files = await soon(blobsOf(parts, operation.served.version));
  return files === null ? waiting('running') : { state: 'succeeded', files };
}

/** What a promise gives within our patience; null when it takes longer. */
async function soon<T>(promise: Promise<T>): Promise<T | null> {
  const stop = new AbortController();
  const timer = wait(PATIENCE_MS, null, { signal: stop.signal }).catch(() => null);
  try {
    return await Promise.race([promise, timer]);
  } finally {
    stop.abort();
  }
}

function retryAfter({ faults, settings }: GraphParts): Headers {
  const now = settings.now().getTime();
  const after = (seconds: number): Headers => ({
    'Retry-After': new Date(now + seconds * 1000).toUTCString(),
  });
  if (faults.fires('poll-no-retry-after')) return {};
  if (faults.fires('poll-retry-after-date')) return after(2);
  if (faults.fires('poll-retry-after-past')) return after(-3600);
  if (faults.fires('poll-retry-after-zero')) return { 'Retry-After': '0' };
  if (faults.fires('poll-retry-after-hour')) return { 'Retry-After': '3600' };
  return { 'Retry-After': String(settings.retryAfterSeconds) };
}

function failureOf(parts: GraphParts, operation: Operation, state: OperationState): object {
  const other = operation.served !== null && parts.faults.fires('poll-failed-other');
  if (!other && operation.served !== null) parts.faults.fires('poll-failed-5000');
  if (other || state === 'skipped') {
    return { code: '1001', message: 'The export could not be completed.' };
  }
  return {
    code: '5000',
    message: `No reconciliation data is currently available for ${operation.asked}. Please try again later.`,
  };
}

/** The members that lead from a finished operation to its manifest. */
async function resultOf(
  parts: GraphParts,
  exchange: Exchange,
  served: Served,
  files: readonly BlobFile[],
): Promise<object> {
  const base = exchange.url.pathname.replace(/\/operations\/.*$/, '');
  const linked = parts.faults.fires('manifest-link');
  if (linked || parts.faults.fires('manifest-string')) {
    parts.operations.offerManifest(served.version);
    const address = `${parts.origin}${base}/manifests/${served.version.manifestId}`;
    return linked ? { 'resourceLocation@odata.navigationLink': address } : { resourceLocation: address };
  }
  return { resourceLocation: await freshManifest(parts, served, files) };
}

async function freshManifest(
  parts: GraphParts,
  served: Served,
  files: readonly BlobFile[],
): Promise<Record<string, unknown>> {
  const { faults, storage, settings } = parts;
  served.reads++;
  let current = files;
  if (served.reads > 1 && faults.fires('etag-changes')) {
    served.version = changed(parts, served.version);
    current = await blobsOf(parts, served.version);
  }
  const { version } = served;
  parts.operations.offerManifest(version);
  const rootDirectory = storage.addressOf(version);
  const sas = storage.sas.mint(version, faults.fires('sas-wrong'));
  return manifestBody({ version, files: current, tenantId: settings.tenantId, rootDirectory, sas }, faults);
}

function changed(parts: GraphParts, version: DataVersion): DataVersion {
  parts.data.restate(version.scope, { changed: 1 });
  return parts.data.version(version.scope, version.attributeSet, version.faults);
}
