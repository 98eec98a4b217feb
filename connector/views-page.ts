import { readFileSync, readdirSync } from 'node:fs';
import { join } from 'node:path';
import { isDeepStrictEqual } from 'node:util';
import { STREAM_NAMES, STREAMS } from '../schemas/streams.js';
import type { Table } from '../schemas/table.js';
import { packageRoot } from './package-info.js';
import { sqlHeader, type SqlHeader } from './sql-header.js';
import type { Dialect } from './load/destination.js';

/** Where the generated page is kept, from the root of the repository. */
export const VIEWS_PAGE = 'docs/views.md';

/** Columns of the views of a dataset, by view, in their order, each with its type in the words of docs/tables.md. */
export type ViewColumns = ReadonlyMap<string, readonly { readonly name: string; readonly type: string }[]>;

const INTRODUCTION = `# Views, macros and functions

Made by \`npm run docs\` from the files in \`sql/duckdb\` and \`sql/postgres\`; a test fails when it is not current.

\`partner-billing migrate\` makes them in the dataset (default \`csp\`), and every run keeps them current. Both databases have
the same ones with the same columns and give the same rows, wherever the session's clock stands. Columns are only ever
added at a view's end, and what you build on a view stays. Names that begin with \`_\` are steps of others: do not build on
those. Types are those of [tables.md](tables.md), decimals exact. [recipes.md](recipes.md) has ready statements.

## What every check has in common

A view \`recon_...\` compares two sides and gives a row for each thing compared:

| column | meaning |
|---|---|
| \`invoice_number\`, or the month or period | what is compared |
| \`currency\` | upper case; amounts of different currencies are never added |
| \`customer_id\`, \`customer_name\` | where a row is of one customer |
| \`status\` | see below |
| \`left_amount\`, \`right_amount\` | the two sides; null: there is none |
| \`difference\` | right less left |
| \`tolerance\` | what was let pass (\`tolerance:\` of the configuration); it never changes a figure |
| \`rows_left\`, \`rows_right\` | how many rows each side is made of |
| \`reason\` | one sentence; null only where the row is \`matched\` |
| \`snapshot_ids\` | loads (\`load_id\` of \`_snapshots\`) that were compared |

| status | meaning |
|---|---|
| \`matched\` | both sides are equal |
| \`within_tolerance\` | they differ by no more than the tolerance |
| \`partial\` | they differ, and are not all there yet |
| \`mismatch\` | they differ |
| \`left_only\`, \`right_only\` | the other side has nothing of it |
| \`not_checked\` | it cannot be told, and \`reason\` says why. An empty side is this, never \`matched\` |
`;

const KINDS = [
  { title: 'Checks', kind: 'views', belongs: (name: string) => name.startsWith('recon_') },
  { title: 'Reports', kind: 'views', belongs: (name: string) => name.startsWith('rpt_') },
  { title: 'Open months', kind: 'views', belongs: (name: string) => name.endsWith('_open') },
  { title: 'Tables as they were', kind: 'functions', belongs: () => true },
  { title: 'Exact sums', kind: 'macros', belongs: () => true },
] as const;

/** The reference page of all views, macros and functions, as Markdown, from their files and the views' columns. */
export function viewsMarkdown(columns: ViewColumns): string {
  const sections = KINDS.map(({ title, kind, belongs }) => {
    const names = fileNames(kind).filter((name) => !name.startsWith('_') && belongs(name));
    const made = names.map((name) => ({ name, ...describe(kind, name) }));
    return [
      `## ${title}\n`,
      '| name | what it answers |\n|---|---|',
      ...made.map(({ name, summary }) => `| [\`${name}\`](#${name}) | ${summary} |`),
      ...made.map(({ name, body }) => `\n### \`${name}\`\n\n${body}${columnsOf(name, columns)}`),
      '',
    ].join('\n');
  });
  return [INTRODUCTION, ...sections].join('\n');
}

function columnsOf(name: string, columns: ViewColumns): string {
  const own = columns.get(name);
  if (own === undefined) return '';
  const whole = wholeTable(own.map((column) => column.name));
  const shown = own
    .slice(0, own.length - (whole?.columns.length ?? 0))
    .map((column) => `\`${column.name}\` ${column.type}`);
  const others = whole === undefined ? [] : [`and all of \`${whole.name}\` ([tables.md](tables.md))`];
  return `\n\nColumns: ${[...shown, ...others].join(', ')}.`;
}

/** The table whose columns come last, all of them. */
function wholeTable(names: readonly string[]): Table | undefined {
  const tables = STREAM_NAMES.map((name) => STREAMS[name].table);
  return tables.find(({ columns }) =>
    isDeepStrictEqual(
      columns.map(({ name }) => name),
      names.slice(-columns.length),
    ),
  );
}

interface Described {
  readonly summary: string;
  readonly body: string;
}

function describe(kind: string, name: string): Described {
  const text = fileText('duckdb', kind, name);
  const header = sqlHeader(text);
  const [, parameters] = /^CREATE OR REPLACE MACRO \{\{dataset\}\}\.\w+\(([^)]*)\)/m.exec(text) ?? [];
  const call = parameters === undefined ? '' : `\`${name}(${parameters.replaceAll(' := NULL', '')})\`: `;
  return {
    summary: header.summary,
    body: `${call}${bothDialects(header, sqlHeader(fileText('postgres', kind, name)))}`,
  };
}

/** What both say; what one of them alone says comes after it, under its name. */
function bothDialects(duckdb: SqlHeader, postgres: SqlHeader): string {
  const common = sentences(postgres.text);
  const own = sentences(duckdb.text);
  const parts = [
    own.filter((sentence) => common.includes(sentence)).join(''),
    named(
      'DuckDB',
      own.filter((sentence) => !common.includes(sentence)),
    ),
    named(
      'Postgres',
      common.filter((sentence) => !own.includes(sentence)),
    ),
  ];
  return parts
    .filter((part) => part.trim() !== '')
    .map((part) => part.trim())
    .join('\n\n');
}

function named(dialect: string, only: readonly string[]): string {
  return only.length === 0 ? '' : `In ${dialect}: ${only.join('').trim()}`;
}

/** Sentences with the blanks that end them. */
function sentences(text: string): readonly string[] {
  return text.split(/(?<=\.\s+)(?=\S)/).map((sentence) => (/\s$/.test(sentence) ? sentence : `${sentence} `));
}

function fileNames(kind: string): readonly string[] {
  return readdirSync(join(packageRoot(), 'sql', 'duckdb', kind))
    .sort()
    .map((file) => file.replace('.sql', ''));
}

function fileText(dialect: Dialect, kind: string, name: string): string {
  return readFileSync(join(packageRoot(), 'sql', dialect, kind, `${name}.sql`), 'utf8');
}
