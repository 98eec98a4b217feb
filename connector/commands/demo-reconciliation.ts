import { SystemError } from '../../schemas/errors.js';
import type { CommandContext } from '../command-context.js';
import type { LoadedConfig } from '../config.js';
import { OVERCHARGED } from '../demo-sandbox.js';
import { rowsToShow } from '../reconcile/examine.js';
import { readReport, tableOf, type ReportedDataset } from '../reconcile/read-report.js';
import { explainedText, explainLines } from './explain.js';
import { withChecks } from './with-checks.js';

/** Checks that say whether an invoice is right as it stands; the one that finds the planted error is the last. */
const CHECKS = ['invoice_tieout', 'usage_vs_invoice', 'line_recalc'] as const;
const FINDER = 'line_recalc';

/**
 * The end of the demo: reconciles the invoice in which the sandbox charged one line too much, and explains that line. The
 * text of both.
 * @throws SystemError where the planted error is not found, and nothing else: then the demo would prove nothing
 */
export async function demoReconciliation(context: CommandContext, loaded: LoadedConfig): Promise<string> {
  return await withChecks(context, loaded, 'refuse', (from) => reconciled(from, loaded));
}

async function reconciled(from: ReportedDataset, { config, resolve }: LoadedConfig): Promise<string> {
  const asked = { invoices: [OVERCHARGED], checks: CHECKS };
  const report = await readReport(from, asked, 'mismatch');
  const finder = report.results.find(({ check }) => check.name === FINDER);
  const [found, ...others] = finder === undefined ? [] : await rowsToShow(from, finder);
  const key = found?.['line_item_key'];
  if (found?.['status'] !== 'mismatch' || key === undefined || key === null || others.length > 0) {
    throw new SystemError({
      message: `the error that the sandbox planted in ${OVERCHARGED} was not found by ${FINDER}, or not alone`,
      hint: 'this is a defect of the connector; report it',
    });
  }
  const archive = {
    root: config.archive === undefined ? null : resolve(config.archive),
    tenantId: config.source.tenant_id,
    dataset: config.destination.dataset,
  };
  const line = { invoice: OVERCHARGED, customer: null, amount: found['right_amount'] ?? null, line: key };
  return [
    `Is ${OVERCHARGED} right? The sandbox planted one small error: a line, and the invoice's total, are 1 too high.`,
    '',
    await tableOf(from, report),
    '',
    'Found: header and lines agree, and usage and lines do, but one line is not its price times its quantity. Explained:',
    '',
    explainedText(await explainLines(from, line, archive)),
  ].join('\n');
}
