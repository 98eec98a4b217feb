import type { CommandContext } from '../command-context.js';
import type { DatasetReading } from '../load/destination.js';
import { csvText } from '../query-output-csv.js';
import { writeText } from '../query-output.js';
import type { AskedChecks } from '../reconcile/examine.js';
import { readReport, tableOf } from '../reconcile/read-report.js';
import { reconcileJson, reconcileRows } from '../reconcile/reconcile-output.js';
import { headLines, type ReconcileReport } from '../reconcile/reconcile-text.js';
import type { ReconcileOptions } from './reconcile-options.js';
import { withChecks } from './with-checks.js';

/**
 * `partner-billing reconcile`: is this invoice right? Runs the checks over one state of the dataset, by the tolerances of
 * the configuration: per check what was examined, what matched, what did not and where, and what to do next. With
 * `--sign-off` it is recorded who said so.
 * @returns 7 where something does not match or nothing was checked (`--fail-on`)
 * @throws ConfigError for an invoice that nothing is known of, or a destination that was not migrated
 */
export async function reconcile(context: CommandContext, options: ReconcileOptions): Promise<number> {
  if (options.signOff !== undefined || options.despiteDifferences === true)
    return await (await import('./sign-off.js')).signOff(context, options);
  const loaded = await context.loadConfig();
  return await withChecks(context, loaded, 'warn', async (from) => {
    const report = await readReport(from, askedBy(options), options.failOn);
    await write(context, from, report, options.format);
    return report.verdict.exitCode;
  });
}

function askedBy(options: ReconcileOptions): AskedChecks {
  const { invoice: invoices, period, customer, reseller, check: checks } = options;
  return { invoices, period, customer, reseller, checks };
}

async function write(
  context: CommandContext,
  from: DatasetReading,
  report: ReconcileReport,
  format: ReconcileOptions['format'],
): Promise<void> {
  const { stdout } = context.io;
  if (format === 'table') await context.print(await tableOf(from, report));
  else if (format === 'json') await writeText(reconcileJson(from, report), stdout);
  else {
    await writeText(csvText(reconcileRows(from, report.results)), stdout);
    await context.tell([...headLines(report), report.verdict.text].join('\n'));
  }
}
