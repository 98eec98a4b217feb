import { createHash } from 'node:crypto';
import { mkdirSync, mkdtempSync, readdirSync, rmSync, statSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { basename, join } from 'node:path';
import { afterEach, beforeEach, describe, expect, test } from 'vitest';
import { duckdbConnection } from '../../../connector/load/duckdb/connection.js';
import { openFile } from '../../../connector/load/duckdb/database.js';
import { createDuckdbDestination } from '../../../connector/load/duckdb/destination.js';
import {
  identifier,
  migrationFiles,
  migrationStatements,
  statement,
} from '../../../connector/load/sql-text.js';
import type { SqlTransaction } from '../../../connector/load/destination.js';
import type { ProgressEvent } from '../../../schemas/progress.js';
import { holdInAnotherProcess } from '../../duckdb-process.js';
import { viewNames } from '../../view-names.js';

const LIMITS = { memoryLimit: 128 * 1024 ** 2, threads: 1 };
const MIGRATIONS = migrationFiles('duckdb');

let folder: string;
let path: string;
let now: Date;
let events: ProgressEvent[];

beforeEach(() => {
  folder = mkdtempSync(join(tmpdir(), 'duckdb-backup-'));
  path = join(folder, 'billing.duckdb');
  now = new Date('2026-11-27T19:00:00.000Z');
  events = [];
});
afterEach(() => rmSync(folder, { recursive: true, force: true }));

const clock = { now: () => now, monotonicMs: () => 0, sleep: () => Promise.resolve() };

function destination(lockWaitMs = 0) {
  const config = { type: 'duckdb', path, dataset: 'csp', migrate: 'auto', threads: 1 } as const;
  return createDuckdbDestination(
    { ...config, memory_limit: LIMITS.memoryLimit },
    {
      path: (relative) => relative,
      report: (event) => void events.push(event),
      clock,
      lockWaitMs,
      connectorVersion: '0.0.0-test',
    },
  );
}

async function migrate(): Promise<readonly string[]> {
  const session = await destination().open('write');
  try {
    return await session.migrate();
  } finally {
    await session.close();
  }
}

/** The file as an earlier release left it, with the first `count` migrations and one run. */
async function fileOfEarlierRelease(count: number): Promise<void> {
  const dataset = identifier('csp');
  await byHand(async (transaction) => {
    await transaction.run(statement('duckdb', 'migrate', 'create dataset', { dataset }));
    for (const migration of MIGRATIONS.slice(0, count)) {
      for (const sql of migrationStatements(migration, { dataset })) await transaction.run(sql);
      const checksum = createHash('sha256').update(migration.text).digest('hex');
      const values = [migration.number, migration.name, checksum, '2026-10-01 00:00:00', '0.1.0'];
      await transaction.run(statement('duckdb', 'migrate', 'keep migration', { dataset }), values);
    }
    const run = ['r1', '2026-10-01 00:00:00', null, '0.1.0', 'done', 0, '{}'];
    await transaction.run(statement('duckdb', 'records', 'keep run', { dataset }), run);
  });
}

async function byHand(work: (transaction: SqlTransaction) => Promise<void>): Promise<void> {
  const connection = duckdbConnection(await openFile(path, 'write', LIMITS), path);
  await connection.transaction(work);
  await connection.close();
}

function files(): string[] {
  return readdirSync(folder).filter((name) => name !== 'billing.duckdb');
}

describe('a copy of a DuckDB file is made before it is migrated', () => {
  test('as it was, for its owner only, named for the first migration and the instant, and told of', async () => {
    await fileOfEarlierRelease(3);
    expect(await migrate()).toEqual([...MIGRATIONS.slice(3).map(({ name }) => name), ...viewNames('duckdb')]);
    const [copy = ''] = files();
    expect(files()).toEqual(['billing.duckdb.before-000004-20261127T190000000Z.bak']);
    expect(statSync(join(folder, copy)).mode & 0o777).toBe(0o600);
    const before = await holdInAnotherProcess(join(folder, copy), 'READ_ONLY');
    expect(await before.rows('SELECT max(number) FROM csp._migrations')).toEqual([[3]]);
    expect(await before.rows('SELECT run_id FROM csp._runs')).toEqual([['r1']]);
    await before.end();
    expect(events).toEqual([
      {
        event: 'warning',
        message: expect.stringContaining(`as it was before it is kept in ${join(folder, copy)}`) as string,
        hint: expect.stringContaining('delete that copy') as string,
      },
    ]);
    expect(await migrate()).toEqual([]);
    expect(files()).toEqual([copy]);
  });

  test('also where the dataset is new and only a user has something in the file, a view for one', async () => {
    await byHand(async (transaction) => {
      await transaction.run('CREATE VIEW mine AS SELECT 1 AS one');
    });
    await migrate();
    expect(files()).toEqual(['billing.duckdb.before-000001-20261127T190000000Z.bak']);
  });

  test('but not of a new file, nor for views and functions alone', async () => {
    await migrate();
    await byHand(async (transaction) => {
      await transaction.run("UPDATE csp._views SET checksum = 'of another release'");
    });
    expect(await migrate()).toEqual(viewNames('duckdb'));
    expect(files()).toEqual([]);
    expect(events).toEqual([]);
  });

  test('and the newest three are kept, whatever their number, with what is not ours', async () => {
    await fileOfEarlierRelease(3);
    const copy = (number: string, day: string) =>
      `billing.duckdb.before-${number}-202611${day}T190000000Z.bak`;
    const others = ['billing.duckdb.before-lunch.bak', 'other.duckdb.before-000002-20260101T190000000Z.bak'];
    const torn = `${copy('000004', '26')}.01234567.tmp`;
    for (const name of [copy('000009', '01'), copy('000002', '02'), copy('000003', '03'), torn, ...others]) {
      writeFileSync(join(folder, name), '');
    }
    await migrate();
    const kept = [copy('000002', '02'), copy('000003', '03'), copy('000004', '27')];
    expect(files().sort()).toEqual([...kept, ...others].sort());
  });

  test('and without it nothing is migrated: where something is in its place', async () => {
    await fileOfEarlierRelease(3);
    const place = join(folder, 'billing.duckdb.before-000004-20261127T190000000Z.bak');
    mkdirSync(join(place, 'not empty'), { recursive: true });
    const session = await destination().open('write');
    await expect(session.migrate()).rejects.toMatchObject({
      kind: 'config',
      message: expect.stringContaining(`${place} could not be written`) as string,
    });
    await session.close();
    const after = await holdInAnotherProcess(path, 'READ_ONLY');
    expect(await after.rows('SELECT max(number) FROM csp._migrations')).toEqual([[3]]);
    await after.end();
    expect(files()).toEqual([basename(place)]);
  });

  test('and the session goes on with the file to itself, and closes it', async () => {
    await fileOfEarlierRelease(3);
    const session = await destination().open('write');
    await session.migrate();
    expect((await session.readState()).lastRun?.runId).toBe('r1');
    await expect(holdInAnotherProcess(path)).rejects.toThrow(`PID ${process.pid}`);
    await session.close();
    await (await holdInAnotherProcess(path)).end();
  });
});
