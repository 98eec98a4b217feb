import { createServer, type Server } from 'node:http';
import type { AddressInfo } from 'node:net';
import { asConnectorError, ConfigError } from '../../schemas/errors.js';
import { Exchange } from './exchange.js';

/** A server on 127.0.0.1 that was started. */
export interface LoopbackServer {
  readonly host: string;
  readonly origin: string;
  readonly port: number;
  /** Stops it and cuts every connection. */
  close(): Promise<void>;
}

/**
 * Starts a server on 127.0.0.1; port 0 takes a free one.
 * @throws ConfigError when the port is taken or may not be used.
 */
export async function startLoopbackServer(
  port: number,
  now: () => Date,
  answer: (exchange: Exchange) => Promise<void>,
): Promise<LoopbackServer> {
  const server = createServer((request, response) => {
    const exchange = new Exchange(request, response, 'http://127.0.0.1', now);
    answer(exchange).catch((thrown: unknown) => fail(exchange, thrown));
  });
  await listening(server, port);
  const bound = (server.address() as AddressInfo).port;
  const host = `127.0.0.1:${bound}`;
  return { host, origin: `http://${host}`, port: bound, close: () => closed(server) };
}

/** A client that goes away is no failure; anything else is answered, or the connection cut. */
function fail(exchange: Exchange, thrown: unknown): void {
  if (exchange.response.headersSent || exchange.response.destroyed) exchange.cut();
  else exchange.send(500, { 'Content-Type': 'text/plain' }, `sandbox: ${asConnectorError(thrown).message}\n`);
}

async function listening(server: Server, port: number): Promise<void> {
  await new Promise<void>((resolve, reject) => {
    const failed = (cause: NodeJS.ErrnoException): void => {
      const error = new ConfigError({
        message: `sandbox: cannot listen on 127.0.0.1:${port} (${cause.code ?? cause.message})`,
        hint: 'give another --port, or 0 for a free one; storage takes the next port',
        facts: { port },
        cause,
      });
      reject(error);
    };
    server.once('error', failed);
    server.listen(port, '127.0.0.1', () => {
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
