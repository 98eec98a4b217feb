import { mkdtempSync, realpathSync, rmSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { fileURLToPath } from 'node:url';
import { STREAM_NAMES, STREAMS } from '../schemas/streams.js';
import { primaryKey, type Column, type Table } from '../schemas/table.js';
import { INVOICE_COLUMNS, INVOICE_MEMBERS_LEFT_OUT, INVOICES_TABLE } from '../schemas/tables/invoices.js';
import { systemClock } from './clock.js';
import { createDuckdbDestination } from './load/duckdb/destination.js';
import { viewColumns } from './load/view-columns.js';
import { packageVersion } from './package-info.js';
import { VIEWS_PAGE, viewsMarkdown, type ViewColumns } from './views-page.js';

/** Where the generated page is kept, from the root of the repository. */
export const TABLES_PAGE = 'docs/tables.md';

const INTRODUCTION = `# Tables

Made by \`npm run docs\` from the declarations in \`schemas/tables\`; a test fails when it is not current.

Every stream is kept in a table of its own name, in the dataset of the configuration (default \`csp\`). The columns
stand in the documented order. *Source field* is Graph's attribute; it and its *aliases* are matched without regard to
letter case. *Basic* says whether the attribute set \`basic\` has the column; \`full\` has all.

| type | Postgres | DuckDB | rule |
|---|---|---|---|
| text | \`text\` | \`VARCHAR\` | as it came; absent, null and blank are null |
| decimal | \`numeric\` | \`DECIMAL(38, 22)\` | exact; beyond 22 fractional digits rounded half to even, with the exact text in \`_extra\` |
| date | \`date\` | \`DATE\` | the day as written, never moved by a time zone |
| timestamp | \`timestamp\` | \`TIMESTAMP\` | microseconds, UTC by contract, without a zone |

*Identity* is the column's place in \`line_item_key\`; that order never changes. *Measure* is its place in the order of
records that share a key. A record without a *required* field is rejected.
`;

const LINEAGE = `## Columns of our own

Every table of a stream has these too.

| name | meaning |
|---|---|
| \`billing_month\` | unbilled tables only: the calendar month that the estimate is for, as the date of its first day |
| \`line_item_key\` | what identifies the line item: XXH3-128 of the identity columns, a UUID |
| \`line_item_occurrence\` | tells apart the records of one scope that share a key, from 1 |
| \`_row_hash\` | XXH3-128 of all columns and of \`_extra\`, a UUID; can be recomputed from the row |
| \`_load_id\` | the load that last changed the row |
| \`_first_load_id\` | the load that brought the row |
| \`_blob_name\` | the blob that the row came from |
| \`_line_number\` | its line there, from 1 |
| \`_extra\` | JSON object of the fields that no column holds, names sorted, each value exactly as it came; null where there are none |
`;

const INVOICE_LINEAGE: readonly (readonly [name: string, type: string, meaning: string])[] = [
  [
    'billing_month',
    'date',
    'the month that it bills, as its first day; null where neither it nor what it amends tells',
  ],
  [
    '_row_hash',
    'UUID',
    'XXH3-128 of the columns above but billing_month, and of _extra; can be recomputed from the row',
  ],
  ['_load_id', 'text', 'the reading of the list (_invoice_lists) that last changed the row'],
  ['_first_load_id', 'text', 'the reading that brought the row'],
  [
    '_extra',
    'JSON',
    'members that no column holds, names sorted, each value exactly as it came; null where there are none',
  ],
];

/** The reference page of all tables, as Markdown, from nothing but the declarations. */
export function tablesMarkdown(): string {
  const sections = STREAM_NAMES.map((name) => tableSection(STREAMS[name].table));
  return [INTRODUCTION, ...sections, LINEAGE, invoicesSection()].join('\n');
}

/** The columns that the views have now, in a DuckDB file made for it. */
export async function currentViewColumns(): Promise<ViewColumns> {
  const folder = mkdtempSync(join(tmpdir(), 'views-'));
  const destination = createDuckdbDestination(
    {
      ...{ type: 'duckdb', path: join(folder, 'views.duckdb'), dataset: 'csp', migrate: 'auto' },
      ...{ memory_limit: 512 * 1024 ** 2, threads: 1 },
    },
    {
      ...{ path: (path) => path, report: () => undefined, clock: systemClock, lockWaitMs: 0 },
      connectorVersion: packageVersion(),
    },
  );
  try {
    const session = await destination.open('write');
    await session.migrate().finally(() => session.close());
    return await viewColumns(destination, 'csp');
  } finally {
    await destination.close();
    rmSync(folder, { recursive: true, force: true });
  }
}

function tableSection(table: Table): string {
  const inBasic = table.columns.filter((column) => column.inBasic).length;
  const heads = ['#', 'name', 'type', 'source field', 'aliases', 'basic', 'identity', 'measure', 'meaning'];
  const rows = table.columns.map((column, index) => [String(index + 1), ...columnCells(table, column)]);
  return [
    `## ${code(table.name)}`,
    '',
    `One scope is ${table.scopedBy === 'invoice' ? 'an invoice' : 'a billing month in one currency'}. ` +
      `${table.columns.length} columns, ${inBasic} of them in \`basic\`. Version ${table.version} of the declaration.`,
    '',
    `- Key: ${list(primaryKey(table))}`,
    `- Required: ${list(table.required)}`,
    `- Summed: ${code(table.amount)}, by ${code(table.currency)}`,
    `- Must hold the partner tenant: ${code(table.tenant)}`,
    '',
    row(heads),
    row(heads.map(() => '---')).replaceAll(' ', ''),
    ...rows.map(row),
    '',
  ].join('\n');
}

function invoicesSection(): string {
  const heads = ['#', 'name', 'type', 'member', 'meaning'];
  const declared = INVOICE_COLUMNS.map(({ name, type, source, meaning }) => [
    code(name),
    type,
    code(source),
    meaning,
  ]);
  const own = INVOICE_LINEAGE.map(([name, type, meaning]) => [code(name), type, '', meaning]);
  const rows = [...declared, ...own].map((cells, index) => [String(index + 1), ...cells]);
  return [
    `## ${code(INVOICES_TABLE)}`,
    '',
    "Partner Center's list of invoices, read where a billed stream says `invoices: discover`. One row is a document: an",
    'invoice, or one of its amendments, which the list nests below what they amend and `amends_of` links here. *Member*',
    'is the name in the list, matched without regard to letter case. The year 0001 means "no date" and is null.',
    `Not kept, because they expire or may authorise: ${list(INVOICE_MEMBERS_LEFT_OUT.filter((name) => name !== 'amendments'))}.`,
    '',
    `- Key: ${code('invoice_number')}`,
    '',
    row(heads),
    row(heads.map(() => '---')).replaceAll(' ', ''),
    ...rows.map(row),
    '',
    `## ${code(`${INVOICES_TABLE}_history`)}`,
    '',
    `Documents that changed, or that the list names no more: all columns of ${code(INVOICES_TABLE)} as they were, and`,
    '',
    row(['name', 'type', 'meaning']),
    row(['---', '---', '---']).replaceAll(' ', ''),
    row([code('_replaced_by_load_id'), 'text', 'the reading that replaced or removed the row']),
    row([code('_change'), 'text', '`changed` or `removed`']),
    '',
  ].join('\n');
}

function columnCells(table: Table, column: Column): string[] {
  return [
    code(column.name),
    column.type,
    code(column.source),
    list(column.aliases),
    column.inBasic ? 'yes' : '',
    place(table.identity, column),
    place(table.measures, column),
    table.required.includes(column.name) ? `${column.meaning} (required)` : column.meaning,
  ];
}

function place(names: readonly string[], column: Column): string {
  const index = names.indexOf(column.name);
  return index === -1 ? '' : String(index + 1);
}

function list(names: readonly string[]): string {
  return names.map(code).join(', ');
}

function code(name: string): string {
  return `\`${name}\``;
}

function row(cells: readonly string[]): string {
  return `| ${cells.map((cell) => cell.replaceAll('|', '\\|')).join(' | ')} |`;
}

const [, program = ''] = process.argv;
// Only `npm run docs`, from the root of the repository, writes the pages; importing this file does nothing.
if (program !== '' && realpathSync(program) === fileURLToPath(import.meta.url)) {
  writeFileSync(TABLES_PAGE, tablesMarkdown());
  writeFileSync(VIEWS_PAGE, viewsMarkdown(await currentViewColumns()));
}
