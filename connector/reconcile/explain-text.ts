import { countOf } from '../quantity-text.js';
import type { TextRow } from '../load/destination.js';
import { textTable } from '../text-table.js';
import { MOST_DAYS, type Explanation } from './explain-line.js';
import { recipeLines } from './recipe-text.js';

/** Why a line is what it is, for people. Pure. */
export function explanationText(explanation: Explanation): string {
  const { line, recipe } = explanation;
  return [
    ...lineLines(line),
    '',
    'how it is computed:',
    ...recipeLines(recipe),
    '',
    ...usageLines(explanation),
    ...relatedLines(explanation),
    ...restatedLines(explanation),
    '',
    ...sourceLines(explanation),
  ].join('\n');
}

function lineLines(line: TextRow): readonly string[] {
  const text = (name: string): string => line[name] ?? '';
  const day = (name: string): string => text(name).slice(0, 10);
  const currency = text('currency').toUpperCase();
  return [
    `line ${text('line_item_key')}/${text('line_item_occurrence')} of ${text('invoice_number')}: ${currency} ${text('subtotal')} + tax ${text('tax_total')} = ${text('total')}`,
    `  customer: ${text('customer_name')} (${text('customer_id')})`,
    `  product: ${text('product_name')}, ${text('sku_name')} (${text('product_id')}/${text('sku_id')}/${text('availability_id')})`,
    `  charge: ${text('charge_type')}, ${day('charge_start_date')} to ${day('charge_end_date') === '' ? 'no end' : day('charge_end_date')}, ordered ${day('order_date')}`,
    `  subscription: ${text('subscription_description')} (${text('subscription_id')})`,
  ];
}

function usageLines({ usage, noUsage }: Explanation): readonly string[] {
  if (usage === null) return [`daily usage behind it: none is shown: ${noUsage ?? ''}`];
  const { days, sum, lines } = usage;
  const text = (row: TextRow, name: string): string => row[name] ?? '0';
  const records = Number(text(sum, 'records'));
  if (records === 0)
    return ['daily usage behind it: there is none on this invoice, though the line charges usage'];
  const more = Number(text(sum, 'shown')) - days.length;
  const others = Number(text(lines, 'records'));
  return [
    `daily usage behind it: ${countOf(records, 'row')} on ${countOf(Number(text(sum, 'days')), 'day')}, quantity ${text(sum, 'quantity')}, before tax ${text(sum, 'amount')}`,
    `lines that charge this usage: ${others}, quantity ${text(lines, 'quantity')}, subtotal ${text(lines, 'amount')}`,
    textTable(
      [
        { title: 'day' },
        { title: 'quantity', align: 'right' },
        { title: 'effective price', align: 'right' },
        { title: 'partner credit', align: 'right' },
        { title: 'rate', align: 'right' },
        { title: 'before tax', align: 'right' },
        { title: 'rows', align: 'right' },
        { title: 'credit' },
      ],
      days.map((row) => [
        text(row, 'usage_date').slice(0, 10),
        ...[text(row, 'quantity'), row['effective_unit_price'] ?? ''],
        ...[row['partner_earned_credit_percentage'] ?? '', row['pc_to_bc_exchange_rate'] ?? ''],
        ...[text(row, 'amount'), text(row, 'records'), row['credit_type'] ?? ''],
      ]),
    ),
    ...(more > 0
      ? [`and ${more} more; the first ${MOST_DAYS} are shown (\`query\` on billed_usage has all)`]
      : []),
  ];
}

function relatedLines({ related }: Explanation): readonly string[] {
  if (related.length === 0) return ['', 'no other line of the same event, and no credit for the product'];
  return [
    '',
    'other lines of the same event (ReferenceId), and credits for the product:',
    textTable(
      [
        { title: 'why' },
        { title: 'invoice' },
        { title: 'charge' },
        { title: 'ordered' },
        { title: 'price', align: 'right' },
        { title: 'quantity', align: 'right' },
        { title: 'subtotal', align: 'right' },
        { title: 'currency' },
        { title: 'reason' },
        { title: 'line' },
      ],
      related.map((row) => {
        const text = (name: string): string => row[name] ?? '';
        return [
          ...[text('why'), text('invoice_number'), text('charge_type'), text('order_date').slice(0, 10)],
          ...[text('effective_unit_price'), text('billable_quantity'), text('subtotal'), text('currency')],
          ...[text('credit_reason_code'), `${text('line_item_key')}/${text('line_item_occurrence')}`],
        ];
      }),
    ),
  ];
}

function restatedLines({ restated: { ofLine, ofUsage } }: Explanation): readonly string[] {
  if (ofLine.length + ofUsage.length === 0) return ['', 'Microsoft restated neither the line nor its usage'];
  const text = (row: TextRow, name: string): string => row[name] ?? '';
  const at = (row: TextRow): string =>
    `at ${text(row, 'to_published_at').slice(0, 19)}Z (eTag ${text(row, 'to_etag')})`;
  return [
    '',
    'restated by Microsoft:',
    ...ofLine.map(
      (row) =>
        `  the line: ${text(row, 'change')} ${at(row)}: ${row['left_amount'] ?? 'nothing'} to ${row['right_amount'] ?? 'nothing'} ${text(row, 'currency')}`,
    ),
    ...ofUsage.map(
      (row) =>
        `  usage of its product: ${countOf(Number(text(row, 'records')), 'row')} ${text(row, 'change')} ${at(row)}, ${text(row, 'currency')} ${text(row, 'difference')}`,
    ),
  ];
}

function sourceLines({ line, source, raw }: Explanation): readonly string[] {
  const text = (name: string): string => source?.[name] ?? '';
  return [
    `it came from blob ${line['_blob_name'] ?? ''}, line ${line['_line_number'] ?? ''}, load ${line['_load_id'] ?? ''}`,
    ...(source === null
      ? []
      : [
          `  published ${text('published_at').slice(0, 19)}Z as ${text('attribute_set')}, eTag ${text('etag')}, manifest ${text('manifest_id')}`,
        ]),
    raw.missing === null ? `  as it came: ${raw.text}` : `  as it came: cannot be shown: ${raw.missing}`,
  ];
}
