import { chmodSync, existsSync, mkdtempSync, readdirSync, rmSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { afterEach, beforeEach, describe, expect, test } from 'vitest';
import { systemClock } from '../../../connector/clock.js';
import {
  NOTHING_RECORDED,
  type CheckLine,
  type Destination,
  type DestinationOptions,
} from '../../../connector/load/destination.js';
import { createDuckdbDestination } from '../../../connector/load/duckdb/destination.js';
import { ConfigError, SystemError } from '../../../schemas/errors.js';
import type { ProgressEvent } from '../../../schemas/progress.js';
import { holdInAnotherProcess, openInAnotherProcess } from '../../duckdb-process.js';
import { publishRequest, snapshotOf } from '../../snapshot.js';
import { BILLED_USAGE } from '../../../schemas/tables/billed-usage.js';

let folder: string;
let path: string;

beforeEach(() => {
  folder = mkdtempSync(join(tmpdir(), 'duckdb-destination-'));
  path = join(folder, 'billing.duckdb');
});
afterEach(() => rmSync(folder, { recursive: true, force: true }));

function destinationAt(
  file: string,
  dataset = 'csp',
  waiting: Partial<Pick<DestinationOptions, 'lockWaitMs' | 'clock' | 'report'>> = {},
): Destination {
  return createDuckdbDestination(
    { type: 'duckdb', path: file, dataset, migrate: 'auto', memory_limit: 128 * 1024 ** 2, threads: 1 },
    {
      path: (relative) => join(folder, relative),
      report: () => undefined,
      clock: systemClock,
      lockWaitMs: 0,
      connectorVersion: '0.0.0-test',
      ...waiting,
    },
  );
}

describe('a DuckDB destination', () => {
  test('that does not exist reads as empty, shows what migrating would run, and is not made by it', async () => {
    const session = await destinationAt('billing.duckdb').open('read');
    expect(await session.readState()).toEqual(NOTHING_RECORDED);
    expect((await session.pendingMigrations()).length).toBeGreaterThan(0);
    await session.close();
    expect(readdirSync(folder)).toEqual([]);
  });

  test('opened for reading refuses to write, whether the file exists or not', async () => {
    const destination = destinationAt('billing.duckdb');
    for (const make of [false, true]) {
      if (make) await (await destination.open('write')).close();
      const session = await destination.open('read');
      const snapshot = await snapshotOf(BILLED_USAGE, { 'part-1.json.gz': [] });
      const scope = { by: 'invoice', stream: 'billed_usage', invoice: 'G1' } as const;
      const request = publishRequest(scope, snapshot, { loadId: 'l1', eTag: 'e1' });
      for (const write of [
        () => session.migrate(),
        () => session.publish(request, snapshot.parts),
        () => session.recordAnswers([]),
        () => session.recordRefusal(request, 'why', 'integrity'),
      ]) {
        await expect(write()).rejects.toThrow(SystemError);
      }
      await session.close();
    }
  });

  test('closes its sessions, and with them the file, when it is closed itself', async () => {
    const destination = destinationAt('billing.duckdb');
    await destination.open('write');
    await destination.close();
    expect(await openInAnotherProcess(path, 'READ_WRITE')).toBe('open');
  });

  test.each([
    ['csp.duckdb', 'csp'],
    ['CSP.backup.duckdb', 'csp'],
    ['billing.duckdb', 'temp'],
    ['billing.duckdb', 'system'],
  ])('in %s cannot have the dataset %s, because DuckDB takes one name for another', (file, dataset) => {
    expect(() => destinationAt(file, dataset)).toThrow(ConfigError);
  });

  test('names itself without opening anything', () => {
    expect(destinationAt('billing.duckdb').label).toBe(`duckdb ${path} dataset csp`);
    expect(existsSync(path)).toBe(false);
  });
});

describe('a DuckDB file that another process has open', () => {
  const FIVE_MINUTES = 300_000;

  /** A clock whose sleeps end at once; `onSleep` is told the time after each. */
  function waiting(onSleep: (waitedMs: number) => Promise<void> = () => Promise.resolve()) {
    let time = 0;
    const events: ProgressEvent[] = [];
    const sleep = async (ms: number): Promise<void> => {
      time += ms;
      await onSleep(time);
    };
    return {
      lockWaitMs: FIVE_MINUTES,
      clock: { now: () => new Date(time), monotonicMs: () => time, sleep },
      report: (event: ProgressEvent) => void events.push(event),
      events,
    };
  }

  beforeEach(async () => {
    await (await destinationAt('billing.duckdb').open('write')).close();
  });

  test('for writing is not waited for by who asks not to: the process is named at once', async () => {
    const writer = await holdInAnotherProcess(path);
    const wait = waiting();
    const destination = destinationAt('billing.duckdb', 'csp', wait);
    for (const mode of ['read', 'write'] as const) {
      await expect(destination.open(mode, { waitMs: 0 })).rejects.toMatchObject({
        kind: 'locked',
        exitCode: 5,
        message: `opening ${path}: ${path} is open in ${process.execPath} (PID ${writer.pid})`,
        facts: { path, pid: writer.pid, program: process.execPath, waitedMs: 0 },
      });
    }
    expect(wait.clock.monotonicMs()).toBe(0);
    expect(wait.events).toEqual([]);
    await writer.end();
  });

  test('for reading is read at once, and written only when lock_wait is over in vain: locked, exit 5', async () => {
    const reader = await holdInAnotherProcess(path, 'READ_ONLY');
    const wait = waiting();
    const destination = destinationAt('billing.duckdb', 'csp', wait);
    const session = await destination.open('read', { waitMs: 0 });
    expect(await session.readState()).toEqual(NOTHING_RECORDED);
    await session.close();
    expect(wait.events).toEqual([]);
    await expect(destination.open('write')).rejects.toMatchObject({
      kind: 'locked',
      exitCode: 5,
      message: expect.stringContaining(`(PID ${reader.pid}), still after 300 s`) as string,
      hint: expect.stringContaining('what was downloaded is kept for the next run') as string,
      facts: { pid: reader.pid, waitedMs: FIVE_MINUTES },
    });
    expect(wait.clock.monotonicMs()).toBe(FIVE_MINUTES);
    expect(wait.events).toContainEqual({
      event: 'load.waiting',
      holder: `${process.execPath} (PID ${reader.pid})`,
      waitedMs: 250,
    });
    await reader.end();
  });

  test('for reading is written as soon as the reader is gone', async () => {
    const reader = await holdInAnotherProcess(path, 'READ_ONLY');
    const wait = waiting(async (waitedMs) => {
      if (waitedMs >= 60_000) await reader.end();
    });
    const session = await destinationAt('billing.duckdb', 'csp', wait).open('write');
    await session.migrate();
    await session.close();
    expect(wait.clock.monotonicMs()).toBeGreaterThanOrEqual(60_000);
    expect(wait.clock.monotonicMs()).toBeLessThan(63_000);
  });
});

describe('check', () => {
  const results = (lines: readonly CheckLine[]): Record<string, string> =>
    Object.fromEntries(lines.map(({ tried, result }) => [tried.replace(folder, '~'), result]));

  test('of a missing file finds that it may be made, and makes nothing', async () => {
    const lines = await destinationAt('billing.duckdb').check();
    expect(results(lines)).toEqual({
      'write ~/billing.duckdb': 'ok',
      'open ~/billing.duckdb': 'ok',
      'migrations of csp': 'ok',
      'lock of a run': 'ok',
      'free disk space for the database': 'ok',
    });
    expect(lines[1]?.detail).toMatch(/^DuckDB v1\./);
    expect(readdirSync(folder)).toEqual([]);
  });

  test('of a migrated file finds it complete, and changes nothing', async () => {
    const destination = destinationAt('billing.duckdb');
    const session = await destination.open('write');
    await session.migrate();
    await session.close();
    const lines = await destination.check();
    expect(lines.find(({ tried }) => tried === 'migrations of csp')?.detail).toBe('all applied');
    expect(readdirSync(folder)).toEqual(['billing.duckdb']);
  });

  test('while others hold file and lock tells who, and proves nothing about them', async () => {
    const destination = destinationAt('billing.duckdb');
    await (await destination.open('write')).close();
    const since = '2026-11-23T10:00:00.000Z';
    const lock = await destination.lockRun({ runId: 'run-7', host: 'worker-1', pid: process.pid, since });
    const other = await holdInAnotherProcess(path);
    const lines = await destination.check();
    await other.kill();
    await lock.release();
    const detailOf = (tried: string): string => lines.find((line) => line.tried === tried)?.detail ?? '';
    expect(results(lines)).toMatchObject({
      'open ~/billing.duckdb': 'not proven',
      'lock of a run': 'not proven',
    });
    expect(detailOf(`open ${path}`)).toContain(`PID ${other.pid}`);
    expect(detailOf('lock of a run')).toContain('run run-7 on worker-1');
  });

  test('of what is no database fails and says so', async () => {
    writeFileSync(path, 'invoices\n'.repeat(1000));
    chmodSync(path, 0o600);
    const lines = await destinationAt('billing.duckdb').check();
    expect(results(lines)).toMatchObject({
      'open ~/billing.duckdb': 'failed',
      'migrations of csp': 'not proven',
    });
  });
});
