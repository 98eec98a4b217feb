import type { Command } from 'commander';
import { invoiceId, amountText } from './cli-arguments.js';
import { addCommand, type Chosen } from './cli-command.js';
import type { CommonOptions } from './command-context.js';
import type { InvoicesOptions } from './commands/invoices.js';
import type { StateInvoiceOptions } from './commands/state-invoice.js';

/** Adds `invoices` and, below it, `invoices set`. */
export function addInvoicesCommands(program: Command, choose: (chosen: Chosen) => void): void {
  const invoices = addCommand(
    program,
    'invoices',
    'show the invoice list, and what is loaded of each invoice',
  )
    .option('--live', 'ask Partner Center for the list as it is now; sync records it')
    .option('--json', 'print it as one JSON document')
    .helpCommand(false)
    // Or it would take the options of `set` that it has too.
    .enablePositionalOptions()
    .action((options: InvoicesOptions & CommonOptions) =>
      choose({
        options,
        run: async (context) => (await import('./commands/invoices.js')).invoices(context, options),
      }),
    );
  addCommand(
    invoices,
    'set',
    'state what the PDF of an invoice says before tax and of tax, for recon_invoice_tieout',
  )
    .argument('<invoice>', 'the invoice, such as G016907411', invoiceId)
    .requiredOption('--pre-tax <amount>', 'the amount before tax, such as 1234.50', amountText)
    .requiredOption('--tax <amount>', 'the tax; 0 where there is none', amountText)
    .option('--by <name>', 'who states it (your user name)')
    .option('--total-differs', 'also where the two do not add up to the total that the invoice list has')
    .action((invoice: string, given: StateInvoiceOptions & CommonOptions) => {
      const options = { ...invoices.opts<CommonOptions>(), ...given };
      choose({
        options,
        run: async (context) =>
          (await import('./commands/state-invoice.js')).stateInvoice(context, invoice, options),
      });
    });
}
