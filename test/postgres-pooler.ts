import { once } from 'node:events';
import { createServer, type AddressInfo, type Socket } from 'node:net';
import pg from 'pg';
import { messageSplitter } from './postgres-messages.js';

/** A connection pooler on loopback, which gives out a few connections of one server, as PgBouncer does. */
export interface Pooler {
  /** Connection string of the same database and user, through the pooler. */
  readonly url: string;
  /** Processes of the server that answered so far. */
  readonly backends: () => number;
  close(): Promise<void>;
}

/** How the pooler gives out its connections. */
export interface PoolerOptions {
  readonly mode: 'session' | 'transaction';
  /** Connections to the server at most. */
  readonly size?: number;
  /** Which idle connection is given out: the one used last, or the one that was idle longest. */
  readonly order?: 'last used' | 'round robin';
}

const READY = 'Z'.charCodeAt(0);
const TERMINATE = 'X'.charCodeAt(0);
/** Messages of a client that the server ends with ReadyForQuery: Query, Sync, FunctionCall. */
const ANSWERED_READY = new Set(['Q', 'S', 'F'].map((letter) => letter.charCodeAt(0)));
const IDLE = 'I'.charCodeAt(0);

/** A connection to the server, signed in. */
interface Backend {
  readonly socket: Socket;
  onMessage: (message: Buffer) => void;
}

/** Starts a pooler for the database and user of `serverUrl`; whoever connects is let in as that user. */
export async function startPooler(serverUrl: string, options: PoolerOptions): Promise<Pooler> {
  const pool = new Pool(serverUrl, options);
  const clients = new Set<Socket>();
  const server = createServer((socket) => {
    clients.add(socket);
    socket.setNoDelay();
    socket.on('close', () => clients.delete(socket));
    socket.on('error', () => undefined);
    serveClient(socket, pool, options.mode);
  });
  server.listen(0, '127.0.0.1');
  await once(server, 'listening');
  const { port } = server.address() as AddressInfo;
  const { database, user } = new pg.Client({ connectionString: serverUrl });
  return {
    url: `postgres://${user ?? ''}:pooled@127.0.0.1:${port}/${database ?? ''}`,
    backends: () => pool.made,
    close: async () => {
      for (const socket of clients) socket.destroy();
      server.close();
      await once(server, 'close');
      pool.close();
    },
  };
}

class Pool {
  made = 0;
  private open = 0;
  private readonly idle: Backend[] = [];
  private readonly waiting: ((backend: Backend) => void)[] = [];
  private readonly sockets = new Set<Socket>();

  constructor(
    private readonly url: string,
    private readonly options: PoolerOptions,
  ) {}

  async take(): Promise<Backend> {
    const ready = this.options.order === 'round robin' ? this.idle.shift() : this.idle.pop();
    if (ready !== undefined) return ready;
    if (this.open < (this.options.size ?? 2)) return await this.make();
    return await new Promise((resolve) => this.waiting.push(resolve));
  }

  give(backend: Backend): void {
    backend.onMessage = () => undefined;
    const next = this.waiting.shift();
    if (next === undefined) this.idle.push(backend);
    else next(backend);
  }

  /** Ends a connection that a client left in the middle of something, or with settings of its own. */
  drop(backend: Backend): void {
    backend.socket.destroy();
    this.open -= 1;
    const next = this.waiting.shift();
    if (next !== undefined) void this.make().then(next);
  }

  close(): void {
    for (const socket of this.sockets) socket.destroy();
  }

  private async make(): Promise<Backend> {
    this.open += 1;
    this.made += 1;
    const client = new pg.Client({ connectionString: this.url });
    client.on('error', () => undefined);
    await client.connect();
    // The driver signs in; from here on its socket carries what our clients say.
    const { connection } = client as unknown as { connection: { stream: Socket } };
    const socket = connection.stream;
    socket.removeAllListeners('data');
    socket.setNoDelay();
    this.sockets.add(socket);
    const backend: Backend = { socket, onMessage: () => undefined };
    const split = messageSplitter((message) => backend.onMessage(message));
    socket.on('data', split);
    return backend;
  }
}

function serveClient(socket: Socket, pool: Pool, mode: PoolerOptions['mode']): void {
  let backend: Backend | undefined;
  let unanswered = 0;
  let work = Promise.resolve();
  let ended = false;

  const answer = (message: Buffer): void => {
    if (!ended) socket.write(message);
    if (message[0] !== READY) return;
    unanswered -= 1;
    if (mode === 'session' || unanswered > 0 || message[5] !== IDLE || backend === undefined) return;
    pool.give(backend);
    backend = undefined;
  };
  const forward = async (message: Buffer): Promise<void> => {
    if (message[0] === TERMINATE) return;
    if (backend === undefined) {
      backend = await pool.take();
      backend.onMessage = answer;
    }
    if (ANSWERED_READY.has(message[0] ?? 0)) unanswered += 1;
    backend.socket.write(message);
  };
  const split = messageSplitter((message) => {
    work = work.then(() => forward(message));
  });

  socket.once('data', (startup: Buffer) => {
    // AuthenticationOk, BackendKeyData with a number of our own, as of no process of the server, ReadyForQuery.
    socket.write(Buffer.from('R\0\0\0\x08\0\0\0\0K\0\0\0\x0c\x7f\0\0\x01\0\0\0\0Z\0\0\0\x05I', 'latin1'));
    split(startup.subarray(startup.readInt32BE(0)));
    socket.on('data', split);
  });
  socket.on('close', () => {
    ended = true;
    void work.then(() => {
      if (backend !== undefined) pool.drop(backend);
    });
  });
}
