import {
  existsSync,
  linkSync,
  mkdirSync,
  mkdtempSync,
  readdirSync,
  rmSync,
  statSync,
  symlinkSync,
  writeFileSync,
} from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { afterEach, beforeEach, describe, expect, test, vi } from 'vitest';
import { openFile, openInMemory, spillDirectory } from '../../../connector/load/duckdb/database.js';
import { waitForFile } from '../../../connector/load/duckdb/wait-for-file.js';
import { ConfigError, LockedError } from '../../../schemas/errors.js';
import type { ProgressEvent } from '../../../schemas/progress.js';
import { holdInAnotherProcess, openInAnotherProcess } from '../../duckdb-process.js';

const LIMITS = { memoryLimit: 128 * 1024 ** 2, threads: 1 };

let folder: string;
let path: string;

beforeEach(() => {
  folder = mkdtempSync(join(tmpdir(), 'duckdb-database-'));
  path = join(folder, 'billing.duckdb');
});
afterEach(() => rmSync(folder, { recursive: true, force: true }));

async function makeFile(): Promise<void> {
  const database = await openFile(path, 'write', LIMITS);
  await database.connection.run('CREATE TABLE t AS SELECT range AS i FROM range(10)');
  database.close();
}

describe('a file', () => {
  test('is made for its owner only, with its log and the folder for spilled data', async () => {
    const database = await openFile(path, 'write', LIMITS);
    await database.connection.run('CREATE TABLE t AS SELECT range AS i FROM range(10)');
    const modes = Object.fromEntries(
      readdirSync(folder).map((name) => [name, statSync(join(folder, name)).mode & 0o777]),
    );
    database.close();
    expect(modes).toEqual({
      'billing.duckdb': 0o600,
      'billing.duckdb.wal': 0o600,
      'billing.duckdb.tmp': 0o700,
    });
    expect(readdirSync(folder)).toEqual(['billing.duckdb']);
  });

  test('is free for another process as soon as close returns, also after an error and a second close', async () => {
    const database = await openFile(path, 'write', LIMITS);
    await expect(database.connection.run('SELECT nonsense')).rejects.toThrow();
    database.close();
    database.close();
    expect(await openInAnotherProcess(path, 'READ_WRITE')).toBe('open');
  });

  test('can be opened once more in this process, by no name it has, only after it was closed', async () => {
    await makeFile();
    symlinkSync(path, join(folder, 'alias.duckdb'));
    linkSync(path, join(folder, 'second.duckdb'));
    const database = await openFile(path, 'write', LIMITS);
    for (const name of ['billing.duckdb', 'alias.duckdb', 'second.duckdb']) {
      await expect(openFile(join(folder, name), 'read', LIMITS)).rejects.toThrow(LockedError);
    }
    database.close();
    (await openFile(join(folder, 'alias.duckdb'), 'read', LIMITS)).close();
  });

  test('that has just been made cannot be opened a second time either', async () => {
    const database = await openFile(path, 'write', LIMITS);
    await expect(openFile(path, 'write', LIMITS)).rejects.toMatchObject({
      kind: 'locked',
      facts: { pid: process.pid },
    });
    database.close();
  });

  test('that another process has open names the file, the process and the program', async () => {
    await makeFile();
    const other = await holdInAnotherProcess(path);
    try {
      await expect(openFile(path, 'read', LIMITS)).rejects.toMatchObject({
        kind: 'locked',
        exitCode: 5,
        message: expect.stringContaining(
          `${path} is open in ${process.execPath} (PID ${other.pid})`,
        ) as string,
        facts: { path, pid: other.pid, program: process.execPath },
      });
    } finally {
      await other.end();
    }
    (await openFile(path, 'read', LIMITS)).close();
  });

  test('open for reading is shared with readers and closed to writers', async () => {
    await makeFile();
    const other = await holdInAnotherProcess(path, 'READ_ONLY');
    try {
      (await openFile(path, 'read', LIMITS)).close();
      await expect(openFile(path, 'write', LIMITS)).rejects.toMatchObject({ facts: { pid: other.pid } });
    } finally {
      await other.end();
    }
  });

  test('that is missing is not made by reading it', async () => {
    await expect(openFile(path, 'read', LIMITS)).rejects.toThrow(ConfigError);
    await expect(openFile(path, 'query', LIMITS)).rejects.toThrow(ConfigError);
    expect(readdirSync(folder)).toEqual([]);
  });

  test('that is no database, or a folder, is refused and left as it is', async () => {
    writeFileSync(path, 'invoices\n'.repeat(10_000));
    await expect(openFile(path, 'write', LIMITS)).rejects.toMatchObject({
      kind: 'config',
      message: expect.stringContaining('it is not a DuckDB database') as string,
    });
    expect(statSync(path).size).toBe(90_000);
    await expect(openFile(folder, 'write', LIMITS)).rejects.toThrow(ConfigError);
  });

  test('gets its folder made, for its owner only', async () => {
    path = join(folder, 'new', 'billing.duckdb');
    (await openFile(path, 'write', LIMITS)).close();
    expect(statSync(join(folder, 'new')).mode & 0o777).toBe(0o700);
  });
});

describe('an open database', () => {
  test('reaches no other file, no extension and no setting', async () => {
    await makeFile();
    for (const mode of ['write', 'read', 'query'] as const) {
      const database = await openFile(path, mode, LIMITS);
      for (const sql of [
        `COPY t TO '${folder}/t.csv'`,
        `SELECT * FROM read_text('/etc/hostname')`,
        `ATTACH '${folder}/other.duckdb'`,
        'INSTALL httpfs',
        'LOAD httpfs',
        'SET enable_external_access = true',
        `SET temp_directory = '${folder}'`,
        "SET memory_limit = '100GB'",
      ]) {
        await expect(database.connection.run(sql), `${mode}: ${sql}`).rejects.toThrow(
          /Permission|locked|read-only|disabled/,
        );
      }
      database.close();
    }
  });

  test('is in UTC, whatever the zone of the machine', async () => {
    vi.stubEnv('TZ', 'Asia/Tokyo');
    const database = await openInMemory({ ...LIMITS, tempDirectory: folder });
    const result = await database.connection.run("SELECT current_setting('TimeZone')");
    expect(await result.getRows()).toEqual([['UTC']]);
    database.close();
    vi.unstubAllEnvs();
  });

  test('spills what its memory does not hold, and removes that', async () => {
    const database = await openFile(path, 'write', { memoryLimit: 48 * 1024 ** 2, threads: 1 });
    await database.connection.run(
      'CREATE TEMPORARY TABLE wide AS SELECT md5(range::VARCHAR) AS a, md5((range + 1)::VARCHAR) AS b FROM range(2000000)',
    );
    expect(readdirSync(`${path}.tmp`).length).toBeGreaterThan(0);
    database.close();
    expect(existsSync(`${path}.tmp`)).toBe(false);
  });

  test('removes what a killed process spilled, and nothing else', async () => {
    const spill = spillDirectory(path, join(folder, 'scratch'));
    mkdirSync(spill, { recursive: true });
    writeFileSync(join(spill, 'duckdb_temp_storage_DEFAULT-0.tmp'), 'left over');
    writeFileSync(join(spill, 'mine.txt'), 'not ours');
    (await openFile(path, 'write', { ...LIMITS, tempDirectory: join(folder, 'scratch') })).close();
    expect(readdirSync(spill)).toEqual(['mine.txt']);
  });

  test('in memory is another one each time', async () => {
    const options = { ...LIMITS, tempDirectory: folder };
    const [first, second] = [await openInMemory(options), await openInMemory(options)];
    await first.connection.run('CREATE TABLE t (i INTEGER)');
    await expect(second.connection.run('SELECT * FROM t')).rejects.toThrow(/does not exist/);
    first.close();
    second.close();
  });
});

describe('waiting for a file', () => {
  test('goes on until the other process ends, tells whom it waits for, and then opens it', async () => {
    await makeFile();
    const other = await holdInAnotherProcess(path);
    const events: ProgressEvent[] = [];
    const clock = fakeClock(async (waited) => {
      if (waited >= 3000) await other.end();
    });
    const report = (event: ProgressEvent): void => void events.push(event);
    const wait = { lockWaitMs: 60_000, clock, report };
    (await waitForFile(() => openFile(path, 'write', LIMITS), wait)).close();
    const holder = `${process.execPath} (PID ${other.pid})`;
    expect(events).toEqual(
      [0, 250, 750, 1750].map((waitedMs) => ({ event: 'load.waiting', holder, waitedMs })),
    );
  });

  test('ends after the time that is allowed, to the millisecond, as locked', async () => {
    await makeFile();
    const other = await holdInAnotherProcess(path);
    const clock = fakeClock();
    const wait = { lockWaitMs: 5100, clock, report: () => undefined };
    try {
      await expect(waitForFile(() => openFile(path, 'write', LIMITS), wait)).rejects.toMatchObject({
        kind: 'locked',
        message: expect.stringContaining('still after 5 s') as string,
        facts: { pid: other.pid, waitedMs: 5100 },
      });
      expect(clock.monotonicMs()).toBe(5100);
    } finally {
      await other.kill();
    }
  });

  test('does not happen for any other error', async () => {
    const clock = fakeClock();
    const failing = waitForFile(() => openFile(path, 'read', LIMITS), {
      lockWaitMs: 5000,
      clock,
      report: () => undefined,
    });
    await expect(failing).rejects.toThrow(ConfigError);
    expect(clock.monotonicMs()).toBe(0);
  });
});

/** A clock whose sleeps end at once; `onSleep` is told the time after each. */
function fakeClock(onSleep: (waitedMs: number) => Promise<void> = () => Promise.resolve()) {
  let time = 0;
  return {
    now: () => new Date(time),
    monotonicMs: () => time,
    sleep: async (ms: number) => {
      time += ms;
      await onSleep(time);
    },
  };
}
