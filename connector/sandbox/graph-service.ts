import { monthOfPeriod } from '../../schemas/scope.js';
import { STREAM_NAMES, STREAMS, type StreamName } from '../../schemas/streams.js';
import { isBilled, type DataScope } from './data-scope.js';
import type { DataVersion } from './data-version.js';
import type { Exchange, RequestKind } from './exchange.js';
import { readExportBody } from './export-body.js';
import { POST_FAULTS, type FaultName } from './faults.js';
import { graphHeaders, sendErrorFault, sendGraphError } from './graph-answer.js';
import { blobsOf, type GraphParts } from './graph-parts.js';
import { answerManifest, answerOperation } from './graph-reads.js';
import { operationBody, type Operation } from './operations.js';
import { presentInvoiceScope, presentMonthScope } from './present-scope.js';
import { readBody } from './request-body.js';

const BASE = /^\/(v1\.0|beta)(\/reports\/partners\/billing\/.+)$/;
const ERRORS = Object.keys(POST_FAULTS).filter((name): name is keyof typeof POST_FAULTS =>
  /^post-(\d{3}(-date|-bare|-html)?|html|redirect)$/.test(name),
);

/** What a request to Graph is for. */
export function graphRequestKind(method: string, path: string): RequestKind {
  if (method === 'POST' && streamOf(path) !== null) return 'export';
  if (/\/reports\/partners\/billing\/operations\//.test(path)) return 'operation';
  if (/\/reports\/partners\/billing\/manifests\//.test(path)) return 'manifest';
  return 'other';
}

/** Answers a request to Graph: exports, operations, manifests (api-contract.md sections 1, 2, 9). */
export async function answerGraph(parts: GraphParts, exchange: Exchange): Promise<void> {
  if (exchange.header('authorization') !== `Bearer ${parts.settings.token}`) {
    const message = 'Access token is empty, has expired or is meant for another audience.';
    const headers = { 'WWW-Authenticate': 'Bearer realm=""' };
    sendGraphError(exchange, 401, 'InvalidAuthenticationToken', message, headers);
    return;
  }
  const path = exchange.url.pathname;
  const stream = streamOf(path);
  const [, kind, id] = /\/(operations|manifests)\/([^/]+)$/.exec(path) ?? [];
  if (exchange.method === 'POST' && stream !== null) {
    await answerExport(parts, exchange, stream);
  } else if (exchange.method === 'GET' && BASE.test(path) && id !== undefined) {
    await (kind === 'operations' ? answerOperation : answerManifest)(parts, exchange, id);
  } else {
    sendGraphError(exchange, 404, 'itemNotFound', 'Resource not found for the segment.');
  }
}

function streamOf(path: string): StreamName | null {
  const below = BASE.exec(path)?.[2]?.replace(/\/microsoft\.graph\.partners\.billing\.export$/, '/export');
  return STREAM_NAMES.find((name) => STREAMS[name].exportPath === below) ?? null;
}

async function answerExport(parts: GraphParts, exchange: Exchange, stream: StreamName): Promise<void> {
  const { settings, data, faults } = parts;
  const text = await readBody(exchange.request);
  const error = faults.firstOf(ERRORS);
  if (error !== null && sendErrorFault(exchange, error, settings.now())) return;
  if (!/^application\/json\b/i.test(exchange.header('content-type'))) {
    sendGraphError(exchange, 415, 'notSupported', 'Content-Type must be application/json.');
    return;
  }
  const body = text === null ? { problem: 'The body is too long.' } : readExportBody(text, isBilled(stream));
  if ('problem' in body) {
    sendGraphError(exchange, 400, 'invalidRequest', body.problem);
    return;
  }
  const now = settings.now();
  const scope: DataScope | null =
    body.billingPeriod === null
      ? presentInvoiceScope(settings, stream, body.invoiceId ?? '')
      : presentMonthScope(settings, stream, monthOfPeriod(body.billingPeriod, now), body.currencyCode ?? '');
  const content = faults.contentFaults().filter((fault) => faults.fires(fault));
  const version = scope === null ? null : data.version(scope, body.attributeSet, content);
  const asked = body.invoiceId ?? `${body.billingPeriod ?? ''} ${body.currencyCode ?? ''}`;
  const operation = parts.operations.create(version, asked, now);
  if (version !== null) startMaking(parts, version);
  sendAccepted(parts, exchange, operation);
}

/** Begins to make the blobs, so that they are ready when the operation is polled. A failure shows at the poll. */
function startMaking(parts: GraphParts, version: DataVersion): void {
  blobsOf(parts, version).catch(() => undefined);
}

function sendAccepted(parts: GraphParts, exchange: Exchange, operation: Operation): void {
  const { faults, origin, settings } = parts;
  const path = `${BASE.exec(exchange.url.pathname)?.[1] ?? 'v1.0'}/reports/partners/billing/operations/${operation.id}`;
  const address = `${origin}/${path}`;
  const headers = graphHeaders(exchange);
  const body = (): Record<string, unknown> =>
    operationBody(origin, operation, 'notStarted', settings.now(), faults);
  if (faults.fires('post-cut')) {
    exchange.cut();
    return;
  }
  const later = faults.fires('post-retry-after') ? { 'Retry-After': String(settings.retryAfterSeconds) } : {};
  const shapes = [
    'post-relative-location',
    'post-operation-location',
    'post-body-id',
    'post-200-body',
    'post-no-address',
  ] as const satisfies readonly FaultName[];
  switch (faults.firstOf(shapes)) {
    case 'post-relative-location':
      exchange.send(202, { ...headers, ...later, Location: `/${path}` }, '');
      return;
    case 'post-operation-location':
      exchange.send(202, { ...headers, ...later, 'Operation-Location': address }, '');
      return;
    case 'post-body-id':
      exchange.sendJson(202, body(), { ...headers, ...later });
      return;
    case 'post-200-body':
      exchange.sendJson(200, body(), { ...headers, ...later, Location: address });
      return;
    case 'post-no-address':
      exchange.send(202, { ...headers, ...later }, '');
      return;
    case null:
      exchange.send(202, { ...headers, ...later, Location: address }, '');
  }
}
