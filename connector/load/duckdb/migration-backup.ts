import { randomBytes } from 'node:crypto';
import { readdir, rm } from 'node:fs/promises';
import { basename, dirname, join } from 'node:path';
import type { Report } from '../../../schemas/progress.js';
import type { Clock } from '../../clock.js';
import { FILE_MODE } from '../../durable-file.js';
import type { DestinationSession, SqlConnection } from '../destination.js';
import { countOf } from '../publishing.js';
import { statement } from '../sql-text.js';
import { copyDatabase, putInPlace, type CopySource } from './copy-database.js';
import type { ReopenableConnection } from './reopenable.js';

/** Copies of one file that are kept: the newest. */
const KEPT_COPIES = 3;

/** What copying a file before migrating it needs. */
export interface BackupOptions {
  readonly source: CopySource;
  readonly clock: Clock;
  readonly report: Report;
}

/**
 * Migrates a file. One that holds any table or view, ours or a user's, is copied first, as long as a numbered migration
 * is pending: views alone are made anew at any time. The copy lies beside the file as
 * `<file>.before-<first migration>-<instant>.bak`, and is told of in a warning, because it takes space.
 * @throws ConfigError when the copy cannot be made; nothing is migrated then
 */
export async function migrateWithBackup(
  connection: ReopenableConnection,
  session: Pick<DestinationSession, 'pendingMigrations' | 'migrate'>,
  options: BackupOptions,
): Promise<readonly string[]> {
  const pending = (await session.pendingMigrations()).filter(({ number }) => number !== null);
  const [first] = pending;
  if (first !== undefined && (await holdsAnything(connection))) {
    const number = String(first.number).padStart(6, '0');
    await connection.whileClosed(() => backUp(number, pending.length, options));
  }
  return await session.migrate();
}

async function backUp(
  number: string,
  count: number,
  { source, clock, report }: BackupOptions,
): Promise<void> {
  const { path } = source;
  const target = `${path}.before-${number}-${clock.now().toISOString().replace(/[-:.]/g, '')}.bak`;
  const temporary = `${target}.${randomBytes(4).toString('hex')}.tmp`;
  await remove(path, (await copiesOf(path)).unfinished);
  try {
    await copyDatabase(source, temporary);
    await putInPlace(temporary, target, FILE_MODE);
  } finally {
    await rm(temporary, { force: true });
  }
  await remove(path, (await copiesOf(path)).newestFirst.slice(KEPT_COPIES));
  report({
    event: 'warning',
    message: `${path} is migrated (${count} pending, from ${number} on); as it was before it is kept in ${target}`,
    hint: `delete that copy when you do not need it any more; the newest ${KEPT_COPIES} are kept`,
  });
}

/** Names of the copies of a file, and of what killed attempts left: nobody else has the file open. */
async function copiesOf(
  path: string,
): Promise<{ readonly newestFirst: string[]; readonly unfinished: string[] }> {
  const mine = `${basename(path)}.before-`;
  const names = (await readdir(dirname(path))).filter((name) => name.startsWith(mine));
  const madeAt = (name: string) => /^\d{6}-(\d{8}T\d{9}Z)\.bak$/.exec(name.slice(mine.length))?.[1];
  return {
    newestFirst: names
      .filter((name) => madeAt(name) !== undefined)
      .sort((one, other) => ((madeAt(one) ?? '') < (madeAt(other) ?? '') ? 1 : -1)),
    unfinished: names.filter((name) => /\.bak\.[0-9a-f]{8}\.tmp$/.test(name)),
  };
}

async function remove(path: string, names: readonly string[]): Promise<void> {
  for (const name of names) await rm(join(dirname(path), name), { force: true });
}

async function holdsAnything(connection: SqlConnection): Promise<boolean> {
  return await connection.transaction(async (transaction) => {
    const [row] = await transaction.rows(statement('duckdb', 'session', 'holds anything'));
    return countOf(row?.['records']) > 0;
  });
}
