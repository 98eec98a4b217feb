import { createHash } from 'node:crypto';
import { existsSync, mkdirSync, readdirSync, realpathSync, rmdirSync, rmSync, statSync } from 'node:fs';
import { basename, dirname, join, resolve } from 'node:path';
import { DuckDBInstance, type DuckDBConnection } from '@duckdb/node-api';
import { ConfigError, LockedError } from '../../../schemas/errors.js';
import { statement } from '../sql-text.js';
import { duckdbError } from './duckdb-error.js';
import { interruptAtExit } from './interrupt-at-exit.js';

/** How much of the machine DuckDB may use, whichever way it is opened. */
export interface DuckdbLimits {
  /** Bytes that DuckDB may take, its own overhead included; what does not fit is spilled to the temporary directory. */
  readonly memoryLimit: number;
  readonly threads: number;
  /** Folder that spilled data goes below; `<path>.tmp` where it is undefined. */
  readonly tempDirectory?: string | undefined;
}

/**
 * The share of the limit that DuckDB is told of. It counts its buffers only: publishing 1,000,000 usage records with
 * all of 1 GiB for buffers took 1.6 GiB of the process, more than 1.3 times the limit and 300 MB.
 */
const BUFFER_SHARE = 0.75;

/**
 * The format of new files, for DuckDB from 1.3 (May 2025) on. Its dictionaries of text take a fifth less time to write
 * than the format that DuckDB 1.0 can read, which is the default, and less room. A file that exists keeps its own.
 */
const FILE_FORMAT = 'v1.3.0';

/**
 * What a file is opened for.
 *
 * - `read`: planning and `status`. Shared with other readers; the file must exist.
 * - `write`: loading. Nobody else has the file open; it is made when it does not exist.
 * - `query`: as `read`, but for statements that a person wrote: rows keep their order, and no setting can be changed.
 */
export type OpenMode = 'read' | 'write' | 'query';

/** An open database with its one connection. */
export interface OpenDatabase {
  readonly connection: DuckDBConnection;
  /** Threads that work on a statement, the one that waits for it included. */
  readonly threads: number;
  /** @throws ConfigError when the path leads to another file by now, or to none: what is written here is lost */
  assertInPlace(): void;
  /** Closes the connection, then the file, so that the kernel's lock on it is gone on return. Twice is once. */
  close(): void;
}

/** Files that this process has open. Two instances of DuckDB on one file lose data, and closing one unlocks both. */
const openFiles = new Set<string>();

/**
 * Opens a database file; the only place in the connector that does. No extension is ever downloaded, SQL reaches no
 * other file, sessions are in UTC, and after it is opened no setting can be changed. Files that DuckDB makes are
 * readable by their owner only (the process's umask is narrowed for good).
 * @throws LockedError when another process, or another part of this one, has the file open; not waited for here
 * @throws ConfigError when the file is missing (`read`, `query`), is no DuckDB database or may not be opened
 */
export async function openFile(path: string, mode: OpenMode, limits: DuckdbLimits): Promise<OpenDatabase> {
  const keys = new Set(fileKeys(path));
  if ([...keys].some((key) => openFiles.has(key))) throw openInThisProcess(path);
  const release = (): void => keys.forEach((key) => openFiles.delete(key));
  keys.forEach((key) => openFiles.add(key));
  const spill = spillDirectory(path, limits.tempDirectory);
  try {
    keepNewFilesPrivate();
    if (mode === 'write') makeFolder(dirname(path));
    const instance = await DuckDBInstance.fromCache(path, fileOptions(mode, limits, spill));
    // A file that was only just made has its inode now.
    for (const key of fileKeys(path)) {
      keys.add(key);
      openFiles.add(key);
    }
    const opened = identityOf(path);
    const connection = await prepare(instance, mode, spill);
    return owned(connection, instance, {
      threads: limits.threads,
      inPlace: () => {
        if (mode === 'write' && identityOf(path) !== opened) throw movedAway(path);
      },
      released: () => {
        release();
        if (mode !== 'read') removeFolder(spill);
      },
    });
  } catch (error) {
    release();
    throw duckdbError(error, { doing: `opening ${path}`, path });
  }
}

/**
 * Opens a database in memory for work of our own that writes a file (Parquet) or needs no file at all. What does not
 * fit into the limit spills below `limits.tempDirectory`, which must be given. Closing it frees everything.
 */
export async function openInMemory(
  limits: DuckdbLimits & { readonly tempDirectory: string },
): Promise<OpenDatabase> {
  try {
    const options = { ...commonOptions(limits), temp_directory: limits.tempDirectory };
    const instance = await DuckDBInstance.fromCache(':memory:', options);
    return owned(await connect(instance), instance, {
      threads: limits.threads,
      inPlace: () => undefined,
      released: () => undefined,
    });
  } catch (error) {
    throw duckdbError(error, { doing: 'opening a database in memory', path: ':memory:' });
  }
}

/** The folder that data spilled from a database file goes to: ours alone, so that leftovers can be removed. */
export function spillDirectory(path: string, tempDirectory: string | undefined): string {
  if (tempDirectory === undefined) return `${path}.tmp`;
  const mark = createHash('sha256').update(resolve(path)).digest('hex').slice(0, 8);
  return join(tempDirectory, `${basename(path)}-${mark}.tmp`);
}

function commonOptions({ memoryLimit, threads }: DuckdbLimits): Record<string, string> {
  return {
    autoinstall_known_extensions: 'false',
    autoload_known_extensions: 'false',
    allow_community_extensions: 'false',
    memory_limit: `${Math.floor(memoryLimit * BUFFER_SHARE)}B`,
    threads: String(threads),
  };
}

function fileOptions(mode: OpenMode, limits: DuckdbLimits, spill: string): Record<string, string> {
  return {
    ...commonOptions(limits),
    access_mode: mode === 'write' ? 'READ_WRITE' : 'READ_ONLY',
    temp_directory: spill,
    storage_compatibility_version: FILE_FORMAT,
    // Loads give no meaning to the order of rows, and without it they need much less memory.
    preserve_insertion_order: String(mode !== 'write'),
    // Last: afterwards DuckDB lets no path be set.
    enable_external_access: 'false',
  };
}

/** Connects once nobody else can have the file open for writing, and tidies the folder for spilled data. */
async function prepare(instance: DuckDBInstance, mode: OpenMode, spill: string): Promise<DuckDBConnection> {
  const connection = await connect(instance);
  try {
    if (mode === 'write') {
      makeFolder(spill);
      removeSpilled(spill);
    } else if (mode === 'query' && existsSync(dirname(spill))) {
      makeFolder(spill);
    }
    return connection;
  } catch (error) {
    connection.closeSync();
    instance.closeSync();
    throw error;
  }
}

async function connect(instance: DuckDBInstance): Promise<DuckDBConnection> {
  try {
    const connection = await instance.connect();
    await connection.run(statement('duckdb', 'session', 'in utc'));
    await connection.run(statement('duckdb', 'session', 'lock settings'));
    return connection;
  } catch (error) {
    instance.closeSync();
    throw error;
  }
}

function owned(
  connection: DuckDBConnection,
  instance: DuckDBInstance,
  {
    threads,
    inPlace,
    released,
  }: { readonly threads: number; readonly inPlace: () => void; readonly released: () => void },
): OpenDatabase {
  let open = true;
  const letGo = interruptAtExit(connection);
  return {
    connection,
    threads,
    assertInPlace: inPlace,
    close: () => {
      if (!open) return;
      open = false;
      letGo();
      try {
        connection.closeSync();
        instance.closeSync();
      } finally {
        released();
      }
    },
  };
}

/** Names a file whatever path leads to it: by its real folder, and, where it exists, by its inode as the kernel does. */
function fileKeys(path: string): string[] {
  const keys = [resolve(path)];
  try {
    keys.push(join(realpathSync(dirname(path)), basename(path)));
  } catch {
    // The folder is not there yet.
  }
  const identity = identityOf(path);
  return identity === undefined ? keys : [...keys, identity];
}

/** The file that a path leads to, as the kernel names it; undefined for none. */
function identityOf(path: string): string | undefined {
  try {
    const { dev, ino } = statSync(path);
    return `${dev}:${ino}`;
  } catch {
    return undefined;
  }
}

function movedAway(path: string): ConfigError {
  return new ConfigError({
    message: `${path} was deleted or replaced while it was open here: what was written since then went with it`,
    hint: 'find out which program moves it and let it wait for the lock of the file; then run again: what is missing is loaded again',
    facts: { path },
  });
}

function openInThisProcess(path: string): LockedError {
  return new LockedError({
    message: `${path} is already open in this process (PID ${process.pid})`,
    hint: 'wait for the load or query that has it open',
    facts: { path, pid: process.pid, program: process.execPath, user: null },
  });
}

/** Database, write-ahead log and spilled data are billing data: for the owner only. */
function keepNewFilesPrivate(): void {
  try {
    process.umask(0o077);
  } catch {
    // A worker thread cannot change the umask; whoever starts one has changed it before.
  }
}

function makeFolder(folder: string): void {
  try {
    mkdirSync(folder, { recursive: true, mode: 0o700 });
  } catch (cause) {
    throw new ConfigError({
      message: `the folder ${folder} cannot be made: ${cause instanceof Error ? cause.message : String(cause)}`,
      hint: 'set destination.path or destination.temp_directory to a folder that can be written to',
      facts: { path: folder },
      cause,
    });
  }
}

/** What a killed process left: nobody else has the file open now, so nobody else uses its spill folder. */
function removeSpilled(spill: string): void {
  for (const name of readdirSync(spill)) {
    if (name.startsWith('duckdb_temp_')) rmSync(join(spill, name), { recursive: true, force: true });
  }
}

function removeFolder(spill: string): void {
  try {
    rmdirSync(spill);
  } catch {
    // Not empty, not there or not ours to remove: the next load with the file to itself cleans up.
  }
}
