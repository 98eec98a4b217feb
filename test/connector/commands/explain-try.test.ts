import { it, expect } from 'vitest';
import { runCli } from '../cli-io.js';
import { startSite } from '../../e2e/site.js';
import { createTestDatabase } from '../../postgres-server.js';

it('try', async () => {
  const pgdb = await createTestDatabase();
  const outs: string[][] = [];
  for (const destination of [{ type: 'duckdb', path: './b.duckdb' }, { type: 'postgres', url: pgdb.url }]) {
    const out: string[] = [];
    outs.push(out);
    const at = await startSite(destination, { invoices: [{ id: 'G016907411', month: '2026-10', currency: 'EUR' }] }, { archive: './archive', streams: { unbilled_usage: null, unbilled_reconciliation: null } });
    console.log((await at.sync()).outcome);
    at.sandbox.restate({ stream: 'billed_reconciliation', invoice: 'G016907411' }, { changed: 2, added: 1, removed: 1 });
    at.sandbox.restate({ stream: 'billed_usage', invoice: 'G016907411' }, { changed: 2, added: 1, removed: 1 });
    console.log((await at.sync({ invoices: ['G016907411'] })).outcome);
    const [[usageKey]] = await at.query("select cast(line_item_key as varchar) from csp.billed_reconciliation where meter_description is not null order by abs(subtotal) desc, line_item_key") as string[][];
    const [[changed]] = await at.query("select cast(line_item_key as varchar) from csp.recon_snapshot_changes where stream='billed_reconciliation' and change='changed' order by line_item_key") as string[][];
    for (const argv of [
      ['explain', '--invoice', 'G016907411'],
      ['explain', '--invoice', 'G016907411', '--line', usageKey ?? ''],
      ['explain', '--invoice', 'G016907411', '--line', changed ?? ''],
      ['explain', '--invoice', 'G016907411', '--amount', '14.11'],
      ['explain', '--invoice', 'G016907411', '--line', usageKey ?? '', '--format', 'json'],
      ['explain', '--invoice', 'G1'],
      ['reconcile'],
    ]) {
      const r = await runCli(argv, { cwd: at.folder });
      console.log(argv.join(' '), '->', r.exitCode, '\nOUT', r.out.slice(0, 4500), '\nERR', r.err);
      out.push(r.out);
    }
    await at.close();
  }
  expect(1).toBe(1);
  await pgdb.drop();
}, 60000);
