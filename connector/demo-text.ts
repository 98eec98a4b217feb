import type { DatasetTables } from './demo-dataset.js';
import { countText } from './quantity-text.js';
import { textTable } from './text-table.js';

/** A small table per stream: what the database holds of each scope. Pure. */
export function demoTables(tables: DatasetTables): string {
  return [...tables]
    .map(([stream, scopes]) => {
      const table = textTable(
        [
          { title: 'scope' },
          { title: 'records', align: 'right' },
          { title: 'exact sum', align: 'right' },
          { title: '' },
          { title: 'eTag' },
          { title: 'published at' },
        ],
        scopes.map((scope) => [
          scope.scope,
          countText(scope.records),
          scope.sum,
          scope.currency,
          scope.eTag,
          scope.publishedAt,
        ]),
      );
      return `${stream}\n${indented(table)}\n`;
    })
    .join('\n');
}

/** The next commands to try, ready to be pasted. Pure. */
export function demoCommands(program: string, config: string): string {
  const option = `--config ${quoted(config)}`;
  return [
    '',
    'next, try:',
    `  ${program} status ${option}`,
    `  ${program} plan ${option}`,
    `  ${program} reconcile ${option} --period 2026-10`,
    `  ${program} query ${option} "${BY_CUSTOMER}"`,
    `  ${program} query ${option} --format json "${USAGE_AND_LINES}"`,
    '  and the demo once more: it finds nothing changed',
  ].join('\n');
}

const BY_CUSTOMER =
  'SELECT customer_name, currency, sum(subtotal) AS subtotal FROM billed_reconciliation GROUP BY ALL ORDER BY 3 DESC LIMIT 5';
const USAGE_AND_LINES =
  'SELECT invoice_number, count(*) AS records, sum(billing_pre_tax_total) AS total FROM billed_usage GROUP BY ALL ORDER BY 1';

function indented(text: string): string {
  return text
    .split('\n')
    .map((line) => `  ${line}`)
    .join('\n');
}

/** As a shell takes it. */
function quoted(text: string): string {
  return /^[\w./-]+$/.test(text) ? text : `'${text.replaceAll("'", `'\\''`)}'`;
}
