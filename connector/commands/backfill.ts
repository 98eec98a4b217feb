import { ConfigError } from '../../schemas/errors.js';
import type { StreamName } from '../../schemas/streams.js';
import type { CommandContext } from '../command-context.js';
import { EVERYTHING } from '../selection.js';
import { runMainJob } from './run-main-job.js';
import { tellSummary } from './tell-summary.js';

/** Options of `partner-billing backfill`. */
export interface BackfillOptions {
  /** First and last billing month, both inclusive. */
  readonly from: string;
  readonly to: string;
  readonly stream?: readonly StreamName[];
  readonly metricsFile?: string;
  readonly json?: boolean;
}

/**
 * `partner-billing backfill`: exports and loads the invoices that the list names for past billing months and that are
 * not published yet, each in a transaction of its own. Run again it goes on with what is missing; an invoice that fails
 * leaves the others standing, and the summary names it. Returns the run's exit code.
 * @throws ConfigError when the months are the wrong way round, or no billed stream is configured or named
 */
export async function backfill(context: CommandContext, options: BackfillOptions): Promise<number> {
  const { from, to, stream = [], metricsFile, json = false } = options;
  if (from > to) {
    throw new ConfigError({
      message: `--from ${from} is after --to ${to}`,
      hint: 'name the first month and then the last, both inclusive',
    });
  }
  const loaded = await context.loadConfig();
  const selection = { ...EVERYTHING, streams: stream, months: { from, to } };
  const summary = await runMainJob(context, { loaded, selection, metricsFile });
  return await tellSummary(context, summary, json);
}
