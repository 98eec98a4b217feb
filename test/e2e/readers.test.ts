import { readFile, rm, stat, writeFile } from 'node:fs/promises';
import { join } from 'node:path';
import { afterEach, describe, expect, it } from 'vitest';
import type { RunSummary } from '../../connector/run-summary.js';
import { canonicalDecimal } from '../../schemas/decimal-text.js';
import { holdInAnotherProcess, type DuckdbProcess } from '../duckdb-process.js';
import { startSite, type Site } from './site.js';

const USAGE = { stream: 'billed_usage', invoice: 'G016907411' } as const;
const INVOICE = { id: USAGE.invoice, month: '2026-10', currency: 'USD' };
const NAMED = { invoices: [USAGE.invoice], streams: [USAGE.stream] };
const LOCK_WAIT_S = 10;
const SETTINGS = {
  streams: {
    billed_usage: { invoices: [USAGE.invoice] },
    billed_reconciliation: { invoices: [USAGE.invoice] },
    unbilled_usage: { periods: ['current'], currencies: ['USD'] },
    unbilled_reconciliation: null,
  },
  lock_wait: `${LOCK_WAIT_S}s`,
};
const ROWS = 'select count(*), sum(billing_pre_tax_total), count(distinct _load_id) from csp.billed_usage';
const RUNS = 'select exit_code, outcome from csp._runs order by started_at';

let site: Site | undefined;
const readers: DuckdbProcess[] = [];

afterEach(async () => {
  for (const reader of readers.splice(0)) await reader.kill();
  await site?.close();
  site = undefined;
});

/** A site on the 23rd whose first run has published everything: three scopes. */
async function publishedSite(destination: Record<string, unknown> = {}): Promise<Site> {
  site = await startSite(
    { type: 'duckdb', path: './billing.duckdb', ...destination },
    { invoices: [INVOICE], usageRows: 40, reconciliationRows: 20 },
    SETTINGS,
  );
  const first = await site.sync();
  expect([first.outcome, first.exitCode]).toEqual(['3 published', 0]);
  return site;
}

async function reads(path: string): Promise<DuckdbProcess> {
  const reader = await holdInAnotherProcess(path, 'READ_ONLY');
  readers.push(reader);
  return reader;
}

async function leaves(reader: DuckdbProcess): Promise<void> {
  readers.splice(readers.indexOf(reader), 1);
  await reader.end();
}

/** What a file holds for who opens it now. */
async function foundIn(path: string, sql: string): Promise<unknown> {
  const reader = await reads(path);
  const rows = await reader.rows(sql);
  await leaves(reader);
  return rows;
}

const asked = (at: Site) => at.sandbox.requests.map(({ kind }) => kind);
const spoolOf = (at: Site, ...names: string[]) =>
  join(at.folder, 'spool', at.sandbox.tenantId, 'csp', ...names);
const isThere = (path: string): Promise<boolean> =>
  stat(path).then(
    () => true,
    () => false,
  );
/** Warnings that a person saw while the runs went on. */
const warned = (at: Site) => at.events.flatMap((event) => (event.event === 'warning' ? [event.message] : []));
const ended = ({ outcome, exitCode }: RunSummary) => [outcome, exitCode];

/** The usage that readers see is what Microsoft has now, to the last digit. */
async function expectWhole(at: Site, path: string): Promise<void> {
  const expected = at.sandbox.expected(USAGE);
  const [[count, sum] = []] = (await foundIn(path, ROWS)) as string[][];
  expect([Number(count), canonicalDecimal(sum ?? '')]).toEqual([expected.records, expected.sums['USD']]);
}

describe('a reader that keeps the database open', () => {
  it('lets quiet nights pass, makes a restatement wait, and has lost nothing when it leaves', async () => {
    const at = await publishedSite();
    const main = join(at.folder, 'billing.duckdb');
    const reader = await reads(main);
    const before = await reader.rows(ROWS);

    const quiet = await at.sync();
    expect(ended(quiet)).toEqual(['nothing changed', 0]);
    expect(quiet.warnings).toHaveLength(1);
    expect(quiet.warnings[0]).toMatch(/PID \d+.*kept in the spool and recorded by the next run/);
    expect(quiet.warnings[0]).toContain(String(reader.pid));
    expect(warned(at)).toEqual(quiet.warnings);
    // It waited for nobody: there was nothing to load.
    expect(at.events.filter(({ event }) => event === 'load.waiting')).toEqual([]);

    at.sandbox.restate(USAGE, { changed: 5, removed: 3, added: 4 });
    const held = await at.sync(NAMED);
    expect(ended(held)).toEqual(['1 failed', 5]);
    expect(held.scopes[0]).toMatchObject({ outcome: 'failed', exitCode: 5, error: { kind: 'locked' } });
    expect(held.scopes[0]?.error?.message).toContain(`still after ${LOCK_WAIT_S} s`);
    expect(held.scopes[0]?.error?.hint).toMatch(/what was downloaded is kept for the next run/);
    expect(await isThere(spoolOf(at, 'billed_usage', USAGE.invoice))).toBe(true);

    // The next night it is still there: what lies in the spool is not asked for again.
    at.sandbox.clearRequests();
    const stillHeld = await at.sync(NAMED);
    expect(ended(stillHeld)).toEqual(['1 failed', 5]);
    expect(asked(at)).toEqual([]);
    expect(await reader.rows(ROWS)).toEqual(before);

    await leaves(reader);
    const freed = await at.sync(NAMED);
    expect(ended(freed)).toEqual(['1 published', 0]);
    expect([freed.warnings, asked(at)]).toEqual([[], []]);
    expect(freed.scopes[0]?.counts).toMatchObject({ inserted: 4, updated: 5, deleted: 3 });
    await expectWhole(at, main);
    expect(await isThere(spoolOf(at, 'billed_usage', USAGE.invoice))).toBe(false);
    expect(await isThere(spoolOf(at, 'unrecorded.json'))).toBe(false);
    expect(await at.query(RUNS)).toEqual([
      ['0', '3 published'],
      ['0', 'nothing changed'],
      ['5', '1 failed'],
      ['5', '1 failed'],
      ['0', '1 published'],
    ]);
    expect(await at.query('select stream, state, last_answer from csp._scopes order by 1, scope')).toEqual([
      ['billed_reconciliation', 'published', 'published'],
      ['billed_usage', 'published', 'published'],
      [
        'unbilled_usage',
        'published',
        `unchanged at eTag ${at.sandbox.expected({ stream: 'unbilled_usage', month: '2026-11', currency: 'USD' }).eTag}`,
      ],
    ]);
  });

  it('makes a run wait only once, however many scopes there are to load', async () => {
    const at = await publishedSite();
    await reads(join(at.folder, 'billing.duckdb'));
    at.sandbox.restate(USAGE, { changed: 1 });
    at.sandbox.restate({ ...USAGE, stream: 'billed_reconciliation' }, { changed: 1 });
    at.sandbox.restate({ stream: 'unbilled_usage', month: '2026-11', currency: 'USD' }, { changed: 1 });
    const held = await at.sync({ invoices: [USAGE.invoice] });
    expect(ended(held)).toEqual(['2 failed', 5]);
    const waits = at.events.filter(({ event }) => event === 'load.waiting');
    const waited = waits.map((event) => (event.event === 'load.waiting' ? event.waitedMs : 0));
    expect(Math.max(...waited)).toBeLessThanOrEqual(LOCK_WAIT_S * 1000);
    // Each wait is longer than the one before: it was begun once.
    expect(waited).toEqual([...waited].sort((one, other) => one - other));
    expect(waited.filter((ms) => ms < 250)).toHaveLength(1);
  });
});

describe('a program that keeps the database open for writing', () => {
  it('lets a quiet night pass on what the spool remembers, and a restatement is loaded when it leaves', async () => {
    const at = await publishedSite();
    const main = join(at.folder, 'billing.duckdb');
    const writer = await holdInAnotherProcess(main);
    readers.push(writer);
    const quiet = await at.sync();
    expect(ended(quiet)).toEqual(['nothing changed', 0]);
    expect(quiet.warnings[0]).toMatch(/planned from what the spool remembers/);
    at.sandbox.restate(USAGE, { changed: 2 });
    expect(ended(await at.sync(NAMED))).toEqual(['1 failed', 5]);
    await leaves(writer);
    at.sandbox.clearRequests();
    expect(ended(await at.sync(NAMED))).toEqual(['1 published', 0]);
    expect(asked(at)).toEqual([]);
    await expectWhole(at, main);
    expect((await at.query(RUNS)).map(([exitCode]) => exitCode)).toEqual(['0', '0', '5', '0']);
  });
});

describe('the read copy', () => {
  const COPY = { read_copy: './read.duckdb' };

  it('stays as it was for who has it open, is new for who opens it, and is not copied on quiet nights', async () => {
    const at = await publishedSite(COPY);
    const [main, copy] = [join(at.folder, 'billing.duckdb'), join(at.folder, 'read.duckdb')];
    const patient = await reads(copy);
    const before = await patient.rows(ROWS);
    const first = await stat(copy);
    expect(first.mode & 0o777).toBe(0o444);

    const quiet = await at.sync();
    expect([quiet.readCopy?.outcome, quiet.exitCode, quiet.warnings]).toEqual(['current', 0, []]);
    expect((await stat(copy)).ino).toBe(first.ino);

    for (const change of [{ changed: 5, removed: 3 }, { added: 4 }]) {
      const { ino } = await stat(copy);
      at.sandbox.restate(USAGE, change);
      const summary = await at.sync(NAMED);
      expect([summary.readCopy?.outcome, summary.exitCode, summary.warnings]).toEqual(['published', 0, []]);
      expect((await stat(copy)).ino).not.toBe(ino);
      expect((await stat(copy)).mode & 0o777).toBe(0o444);
      expect(await patient.rows(ROWS)).toEqual(before);
      await expectWhole(at, copy);
      expect((await readFile(copy)).equals(await readFile(main))).toBe(true);
    }
  });

  it('goes on while readers have both files open, and holds all that is loaded when they leave', async () => {
    const at = await publishedSite(COPY);
    const [main, copy] = [join(at.folder, 'billing.duckdb'), join(at.folder, 'read.duckdb')];
    const [ofMain, ofCopy] = [await reads(main), await reads(copy)];
    const before = await ofCopy.rows(ROWS);
    const { ino } = await stat(copy);
    // A scope that nothing is published of is answered while the file is held: the copy holds the same data as before.
    await at.configure({
      ...SETTINGS,
      streams: { ...SETTINGS.streams, billed_usage: { invoices: [USAGE.invoice, 'G016907499'] } },
    });
    at.sandbox.setFaults(['poll-failed-5000']);
    for (let night = 0; night < 2; night += 1) {
      const quiet = await at.sync({ ...NAMED, invoices: ['G016907499'] });
      expect(ended(quiet)).toEqual(['1 pending', 0]);
      expect([quiet.readCopy?.outcome, (await stat(copy)).ino]).toEqual(['current', ino]);
    }
    at.sandbox.setFaults([]);
    at.sandbox.restate(USAGE, { changed: 5, removed: 3, added: 4 });
    const held = await at.sync(NAMED);
    expect([held.exitCode, held.readCopy?.outcome, (await stat(copy)).ino]).toEqual([5, 'current', ino]);
    await leaves(ofMain);
    const freed = await at.sync(NAMED);
    expect([freed.exitCode, freed.readCopy?.outcome]).toEqual([0, 'published']);
    expect(await ofCopy.rows(ROWS)).toEqual(before);
    await expectWhole(at, main);
    await expectWhole(at, copy);
  });

  it('that could not be published is told of by every run, and mended by the first that can', async () => {
    const at = await publishedSite(COPY);
    const copy = join(at.folder, 'read.duckdb');
    await writeFile(`${copy}.wal`, 'of somebody else');
    at.sandbox.restate(USAGE, { changed: 1 });
    const failing = await at.sync(NAMED);
    expect(ended(failing)).toEqual(['1 published; read copy out of date', 2]);
    expect(failing.warnings[0]).toMatch(/read copy is out of date: .*read\.duckdb\.wal/);
    expect(warned(at)).toEqual(failing.warnings);
    // Nothing is to be loaded any more, and the copy is still old.
    const again = await at.sync(NAMED);
    expect(ended(again)).toEqual(['nothing changed; read copy out of date', 2]);
    await rm(`${copy}.wal`);
    const mended = await at.sync(NAMED);
    expect([mended.readCopy?.outcome, mended.exitCode]).toEqual(['published', 0]);
    await expectWhole(at, copy);
    // What was recorded of each run is what it ended with: a notification tells a change by it.
    expect((await at.query(RUNS)).map(([exitCode]) => exitCode)).toEqual(['0', '2', '2', '0']);
  });
});
