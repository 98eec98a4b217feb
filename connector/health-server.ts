import { createServer, type IncomingMessage, type Server, type ServerResponse } from 'node:http';
import type { AddressInfo } from 'node:net';
import { ConfigError } from '../schemas/errors.js';

/** What a health port answers with: 200 when `healthy`, else 503, and the document as JSON. */
export interface HealthAnswer {
  readonly healthy: boolean;
}

/** A port that answers `GET /healthz`. */
export interface HealthServer {
  readonly port: number;
  /** Stops it and cuts every connection. */
  close(): Promise<void>;
}

/** What a peer may take: a probe asks in one packet, and nobody else has business here. */
const PEER_TIMEOUT_MS = 5_000;

/**
 * Answers `GET` and `HEAD /healthz` on an address of this machine; port 0 takes a free one. Anything else gets 404 or
 * 405. The answer is made anew for each request.
 * @throws ConfigError when the port is taken or may not be used.
 */
export async function startHealthServer(
  host: string,
  port: number,
  answer: () => HealthAnswer,
): Promise<HealthServer> {
  const server = createServer(
    { requestTimeout: PEER_TIMEOUT_MS, headersTimeout: PEER_TIMEOUT_MS, keepAliveTimeout: PEER_TIMEOUT_MS },
    (request, response) => respond(request, response, answer),
  );
  server.maxConnections = 64;
  await listening(server, host, port);
  return { port: (server.address() as AddressInfo).port, close: () => closed(server) };
}

function respond(request: IncomingMessage, response: ServerResponse, answer: () => HealthAnswer): void {
  const path = request.url?.split('?')[0];
  if (path !== '/healthz') return send(response, 404, { error: 'only /healthz is answered' });
  if (request.method !== 'GET' && request.method !== 'HEAD') {
    response.setHeader('Allow', 'GET, HEAD');
    return send(response, 405, { error: 'only GET is answered' });
  }
  const document = answer();
  send(response, document.healthy ? 200 : 503, document);
}

function send(response: ServerResponse, status: number, document: object): void {
  response.writeHead(status, { 'Content-Type': 'application/json', 'Cache-Control': 'no-store' });
  response.end(`${JSON.stringify(document)}\n`);
}

async function listening(server: Server, host: string, port: number): Promise<void> {
  await new Promise<void>((resolve, reject) => {
    const failed = (cause: NodeJS.ErrnoException): void => {
      reject(
        new ConfigError({
          message: `cannot listen on ${host}:${port} (${cause.code ?? cause.message})`,
          hint: 'name a free port and an address of this machine with schedule.health_port and health_host',
          facts: { host, port },
          cause,
        }),
      );
    };
    server.once('error', failed);
    server.listen(port, host, () => {
      server.off('error', failed);
      resolve();
    });
  });
}

async function closed(server: Server): Promise<void> {
  await new Promise<void>((resolve) => {
    server.close(() => resolve());
    server.closeAllConnections();
  });
}
