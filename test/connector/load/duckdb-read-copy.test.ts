import {
  chmodSync,
  existsSync,
  linkSync,
  mkdirSync,
  mkdtempSync,
  readdirSync,
  readFileSync,
  rmSync,
  statfsSync,
  statSync,
  symlinkSync,
  truncateSync,
  writeFileSync,
} from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { afterEach, beforeEach, describe, expect, test } from 'vitest';
import { systemClock } from '../../../connector/clock.js';
import {
  NOTHING_RECORDED,
  type CheckLine,
  type Destination,
  type RecordedState,
} from '../../../connector/load/destination.js';
import { createDuckdbDestination } from '../../../connector/load/duckdb/destination.js';
import type { ReadCopy } from '../../../connector/load/read-copy.js';
import { ConfigError, type ConnectorError } from '../../../schemas/errors.js';
import { BILLED_USAGE } from '../../../schemas/tables/billed-usage.js';
import { withoutRootRights } from '../../as-nobody.js';
import { INVOICE } from '../../contract/dataset.js';
import { holdInAnotherProcess, openInAnotherProcess } from '../../duckdb-process.js';
import { publishRequest, snapshotOf, usageRecord } from '../../snapshot.js';

const COUNT = 'SELECT count(*), max(_load_id) FROM csp.billed_usage';

let folder: string;
let main: string;
let target: string;

beforeEach(() => {
  folder = mkdtempSync(join(tmpdir(), 'duckdb-read-copy-'));
  main = join(folder, 'billing.duckdb');
  target = join(folder, 'read.duckdb');
});
afterEach(() => rmSync(folder, { recursive: true, force: true }));

function destinationWith(readCopy: string | undefined, dataset = 'csp'): Destination {
  const config = { type: 'duckdb', path: main, dataset, migrate: 'auto', threads: 1 } as const;
  return createDuckdbDestination(
    { ...config, memory_limit: 128 * 1024 ** 2, read_copy: readCopy },
    {
      path: (relative) => relative,
      report: () => undefined,
      clock: systemClock,
      lockWaitMs: 0,
      connectorVersion: '0.0.0-test',
    },
  );
}

/** Loads an invoice of so many records, as a run does, and returns what is recorded then. */
async function load(loadId: string, records: number): Promise<RecordedState> {
  const session = await destinationWith(undefined).open('write');
  await session.migrate();
  const lines = Array.from({ length: records }, (_, index) => usageRecord({ MeterId: `m${index}` }));
  const snapshot = await snapshotOf(BILLED_USAGE, { 'part-1.json.gz': lines });
  await session.publish(publishRequest(INVOICE, snapshot, { loadId, eTag: loadId }), snapshot.parts);
  const state = await session.readState();
  await session.close();
  return state;
}

function readCopy(path = target): ReadCopy {
  const { readCopy: made } = destinationWith(path);
  if (made === null) throw new Error('it has a read copy');
  return made;
}

async function refusal(copy: ReadCopy): Promise<ConnectorError> {
  const outcome = await copy.publish();
  if (outcome.published) throw new Error('the copy was published');
  return outcome.error;
}

/** The line of `check` about the copy. */
async function checked(path: string): Promise<CheckLine | undefined> {
  const lines = await destinationWith(path).check();
  return lines.find(({ tried }) => tried === `read copy ${path}`);
}

async function readFrom(path: string): Promise<unknown> {
  const reader = await holdInAnotherProcess(path, 'READ_ONLY');
  const rows = await reader.rows(COUNT);
  await reader.end();
  return rows;
}

describe('the read copy', () => {
  test('holds what the database holds, for reading only, and leaves nothing else behind', async () => {
    await load('l1', 3);
    expect((await checked(target))?.result).toBe('ok');
    expect(readdirSync(folder)).toEqual(['billing.duckdb']);
    expect(await readCopy().publish()).toEqual({
      published: true,
      path: target,
      bytes: statSync(main).size,
    });
    expect(statSync(target).mode & 0o777).toBe(0o444);
    expect(readFileSync(target).equals(readFileSync(main))).toBe(true);
    expect(readdirSync(folder).sort()).toEqual(['billing.duckdb', 'read.duckdb']);
  });

  test('stays as it was for who has it open, through several publishes, and is new for who opens it then', async () => {
    const copy = readCopy();
    await load('l1', 3);
    await copy.publish();
    const patient = await holdInAnotherProcess(target, 'READ_ONLY');
    for (const [index, loadId] of ['l2', 'l3', 'l4'].entries()) {
      await load(loadId, 10 + index);
      expect(await copy.publish()).toMatchObject({ published: true });
      expect(await patient.rows(COUNT)).toEqual([['3', 'l1']]);
      expect(await readFrom(target)).toEqual([[String(10 + index), loadId]]);
    }
    await patient.end();
  });

  test('is published while somebody reads the database, and never while somebody writes to it', async () => {
    await load('l1', 3);
    const reader = await holdInAnotherProcess(main, 'READ_ONLY');
    expect(await readCopy().publish()).toMatchObject({ published: true });
    await reader.end();
    const writer = await holdInAnotherProcess(main);
    expect(await refusal(readCopy())).toMatchObject({ kind: 'locked', facts: { pid: writer.pid } });
    await writer.end();
    expect(await readFrom(target)).toEqual([['3', 'l1']]);
  });

  test('has what a killed program had committed to the log only', async () => {
    await load('l1', 3);
    const killed = await holdInAnotherProcess(main);
    await killed.rows("UPDATE csp.billed_usage SET _load_id = 'by hand'");
    await killed.kill();
    expect(existsSync(`${main}.wal`)).toBe(true);
    expect(await readCopy().publish()).toMatchObject({ published: true });
    expect(await readFrom(target)).toEqual([['3', 'by hand']]);
    expect(readdirSync(folder).sort()).toEqual(['billing.duckdb', 'read.duckdb']);
  });

  test('is not published while a reader keeps such a log from being taken in', async () => {
    await load('l1', 3);
    const killed = await holdInAnotherProcess(main);
    await killed.rows("UPDATE csp.billed_usage SET _load_id = 'by hand'");
    await killed.kill();
    const reader = await holdInAnotherProcess(main, 'READ_ONLY');
    expect(await refusal(readCopy())).toMatchObject({ kind: 'locked', facts: { pid: reader.pid } });
    await reader.end();
    expect(existsSync(target)).toBe(false);
  });

  test('may be on another file system', async () => {
    const elsewhere = mkdtempSync(join(otherMount(), 'duckdb-read-copy-'));
    try {
      await load('l1', 3);
      expect(await readCopy(join(elsewhere, 'read.duckdb')).publish()).toMatchObject({ published: true });
      expect(readdirSync(elsewhere)).toEqual(['read.duckdb']);
      expect(await readFrom(join(elsewhere, 'read.duckdb'))).toEqual([['3', 'l1']]);
    } finally {
      rmSync(elsewhere, { recursive: true });
    }
  });

  test('cannot be opened for writing by who is not root', async () => {
    await load('l1', 3);
    chmodSync(folder, 0o777);
    await readCopy().publish();
    const opened = await withoutRootRights(() => openInAnotherProcess(target, 'READ_WRITE'));
    expect(opened).toContain('Permission denied');
  });

  test('removes what a killed run left, and nothing else', async () => {
    await load('l1', 1);
    const kept = ['.read.duckdb.other.01234567.tmp', '.read.duckdb.csp.note', 'read.duckdb.bak'];
    for (const name of ['.read.duckdb.csp.01234567.tmp', ...kept]) writeFileSync(join(folder, name), 'torn');
    expect(await readCopy().publish()).toMatchObject({ published: true });
    expect(readdirSync(folder).sort()).toEqual([...kept, 'billing.duckdb', 'read.duckdb'].sort());
  });
});

describe('the read copy is refused, and the earlier one kept,', () => {
  test('while changes that somebody made to the earlier one lie beside it: DuckDB would mix them in', async () => {
    await load('l1', 3);
    await readCopy().publish();
    chmodSync(target, 0o644);
    const careless = await holdInAnotherProcess(target);
    await careless.rows("UPDATE csp.billed_usage SET _load_id = 'by hand'");
    await careless.kill();
    const state = await load('l2', 4);
    expect((await checked(target))?.detail).toContain('would mix them into the new copy');
    expect(await refusal(readCopy())).toMatchObject({
      kind: 'config',
      message: expect.stringContaining(`its changes are in ${target}.wal`) as string,
      hint: expect.stringContaining('open the copy read-only') as string,
    });
    expect(await readCopy().lag(state, [])).toBe(`${target}.wal lies beside it`);
    rmSync(`${target}.wal`);
    expect(await readCopy().publish()).toMatchObject({ published: true });
    expect(await readFrom(target)).toEqual([['4', 'l2']]);
  });

  test('where a folder, a link, the database or a file of somebody else has its name', async () => {
    await load('l1', 1);
    const place = (name: string): string => join(folder, name);
    mkdirSync(place('folder'));
    symlinkSync(main, place('link'));
    symlinkSync(place('nowhere'), place('dangling'));
    linkSync(main, place('second'));
    writeFileSync(place('connector.yaml'), 'version: 1\n');
    writeFileSync(place('short'), 'x');
    for (const [name, why] of [
      ['folder', 'is a folder'],
      ['link', 'is a symbolic link'],
      ['dangling', 'is a symbolic link'],
      ['second', 'is the database file'],
      ['connector.yaml', 'is no DuckDB file'],
      ['short', 'is no DuckDB file'],
    ] as const) {
      const error = await refusal(readCopy(place(name)));
      expect(error, name).toBeInstanceOf(ConfigError);
      expect(error.message).toContain(why);
      expect(await checked(place(name)), name).toMatchObject({
        result: 'failed',
        detail: expect.stringContaining(why) as string,
      });
    }
    expect(readFileSync(place('connector.yaml'), 'utf8')).toBe('version: 1\n');
    expect(await readFrom(main)).toEqual([['1', 'l1']]);
  });

  test('where its folder is missing or is no folder: it may be a mount that is not there', async () => {
    await load('l1', 1);
    for (const path of [join(folder, 'away', 'read.duckdb'), join(main, 'read.duckdb')]) {
      expect(await refusal(readCopy(path))).toMatchObject({
        kind: 'config',
        hint: expect.stringContaining('mount') as string,
      });
      expect((await checked(path))?.result).toBe('failed');
    }
    expect(existsSync(join(folder, 'away'))).toBe(false);
  });

  test('where the disk has no room for it', async () => {
    const elsewhere = mkdtempSync(join(otherMount(), 'duckdb-read-copy-'));
    try {
      await load('l1', 1);
      const { bavail, bsize } = statfsSync(elsewhere);
      truncateSync(main, bavail * bsize * 2);
      expect(await refusal(readCopy(join(elsewhere, 'read.duckdb')))).toMatchObject({
        kind: 'config',
        message: expect.stringMatching(
          / has \d+ MiB free, and a copy of the database needs \d+ MiB/,
        ) as string,
      });
      expect(readdirSync(elsewhere)).toEqual([]);
    } finally {
      rmSync(elsewhere, { recursive: true });
    }
  });

  test('where there is no database yet, and makes none', async () => {
    expect(await refusal(readCopy())).toMatchObject({ kind: 'config' });
    expect(readdirSync(folder)).toEqual([]);
  });

  test.each([
    ['the database file', 'billing.duckdb'],
    ['the lock of its runs', 'billing.duckdb.csp.lock'],
    ['a file that DuckDB calls by the name of the dataset', 'csp.duckdb'],
  ])('in the configuration where it is %s', (_, name) => {
    expect(() => destinationWith(join(folder, name))).toThrow(ConfigError);
  });
});

describe('the lag of the read copy', () => {
  test('is none for the state that was copied, whenever else was asked and whichever runs there were', async () => {
    const state = await load('l1', 2);
    expect(await readCopy().lag(state, [])).toBe('there is no copy yet');
    await readCopy().publish();
    expect(await readCopy().lag(state, [])).toBeNull();
    const session = await destinationWith(undefined).open('write');
    const askedAt = '2026-11-10T00:00:00.000Z';
    await session.recordAnswers([
      { scope: INVOICE, state: null, askedAt, answer: 'unchanged', checked: true },
    ]);
    const later = await session.readState();
    await session.close();
    expect(later).not.toEqual(state);
    expect(await readCopy().lag(later, [])).toBeNull();
  });

  test('is told after a load, a lost copy, a migration, and for what cannot be read', async () => {
    await load('l1', 2);
    await readCopy().publish();
    const state = await load('l2', 2);
    expect(await readCopy().lag(state, [])).toBe('it holds older data');
    await readCopy().publish();
    expect(await readCopy().lag(state, [])).toBeNull();
    expect(await readCopy().lag({ ...state, scopes: [] }, [])).toBe('it holds older data');
    const invoice = { ...NO_INVOICE, invoice: 'G000001', rowHash: 'h' };
    expect(await readCopy().lag({ ...state, invoices: [invoice] }, [])).toBe('it holds older data');
    const tolerance = { check: 'line_recalc', currency: 'USD', perUnit: '0.05', atMost: null } as const;
    expect(await readCopy().lag(state, [tolerance])).toBe(
      'its checks go by other tolerances (line_recalc USD)',
    );
    rmSync(target);
    writeFileSync(target, 'torn'.repeat(5000));
    expect(await readCopy().lag(state, [])).toContain('not a DuckDB database');
    rmSync(target);
    const copied = await holdInAnotherProcess(target);
    await copied.end();
    expect(await readCopy().lag(NOTHING_RECORDED, [])).toMatch(/^it lacks 000001_records, /);
  });
});

const NO_INVOICE = {
  amendsOf: null,
  documentType: null,
  status: null,
  invoiceDate: null,
  billingMonth: null,
  currency: null,
  totalCharges: null,
};

/** A folder on another file system than the tests', where the machine has one. */
function otherMount(): string {
  return existsSync('/dev/shm') ? '/dev/shm' : tmpdir();
}
