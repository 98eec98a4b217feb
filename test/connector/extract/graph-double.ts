import { createHash } from 'node:crypto';
import type { ServerResponse } from 'node:http';
import { gzipSync } from 'node:zlib';
import { sendJson, startServer, type HttpDouble, type SeenRequest } from './http-double.js';
import { TENANT } from './scene.js';

const OPERATIONS = '/v1.0/reports/partners/billing/operations/';
const MANIFESTS = '/v1.0/reports/partners/billing/manifests/';

/** What a blob answers: whole when undefined is returned, else the test has answered itself. */
export type BlobFault = (request: SeenRequest, response: ServerResponse, count: number) => boolean;

/** How the double behaves; tests change it as they go. */
export interface Behaviour {
  /** Statuses of the polls of each operation, in turn; the last for ever. */
  statuses: string[];
  /** Answers instead of a poll where it returns true. */
  onPoll: ((request: SeenRequest, response: ServerResponse, poll: number) => boolean) | null;
  onExport: ((request: SeenRequest, response: ServerResponse) => boolean) | null;
  onManifest: ((request: SeenRequest, response: ServerResponse, read: number) => boolean) | null;
  manifestAs: 'embedded' | 'link' | 'text';
  /** Changes to the manifest body. */
  manifest: Record<string, unknown>;
  eTag: string;
  date: Date;
  /** A SAS is good while its number is at least this. */
  oldestSas: number;
  /** Whether each reading of the manifest gives a new SAS. */
  freshSas: boolean;
  onBlob: BlobFault | null;
  blobs: Map<string, Buffer>;
  headersOf: (name: string) => Record<string, string>;
}

/** A small Graph and a small blob storage, as two real servers. */
export interface GraphDouble {
  readonly graph: HttpDouble;
  readonly storage: HttpDouble;
  readonly graphUrl: string;
  readonly behaviour: Behaviour;
  /** How many exports were asked for. */
  exports(): number;
  polls(): number;
  /** Blob requests by name, with the first byte that was asked for. */
  reads(): string[];
}

/** Some bytes that look like a blob. */
export function someBlob(lines: number, seed = 'x'): Buffer {
  let text = '';
  for (let line = 0; line < lines; line += 1) {
    text += `{"line":"${createHash('sha256').update(`${seed}${line}`).digest('hex')}"}\n`;
  }
  return gzipSync(text);
}

/** The SAS with a number: percent-encoded values that must arrive letter for letter. */
export function sasOf(number: number): string {
  return `skoid=a&sktid=${TENANT}&skt=2026-11-23T10%3A00%3A00Z&sr=d&sp=rl&sdd=7&sig=plantedSig${number}%2Fa%2Bb%3D`;
}

/** Starts both. */
export async function startGraph(
  blobs: Readonly<Record<string, Buffer>> = { 'part-0.json.gz': someBlob(50) },
): Promise<GraphDouble> {
  const behaviour: Behaviour = {
    statuses: ['running', 'succeeded'],
    onPoll: null,
    onExport: null,
    onManifest: null,
    manifestAs: 'embedded',
    manifest: {},
    eTag: 'eTagOne',
    date: new Date('2026-11-23T10:00:00Z'),
    oldestSas: 1,
    freshSas: true,
    onBlob: null,
    blobs: new Map(Object.entries(blobs)),
    headersOf: () => ({}),
  };
  const counts = { exports: 0, polls: new Map<string, number>(), manifests: 0, sas: 0, blobs: 0 };
  const storage = await startServer((request, response) => {
    counts.blobs += 1;
    if (behaviour.onBlob?.(request, response, counts.blobs) === true) return;
    serveBlob(behaviour, request, response);
  });
  const manifestBody = (): Record<string, unknown> => {
    if (behaviour.freshSas || counts.sas === 0) counts.sas += 1;
    const names = [...behaviour.blobs.keys()];
    return {
      id: 'manifest-1',
      schemaVersion: '2',
      dataFormat: 'compressedJSON',
      createdDateTime: '2026-11-23T09:00:00.87Z',
      eTag: behaviour.eTag,
      partnerTenantId: TENANT,
      rootDirectory: `${storage.origin}/container/v1/PartnerTenantId=${TENANT}/BillingMonth=202611`,
      sasToken: sasOf(counts.sas),
      partitionType: 'default',
      blobCount: names.length,
      blobs: names.map((name) => ({ name, partitionValue: 'default' })),
      ...behaviour.manifest,
    };
  };
  const graph: HttpDouble = await startServer((request, response) => {
    const date = { date: behaviour.date.toUTCString() };
    if (request.method === 'POST') {
      counts.exports += 1;
      if (behaviour.onExport?.(request, response) === true) return;
      const location = `${graph.origin}${OPERATIONS}operation-${counts.exports}`;
      sendJson(response, 202, undefined, { ...date, location });
      return;
    }
    if (request.path.startsWith(MANIFESTS)) {
      counts.manifests += 1;
      if (behaviour.onManifest?.(request, response, counts.manifests) === true) return;
      sendJson(response, 200, manifestBody(), date);
      return;
    }
    const poll = (counts.polls.get(request.path) ?? 0) + 1;
    counts.polls.set(request.path, poll);
    if (behaviour.onPoll?.(request, response, poll) === true) return;
    const status = behaviour.statuses[Math.min(poll, behaviour.statuses.length) - 1] ?? 'running';
    sendJson(response, 200, operationBody(graph.origin, behaviour, status, manifestBody), date);
  });
  return {
    graph,
    storage,
    graphUrl: `${graph.origin}/v1.0`,
    behaviour,
    exports: () => counts.exports,
    polls: () => [...counts.polls.values()].reduce((sum, count) => sum + count, 0),
    reads: () =>
      storage.requests.map(({ path, headers }) => {
        const from =
          /bytes=(\d+)-/.exec(headers.range ?? headers['x-ms-range']?.toString() ?? '')?.[1] ?? '0';
        return `${path.split('/').at(-1) ?? ''}@${from}`;
      }),
  };
}

function operationBody(
  origin: string,
  behaviour: Behaviour,
  status: string,
  manifestBody: () => Record<string, unknown>,
): Record<string, unknown> {
  const type =
    { succeeded: 'exportSuccessOperation', failed: 'failedOperation' }[status] ?? 'runningOperation';
  const body = {
    '@odata.type': `#microsoft.graph.partners.billing.${type}`,
    id: 'operation',
    createdDateTime: '2026-11-23T08:12:53',
    status,
  };
  if (status !== 'succeeded') return body;
  const link = `${origin}${MANIFESTS}manifest-1`;
  switch (behaviour.manifestAs) {
    case 'embedded':
      return { ...body, resourceLocation: manifestBody() };
    case 'link':
      return { ...body, 'resourceLocation@odata.navigationLink': link };
    case 'text':
      return { ...body, resourceLocation: link };
  }
}

/** Storage as Azure answers: SAS, ranges, ETag, If-Match. */
function serveBlob(behaviour: Behaviour, request: SeenRequest, response: ServerResponse): void {
  const sas = /^.*sig=plantedSig(\d+)%2Fa%2Bb%3D$/.exec(request.query)?.[1];
  if (sas === undefined || Number(sas) < behaviour.oldestSas || request.query !== sasOf(Number(sas))) {
    sendStorageError(response, 403, 'AuthenticationFailed');
    return;
  }
  const name = decodeURIComponent(request.path.split('/').at(-1) ?? '');
  const content = behaviour.blobs.get(name);
  if (content === undefined) {
    sendStorageError(response, 404, 'BlobNotFound');
    return;
  }
  const etag = `"${createHash('md5').update(content).digest('hex').slice(0, 16)}"`;
  if (request.headers['if-match'] !== undefined && request.headers['if-match'] !== etag) {
    sendStorageError(response, 412, 'ConditionNotMet');
    return;
  }
  const range = /^bytes=(\d+)-$/.exec(
    request.headers.range ?? request.headers['x-ms-range']?.toString() ?? '',
  )?.[1];
  const start = range === undefined ? 0 : Number(range);
  if (range !== undefined && start >= content.length) {
    sendStorageError(response, 416, 'InvalidRange');
    return;
  }
  response.writeHead(range === undefined ? 200 : 206, {
    etag,
    'content-length': String(content.length - start),
    'x-ms-request-id': 'storage-request-1',
    ...(range === undefined
      ? {}
      : { 'content-range': `bytes ${start}-${content.length - 1}/${content.length}` }),
    ...behaviour.headersOf(name),
  });
  response.end(content.subarray(start));
}

/** An error of storage, with its XML. */
export function sendStorageError(
  response: ServerResponse,
  status: number,
  code: string,
  headers: Record<string, string> = {},
): void {
  const xml = `<?xml version="1.0" encoding="utf-8"?><Error><Code>${code}</Code><Message>no</Message></Error>`;
  response.writeHead(status, {
    'content-type': 'application/xml',
    'x-ms-error-code': code,
    'x-ms-request-id': 'storage-request-1',
    ...headers,
  });
  response.end(xml);
}

/** Sends the head of a whole answer and a part of its body, then cuts the connection. */
export function cutAfter(
  response: ServerResponse,
  content: Buffer,
  start: number,
  bytes: number,
  etag: string,
): void {
  response.writeHead(start === 0 ? 200 : 206, {
    etag,
    'content-length': String(content.length - start),
    'x-ms-request-id': 'storage-request-1',
    ...(start === 0 ? {} : { 'content-range': `bytes ${start}-${content.length - 1}/${content.length}` }),
  });
  response.write(content.subarray(start, start + bytes), () => {
    // Time enough for the bytes to be read: what is in flight when a connection is reset may be lost.
    setTimeout(() => response.socket?.destroy(), 120);
  });
}

/** The ETag that the double gives a blob. */
export function etagOf(content: Buffer): string {
  return `"${createHash('md5').update(content).digest('hex').slice(0, 16)}"`;
}
