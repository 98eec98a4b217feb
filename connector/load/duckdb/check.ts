import { accessSync, constants, existsSync, statfsSync } from 'node:fs';
import { dirname } from 'node:path';
import { asConnectorError, LockedError } from '../../../schemas/errors.js';
import type { CheckLine } from '../destination.js';
import { pendingMigrations } from '../migrate.js';
import { statement } from '../sql-text.js';
import { duckdbConnection } from './connection.js';
import { openFile, openInMemory, type DuckdbLimits, type OpenDatabase } from './database.js';
import { readCopyObstacle } from './read-copy.js';
import { runLockHolder } from './run-lock.js';

const GIBIBYTE = 1024 ** 3;
/** Less than this is not enough for any load. */
const LEAST_FREE_BYTES = GIBIBYTE / 4;

/** What `check` looks at. */
export interface DuckdbPlace {
  readonly path: string;
  readonly dataset: string;
  readonly limits: DuckdbLimits;
  /** Where the read copy is to be; null for none. */
  readonly readCopy: string | null;
}

/**
 * File or folder, version, migrations, lock of a run and free space, each tried without changing anything: a missing
 * database is not made, a file is opened read-only and only for as long as that takes. With a read copy also whether it
 * can be put in its place.
 */
export async function checkFile(place: DuckdbPlace): Promise<CheckLine[]> {
  const { path, limits } = place;
  const folder = nearestFolder(path);
  const spill = nearestFolder(`${limits.tempDirectory ?? dirname(path)}/spilled`);
  return [
    writableLine(path, folder),
    ...(await databaseLines(place)),
    await lockLine(place),
    spaceLine('free disk space for the database', folder),
    ...(spill === folder
      ? []
      : [writableLine(spill, spill), spaceLine('free disk space for spilled data', spill)]),
    ...(await readCopyLines(place)),
  ];
}

function writableLine(path: string, folder: string): CheckLine {
  const tried = `write ${path}`;
  try {
    if (existsSync(path)) accessSync(path, constants.R_OK | constants.W_OK);
    accessSync(folder, constants.W_OK | constants.X_OK);
    return ok(tried, existsSync(path) ? 'may be written' : `does not exist yet; may be made in ${folder}`);
  } catch (cause) {
    const why = cause instanceof Error ? cause.message : String(cause);
    return failed(tried, `${why}; give this user the right to write the file and its folder`);
  }
}

async function databaseLines({ path, dataset, limits }: DuckdbPlace): Promise<CheckLine[]> {
  const tried = `open ${path}`;
  let database: OpenDatabase;
  try {
    database = existsSync(path)
      ? await openFile(path, 'read', limits)
      : await openInMemory({ ...limits, tempDirectory: `${path}.tmp` });
  } catch (error) {
    const { message, hint } = asConnectorError(error);
    const line = error instanceof LockedError ? notProven : failed;
    return [
      line(tried, `${message}; ${hint}`),
      notProven(`migrations of ${dataset}`, 'the file could not be opened'),
    ];
  }
  const connection = duckdbConnection(database, path);
  try {
    const [row] = await connection.transaction((transaction) =>
      transaction.rows(statement('duckdb', 'session', 'version')),
    );
    return [
      ok(
        tried,
        `DuckDB ${row?.['version'] ?? ''}${existsSync(path) ? '' : '; the file is made by the first load'}`,
      ),
      await migrationLine(dataset, () => pendingMigrations(connection, dataset)),
    ];
  } finally {
    await connection.close();
  }
}

async function migrationLine(
  dataset: string,
  pending: () => Promise<readonly { readonly name: string }[]>,
): Promise<CheckLine> {
  const tried = `migrations of ${dataset}`;
  try {
    const missing = await pending();
    if (missing.length === 0) return ok(tried, 'all applied');
    return ok(tried, `to be applied: ${missing.map(({ name }) => name).join(', ')}`);
  } catch (error) {
    const { message, hint } = asConnectorError(error);
    return failed(tried, `${message}; ${hint}`);
  }
}

async function lockLine({ path, dataset }: DuckdbPlace): Promise<CheckLine> {
  const tried = 'lock of a run';
  try {
    const held = await runLockHolder(path, dataset);
    return held === undefined ? ok(tried, 'free') : notProven(tried, `${held.message}; ${held.hint}`);
  } catch (error) {
    const { message, hint } = asConnectorError(error);
    return failed(tried, `${message}; ${hint}`);
  }
}

async function readCopyLines({ path, readCopy }: DuckdbPlace): Promise<CheckLine[]> {
  if (readCopy === null) return [];
  const tried = `read copy ${readCopy}`;
  const obstacle = await readCopyObstacle(path, readCopy);
  if (obstacle === null) return [ok(tried, 'may be put in its place')];
  return [failed(tried, `${obstacle.message}; ${obstacle.hint}`)];
}

function spaceLine(tried: string, folder: string): CheckLine {
  try {
    const { bavail, bsize } = statfsSync(folder);
    const free = bavail * bsize;
    const detail = `${(free / GIBIBYTE).toFixed(1)} GiB below ${folder}; a load needs about twice its snapshot`;
    return free < LEAST_FREE_BYTES ? failed(tried, `${detail}; free some`) : ok(tried, detail);
  } catch {
    return notProven(tried, `the system does not tell for ${folder}`);
  }
}

/** The folder of a path, or the nearest one above it that exists. */
function nearestFolder(path: string): string {
  let folder = dirname(path);
  while (!existsSync(folder) && dirname(folder) !== folder) folder = dirname(folder);
  return folder;
}

function ok(tried: string, detail: string): CheckLine {
  return { tried, result: 'ok', detail };
}

function failed(tried: string, detail: string): CheckLine {
  return { tried, result: 'failed', detail };
}

function notProven(tried: string, detail: string): CheckLine {
  return { tried, result: 'not proven', detail };
}
