import { readFileSync } from 'node:fs';
import { afterAll, beforeAll, describe, expect, it } from 'vitest';
import { systemClock } from '../connector/clock.js';
import { currentViewColumns } from '../connector/generate-docs.js';
import { createPostgresDestination } from '../connector/load/postgres/destination.js';
import { viewColumns } from '../connector/load/view-columns.js';
import { sqlHeader } from '../connector/sql-header.js';
import { VIEWS_PAGE, viewsMarkdown, type ViewColumns } from '../connector/views-page.js';
import { createTestDatabase, type TestDatabase } from './postgres-server.js';
import { viewNames } from './view-names.js';

describe('docs/views.md', () => {
  const page = readFileSync(new URL(`../${VIEWS_PAGE}`, import.meta.url), 'utf8');
  let columns: ViewColumns = new Map();
  let database: TestDatabase | undefined;
  beforeAll(async () => {
    columns = await currentViewColumns();
    database = await createTestDatabase();
  }, 60_000);
  afterAll(() => database?.drop());

  it('is current (npm run docs)', () => {
    expect(page).toBe(viewsMarkdown(columns));
  });

  it('describes every view, macro and function that is no step of another', () => {
    const described = [...page.matchAll(/^### `(\w+)`$/gm)].map(([, name]) => name);
    const made = viewNames('duckdb').map((name) => name.replace(/^\w+ /, ''));
    expect(described.length).toBeGreaterThan(10);
    expect([...described].sort()).toEqual(made.filter((name) => !name.startsWith('_')).sort());
  });

  it('is true of both databases: each view has the same columns with the same types', async () => {
    const destination = createPostgresDestination(
      { type: 'postgres', url: database?.url ?? '', dataset: 'csp', migrate: 'auto' },
      {
        ...{ path: (path) => path, report: () => undefined, clock: systemClock, lockWaitMs: 0 },
        connectorVersion: '0.0.0-test',
      },
    );
    try {
      const session = await destination.open('write');
      await session.migrate().finally(() => session.close());
      expect([...(await viewColumns(destination, 'csp'))]).toEqual([...columns]);
    } finally {
      await destination.close();
    }
  });

  it('has the common columns of every check, in one order', () => {
    const common = [
      ...['status', 'left_amount', 'right_amount', 'difference', 'tolerance'],
      ...['rows_left', 'rows_right', 'reason', 'snapshot_ids'],
    ];
    const checks = [...columns].filter(([view]) => view.startsWith('recon_'));
    expect(checks.length).toBeGreaterThan(10);
    for (const [view, its] of checks) {
      const names = its.map(({ name }) => name);
      const subject = names.includes('invoice_number') ? 'invoice_number' : 'billing_month';
      const customer = names.includes('customer_id') ? ['customer_id', 'customer_name'] : [];
      const wanted = [subject, 'currency', ...customer, ...common];
      expect([view, names.filter((name) => wanted.includes(name))]).toEqual([view, wanted]);
    }
  });

  it('gives every column a type of docs/tables.md, a whole number, a boolean or a UUID', () => {
    const types = new Set([...columns.values()].flat().map(({ type }) => type));
    expect([...types].sort()).toEqual(['boolean', 'date', 'decimal', 'integer', 'text', 'timestamp', 'uuid']);
  });
});

describe('the header of an SQL file', () => {
  it('ends before its source, and becomes Markdown with lists and code', () => {
    const text = [
      '-- What it answers: sums of a * b over <table>, by invoice_number. It says so in words:',
      '--   some_name: what that is,',
      '--     and more of it;',
      '--   other, one more   the last.',
      '-- After the list.',
      '-- Source: somewhere.',
      '-- How it is done.',
      'CREATE OR REPLACE VIEW x AS -- no header',
    ].join('\n');
    expect(sqlHeader(text)).toEqual({
      summary: 'What it answers',
      text: [
        'What it answers: sums of a \\* b over \\<table\\>, by `invoice_number`. It says so in words:',
        '',
        '- `some_name`: what that is, and more of it;',
        '- other, one more: the last.',
        '',
        'After the list.',
      ].join('\n'),
    });
  });

  it('makes a list of the sides and statuses that it gives a meaning', () => {
    const text = [
      '-- Is it right? Left: the one. Right: the other. matched: they are',
      '-- equal. left_only, right_only: one has none. Nothing else.',
      'CREATE',
    ].join('\n');
    expect(sqlHeader(text).text.split('\n')).toEqual([
      'Is it right?',
      '',
      '- Left: the one.',
      '- Right: the other.',
      '- matched: they are equal.',
      '- `left_only`, `right_only`: one has none. Nothing else.',
    ]);
  });
});
