import { existsSync, mkdtempSync, readFileSync, rmSync, statSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { afterEach, beforeEach, describe, expect, test } from 'vitest';
import { lockRun, runLockHolder, runLockPath } from '../../../connector/load/duckdb/run-lock.js';
import { LockedError } from '../../../schemas/errors.js';
import { holdInAnotherProcess, openInAnotherProcess } from '../../duckdb-process.js';

const HOLDER = { runId: 'run-7', host: 'worker-1', pid: process.pid, since: '2026-11-23T10:00:00.000Z' };

let folder: string;
let path: string;
let lockPath: string;

beforeEach(() => {
  folder = mkdtempSync(join(tmpdir(), 'duckdb-run-lock-'));
  path = join(folder, 'billing.duckdb');
  lockPath = runLockPath(path, 'csp');
});
afterEach(() => rmSync(folder, { recursive: true, force: true }));

describe('the lock of a run', () => {
  test('keeps every other run of the dataset out and names the run, its host and since when', async () => {
    const lock = await lockRun(path, 'csp', HOLDER);
    await expect(lockRun(path, 'csp', { ...HOLDER, runId: 'run-8' })).rejects.toMatchObject({
      kind: 'locked',
      exitCode: 5,
      message: `dataset csp of ${path} is held by run run-7 on worker-1 (PID ${process.pid}) since ${HOLDER.since}`,
      facts: { dataset: 'csp', runId: 'run-7', host: 'worker-1', pid: process.pid },
    });
    expect(await openInAnotherProcess(lockPath, 'READ_WRITE')).toContain(`PID ${process.pid}`);
    await lock.release();
    await (await lockRun(path, 'csp', HOLDER)).release();
  });

  test('leaves the data file to its readers and other datasets to their runs', async () => {
    const lock = await lockRun(path, 'csp', HOLDER);
    const other = await lockRun(path, 'other', { ...HOLDER, runId: 'run-8' });
    expect(await openInAnotherProcess(path, 'READ_WRITE')).toBe('open');
    await other.release();
    await lock.release();
  });

  test('notes its holder in a file for its owner only, and removes the note when it is released', async () => {
    const lock = await lockRun(path, 'csp', HOLDER);
    expect(JSON.parse(readFileSync(`${lockPath}.json`, 'utf8'))).toEqual(HOLDER);
    expect(statSync(`${lockPath}.json`).mode & 0o777).toBe(0o600);
    expect(statSync(lockPath).mode & 0o777).toBe(0o600);
    await lock.release();
    expect(existsSync(`${lockPath}.json`)).toBe(false);
  });

  test('that is released twice does not free the lock that another run has taken meanwhile', async () => {
    const lock = await lockRun(path, 'csp', HOLDER);
    await lock.release();
    const next = await lockRun(path, 'csp', { ...HOLDER, runId: 'run-8' });
    await lock.release();
    await expect(lockRun(path, 'csp', HOLDER)).rejects.toMatchObject({ facts: { runId: 'run-8' } });
    await next.release();
  });

  test('held by another process is shown with its run, and is free at once when that process is killed', async () => {
    await (await lockRun(path, 'csp', HOLDER)).release();
    const other = await holdInAnotherProcess(lockPath);
    writeFileSync(`${lockPath}.json`, JSON.stringify({ ...HOLDER, runId: 'run-9', pid: other.pid }));
    await expect(lockRun(path, 'csp', HOLDER)).rejects.toMatchObject({
      message: expect.stringContaining(`run run-9 on worker-1 (PID ${other.pid})`) as string,
    });
    expect(await runLockHolder(path, 'csp')).toBeInstanceOf(LockedError);
    await other.kill();
    expect(await runLockHolder(path, 'csp')).toBeUndefined();
    await (await lockRun(path, 'csp', HOLDER)).release();
  });

  test('believes the kernel, not a note that a dead run left, about who holds it', async () => {
    await (await lockRun(path, 'csp', HOLDER)).release();
    const other = await holdInAnotherProcess(lockPath);
    for (const note of [JSON.stringify({ ...HOLDER, pid: 1 }), '{"torn', '{}']) {
      writeFileSync(`${lockPath}.json`, note);
      await expect(lockRun(path, 'csp', HOLDER)).rejects.toMatchObject({
        message: `dataset csp of ${path} is held by ${process.execPath} (PID ${other.pid})`,
      });
    }
    await other.end();
  });

  test('is looked at without being taken or made', async () => {
    expect(await runLockHolder(path, 'csp')).toBeUndefined();
    expect(existsSync(lockPath)).toBe(false);
  });
});
