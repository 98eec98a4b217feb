import type { StreamName } from '../../schemas/streams.js';
import type { CommandContext } from '../command-context.js';
import { EVERYTHING } from '../selection.js';
import { runMainJob } from './run-main-job.js';
import { tellSummary } from './tell-summary.js';

/** Options of `partner-billing sync`. */
export interface SyncOptions {
  readonly stream?: readonly StreamName[];
  readonly invoice?: readonly string[];
  /** Scopes, `[STREAM:]SCOPE`, of which an empty answer is published. */
  readonly allowEmpty?: readonly string[];
  readonly metricsFile?: string;
  readonly json?: boolean;
}

/**
 * `partner-billing sync`: runs the main job with progress on standard error. The summary goes there too, or with
 * `--json` as one document to standard output. Returns the run's exit code.
 */
export async function sync(context: CommandContext, options: SyncOptions): Promise<number> {
  const loaded = await context.loadConfig();
  const selection = {
    ...EVERYTHING,
    streams: options.stream ?? [],
    invoices: options.invoice ?? [],
    allowEmpty: options.allowEmpty ?? [],
  };
  const { metricsFile, json = false } = options;
  const summary = await runMainJob(context, { loaded, selection, metricsFile });
  return await tellSummary(context, summary, json);
}
