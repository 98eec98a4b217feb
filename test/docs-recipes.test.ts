import { readFileSync, writeFileSync } from 'node:fs';
import { join } from 'node:path';
import { afterAll, beforeAll, describe, expect, it } from 'vitest';
import { DEMO_INVOICES, DEMO_STREAMS, OVERCHARGED } from '../connector/demo-sandbox.js';
import { DIALECTS, type Dialect } from '../connector/load/destination.js';
import { startDatedSite, type DatedSite } from './e2e/dated-site.js';
import { createTestDatabase, type TestDatabase } from './postgres-server.js';
import { recipesOf, withOutputs, type Recipe } from './recipes.js';

const PAGE = new URL('../docs/recipes.md', import.meta.url);
/** As the page says. */
const DAY = '2026-11-20';
/** `UPDATE_RECIPES=1` writes the outputs into the page; they are for a person to read before they are committed. */
const UPDATES = process.env['UPDATE_RECIPES'] === '1';

/** Of the estimates only the one that a recipe compares with its invoice: each scope takes its time. */
const ESTIMATES = {
  unbilled_usage: { periods: ['last'], currencies: ['USD'] },
  unbilled_reconciliation: { periods: ['last'], currencies: ['USD'] },
};
const CONFIG: Readonly<Record<Dialect, readonly string[]>> = {
  duckdb: [],
  postgres: ['--config', 'postgres.yaml'],
};

const page = readFileSync(PAGE, 'utf8');
const recipes = recipesOf(page);
let database: TestDatabase | undefined;
let site: DatedSite | undefined;
beforeAll(async () => {
  database = await createTestDatabase();
  site = await startSite(database.url);
  if (UPDATES) {
    const outputs: string[] = [];
    for (const recipe of recipes) outputs.push(await outputOf('duckdb', recipe));
    writeFileSync(PAGE, withOutputs(page, outputs));
  }
}, 240_000);
afterAll(async () => {
  await site?.close();
  await database?.drop();
});

/** The data of the demo, with the sizes of the sandbox's defaults, in both databases. */
async function startSite(postgresUrl: string): Promise<DatedSite> {
  const streams = { ...DEMO_STREAMS, ...ESTIMATES };
  const options = { invoices: DEMO_INVOICES, usageRows: 2000, reconciliationRows: 300 };
  const made = await startDatedSite(DAY, options, { streams });
  made.sandbox.overcharge(OVERCHARGED);
  const postgres = { destination: { type: 'postgres', url: postgresUrl }, spool: './postgres-spool' };
  const auth = { token: '${env:GRAPH_TOKEN}', partner_center_token: '${env:PARTNER_CENTER_TOKEN}' };
  const text = made.sandbox.configuration({ source: { auth }, streams, ...postgres });
  writeFileSync(join(made.folder, 'postgres.yaml'), text);
  const runs = await Promise.all(DIALECTS.map((dialect) => made.run(['sync', ...CONFIG[dialect]])));
  for (const { summary } of runs) {
    const published = summary.scopes.filter(({ outcome }) => outcome === 'published');
    expect([summary.exitCode, published.length]).toEqual([0, 8]);
  }
  return made;
}

async function outputOf(dialect: Dialect, { sql }: Recipe): Promise<string> {
  const { exitCode, out, err } = (await site?.cli(['query', ...CONFIG[dialect], sql[dialect]])) ?? {};
  expect([exitCode, err]).toEqual([0, '']);
  return out ?? '';
}

describe('docs/recipes.md', () => {
  it('answers twelve questions, each once', () => {
    expect(recipes.map(({ title }) => Number.parseInt(title, 10))).toEqual(
      Array.from({ length: 12 }, (_, index) => index + 1),
    );
    expect(new Set(recipes.map(({ sql }) => sql.duckdb)).size).toBe(recipes.length);
  });

  describe.each(DIALECTS)('in %s', (dialect) => {
    it.each(recipes.map((recipe) => [recipe.title, recipe] as const))(
      '%s The output is the one that the page shows',
      async (_, recipe) => {
        const [current] = recipesOf(readFileSync(PAGE, 'utf8')).filter(({ title }) => title === recipe.title);
        expect(await outputOf(dialect, recipe)).toBe(current?.output);
        expect(current?.output.split('\n').length).toBeGreaterThan(3);
      },
    );
  });
});

/** Statements that give no row while the reports leave nothing out, add nothing, and add up. */
const SUMS_OF_REPORTS: Readonly<Record<string, string>> = {
  'effects of a month add up to the difference, in every row':
    'SELECT * FROM rpt_month_over_month WHERE difference <> coalesce(volume_effect, 0) + coalesce(price_effect, 0) + coalesce(exchange_rate_effect, 0) + not_split',
  'what a customer cost adds up to its lines':
    'SELECT * FROM rpt_cost_by_customer WHERE pre_tax <> purchases + usage + credits OR total <> pre_tax + tax',
  ...Object.fromEntries(
    [
      ['rpt_cost_by_customer', 'sum(pre_tax)', 'billed_reconciliation', 'sum(subtotal)'],
      ['rpt_reseller_split', 'sum(pre_tax)', 'billed_reconciliation', 'sum(subtotal)'],
      ['rpt_azure_cost', 'sum(amount)', 'billed_usage', 'sum(billing_pre_tax_total)'],
    ].map(([report = '', amount = '', table = '', whole = '']) => [
      `${report} holds all of ${table}, invoice by invoice`,
      `SELECT * FROM (SELECT invoice_number, ${amount} AS amount FROM ${report} GROUP BY invoice_number) r
       FULL JOIN (SELECT invoice_number, ${whole} AS amount FROM ${table} GROUP BY invoice_number) t
         ON t.invoice_number = r.invoice_number
       WHERE r.amount IS NULL OR t.amount IS NULL OR r.amount <> t.amount`,
    ]),
  ),
};

describe.each(DIALECTS)('reports of the data of the demo in %s', (dialect) => {
  it.each(Object.entries(SUMS_OF_REPORTS))('%s', async (_, sql) => {
    const argv = ['query', ...CONFIG[dialect], '--format', 'json', sql];
    const { exitCode, out } = (await site?.cli(argv)) ?? {};
    expect([exitCode, JSON.parse(out ?? '')]).toEqual([0, []]);
  });
});
