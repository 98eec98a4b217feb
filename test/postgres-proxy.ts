import { once } from 'node:events';
import { createConnection, createServer, type AddressInfo, type Socket } from 'node:net';
import pg from 'pg';
import { messageSplitter } from './postgres-messages.js';

/**
 * Where a connection is cut: `before` the server is told to commit; `meanwhile`, when it was told and nobody waits for
 * it; `unanswered`, when it has committed and its answer is on the way; `after`, when the answer was delivered.
 */
export type CutAt = 'before' | 'meanwhile' | 'unanswered' | 'after';

/** A network between a client and a Postgres server, on loopback, that loses connections at a chosen moment. */
export interface PostgresProxy {
  /** Connection string of the same database and user, through the proxy. */
  readonly url: string;
  /** The next commit loses its connection there, once; `onCut` is called when it has. */
  cutNextCommit(at: CutAt, onCut?: () => void): void;
  /** Commits that were cut so far. */
  readonly cuts: () => number;
  /** Loses every connection that there is now. */
  loseConnections(): void;
  close(): Promise<void>;
}

const QUERY = 'Q'.charCodeAt(0);
const READY = 'Z'.charCodeAt(0);

interface Pair {
  readonly client: Socket;
  readonly server: Socket;
}

/** Starts a proxy for the server of `serverUrl`. */
export async function startPostgresProxy(serverUrl: string): Promise<PostgresProxy> {
  const { host, port, database, user, password } = new pg.Client({ connectionString: serverUrl });
  const pairs = new Set<Pair>();
  let armed: { readonly at: CutAt; readonly onCut: () => void } | undefined;
  let cuts = 0;

  const cut = ({ client, server }: Pair, onCut: () => void): void => {
    client.destroy();
    server.destroy();
    cuts += 1;
    onCut();
  };
  const loseConnections = (): void => {
    for (const { client, server } of pairs) {
      client.destroy();
      server.destroy();
    }
  };
  const serve = (client: Socket): void => {
    const server = createConnection(
      host.startsWith('/') ? { path: `${host}/.s.PGSQL.${port}` } : { host, port },
    );
    const pair = { client, server };
    pairs.add(pair);
    for (const [socket, other] of [
      [client, server],
      [server, client],
    ] as const) {
      socket.setNoDelay();
      socket.on('error', () => undefined);
      socket.on('close', () => {
        pairs.delete(pair);
        other.destroy();
      });
    }
    let onAnswer: ((message: Buffer) => void) | undefined;
    const toClient = messageSplitter((message) => {
      if (onAnswer === undefined) client.write(message);
      else onAnswer(message);
    });
    const toServer = messageSplitter((message) => {
      if (armed === undefined || !isCommit(message)) return void server.write(message);
      const { at, onCut } = armed;
      armed = undefined;
      if (at === 'before') return cut(pair, onCut);
      if (at === 'meanwhile') return void server.write(message, () => cut(pair, onCut));
      onAnswer = (answer) => {
        if (at === 'unanswered') {
          if (answer[0] === READY) cut(pair, onCut);
        } else {
          client.write(answer, () => (answer[0] === READY ? cut(pair, onCut) : undefined));
        }
      };
      server.write(message);
    });
    // The first message of a client has no letter.
    client.once('data', (startup: Buffer) => {
      const end = startup.readInt32BE(0);
      server.write(startup.subarray(0, end));
      toServer(startup.subarray(end));
      client.on('data', toServer);
    });
    server.on('data', toClient);
  };

  const listener = createServer(serve);
  listener.listen(0, '127.0.0.1');
  await once(listener, 'listening');
  const secret =
    password === undefined || password === null ? '' : `:${encodeURIComponent(String(password))}`;
  return {
    url: `postgres://${user ?? ''}${secret}@127.0.0.1:${(listener.address() as AddressInfo).port}/${database ?? ''}`,
    cutNextCommit: (at, onCut = () => undefined) => {
      armed = { at, onCut };
    },
    cuts: () => cuts,
    loseConnections,
    close: async () => {
      loseConnections();
      listener.close();
      await once(listener, 'close');
    },
  };
}

function isCommit(message: Buffer): boolean {
  return message[0] === QUERY && message.toString('latin1', 5, message.length - 1) === 'COMMIT';
}
