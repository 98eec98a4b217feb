import { readFileSync } from 'node:fs';
import { describe, expect, it } from 'vitest';
import { TABLES_PAGE, tablesMarkdown } from '../connector/generate-docs.js';
import { STREAM_NAMES, STREAMS } from '../schemas/streams.js';

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
});
