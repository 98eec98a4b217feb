import { readFileSync } from 'node:fs';
import { describe, expect, it } from 'vitest';
import { TABLES_PAGE, tablesMarkdown } from '../connector/generate-docs.js';
import { STREAM_NAMES, STREAMS } from '../schemas/streams.js';
import { INVOICE_COLUMNS } from '../schemas/tables/invoices.js';

describe('docs/tables.md', () => {
  const page = readFileSync(new URL(`../${TABLES_PAGE}`, import.meta.url), 'utf8');

  it('is current (npm run docs)', () => {
    expect(page).toBe(tablesMarkdown());
  });

  it('has a line for every column of every table', () => {
    for (const name of STREAM_NAMES) {
      const [, section = ''] = page.split(`## \`${name}\`\n`);
      for (const column of STREAMS[name].table.columns) {
        expect(section).toContain(`| \`${column.name}\` | ${column.type} | \`${column.source}\` |`);
      }
    }
  });

  it('has a line for every column that the tables of invoices are made with', () => {
    for (const table of ['invoices', 'invoices_history']) {
      const [, section = ''] = page.split(`## \`${table}\`\n`);
      const own = migratedColumns(table).slice(table === 'invoices' ? 0 : -2);
      expect(own.length).toBeGreaterThan(1);
      for (const column of own) expect(section).toContain(`| \`${column}\` |`);
    }
    for (const { name, type, source } of INVOICE_COLUMNS) {
      expect(page).toContain(`| \`${name}\` | ${type} | \`${source}\` |`);
    }
  });
});

/** The columns that a migration makes a table with, in their order. */
function migratedColumns(table: string): string[] {
  const file = new URL('../sql/duckdb/migrations/000004_invoices.sql', import.meta.url);
  const made = readFileSync(file, 'utf8').split(`.${table} (\n`)[1]?.split('\n);')[0] ?? '';
  return made.split('\n').map((line) => line.trim().split(' ')[0] ?? '');
}
