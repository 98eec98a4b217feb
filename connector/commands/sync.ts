import type { StreamName } from '../../schemas/streams.js';
import type { CommandContext } from '../command-context.js';
import { EVERYTHING } from '../selection.js';
import { summaryText } from '../summary-text.js';
import { runSync } from '../sync.js';

/** Options of `partner-billing sync`. */
export interface SyncOptions {
  readonly stream?: readonly StreamName[];
  readonly invoice?: readonly string[];
  readonly json?: boolean;
}

/**
 * `partner-billing sync`: runs the main job with progress on standard error. The summary goes there too, or with
 * `--json` as one document to standard output. Returns the run's exit code.
 */
export async function sync(context: CommandContext, options: SyncOptions): Promise<number> {
  const loaded = await context.loadConfig();
  const view = await context.progress();
  try {
    const summary = await runSync({
      loaded,
      selection: { ...EVERYTHING, streams: options.stream ?? [], invoices: options.invoice ?? [] },
      report: (event) => view.report(event),
      clock: context.io.clock,
      signal: context.io.signal,
      connectorVersion: context.version,
    });
    view.stop();
    if (options.json === true) await context.printJson(summary);
    else await context.tell(summaryText(summary), { message: summary.outcome, summary });
    return summary.exitCode;
  } finally {
    view.stop();
  }
}
