import { Option, type Command } from 'commander';
import { wordOf } from './cli-arguments.js';
import type { CommandContext, CommonOptions } from './command-context.js';
import { LOG_FORMATS, LOG_LEVELS } from './log-options.js';

/** What the arguments ask for. The command itself, and everything it needs, is loaded when it runs. */
export interface Chosen {
  readonly options: CommonOptions;
  /** A signal is how it is meant to end: its own exit code stands. */
  readonly stopsOnSignal?: boolean;
  run(context: CommandContext): Promise<number>;
}

/** The program's name. */
export const NAME = 'partner-billing';

/** Adds a command with the options that every command takes; `configured` says whether it reads a configuration. */
export function addCommand(program: Command, name: string, description: string, configured = true): Command {
  const added = program
    .command(name)
    .description(description)
    .helpOption('-h, --help', 'print this help')
    .showHelpAfterError(`Try: ${NAME} ${name} --help`);
  if (configured) {
    added.option('--config <file>', 'configuration (else PARTNER_BILLING_CONFIG, else ./connector.yaml)');
  }
  return added
    .addOption(
      new Option('--log-level <level>', `how much to log: ${LOG_LEVELS.join(', ')}`).argParser(
        wordOf(LOG_LEVELS),
      ),
    )
    .addOption(
      new Option('--log-format <format>', 'pretty, or json: one JSON document a line').argParser(
        wordOf(LOG_FORMATS),
      ),
    )
    .option('-q, --quiet', 'no progress and no summary; warnings and errors only');
}
