import type { CommandContext } from '../command-context.js';
import type { RunSummary } from '../run-summary.js';
import { summaryText, troubleText } from '../summary-text.js';

/**
 * Prints a run's summary: as one document to standard output, or to standard error for people; with `--quiet` only what
 * failed and what to do. Returns the run's exit code.
 */
export async function tellSummary(
  context: CommandContext,
  summary: RunSummary,
  json: boolean,
): Promise<number> {
  const fields = { message: summary.outcome, summary };
  if (json) await context.printJson(summary);
  else if (context.isQuiet) await context.complain(troubleText(summary), fields);
  else await context.tell(summaryText(summary), fields);
  return summary.exitCode;
}
