import { it } from 'vitest';
import { runCli } from '../cli-io.js';
import { startSite } from '../../e2e/site.js';
import { createTestDatabase } from '../../postgres-server.js';

it('try', async () => {
  const pgdb = await createTestDatabase();
  for (const destination of [{ type: 'duckdb', path: './b.duckdb' }, { type: 'postgres', url: pgdb.url }]) {
    const at = await startSite(destination, { invoices: [{ id: 'G016907411', month: '2026-10', currency: 'USD' }] }, { archive: './archive' });
    console.log((await at.sync()).outcome);
    for (const argv of [
      ['reconcile'],
      ['reconcile', '--invoice', 'G016907411', '--customer', 'x', '--period', '2026-10'],
      ['reconcile', '--format', 'csv', '--check', 'line_recalc'],
      ['reconcile', '--sign-off', 'Ada', '--invoice', 'G016907411'],
      ['reconcile', '--sign-off', 'Ada', '--invoice', 'G016907411', '--despite-differences'],
      ['reconcile', '--format', 'json'],
      ['status'],
    ]) {
      const r = await runCli(argv, { cwd: at.folder });
      console.log(argv.join(' '), '->', r.exitCode, '\nOUT', r.out.slice(0, 3500), '\nERR', r.err);
    }
    await at.close();
  }
  await pgdb.drop();
}, 60000);
