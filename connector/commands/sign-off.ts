import { randomUUID } from 'node:crypto';
import { ConfigError, MismatchError } from '../../schemas/errors.js';
import type { CommandContext } from '../command-context.js';
import { invoiceParts } from '../load/sign-offs.js';
import type { InvoicePart } from '../load/sign-off-record.js';
import { readReport, tableOf, type ReportedDataset } from '../reconcile/read-report.js';
import type { ReconcileReport } from '../reconcile/reconcile-text.js';
import { sumsText } from '../summary-text.js';
import type { ReconcileOptions } from './reconcile-options.js';
import { withChecks } from './with-checks.js';
import { withSession } from './with-destination.js';

interface Looked {
  readonly report: ReconcileReport;
  readonly table: string;
  readonly parts: readonly InvoicePart[];
}

/**
 * `reconcile --sign-off NAME --invoice ID`: runs all checks of the invoice, and records who declares it right, when, and on
 * which snapshots and digests. With `--despite-differences` also where a check differs, and what differed is kept with it.
 * @throws ConfigError for anything but one whole invoice and a name, or where the configured tolerances cannot be written
 * @throws MismatchError where a check differs, or nothing was checked: that nobody can sign
 */
export async function signOff(context: CommandContext, options: ReconcileOptions): Promise<number> {
  const { invoice, signedBy } = wanted(options);
  const loaded = await context.loadConfig();
  const looked = await withChecks(context, loaded, 'refuse', (from) => look(from, invoice));
  const isSigned = maySign(looked, options.despiteDifferences === true);
  const signedAt = context.io.clock.now();
  if (isSigned) {
    const { parts, report } = looked;
    const despite = report.verdict.outcome === 'all right' ? null : report.verdict.text;
    await withSession(context, loaded, 'write', (session) =>
      session.keepSignOff({ signOffId: randomUUID(), invoice, signedBy, signedAt, parts, despite }),
    );
  }
  if (options.format === 'json')
    await context.printJson(documentOf(looked, { invoice, signedBy, signedAt: isSigned ? signedAt : null }));
  else await context.print(looked.table);
  if (!isSigned) throw refused(invoice, looked.report);
  await context.tell(`${invoice}: signed off by ${signedBy} on ${partsText(looked.parts)}`);
  return 0;
}

function wanted(options: ReconcileOptions): { readonly invoice: string; readonly signedBy: string } {
  const { signOff: name, invoice: invoices = [], period, customer, reseller, check } = options;
  const signedBy = name?.trim() ?? '';
  const [invoice, ...others] = invoices;
  const isWhole = [period, customer, reseller, check].every((filter) => filter === undefined);
  if (signedBy !== '' && invoice !== undefined && others.length === 0 && isWhole)
    return { invoice, signedBy };
  throw new ConfigError({
    message:
      signedBy === ''
        ? 'reconcile: a sign-off needs the name of the person who declares the invoice right'
        : 'reconcile: one whole invoice is signed off at a time',
    hint: 'reconcile --sign-off "NAME" --invoice ID, without --period, --customer, --reseller and --check',
  });
}

async function look(from: ReportedDataset, invoice: string): Promise<Looked> {
  const report = await readReport(from, { invoices: [invoice] }, 'mismatch');
  return { report, table: await tableOf(from, report), parts: await invoiceParts(from, invoice) };
}

/** Nobody can sign what nothing was checked of, or nothing is published of. */
function maySign({ report, parts }: Looked, despiteDifferences: boolean): boolean {
  const { outcome } = report.verdict;
  if (parts.every(({ stream }) => stream === 'invoices')) return false;
  return outcome === 'all right' || outcome === 'partial' || (outcome === 'differs' && despiteDifferences);
}

function documentOf(
  { report, parts }: Looked,
  signed: { readonly invoice: string; readonly signedBy: string; readonly signedAt: Date | null },
): object {
  const { destination, verdict } = report;
  return { destination, ...signed, verdict, parts };
}

function partsText(parts: readonly InvoicePart[]): string {
  return parts
    .map(({ stream, loadId, amounts }) => `${stream} (load ${loadId}, ${sumsText(amounts)})`)
    .join(', ');
}

function refused(invoice: string, { verdict }: ReconcileReport): MismatchError {
  const isDifferent = verdict.outcome === 'differs';
  return new MismatchError({
    message: `${invoice}: not signed off: ${isDifferent || verdict.outcome === 'nothing was checked' ? verdict.text : 'nothing is published of it'}`,
    hint: isDifferent
      ? 'put it right, or add --despite-differences: what differs is kept with the sign-off'
      : 'load both billed streams of the invoice first: nobody can declare right what nothing was checked of',
    facts: { invoice },
  });
}
