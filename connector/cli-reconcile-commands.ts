import { Option, type Command } from 'commander';
import { amountText, invoiceId, invoiceIds, monthText, wordOf, wordsOf } from './cli-arguments.js';
import { addCommand, type Chosen } from './cli-command.js';
import type { CommonOptions } from './command-context.js';
import type { ExplainOptions } from './commands/explain.js';
import type { ReconcileOptions } from './commands/reconcile-options.js';
import { CHECK_NAMES } from './reconcile/checks.js';
import type { FailOn } from './reconcile/verdict.js';

const RECONCILE_FORMATS = ['table', 'csv', 'json'] as const satisfies readonly ReconcileOptions['format'][];
const EXPLAIN_FORMATS = ['table', 'json'] as const satisfies readonly ExplainOptions['format'][];
/** Repeated here, compiler-checked, because what applies it is loaded only when it runs. */
const FAIL_ON = ['mismatch', 'partial', 'never'] as const satisfies readonly FailOn[];

/** Adds the commands that say whether an invoice is right, and why: `reconcile` and `explain`. */
export function addReconcileCommands(program: Command, choose: (chosen: Chosen) => void): void {
  addCommand(program, 'reconcile', 'is the invoice right? runs the checks; exit 7 where something differs')
    .addOption(new Option('--invoice <id...>', 'only these invoices').argParser(invoiceIds))
    .addOption(
      new Option('--period <month>', 'only this billing month, such as 2026-10').argParser(monthText),
    )
    .option('--customer <id>', 'only this customer')
    .option('--reseller <mpn>', 'only customers that have lines of this reseller')
    .addOption(
      new Option('--check <name...>', `only these checks: ${CHECK_NAMES.join(', ')}`).argParser(
        wordsOf(CHECK_NAMES),
      ),
    )
    .addOption(formatOption(RECONCILE_FORMATS))
    .addOption(
      new Option('--fail-on <what>', 'what makes it exit 7: mismatch, partial (too), never')
        .default('mismatch')
        .argParser(wordOf(FAIL_ON)),
    )
    .option('--sign-off <name>', 'record that this person declares the invoice right; one --invoice')
    .option('--despite-differences', 'sign off where checks differ too; what differs is kept with it')
    .action((options: ReconcileOptions & CommonOptions) =>
      choose({
        options,
        run: async (context) => (await import('./commands/reconcile.js')).reconcile(context, options),
      }),
    );
  addCommand(program, 'explain', 'why is this 14.11? the line, how it is computed, and what is behind it')
    .addOption(new Option('--invoice <id>', 'the invoice').argParser(invoiceId).makeOptionMandatory())
    .option('--customer <id>', 'only lines of this customer')
    .addOption(
      new Option('--amount <amount>', 'lines whose subtotal or total it is, such as 14.11 or -3').argParser(
        amountText,
      ),
    )
    .option('--line <key>', 'the line with this line_item_key')
    .addOption(formatOption(EXPLAIN_FORMATS))
    .action((options: ExplainOptions & CommonOptions) =>
      choose({
        options,
        run: async (context) => (await import('./commands/explain.js')).explain(context, options),
      }),
    );
}

function formatOption<Format extends string>(formats: readonly Format[]): Option {
  return new Option('--format <format>', formats.join(', ')).default('table').argParser(wordOf(formats));
}
