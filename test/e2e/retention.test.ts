import { afterEach, expect, it } from 'vitest';
import { runCli } from '../connector/cli-io.js';
import { summaryText } from '../../connector/summary-text.js';
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

afterEach(async () => {
  await site?.close();
  site = undefined;
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
