import type { CommandContext } from '../command-context.js';
import type { CheckRow } from '../load/check-rows.js';
import type { DatasetReading } from '../load/destination.js';
import { readSignOffs } from '../load/sign-offs.js';
import { csvText } from '../query-output-csv.js';
import { writeText } from '../query-output.js';
import { examine, resolveAsked, rowsToShow, type AskedChecks } from '../reconcile/examine.js';
import { reconcileJson, reconcileRows } from '../reconcile/reconcile-output.js';
import { headLines, reconcileText, type ReconcileReport } from '../reconcile/reconcile-text.js';
import { verdictOf, type FailOn } from '../reconcile/verdict.js';
import { refuseBehind } from './refuse-behind.js';
import { withSession } from './with-destination.js';

/** Options of `partner-billing reconcile`. */
export interface ReconcileOptions {
  readonly invoice?: readonly string[];
  readonly period?: string;
  readonly customer?: string;
  readonly reseller?: string;
  readonly check?: readonly string[];
  readonly format: 'table' | 'csv' | 'json';
  readonly failOn: FailOn;
  /** Who declares the invoice right. */
  readonly signOff?: string;
  readonly despiteDifferences?: boolean;
}

/**
 * `partner-billing reconcile`: is this invoice right? Runs the checks over one state of the dataset: per check what was
 * examined, what matched, what did not and where, and what to do next. With `--sign-off` it is recorded who said so.
 * @returns 7 where something does not match or nothing was checked (`--fail-on`)
 * @throws ConfigError for an invoice that nothing is known of, or a destination that was not migrated
 */
export async function reconcile(context: CommandContext, options: ReconcileOptions): Promise<number> {
  if (options.signOff !== undefined || options.despiteDifferences === true)
    return await (await import('./sign-off.js')).signOff(context, options);
  const loaded = await context.loadConfig();
  return await withSession(context, loaded, 'read', async (session, { label }) => {
    await refuseBehind(session);
    return await session.readDataset(async (from) => {
      const report = await readReport(from, label, askedBy(options), options.failOn);
      await write(context, from, report, options.format);
      return report.verdict.exitCode;
    });
  });
}

/** What the options ask of the checks. */
export function askedBy(options: ReconcileOptions): AskedChecks {
  const { invoice: invoices, period, customer, reseller, check: checks } = options;
  return { invoices, period, customer, reseller, checks };
}

/** Runs the checks, with what they come to. */
export async function readReport(
  from: DatasetReading,
  destination: string,
  asked: AskedChecks,
  failOn: FailOn,
): Promise<ReconcileReport> {
  const examined = await resolveAsked(from, asked);
  const results = await examine(from, examined);
  const signOffs = await readSignOffs(from.reading, from.dataset);
  return {
    ...{ destination, examined, results },
    signOffs: signOffs.filter((one) => examined.invoices?.includes(one.invoice) ?? true),
    verdict: verdictOf(results, asked, failOn),
  };
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

/** The report for people, with the rows that they are shown. */
export async function tableOf(from: DatasetReading, report: ReconcileReport): Promise<string> {
  const shown = new Map<string, readonly CheckRow[]>();
  for (const result of report.results) shown.set(result.check.name, await rowsToShow(from, result));
  return reconcileText(report, shown);
}
