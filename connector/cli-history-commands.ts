import { Option, type Command } from 'commander';
import { STREAM_NAMES } from '../schemas/streams.js';
import { wordOf } from './cli-arguments.js';
import { addCommand, type Chosen } from './cli-command.js';
import type { CommonOptions } from './command-context.js';
import type { DiffOptions } from './commands/diff.js';
import type { RejectedOptions } from './commands/rejected.js';

const DIFF_FORMATS = ['table', 'json', 'csv'] as const satisfies readonly DiffOptions['format'][];

/** Adds the commands that tell of what was: `diff` and `rejected`. */
export function addHistoryCommands(program: Command, choose: (chosen: Chosen) => void): void {
  addCommand(
    program,
    'diff',
    'show what Microsoft restated of an invoice, line by line, and the money that moved',
  )
    .argument('<scope>', 'the invoice: [STREAM:]SCOPE, such as G016907411')
    .addOption(
      new Option('--stream <name>', 'only this stream: billed_usage or billed_reconciliation').argParser(
        wordOf(STREAM_NAMES),
      ),
    )
    .option('--from <etag>', 'the older snapshot, by eTag or load id (the one before --to)')
    .option('--to <etag>', 'the newer snapshot, by eTag or load id (the last one)')
    .addOption(
      new Option('--format <format>', DIFF_FORMATS.join(', '))
        .default('table')
        .argParser(wordOf(DIFF_FORMATS)),
    )
    .action((scope: string, options: DiffOptions & CommonOptions) =>
      choose({
        options,
        run: async (context) => (await import('./commands/diff.js')).diff(context, scope, options),
      }),
    );
  addCommand(
    program,
    'rejected',
    'list the records that failed validation, of published and of refused snapshots',
  )
    .argument('[scope]', 'only this scope: [STREAM:]SCOPE, such as G016907411 or 2026-11-USD')
    .option('--retry', 'parse refused load packages again, as after an upgrade or with another limit')
    .option('--json', 'print them as one JSON document; with --retry the summary')
    .action((scope: string | undefined, options: RejectedOptions & CommonOptions) =>
      choose({
        options,
        run: async (context) => (await import('./commands/rejected.js')).rejected(context, scope, options),
      }),
    );
}
