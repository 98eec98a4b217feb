import { existsSync, readFileSync, renameSync, rmSync, writeFileSync } from 'node:fs';
import { z } from 'zod';
import { LockedError } from '../../../schemas/errors.js';
import type { LockHolder, RunLock } from '../destination.js';
import { openFile, type OpenDatabase } from './database.js';

/** A lock is a tiny database that nothing is kept in. */
const LOCK_LIMITS = { memoryLimit: 64 * 1024 ** 2, threads: 1 };

const holderSchema = z.object({ runId: z.string(), host: z.string(), pid: z.number(), since: z.string() });

/**
 * Takes a dataset of a database file for one run, without waiting: `<path>.<dataset>.lock`, a database of its own
 * held open, so that the kernel frees it when the process dies, however it dies, and the data file itself stays free
 * for readers. `<path>.<dataset>.lock.json` says who holds it; alone it means nothing.
 * @throws LockedError when another run holds it, naming that run, its host, its process and since when
 */
export async function lockRun(path: string, dataset: string, holder: LockHolder): Promise<RunLock> {
  const lockPath = runLockPath(path, dataset);
  const database = await openLock(lockPath, path, dataset);
  try {
    writeHolder(lockPath, holder);
  } catch (error) {
    database.close();
    throw error;
  }
  let held = true;
  return {
    release: () => {
      // Only while it is ours: afterwards the note is another run's.
      if (held) rmSync(holderPath(lockPath), { force: true });
      held = false;
      database.close();
      return Promise.resolve();
    },
  };
}

/**
 * Who holds the dataset now, without taking it; undefined when nobody does.
 * @throws ConfigError when that cannot be found out
 */
export async function runLockHolder(path: string, dataset: string): Promise<LockedError | undefined> {
  // A run notes itself as soon as it has the lock. Without a note the lock is not touched, so that a run that is
  // just beginning is not turned away by who only looks.
  if (!existsSync(holderPath(runLockPath(path, dataset)))) return undefined;
  try {
    (await openFile(runLockPath(path, dataset), 'read', LOCK_LIMITS)).close();
    return undefined;
  } catch (error) {
    if (error instanceof LockedError) return heldByRun(error, path, dataset);
    throw error;
  }
}

/** The lock of a dataset of a database file. */
export function runLockPath(path: string, dataset: string): string {
  return `${path}.${dataset}.lock`;
}

async function openLock(lockPath: string, path: string, dataset: string): Promise<OpenDatabase> {
  try {
    return await openFile(lockPath, 'write', LOCK_LIMITS);
  } catch (error) {
    if (error instanceof LockedError) throw heldByRun(error, path, dataset);
    throw error;
  }
}

function heldByRun(error: LockedError, path: string, dataset: string): LockedError {
  const { pid, program } = error.facts;
  const noted = readHolder(runLockPath(path, dataset));
  // The kernel's word counts: a note of another process is a dead run's, or one just being replaced. Another
  // container's process has the number 0 here.
  const run = noted !== undefined && (noted.pid === pid || pid === 0) ? noted : undefined;
  const who =
    run === undefined
      ? `${String(program)} (PID ${String(pid)})`
      : `run ${run.runId} on ${run.host} (PID ${run.pid}) since ${run.since}`;
  return new LockedError({
    message: `dataset ${dataset} of ${path} is held by ${who}`,
    hint: 'wait for that run to end; the lock is free as soon as its process is gone',
    facts: { path, dataset, pid, program, runId: run?.runId, host: run?.host, since: run?.since },
    cause: error,
  });
}

function holderPath(lockPath: string): string {
  return `${lockPath}.json`;
}

function writeHolder(lockPath: string, holder: LockHolder): void {
  const path = holderPath(lockPath);
  // One name: the next run takes the place of what a crash left of it.
  const partial = `${path}.tmp`;
  writeFileSync(partial, `${JSON.stringify(holder)}\n`, { mode: 0o600 });
  renameSync(partial, path);
}

function readHolder(lockPath: string): LockHolder | undefined {
  try {
    return holderSchema.parse(JSON.parse(readFileSync(holderPath(lockPath), 'utf8')));
  } catch {
    return undefined;
  }
}
