import type { CheckRow } from '../load/check-rows.js';
import type { DatasetReading } from '../load/destination.js';
import { readSignOffs } from '../load/sign-offs.js';
import { examine, resolveAsked, rowsToShow, type AskedChecks } from './examine.js';
import { reconcileText, type ReconcileReport } from './reconcile-text.js';
import { verdictOf, type FailOn } from './verdict.js';

/** What a report is made from. */
export interface ReportedDataset extends DatasetReading {
  /** Name of the destination, without password. */
  readonly label: string;
  /** Checks and currencies, such as `line_recalc USD`, that go by another tolerance than the configured one. */
  readonly otherTolerances: readonly string[];
}

/** Runs the checks, with what they come to. */
export async function readReport(
  from: ReportedDataset,
  asked: AskedChecks,
  failOn: FailOn,
): Promise<ReconcileReport> {
  const examined = await resolveAsked(from, asked);
  const results = await examine(from, examined);
  const signOffs = await readSignOffs(from.reading, from.dataset);
  return {
    ...{ destination: from.label, otherTolerances: from.otherTolerances, examined, results },
    signOffs: signOffs.filter((one) => examined.invoices?.includes(one.invoice) ?? true),
    verdict: verdictOf(results, asked, failOn),
  };
}

/** The report for people, with the rows that they are shown. */
export async function tableOf(from: DatasetReading, report: ReconcileReport): Promise<string> {
  const shown = new Map<string, readonly CheckRow[]>();
  for (const result of report.results) shown.set(result.check.name, await rowsToShow(from, result));
  return reconcileText(report, shown);
}
