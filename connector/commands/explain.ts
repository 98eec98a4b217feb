import { ConfigError, EXIT_CODES } from '../../schemas/errors.js';
import type { CommandContext } from '../command-context.js';
import { isKnownInvoice } from '../load/check-rows.js';
import type { DatasetReading, TextRow } from '../load/destination.js';
import { findLines, nearestLines, sumsThatAre, type AskedLine } from '../load/explained-line.js';
import { countOf } from '../quantity-text.js';
import type { ArchivePlace } from '../reconcile/archived-line.js';
import { explainLine, type Explanation } from '../reconcile/explain-line.js';
import { explanationText } from '../reconcile/explain-text.js';
import { textTable } from '../text-table.js';
import { withChecks } from './with-checks.js';

/** Options of `partner-billing explain`. */
export interface ExplainOptions {
  readonly invoice: string;
  readonly customer?: string;
  /** Canonical decimal text. */
  readonly amount?: string;
  readonly line?: string;
  readonly format: 'table' | 'json';
}

/** Lines that are explained at most. */
const MOST_LINES = 5;

/** Lines that were asked for, explained. */
export interface Explained {
  readonly asked: AskedLine;
  /** How many lines there are; the first are explained. */
  readonly found: number;
  readonly lines: readonly Explanation[];
  /** Where none was found: sums of lines that are the amount, and the lines nearest to it. */
  readonly sums: readonly TextRow[];
  readonly nearest: readonly TextRow[];
}

/**
 * `partner-billing explain`: why is this 14.11? The lines of an invoice that are named by key or amount (else its largest),
 * each with the recipe that gives it, the days of usage behind it, credits, restatements, and where it came from, the line
 * itself out of the archive. Goes by the configured tolerances as `reconcile` does, and changes none of the data.
 * @returns 2 where no line is what was asked for
 * @throws ConfigError for an invoice that nothing is known of, or a destination that was not migrated
 */
export async function explain(context: CommandContext, options: ExplainOptions): Promise<number> {
  const loaded = await context.loadConfig();
  const { config, resolve } = loaded;
  const archive: ArchivePlace = {
    root: config.archive === undefined ? null : resolve(config.archive),
    tenantId: config.source.tenant_id,
    dataset: config.destination.dataset,
  };
  const { invoice, customer = null, amount = null, line = null } = options;
  const explained = await withChecks(context, loaded, 'warn', (from) =>
    explainLines(from, { invoice, customer, amount, line }, archive),
  );
  if (options.format === 'json') await context.printJson(explained);
  else await context.print(explained.found === 0 ? nothingText(explained) : explainedText(explained));
  return explained.found === 0 ? EXIT_CODES.config : 0;
}

/** Explains lines of an invoice, the largest first. @throws ConfigError for an invoice that nothing is known of */
export async function explainLines(
  from: DatasetReading,
  asked: AskedLine,
  archive: ArchivePlace,
): Promise<Explained> {
  if (!(await isKnownInvoice(from, asked.invoice))) throw unknownInvoice(asked.invoice);
  const { lines, found } = await findLines(from, asked, MOST_LINES);
  const explanations: Explanation[] = [];
  for (const line of lines) explanations.push(await explainLine(from, line, archive));
  const isAmount = found === 0 && asked.amount !== null;
  return {
    asked,
    found,
    lines: explanations,
    sums: isAmount ? await sumsThatAre(from, asked) : [],
    nearest: isAmount ? await nearestLines(from, asked) : [],
  };
}

/** Explanations as text for people. Pure. */
export function explainedText({ asked, found, lines }: Explained): string {
  const isLargest = asked.amount === null && asked.line === null;
  const more = found - lines.length;
  const head =
    more === 0
      ? []
      : [
          `${countOf(found, 'line')} of ${askedText(asked)}; the ${lines.length} largest are explained (${isLargest ? '--amount, ' : ''}--line or --customer names fewer)`,
          '',
        ];
  return [...head, lines.map(explanationText).join('\n\n---\n\n')].join('\n');
}

function nothingText({ asked, sums, nearest }: Explained): string {
  const text = (row: TextRow, name: string): string => row[name] ?? '';
  return [
    `no line was found: ${askedText(asked)}`,
    ...sums.map(
      (row) =>
        `but it is what ${text(row, 'lines')} lines add up to: ${text(row, 'what')} ${['customer_name', 'customer_id', 'subscription_id', 'product_id'].flatMap((name) => row[name] ?? []).join(', ')} (subtotal ${text(row, 'subtotal')}, total ${text(row, 'total')} ${text(row, 'currency')})`,
    ),
    ...(nearest.length === 0
      ? []
      : [
          'the nearest amounts:',
          textTable(
            [
              ...['line', 'customer', 'sku', 'charge', 'currency'].map((title) => ({ title })),
              { title: 'subtotal', align: 'right' },
              { title: 'total', align: 'right' },
            ],
            nearest.map((row) => [
              `${text(row, 'line_item_key')}/${text(row, 'line_item_occurrence')}`,
              ...['customer_name', 'sku_name', 'charge_type', 'currency', 'subtotal', 'total'].map((name) =>
                text(row, name),
              ),
            ]),
          ),
        ]),
  ].join('\n');
}

function askedText({ invoice, customer, amount, line }: AskedLine): string {
  return [
    `billed_reconciliation of ${invoice}`,
    ...(customer === null ? [] : [`customer ${customer}`]),
    ...(amount === null ? [] : [`subtotal or total ${amount}`]),
    ...(line === null ? [] : [`line_item_key ${line}`]),
  ].join(', ');
}

function unknownInvoice(invoice: string): ConfigError {
  return new ConfigError({
    message: `${invoice}: nothing is known of this invoice`,
    hint: 'name an invoice as `partner-billing invoices` or `status` prints it, or run sync first',
    facts: { invoice },
  });
}
