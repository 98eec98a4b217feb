import { existsSync, readFileSync, rmSync, writeFileSync } from 'node:fs';
import { dirname, join } from 'node:path';
import { afterAll, afterEach, beforeAll, beforeEach, describe, expect, test } from 'vitest';
import { LockedError } from '../../schemas/errors.js';
import { DatasetScene, endAt, listAt, load } from './run-dataset-scene.js';

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

describe('what waits in the spool', () => {
  /** Two runs that somebody kept from recording anything. */
  async function twoRunsWait(): Promise<void> {
    const reader = await at.hold('READ_ONLY');
    for (const hour of ['03:00', '04:00']) {
      const run = at.run();
      await run.prepare();
      await run.keepInvoiceList(listAt(hour, hour === '03:00' ? ['G000001', 'G000002'] : ['G000001']));
      await run.finish(endAt(hour));
    }
    await at.release(reader);
    expect(await at.waiting()).toBe(4);
  }

  const everything = async () => [
    await at.query('select run_id, exit_code from csp._runs order by 1'),
    await at.query('select scope, last_answer, first_asked_at from csp._scopes order by 1'),
    await at.query('select read_at from csp._invoice_lists order by 1'),
    await at.query('select invoice_number from csp.invoices order by 1'),
    await at.query('select invoice_number, _change from csp.invoices_history order by 1'),
  ];
  const WHOLE = [
    [
      ['run-03:00', '0'],
      ['run-04:00', '0'],
    ],
    [
      ['G000001', 'published', '2026-11-09T12:00:00'],
      ['G000002', 'asked at 04:00', '2026-11-20T03:00:00'],
    ],
    [['2026-11-20T03:00:00'], ['2026-11-20T04:00:00']],
    [['G000001']],
    [['G000002', 'removed']],
  ];

  test('is recorded by the next run that finds the file free, in the order of the runs, and once', async () => {
    await twoRunsWait();
    const run = at.run();
    await run.prepare();
    expect(await everything()).toEqual(WHOLE);
    expect([await at.waiting(), existsSync(join(at.spool, 'unrecorded.json'))]).toEqual([0, false]);
    expect(run.recorded).toEqual(run.state);
    await at.run().prepare();
    expect(await everything()).toEqual(WHOLE);
  });

  test('is recorded once, though the power went between recording and forgetting it', async () => {
    await twoRunsWait();
    const kept = readFileSync(join(at.spool, 'unrecorded.json'));
    await at.run().prepare();
    writeFileSync(join(at.spool, 'unrecorded.json'), kept);
    const run = at.run();
    await run.prepare();
    expect(await everything()).toEqual(WHOLE);
    expect(await at.waiting()).toBe(0);
  });

  test('does not undo what was found out since', async () => {
    await twoRunsWait();
    const kept = readFileSync(join(at.spool, 'unrecorded.json'));
    const run = at.run();
    await run.prepare();
    await load(await run.openForLoad(), 'l22');
    await run.finish(endAt('06:00'));
    const before = await everything();
    writeFileSync(join(at.spool, 'unrecorded.json'), kept);
    await at.run().prepare();
    expect(await everything()).toEqual(before);
  });

  test('is corrected by what is found out after the end of a run', async () => {
    const reader = await at.hold('READ_ONLY');
    const run = at.run();
    await run.prepare();
    const end = endAt('05:00');
    await run.finish(end);
    const failed = { ...end.runOf([]), exitCode: 2, outcome: 'read copy out of date' };
    expect((await run.recordAgain(failed)).keptBecause).toBeInstanceOf(LockedError);
    expect(run.state.lastRun?.exitCode).toBe(2);
    await at.release(reader);
    await at.run().prepare();
    expect(await at.query('select exit_code, outcome from csp._runs')).toEqual([
      ['2', 'read copy out of date'],
    ]);
  });
});
