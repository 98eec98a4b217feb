import {
  chmodSync,
  closeSync,
  copyFileSync,
  mkdtempSync,
  openSync,
  readdirSync,
  renameSync,
  rmSync,
  statSync,
  writeFileSync,
  writeSync,
} from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { afterEach, beforeEach, describe, expect, test } from 'vitest';
import { systemClock } from '../../../connector/clock.js';
import type { Destination, DestinationSession } from '../../../connector/load/destination.js';
import { createDuckdbDestination } from '../../../connector/load/duckdb/destination.js';
import { BILLED_USAGE } from '../../../schemas/tables/billed-usage.js';
import type { ProgressEvent } from '../../../schemas/progress.js';
import { withoutRootRights } from '../../as-nobody.js';
import { failure, INVOICE } from '../../contract/dataset.js';
import { holdInAnotherProcess } from '../../duckdb-process.js';
import { publishRequest, snapshotOf, usageRecord } from '../../snapshot.js';

const MIB = 1024 ** 2;

let folder: string;
let path: string;
let loads = 0;

beforeEach(async () => {
  folder = mkdtempSync(join(tmpdir(), 'duckdb-stress-'));
  path = join(folder, 'billing.duckdb');
  const session = await destinationAt().open('write');
  await session.migrate();
  await publish(session, '1');
  await session.close();
});
afterEach(() => rmSync(folder, { recursive: true, force: true }));

function destinationAt(memoryLimit = 128 * MIB, options: Record<string, unknown> = {}): Destination {
  return createDuckdbDestination(
    {
      type: 'duckdb',
      path,
      dataset: 'csp',
      migrate: 'auto',
      memory_limit: memoryLimit,
      threads: 1,
      ...options,
    },
    {
      path: (relative) => relative,
      report: (event) => void events.push(event),
      clock: systemClock,
      lockWaitMs: 60_000,
      connectorVersion: '0.0.0-test',
    },
  );
}

const events: ProgressEvent[] = [];

async function publish(session: DestinationSession, quantity: string, rows = 1, text = ''): Promise<number> {
  loads += 1;
  const records = Array.from({ length: rows }, (_, index) =>
    usageRecord({ Quantity: quantity, MeterId: `m${index}`, AdditionalInfo: text }),
  );
  const snapshot = await snapshotOf(BILLED_USAGE, { a: records });
  const ids = { loadId: `l${loads}`, eTag: `e${loads}` };
  return (await session.publish(publishRequest(INVOICE, snapshot, ids), snapshot.parts)).counts.staged;
}

async function quantities(): Promise<unknown[]> {
  return await destinationAt().query('SELECT DISTINCT quantity FROM csp.billed_usage', async (result) => {
    const found: unknown[] = [];
    for await (const row of result.rows()) found.push(...row);
    return found;
  });
}

describe('a file that somebody touches while a load has it open', () => {
  test('and deletes is told before anything counts as published', async () => {
    const session = await destinationAt().open('write');
    await publish(session, '2');
    rmSync(path);
    const error = await failure(publish(session, '3'));
    expect(error).toMatchObject({ kind: 'config', exitCode: 2 });
    expect(error.message).toMatch(/was deleted or replaced/);
    await session.close();
  });

  test('and replaces is told, and the other file is left as it is', async () => {
    copyFileSync(path, join(folder, 'other.duckdb'));
    const session = await destinationAt().open('write');
    await publish(session, '2');
    renameSync(join(folder, 'other.duckdb'), path);
    const error = await failure(publish(session, '3'));
    expect(error).toMatchObject({ kind: 'config', exitCode: 2 });
    expect(error.hint).toMatch(/run again/);
    await session.close();
    expect(await quantities()).toEqual(['1']);
  });
});

describe('a damaged file', () => {
  test.each([
    ['in its head', (size: number) => Math.min(16, size)],
    ['in its middle', (size: number) => Math.floor(size / 2)],
  ])('%s is refused as damaged, with what to do, and left as it is', async (_where, at) => {
    const { size } = statSync(path);
    const file = openSync(path, 'r+');
    for (let block = at(size); block < size; block += 1024)
      writeSync(file, Buffer.alloc(64, 0xa5), 0, 64, block);
    closeSync(file);
    const before = statSync(path).mtimeMs;
    const error = await failure(
      (async () => {
        const session = await destinationAt().open('write');
        try {
          return await publish(session, '2');
        } finally {
          await session.close();
        }
      })(),
    );
    expect(error).toMatchObject({ kind: 'config', exitCode: 2 });
    expect(error.hint).toMatch(/damaged; restore it, or move it away|another file/);
    expect(statSync(path).mtimeMs).toBe(before);
  });

  test('that was cut short is refused too', async () => {
    writeFileSync(path, Buffer.alloc(100));
    expect(await failure(destinationAt().open('write'))).toMatchObject({ kind: 'config', exitCode: 2 });
  });
});

test('a file without rights names the file, and check says what to do', async () => {
  chmodSync(folder, 0o755);
  chmodSync(path, 0o000);
  await withoutRootRights(async () => {
    const error = await failure(destinationAt().open('write'));
    expect(error).toMatchObject({ kind: 'config', exitCode: 2 });
    expect(error.message).toContain(path);
    expect(error.message).toMatch(/permission denied/i);
    const opened = (await destinationAt().check()).find(({ tried }) => tried === `open ${path}`);
    expect(opened).toMatchObject({ result: 'failed' });
    expect(opened?.detail).toMatch(/check that the file and its folder can be read and written/);
  });
  chmodSync(path, 0o600);
  expect(await quantities()).toEqual(['1']);
});

test('less memory than a load needs, with no way to spill: nothing is published, and the limit is named', async () => {
  // A file stands where the folder for spilled data is to be made.
  const nowhere = join(folder, 'nowhere');
  writeFileSync(nowhere, '');
  const destination = destinationAt(16 * MIB, { temp_directory: nowhere });
  const error = await failure(
    (async () => {
      const session = await destination.open('write');
      try {
        return await publish(session, '2', 20_000, 'x'.repeat(500));
      } finally {
        await session.close();
      }
    })(),
  );
  expect(error).toMatchObject({ kind: 'config', exitCode: 2 });
  expect(error.hint).toMatch(/temp_directory/);
  expect(await quantities()).toEqual(['1']);
});

test('too little memory even with spilling is told by its limit; nothing is published, nothing spilled is left', async () => {
  const session = await destinationAt(12 * MIB).open('write');
  const error = await failure(publish(session, '2', 20_000, 'x'.repeat(500)));
  await session.close();
  expect(error).toMatchObject({ kind: 'config', exitCode: 2 });
  expect(error.hint).toMatch(/raise destination.memory_limit/);
  expect(await quantities()).toEqual(['1']);
  expect(readdirSync(folder)).toEqual(['billing.duckdb']);
  const again = await destinationAt().open('write');
  expect(await publish(again, '2', 20)).toBe(20);
  await again.close();
});

test('a reader that opens and closes the file all the time holds no load up for good', async () => {
  let isOver = false;
  let reads = 0;
  const reading = (async () => {
    while (!isOver) {
      const reader = await holdInAnotherProcess(path, 'READ_ONLY').catch(() => undefined);
      if (reader === undefined) continue;
      expect(await reader.rows('SELECT count(DISTINCT quantity) FROM csp.billed_usage')).toEqual([['1']]);
      reads += 1;
      await reader.end();
    }
  })();
  try {
    for (const quantity of ['2', '3', '4']) {
      const session = await destinationAt().open('write');
      expect(await publish(session, quantity)).toBe(1);
      await session.close();
    }
    await expect.poll(() => reads, { timeout: 30_000 }).toBeGreaterThan(0);
  } finally {
    isOver = true;
    await reading;
  }
  expect(await quantities()).toEqual(['4']);
});
