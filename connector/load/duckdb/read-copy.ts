import { randomBytes } from 'node:crypto';
import { access, constants, lstat, open, readdir, rm, stat } from 'node:fs/promises';
import { basename, dirname, join } from 'node:path';
import type { Tolerance } from '../../../schemas/config-tolerance.js';
import { asConnectorError, ConfigError, type ConnectorError } from '../../../schemas/errors.js';
import { scopeLabel } from '../../../schemas/scope.js';
import { exists } from '../../durable-file.js';
import { errorCode } from '../../error-code.js';
import { atStep } from '../../run-step.js';
import { pendingMigrations } from '../migrate.js';
import type { ReadCopy, ReadCopyOutcome } from '../read-copy.js';
import type { RecordedState } from '../recorded-state.js';
import { readState } from '../records.js';
import { tolerancesApart } from '../tolerances.js';
import { duckdbConnection } from './connection.js';
import { copyDatabase, putInPlace, walsBeside } from './copy-database.js';
import { openFile, type DuckdbLimits } from './database.js';
import type { FileWait } from './wait-for-file.js';

/** Anyone may read it where the folder lets them, and nobody can open it for writing by mistake. */
const READ_COPY_MODE = 0o444;

/** What the read copy of a database file is made from. */
export interface ReadCopyOptions {
  /** The database file, absolute. */
  readonly from: string;
  /** Where the copy is to be, absolute; on any file system. */
  readonly to: string;
  /** The dataset whose run lock is held: runs of two datasets of one file do not tidy up after each other. */
  readonly dataset: string;
  readonly limits: DuckdbLimits;
  readonly wait: FileWait;
}

/** The read copy of a DuckDB file: {@link publishReadCopy} and {@link readCopyLag} behind one interface. */
export function duckdbReadCopy(options: ReadCopyOptions): ReadCopy {
  return {
    path: options.to,
    publish: () => publishReadCopy(options),
    lag: (state, tolerances) => readCopyLag(options, state, tolerances),
  };
}

/**
 * Publishes a copy of the database as it is: copied to a hidden file beside the target, made read-only (0444), renamed
 * over the target. What a killed run left of an earlier attempt is removed. See {@link ReadCopy.publish}.
 */
export async function publishReadCopy(options: ReadCopyOptions): Promise<ReadCopyOutcome> {
  const { from, to, dataset, limits, wait } = options;
  const temporary = join(dirname(to), `${leftoverPrefix(to, dataset)}${randomBytes(4).toString('hex')}.tmp`);
  try {
    await refuseTarget(from, to);
    await refuseForeignWal(to);
    await removeLeftovers(to, dataset);
    const bytes = await copyDatabase({ path: from, limits, wait }, temporary);
    atStep('read copy made');
    await refuseForeignWal(to);
    await putInPlace(temporary, to, READ_COPY_MODE);
    atStep('read copy published');
    return { published: true, path: to, bytes };
  } catch (error) {
    // What cannot be removed now is removed by the next run.
    await rm(temporary, { force: true }).catch(() => undefined);
    return { published: false, path: to, error: asConnectorError(error) };
  }
}

/** Why no copy could be put there now, found out without changing anything; null where nothing is in the way. */
export async function readCopyObstacle(from: string, to: string): Promise<ConnectorError | null> {
  try {
    await refuseTarget(from, to);
    await refuseForeignWal(to);
    await access(dirname(to), constants.W_OK | constants.X_OK).catch((error: unknown) => {
      throw notUsable(dirname(to), error);
    });
    return null;
  } catch (error) {
    return asConnectorError(error);
  }
}

/** Why the copy is not what `state` says; null when it is. See {@link ReadCopy.lag}. */
export async function readCopyLag(
  options: ReadCopyOptions,
  state: RecordedState,
  tolerances: readonly Tolerance[],
): Promise<string | null> {
  const { to, dataset, limits } = options;
  try {
    if (!(await exists(to))) return 'there is no copy yet';
    const [wal] = await walsBeside(to);
    if (wal !== undefined) return `${wal} lies beside it`;
    const connection = duckdbConnection(await openFile(to, 'read', limits), to);
    try {
      const pending = await pendingMigrations(connection, dataset);
      if (pending.length > 0) return `it lacks ${pending.map(({ name }) => name).join(', ')}`;
      const copied = await readState(connection, dataset);
      if (!isSameData(copied, state)) return 'it holds older data';
      const apart = await connection.reading((reading) => tolerancesApart({ reading, dataset }, tolerances));
      return apart.length === 0 ? null : `its checks go by other tolerances (${apart.join(', ')})`;
    } finally {
      await connection.close();
    }
  } catch (error) {
    return asConnectorError(error).message;
  }
}

function isSameData(one: RecordedState, other: RecordedState): boolean {
  return JSON.stringify(dataOf(one)) === JSON.stringify(dataOf(other));
}

/** What tells one state of the data from another: each change of a row has a load, or a row hash, of its own. */
function dataOf(state: RecordedState): unknown {
  return {
    tenantId: state.tenantId,
    scopes: state.scopes
      .map(({ scope, state: name, snapshot }) => [scopeLabel(scope), name, snapshot?.loadId ?? ''].join(' '))
      .sort(),
    invoices: state.invoices.map(({ invoice, rowHash }) => `${invoice} ${rowHash}`).sort(),
  };
}

/** @throws ConfigError when something is in the place of the copy that must not be replaced by it */
async function refuseTarget(from: string, to: string): Promise<void> {
  const found = await lstat(to).catch((error: unknown) => {
    if (errorCode(error) === 'ENOENT' || errorCode(error) === 'ENOTDIR') return null;
    throw notUsable(to, error);
  });
  if (found === null) return;
  if (found.isSymbolicLink()) {
    throw badTarget(
      to,
      'is a symbolic link: DuckDB looks for its log beside the link and not beside the file',
      {
        hint: 'set destination.read_copy to the file itself',
      },
    );
  }
  if (!found.isFile()) {
    throw badTarget(to, found.isDirectory() ? 'is a folder' : 'is no ordinary file', {
      hint: 'set destination.read_copy to the path of a file',
    });
  }
  const main = await stat(from).catch(() => null); // A missing one is told of when it is opened.
  if (main !== null && main.dev === found.dev && main.ino === found.ino) {
    throw badTarget(to, `is the database file ${from} itself`, { hint: 'give the copy a file of its own' });
  }
  if (found.size > 0 && !(await isDuckdbFile(to))) {
    throw badTarget(to, 'is no DuckDB file, so it was not made by an earlier run', {
      hint: 'set destination.read_copy to another path, or move that file away',
    });
  }
}

/**
 * DuckDB takes a log for the database's that it lies beside: changes that somebody made to an earlier copy would show
 * up in the new one.
 * @throws ConfigError when there is one
 */
async function refuseForeignWal(to: string): Promise<void> {
  const [wal] = await walsBeside(to);
  if (wal === undefined) return;
  throw new ConfigError({
    message: `${to} was opened for writing: its changes are in ${wal}, and DuckDB would mix them into the new copy`,
    hint: `close the program that writes to the copy, move ${wal} away and open the copy read-only from now on`,
    facts: { path: to, wal },
  });
}

/** Copies that a killed run of this dataset did not finish. */
async function removeLeftovers(to: string, dataset: string): Promise<void> {
  const names = await readdir(dirname(to)).catch((error: unknown) => {
    throw notUsable(dirname(to), error);
  });
  const prefix = leftoverPrefix(to, dataset);
  const leftovers = names.filter(
    (name) => name.startsWith(prefix) && /^[0-9a-f]{8}\.tmp$/.test(name.slice(prefix.length)),
  );
  for (const name of leftovers) await rm(join(dirname(to), name), { force: true });
}

function leftoverPrefix(to: string, dataset: string): string {
  return `.${basename(to)}.${dataset}.`;
}

/** Every DuckDB file has these four bytes after the checksum of its header. */
async function isDuckdbFile(path: string): Promise<boolean> {
  const file = await open(path, 'r').catch((error: unknown) => {
    throw notUsable(path, error);
  });
  try {
    const { buffer, bytesRead } = await file.read(Buffer.alloc(4), 0, 4, 8);
    return bytesRead === 4 && buffer.toString('latin1') === 'DUCK';
  } finally {
    await file.close();
  }
}

function badTarget(to: string, what: string, { hint }: { readonly hint: string }): ConfigError {
  return new ConfigError({ message: `destination.read_copy: ${to} ${what}`, hint, facts: { path: to } });
}

function notUsable(path: string, cause: unknown): ConfigError {
  return new ConfigError({
    message: `destination.read_copy: ${path}: ${cause instanceof Error ? cause.message : String(cause)}`,
    hint: 'the folder must be there (is it mounted?), and this user must be able to write in it',
    facts: { path, code: errorCode(cause) },
    cause,
  });
}
