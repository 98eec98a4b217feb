import { readFileSync } from 'node:fs';
import http, { type IncomingHttpHeaders, type IncomingMessage, type ServerResponse } from 'node:http';
import https from 'node:https';
import { connect, createServer, type AddressInfo, type Server } from 'node:net';
import { join } from 'node:path';
import { afterEach } from 'vitest';

/** Folder of the TEST ONLY certificates. */
export const TLS_FOLDER = join(import.meta.dirname, '../../fixtures/tls');
/** The authority that signed the test server's certificate. */
export const TEST_AUTHORITY = join(TLS_FOLDER, 'test-authority.pem');

/** A request as a server saw it. */
export interface SeenRequest {
  readonly method: string;
  readonly url: string;
  readonly path: string;
  readonly query: string;
  readonly headers: IncomingHttpHeaders;
  readonly body: string;
}

/** Answers a request. */
export type Handler = (request: SeenRequest, response: ServerResponse) => void | Promise<void>;

/** A real HTTP server on loopback. */
export interface HttpDouble {
  readonly origin: string;
  readonly port: number;
  readonly requests: SeenRequest[];
  close(): Promise<void>;
}

const open: HttpDouble[] = [];
const proxies: Server[] = [];

afterEach(async () => {
  for (const proxy of proxies.splice(0)) proxy.close();
  await Promise.all(open.splice(0).map((server) => server.close()));
});

/** Starts a server that is closed after the test. */
export async function startServer(
  handler: Handler,
  options: { readonly tls?: boolean } = {},
): Promise<HttpDouble> {
  const requests: SeenRequest[] = [];
  const listener = (incoming: IncomingMessage, response: ServerResponse): void => {
    void readText(incoming).then(async (body) => {
      const [path = '', query = ''] = (incoming.url ?? '').split('?');
      const { method = '', url = '', headers } = incoming;
      const seen = { method, url, path, query, headers, body };
      requests.push(seen);
      await handler(seen, response);
    });
  };
  const server =
    options.tls === true
      ? https.createServer(
          {
            key: readFileSync(join(TLS_FOLDER, 'test-server-key.pem')),
            cert: readFileSync(join(TLS_FOLDER, 'test-server.pem')),
          },
          listener,
        )
      : http.createServer(listener);
  await new Promise<void>((resolve) => server.listen(0, '127.0.0.1', resolve));
  const { port } = server.address() as AddressInfo;
  const started: HttpDouble = {
    origin: options.tls === true ? `https://localhost:${port}` : `http://127.0.0.1:${port}`,
    port,
    requests,
    close: () =>
      new Promise((resolve) => {
        server.close(() => {
          resolve();
        });
        server.closeAllConnections();
      }),
  };
  open.push(started);
  return started;
}

/** A proxy that tunnels every CONNECT to one port of loopback, and remembers what was asked for. */
export async function startProxy(
  targetPort: number,
): Promise<{ readonly url: string; readonly asked: string[] }> {
  const asked: string[] = [];
  const proxy = createServer((client) => {
    client.once('data', (head) => {
      asked.push(head.toString('latin1').split('\r\n')[0] ?? '');
      const target = connect(targetPort, '127.0.0.1', () => {
        client.write('HTTP/1.1 200 Connection Established\r\n\r\n');
        client.pipe(target).pipe(client);
      });
      target.on('error', () => client.destroy());
      client.on('close', () => target.destroy());
    });
    client.on('error', () => undefined);
  });
  proxies.push(proxy);
  await new Promise<void>((resolve) => proxy.listen(0, '127.0.0.1', resolve));
  return { url: `http://127.0.0.1:${(proxy.address() as AddressInfo).port}`, asked };
}

/** Answers with JSON. */
export function sendJson(
  response: ServerResponse,
  status: number,
  body: unknown,
  headers: Readonly<Record<string, string>> = {},
): void {
  response.writeHead(status, {
    'content-type': 'application/json',
    'request-id': 'graph-request-1',
    ...headers,
  });
  response.end(body === undefined ? '' : JSON.stringify(body));
}

async function readText(incoming: IncomingMessage): Promise<string> {
  const chunks: Buffer[] = [];
  for await (const chunk of incoming) chunks.push(chunk as Buffer);
  return Buffer.concat(chunks).toString('utf8');
}
