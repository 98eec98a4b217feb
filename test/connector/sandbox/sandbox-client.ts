import { randomUUID } from 'node:crypto';
import { request, type IncomingHttpHeaders } from 'node:http';
import { gunzipSync } from 'node:zlib';
import { startSandbox, type Sandbox, type SandboxOptions } from '../../../connector/sandbox/sandbox.js';
import { STREAMS, type StreamName } from '../../../schemas/streams.js';

/** The service's clock in these tests: nothing depends on the day they run. */
export const NOW = new Date('2026-11-23T12:00:00Z');

/** A small sandbox at a fixed time that is done at the first poll. */
export function small(options: SandboxOptions = {}): Promise<Sandbox> {
  return startSandbox({ usageRows: 120, blobs: 2, pollsUntilDone: 0, now: () => NOW, ...options });
}

/** An answer as it came over the wire: nothing inflated, no redirect followed. */
export interface Answer {
  readonly status: number;
  readonly headers: IncomingHttpHeaders;
  readonly body: Buffer;
  /** Whether the connection ended before the body did. */
  readonly cut: boolean;
}

/** Sends one request on a connection of its own. An answer that stops for `patienceMs` counts as cut. */
export async function ask(
  url: string,
  options: {
    readonly method?: string;
    readonly headers?: Readonly<Record<string, string>>;
    readonly body?: string;
    readonly patienceMs?: number;
  } = {},
): Promise<Answer> {
  const { method = 'GET', headers = {}, body, patienceMs = 20_000 } = options;
  return await new Promise<Answer>((resolve, reject) => {
    const sent = request(url, { method, headers, agent: false }, (response) => {
      const chunks: Buffer[] = [];
      const done = (): void => {
        const { statusCode = 0, complete } = response;
        resolve({
          status: statusCode,
          headers: response.headers,
          body: Buffer.concat(chunks),
          cut: !complete,
        });
      };
      response.on('data', (chunk: Buffer) => chunks.push(chunk));
      response.on('error', () => undefined);
      response.on('close', done);
      response.setTimeout(patienceMs, () => response.destroy());
    });
    sent.on('error', reject);
    sent.end(body);
  });
}

/** A request to Graph with the token. */
export function askGraph(
  sandbox: Sandbox,
  url: string,
  options: Parameters<typeof ask>[1] = {},
): Promise<Answer> {
  const headers = { Authorization: `Bearer ${sandbox.token}`, ...options.headers };
  return ask(url.startsWith('http') ? url : `${sandbox.graphUrl}${url}`, { ...options, headers });
}

/** Asks for an export. */
export function post(sandbox: Sandbox, stream: StreamName, body: unknown): Promise<Answer> {
  return askGraph(sandbox, STREAMS[stream].exportPath, {
    method: 'POST',
    headers: { 'Content-Type': 'application/json', 'client-request-id': randomUUID() },
    body: typeof body === 'string' ? body : JSON.stringify(body),
  });
}

/** The JSON object of an answer. */
export function json(answer: Answer): Record<string, unknown> {
  return JSON.parse(answer.body.toString('utf8')) as Record<string, unknown>;
}

/** A manifest as the sandbox spells it when no fault is on. */
export interface PlainManifest {
  readonly id: string;
  readonly eTag: string;
  readonly rootDirectory: string;
  readonly sasToken: string;
  readonly blobCount: number;
  readonly blobs: readonly { readonly name: string; readonly partitionValue: string }[];
}

export const INVOICE = { invoiceId: 'G016907411', attributeSet: 'full' };
export const USAGE = { stream: 'billed_usage', invoice: 'G016907411' } as const;

/** Exports once and polls until the operation is no longer running; gives its body. */
export async function operationOf(
  sandbox: Sandbox,
  stream: StreamName = 'billed_usage',
  body: unknown = INVOICE,
): Promise<Record<string, unknown>> {
  const location = (await post(sandbox, stream, body)).headers.location ?? '';
  for (;;) {
    const operation = json(await askGraph(sandbox, location));
    if (operation['status'] !== 'notStarted' && operation['status'] !== 'running') return operation;
  }
}

/** Exports once and gives the embedded manifest. */
export async function manifestOf(
  sandbox: Sandbox,
  stream: StreamName = 'billed_usage',
  body: unknown = INVOICE,
): Promise<PlainManifest> {
  return (await operationOf(sandbox, stream, body))['resourceLocation'] as PlainManifest;
}

/** The address of a manifest's blob. */
export function blobUrl(manifest: PlainManifest, index = 0): string {
  return `${manifest.rootDirectory}/${manifest.blobs[index]?.name ?? ''}?${manifest.sasToken}`;
}

/** The raw bytes of all blobs, one after the other. */
export async function rawBlobs(manifest: PlainManifest): Promise<Buffer[]> {
  const bodies: Buffer[] = [];
  for (const index of manifest.blobs.keys()) bodies.push((await ask(blobUrl(manifest, index))).body);
  return bodies;
}

/** The text of all blobs. */
export async function textOf(manifest: PlainManifest): Promise<string> {
  return (await rawBlobs(manifest)).map((body) => gunzipSync(body).toString('utf8')).join('');
}

/** The lines of an export. */
export async function linesOf(sandbox: Sandbox, stream: StreamName, body: unknown): Promise<string[]> {
  return (await textOf(await manifestOf(sandbox, stream, body))).split('\n').filter((line) => line !== '');
}

/** The text of a line's field: the raw digits of a number, the value of a string; null where it is missing. */
export function rawField(line: string, name: string): string | null {
  const match = new RegExp(`[{,]"${name}":(?:"((?:[^"\\\\]|\\\\.)*)"|([^,}\\[]+))`).exec(line);
  return match?.[1] ?? match?.[2] ?? null;
}
