import { Command, Option } from 'commander';
import { STREAM_NAMES } from '../schemas/streams.js';
import { addCommand as command, NAME, type Chosen } from './cli-command.js';
import { addHistoryCommands } from './cli-history-commands.js';
import { addReconcileCommands } from './cli-reconcile-commands.js';
import { addInvoicesCommands } from './cli-invoices-commands.js';
import { invoiceIds, monthText, wholeNumber, wordOf, wordsOf } from './cli-arguments.js';
import type { CommonOptions } from './command-context.js';
import type { BackfillOptions } from './commands/backfill.js';
import type { DemoOptions } from './commands/demo.js';
import type { MigrateOptions } from './commands/migrate.js';
import type { PlanOptions } from './commands/plan.js';
import type { QueryArguments } from './commands/query-arguments.js';
import type { SandboxCommandOptions } from './commands/sandbox.js';
import type { ScheduleOptions } from './commands/schedule.js';
import type { StatusOptions } from './commands/status.js';
import type { SyncOptions } from './commands/sync.js';
import type { VerifyOptions } from './commands/verify.js';
import type { QueryFormat } from './query-output.js';

export type { Chosen } from './cli-command.js';

/** Where the program writes help and usage errors. */
export interface ProgramOutput {
  out(text: string): void;
  err(text: string): void;
}

/** Repeated here, compiler-checked, because what writes the formats is loaded only when it runs. */
const QUERY_FORMATS = ['table', 'csv', 'json', 'parquet'] as const satisfies readonly QueryFormat[];

/** The command line: parsing it calls `choose` once with what is to be done, or throws a CommanderError. */
export function commandLine(
  version: string,
  output: ProgramOutput,
  choose: (chosen: Chosen) => void,
): Command {
  const program = new Command(NAME)
    .description(
      "Exports a CSP partner's billing data from Microsoft Graph and keeps it in Postgres or DuckDB.",
    )
    .version(version, '-V, --version', 'print the version')
    .helpOption('-h, --help', 'print this help')
    .helpCommand(false)
    .exitOverride()
    .showSuggestionAfterError()
    .showHelpAfterError(`Try: ${NAME} --help`)
    .configureOutput({
      writeOut: (text) => output.out(text),
      writeErr: (text) => output.err(text),
    })
    .addHelpText('after', HELP_END);
  addRunCommands(program, choose);
  addLookCommands(program, choose);
  addReconcileCommands(program, choose);
  addTrustCommands(program, choose);
  addHistoryCommands(program, choose);
  addTryCommands(program, choose);
  return program;
}

const HELP_END = `
Exit codes: 0 done, 2 configuration or permission, 3 try again later, 4 records rejected, 5 locked by another run,
6 what arrived is not proven whole, 7 a reconciliation check failed, 70 a defect of the connector.
First steps: ${NAME} demo, then ${NAME} check --config connector.yaml`;

function addRunCommands(program: Command, choose: (chosen: Chosen) => void): void {
  command(program, 'sync', 'export, prove and load what is configured; a second run loads what changed')
    .addOption(streamOption())
    .addOption(invoiceOption())
    .addOption(allowEmptyOption())
    .option(
      '--reload <scope...>',
      'put right what was changed by hand, by a new export or --from-archive; only these scopes: [STREAM:]SCOPE',
    )
    .option(
      '--from-archive <folder>',
      'fill the destination from an archive, with no network: what is missing, in order',
    )
    .addOption(metricsOption())
    .option('--json', 'print one JSON summary on standard output')
    .action((options: SyncOptions & CommonOptions) =>
      choose({
        options,
        run: async (context) => (await import('./commands/sync.js')).sync(context, options),
      }),
    );
  command(
    program,
    'backfill',
    'load the invoices of past months, as the invoice list names them; goes on where it stopped',
  )
    .addOption(monthOption('--from', 'first billing month, such as 2024-01'))
    .addOption(monthOption('--to', 'last billing month, inclusive'))
    .addOption(streamOption())
    .addOption(metricsOption())
    .option('--json', 'print one JSON summary on standard output')
    .action((options: BackfillOptions & CommonOptions) =>
      choose({
        options,
        run: async (context) => (await import('./commands/backfill.js')).backfill(context, options),
      }),
    );
  command(program, 'schedule', 'run sync at the times of schedule: until told to stop, in place of cron')
    .addOption(metricsOption())
    .option('--json', 'print one JSON summary a run on standard output')
    .action((options: ScheduleOptions & CommonOptions) =>
      choose({
        options,
        stopsOnSignal: true,
        run: async (context) => (await import('./commands/schedule.js')).schedule(context, options),
      }),
    );
  command(program, 'migrate', "bring the dataset's tables up to this version")
    .option('--sql', 'print what would run and change nothing')
    .action((options: MigrateOptions & CommonOptions) =>
      choose({
        options,
        run: async (context) => (await import('./commands/migrate.js')).migrate(context, options),
      }),
    );
}

function addLookCommands(program: Command, choose: (chosen: Chosen) => void): void {
  command(program, 'check', 'try configuration, sign-in, Graph, storage and destination; changes nothing')
    .option('--json', 'print the findings as one JSON document')
    .action((options: CommonOptions) =>
      choose({
        options,
        run: async (context) => (await import('./commands/check.js')).check(context, options),
      }),
    );
  command(program, 'plan', 'show what sync would export, and why; sends nothing to Graph')
    .addOption(streamOption())
    .addOption(invoiceOption())
    .addOption(allowEmptyOption())
    .option('--json', 'print the plan as one JSON document')
    .action((options: PlanOptions & CommonOptions) =>
      choose({
        options,
        run: async (context) => (await import('./commands/plan.js')).plan(context, options),
      }),
    );
  addInvoicesCommands(program, choose);
  command(program, 'status', 'is everything in order? what is published, how old it is, what needs a look')
    .option('--all', 'list every scope, also those that nothing is expected of any more')
    .option('--json', 'print it as one JSON document')
    .action((options: StatusOptions & CommonOptions) =>
      choose({
        options,
        run: async (context) => (await import('./commands/status.js')).status(context, options),
      }),
    );
  command(program, 'query', 'run one SQL statement on the destination, read-only')
    .argument('<sql>', 'the statement, in quotes')
    .addOption(
      new Option('--format <format>', QUERY_FORMATS.join(', '))
        .default('table')
        .argParser(wordOf(QUERY_FORMATS)),
    )
    .option('--output <file>', 'write to a file in place of standard output')
    .action((sql: string, options: QueryArguments & CommonOptions) =>
      choose({
        options,
        run: async (context) => (await import('./commands/query-arguments.js')).query(context, sql, options),
      }),
    );
}

function addTrustCommands(program: Command, choose: (chosen: Chosen) => void): void {
  command(program, 'verify', 'is what is published still what was proven? recomputes it from the tables')
    .argument('[scope...]', 'only these, as status prints them: [STREAM:]SCOPE')
    .option('--against <config>', "compare with another configuration's destination, scope by scope")
    .option('--from-archive <folder>', 'load the archived packages again, and compare with that')
    .option('--json', 'print the verdict as one JSON document')
    .action((scopes: string[], options: VerifyOptions & CommonOptions) =>
      choose({
        options,
        run: async (context) => (await import('./commands/verify.js')).verify(context, scopes, options),
      }),
    );
}

function addTryCommands(program: Command, choose: (chosen: Chosen) => void): void {
  command(program, 'demo', 'run the whole job against the built-in sandbox into a DuckDB file', false)
    .option('--dir <folder>', 'where configuration and database go', './demo')
    .addOption(rowsOption())
    .action((options: DemoOptions & CommonOptions) =>
      choose({
        options,
        run: async (context) => (await import('./commands/demo.js')).demo(context, options),
      }),
    );
  command(
    program,
    'sandbox',
    'run the sandbox alone: Graph and storage on loopback, with faults on demand',
    false,
  )
    .addOption(
      new Option('--port <port>', 'port of Graph; storage takes the next; 0: any').argParser(
        wholeNumber(0, 65_534),
      ),
    )
    .addOption(rowsOption())
    .option('--fault <fault...>', 'fault to switch on, name or name:count')
    .action((options: SandboxCommandOptions & CommonOptions) =>
      choose({
        options,
        run: async (context) => (await import('./commands/sandbox.js')).sandbox(context, options),
      }),
    );
}

function streamOption(): Option {
  return new Option('--stream <name...>', `only these streams: ${STREAM_NAMES.join(', ')}`).argParser(
    wordsOf(STREAM_NAMES),
  );
}

function invoiceOption(): Option {
  return new Option(
    '--invoice <id...>',
    'only these invoices, configured or not; always asked for',
  ).argParser(invoiceIds);
}

function allowEmptyOption(): Option {
  return new Option(
    '--allow-empty <scope...>',
    'publish an empty answer of these scopes, over rows too: [STREAM:]SCOPE, such as billed_usage:G016907411',
  );
}

function metricsOption(): Option {
  return new Option(
    '--metrics-file <file>',
    "write the run's metrics for Prometheus, as the node exporter reads them",
  );
}

function monthOption(name: string, description: string): Option {
  return new Option(`${name} <month>`, description).argParser(monthText).makeOptionMandatory();
}

function rowsOption(): Option {
  return new Option('--rows <rows>', 'usage rows of a whole month in one scope').argParser(
    wholeNumber(0, 100_000_000),
  );
}
