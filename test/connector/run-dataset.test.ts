import { readFileSync, rmSync } from 'node:fs';
import { dirname } from 'node:path';
import { afterAll, afterEach, beforeAll, beforeEach, describe, expect, test } from 'vitest';
import type { RecordedState } from '../../connector/load/destination.js';
import { recallState } from '../../connector/remembered-state.js';
import { ConfigError, LockedError } from '../../schemas/errors.js';
import { TENANT } from '../snapshot.js';
import { errorOf } from './extract/scene.js';
import { answersIn, DatasetScene, endAt, listAt, load, LOCK_WAIT_MS } from './run-dataset-scene.js';

let template: string;
let at: DatasetScene;

beforeAll(async () => {
  template = await DatasetScene.template();
});
afterAll(() => rmSync(dirname(template), { recursive: true, force: true }));
beforeEach(() => {
  at = new DatasetScene(template);
});
afterEach(() => at.close());

describe('a dataset whose file is free', () => {
  test('is read, written and remembered, and nothing waits', async () => {
    const run = at.run();
    expect(await run.prepare()).toBeNull();
    expect(answersIn(run.state)).toEqual([['G000001', 'published']]);
    expect(await run.keepInvoiceList(listAt('05:00', ['G000001']))).toMatchObject({ inserted: 1 });
    expect(await run.finish(endAt('05:00'))).toEqual({ superseded: [], keptBecause: null, error: null });
    expect(answersIn(run.state)).toContainEqual(['G000002', 'asked at 05:00']);
    expect(run.recorded).toEqual(run.state);
    expect(await recallState(at.spool, at.label)).toMatchObject({ kind: 'remembered', state: run.state });
    expect([await at.waiting(), at.waited()]).toEqual([0, 0]);
  });

  test('is made where there is none', async () => {
    at.remove();
    const run = at.run();
    expect(await run.prepare()).toBeNull();
    await load(await run.openForLoad(), 'l1');
    expect(await run.finish(endAt('05:00'))).toMatchObject({ keptBecause: null, error: null });
    expect(await at.query('select run_id from csp._runs')).toEqual([['run-05:00']]);
  });
});

describe('the tolerances of the configuration', () => {
  test('are kept by the end of every run, and forgotten when it no longer names them', async () => {
    const usd = { check: 'line_recalc', currency: 'USD', perUnit: '0.02', atMost: null } as const;
    const kept = () => at.query('select check_name, currency, per_unit, at_most from csp._tolerances');
    for (const tolerances of [[usd], []]) {
      const run = at.run({ tolerances });
      expect(await run.prepare()).toBeNull();
      expect(await run.finish(endAt('05:00'))).toMatchObject({ keptBecause: null, error: null });
      expect(await kept()).toEqual(tolerances.map(() => ['line_recalc', 'USD', '0.02', null]));
    }
  });

  test('are there before anything is loaded, which is compared by them', async () => {
    const tolerances = [
      { check: 'usage_vs_invoice', currency: 'USD', perUnit: '0.5', atMost: null },
    ] as const;
    const run = at.run({ tolerances });
    expect(await run.prepare()).toBeNull();
    const session = await run.openForLoad();
    expect(await session.keepTolerances(tolerances)).toBe(false);
    await session.close();
  });
});

describe('a dataset whose file somebody reads', () => {
  test('is planned by reading; what is found out waits in the spool, without waiting for the reader', async () => {
    const reader = await at.hold('READ_ONLY');
    const run = at.run();
    expect(await run.prepare()).toBeNull();
    expect(answersIn(run.state)).toEqual([['G000001', 'published']]);
    const before = run.state;
    expect(await run.keepInvoiceList(listAt('05:00', ['G000001', 'G000002']))).toBeNull();
    expect(run.state.invoices.map(({ invoice }) => invoice)).toEqual(['G000001', 'G000002']);
    const { keptBecause, error } = await run.finish(endAt('05:00'));
    expect(keptBecause).toBeInstanceOf(LockedError);
    expect([keptBecause?.facts['pid'], error]).toEqual([reader.pid, null]);
    // Planning sees it; what the file itself holds is not said to be more than it is.
    expect(answersIn(run.state)).toContainEqual(['G000002', 'asked at 05:00']);
    expect(run.recorded).toEqual(before);
    expect([await at.waiting(), at.waited()]).toEqual([2, 0]);
    expect(await recallState(at.spool, at.label)).toMatchObject({ kind: 'remembered', state: before });
  });

  test('is waited for by the first load only, as long as lock_wait says', async () => {
    await at.hold('READ_ONLY');
    const run = at.run();
    await run.prepare();
    for (let load = 0; load < 3; load += 1) {
      expect(await errorOf(run.openForLoad())).toBeInstanceOf(LockedError);
      expect(at.waited()).toBe(LOCK_WAIT_MS);
    }
    await run.finish(endAt('05:00', { isWorthWaiting: true }));
    expect(at.waited()).toBe(LOCK_WAIT_MS);
  });

  test('is waited for by the end of a run that published, as by a load', async () => {
    const run = at.run();
    await run.prepare();
    await load(await run.openForLoad(), 'l22');
    const reader = await at.hold('READ_ONLY');
    const { keptBecause } = await run.finish(endAt('05:00', { isWorthWaiting: true }));
    expect([keptBecause?.facts['pid'], at.waited()]).toEqual([reader.pid, LOCK_WAIT_MS]);
    // What it published is known, to the read copy and to the next run, though its end is not recorded.
    const loaded = (state: RecordedState) => state.scopes.map(({ snapshot }) => snapshot?.loadId);
    expect(loaded(run.recorded)).toEqual(['l22']);
    expect(loaded(run.state)).toEqual(['l22', undefined]);
    expect(await recallState(at.spool, at.label)).toMatchObject({ kind: 'remembered', state: run.recorded });
  });

  test('has what waited recorded by the first load after the reader left, in the same run', async () => {
    const reader = await at.hold('READ_ONLY');
    const run = at.run();
    await run.prepare();
    await run.keepInvoiceList(listAt('05:00', ['G000001']));
    expect(await at.waiting()).toBe(1);
    await at.release(reader);
    const session = await run.openForLoad();
    expect(await at.waiting()).toBe(0);
    await load(session, 'l22');
    expect(run.state.invoices.map(({ invoice }) => invoice)).toEqual(['G000001']);
    expect(run.recorded).toEqual(run.state);
  });
});

describe('a dataset whose file somebody writes to', () => {
  test('is planned from what the spool remembers, with what waits there', async () => {
    const before = at.run();
    await before.prepare();
    await before.finish(endAt('03:00'));
    const writer = await at.hold('READ_WRITE');
    for (const hour of ['04:00', '05:00']) {
      const run = at.run();
      expect((await run.prepare())?.facts['pid']).toBe(writer.pid);
      expect(run.recorded).toEqual(before.recorded);
      expect(await run.keepInvoiceList(listAt(hour, ['G000001']))).toBeNull();
      expect((await run.finish(endAt(hour))).keptBecause).toBeInstanceOf(LockedError);
      expect(answersIn(run.state)).toContainEqual(['G000002', `asked at ${hour}`]);
      expect(run.state.lastRun?.runId).toBe(`run-${hour}`);
    }
    expect([await at.waiting(), at.waited()]).toEqual([4, 0]);
    // What is remembered is what the file held, not what waits.
    expect(await recallState(at.spool, at.label)).toMatchObject({ state: before.recorded });
  });

  test('is waited for where the spool remembers nothing, and the run ends as locked', async () => {
    const writer = await at.hold('READ_WRITE');
    const error = await errorOf(at.run().prepare());
    expect(error).toBeInstanceOf(LockedError);
    expect(error).toMatchObject({ exitCode: 5, facts: { pid: writer.pid, path: at.main } });
    expect([at.waited(), await at.waiting()]).toEqual([LOCK_WAIT_MS, 0]);
  });
});

describe('a dataset that lacks migrations', () => {
  const FILE = new URL('../fixtures/releases/0.1.0/billing.duckdb.gz', import.meta.url);
  const OLD = { tenantId: 'b8ef1893-08df-4468-a273-1799fd194843' };
  const migrations = () => at.query('select count(*) from csp._migrations');

  beforeEach(() => at.replaceBy(readFileSync(FILE)));

  test('is planned by reading while somebody holds it, and migrated by the next run that can', async () => {
    const reader = await at.hold('READ_ONLY');
    const before = await migrations();
    const run = at.run(OLD);
    expect(await run.prepare()).toBeNull();
    expect(run.state.scopes.length).toBeGreaterThan(0);
    expect(at.waited()).toBe(LOCK_WAIT_MS);
    expect(await errorOf(run.openForLoad())).toBeInstanceOf(LockedError);
    expect((await run.finish(endAt('05:00'))).keptBecause).toBeInstanceOf(LockedError);
    expect(at.waited()).toBe(LOCK_WAIT_MS);
    expect([await migrations(), await at.waiting()]).toEqual([before, 1]);

    await at.release(reader);
    const next = at.run(OLD);
    expect(await next.prepare()).toBeNull();
    expect(await migrations()).not.toEqual(before);
    expect(await at.waiting()).toBe(0);
    expect(answersIn(next.state)).toContainEqual(['G000002', 'asked at 05:00']);
    expect(next.state.scopes).toHaveLength(run.state.scopes.length);
  });

  test('is refused and left as it is where a person migrates, held or not', async () => {
    const before = await migrations();
    expect(await errorOf(at.run({ ...OLD, migrate: 'manual' }).prepare())).toBeInstanceOf(ConfigError);
    await at.hold('READ_ONLY');
    const error = await errorOf(at.run({ ...OLD, migrate: 'manual' }).prepare());
    expect(error).toMatchObject({ exitCode: 2, hint: expect.stringContaining('migrate --sql') as string });
    expect([await migrations(), at.waited()]).toEqual([before, 0]);
  });

  test('is not migrated by a load where a person migrates, though planning could not see it', async () => {
    at.restore();
    const earlier = at.run();
    await earlier.prepare();
    await earlier.finish(endAt('03:00'));
    at.replaceBy(readFileSync(FILE));
    const writer = await at.hold('READ_WRITE');
    const run = at.run({ migrate: 'manual' });
    expect((await run.prepare())?.facts['pid']).toBe(writer.pid);
    await at.release(writer);
    const before = await migrations();
    expect(await errorOf(run.openForLoad())).toMatchObject({
      exitCode: 2,
      hint: expect.stringContaining('migrate --sql') as string,
    });
    // The file is free again after it was refused.
    expect(await migrations()).toEqual(before);
  });
});

describe('the dataset of another tenant', () => {
  const other = { tenantId: '11111111-2222-3333-4444-555555555555' };

  test.each(['free', 'READ_ONLY'] as const)('is refused before anything is asked for (%s)', async (mode) => {
    if (mode !== 'free') await at.hold(mode);
    const error = await errorOf(at.run(other).prepare());
    expect(error).toMatchObject({ exitCode: 2, facts: { tenant: TENANT } });
    expect(await at.waiting()).toBe(0);
  });

  test('is refused at the load where planning could not see it, and what waits stays', async () => {
    at.remove();
    const earlier = at.run(other);
    await earlier.prepare();
    await earlier.finish(endAt('03:00', { answers: [] }));
    at.restore();
    const writer = await at.hold('READ_WRITE');
    const run = at.run(other);
    expect(await run.prepare()).toBeInstanceOf(LockedError);
    await run.finish(endAt('04:00'));
    await at.release(writer);
    expect(await errorOf(at.run(other).prepare())).toMatchObject({ exitCode: 2 });
    expect(await errorOf(run.openForLoad())).toMatchObject({ exitCode: 2, facts: { tenant: TENANT } });
    const { error } = await run.finish(endAt('05:00'));
    expect(error).toMatchObject({ exitCode: 2 });
    expect(await at.waiting()).toBe(1);
    expect(await at.query('select count(*) from csp._runs')).toEqual([['0']]);
  });
});
