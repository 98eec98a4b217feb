import { afterEach, expect, it } from 'vitest';
import pg from 'pg';
import { runCli } from '../connector/cli-io.js';
import { summaryText } from '../../connector/summary-text.js';
import { createTestDatabase, type TestDatabase } from '../postgres-server.js';
import { startSite, TODAY, type Site } from './site.js';

const INVOICE = 'G016907411';
const STREAMS = {
  billed_usage: { invoices: [INVOICE] },
  billed_reconciliation: null,
  unbilled_usage: null,
  unbilled_reconciliation: null,
};
const DAY_MS = 86_400_000;

let site: Site | undefined;
let database: TestDatabase | undefined;

afterEach(async () => {
  await site?.close();
  await database?.drop();
  [site, database] = [undefined, undefined];
});

it('sync purges history that is older than asked, says so, and keeps the published rows; without retention nothing goes', async () => {
  const at = (site = await startSite(
    { type: 'duckdb', path: './billing.duckdb' },
    { invoices: [{ id: INVOICE, month: '2026-10', currency: 'USD' }] },
    { streams: STREAMS },
  ));
  const history = async () => (await at.query('select count(*) from csp.billed_usage_history'))[0]?.[0];
  const rows = () => at.query('select line_item_key, _load_id from csp.billed_usage order by all');
  await at.sync();
  at.sandbox.restate({ stream: 'billed_usage', invoice: INVOICE }, { changed: 2, removed: 1 });
  expect((await at.sync({ invoices: [INVOICE] })).retention).toBeNull();
  expect(await history()).toBe('3');
  const published = await rows();

  await at.configure({ streams: STREAMS, retention: { history_days: 30 } });
  at.moveTo(new Date(TODAY.getTime() + 29 * DAY_MS));
  const early = await at.sync();
  expect(early.retention).toMatchObject({ outcome: 'nothing due', rows: {}, exitCode: 0 });
  expect(await history()).toBe('3');

  at.moveTo(new Date(TODAY.getTime() + 31 * DAY_MS));
  const late = await at.sync();
  expect(late.retention).toMatchObject({ outcome: 'purged', rows: { billed_usage: 3 }, exitCode: 0 });
  expect(summaryText(late)).toMatch(/^history: purged 3 rows of billed_usage, replaced before 2026-11-24T/m);
  expect([await history(), await rows()]).toEqual(['0', published]);
  const refused = await runCli(['diff', INVOICE], { cwd: at.folder });
  expect([refused.exitCode, refused.err]).toEqual([2, expect.stringContaining('was purged')]);
});

it('a purge that the database refuses fails the run, which is recorded with it, and the next run purges', async () => {
  database = await createTestDatabase();
  const at = (site = await startSite(
    { type: 'postgres', url: database.url },
    { invoices: [{ id: INVOICE, month: '2026-10', currency: 'USD' }] },
    { streams: STREAMS, retention: { history_days: 30 } },
  ));
  await at.sync();
  at.sandbox.restate({ stream: 'billed_usage', invoice: INVOICE }, { changed: 2 });
  await at.sync({ invoices: [INVOICE] });
  await asOwner(
    database.url,
    `CREATE FUNCTION keep() RETURNS trigger LANGUAGE plpgsql AS $$ BEGIN RAISE 'history is kept here'; END $$;
     CREATE TRIGGER keep BEFORE DELETE ON csp.billed_usage_history EXECUTE FUNCTION keep()`,
  );
  at.moveTo(new Date(TODAY.getTime() + 31 * DAY_MS));
  const failed = await at.sync();
  expect(failed.retention).toMatchObject({ outcome: 'failed', rows: {} });
  expect(failed.retention?.error?.message).toContain('history is kept here');
  expect(failed.exitCode).toBe(failed.retention?.exitCode);
  expect(failed.exitCode).toBeGreaterThan(0);
  expect(failed.outcome).toContain('; history not purged');
  const recorded = `select outcome, exit_code, (select count(*) from csp.billed_usage_history) from csp._runs
    order by run_id desc limit 1`;
  expect(await at.query(recorded)).toEqual([[failed.outcome, String(failed.exitCode), '2']]);

  await asOwner(database.url, 'DROP TRIGGER keep ON csp.billed_usage_history');
  const next = await at.sync();
  expect(next.retention).toMatchObject({ outcome: 'purged', rows: { billed_usage: 2 } });
  expect(await at.query(recorded)).toEqual([[next.outcome, '0', '0']]);
});

async function asOwner(url: string, sql: string): Promise<void> {
  const client = new pg.Client({ connectionString: url });
  await client.connect();
  try {
    await client.query(sql);
  } finally {
    await client.end();
  }
}
