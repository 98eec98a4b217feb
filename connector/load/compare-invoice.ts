import { scopeText } from '../../schemas/scope.js';
import { countOf, sqlInstant, type Publishing } from './publishing.js';
import { identifier, statement, type SqlText } from './sql-text.js';

/**
 * Compares an invoice's usage with the lines that charge it, once a snapshot of either is staged in place, and records
 * whether they agree (`_agreements`): by the groups and the tolerance that `recon_usage_vs_invoice` shows, so that the two
 * say the same (domain.md, section C3).
 * Not to be told where one of the two is not published, or was exported as `basic`, which lacks what it needs.
 */
export async function compareInvoice(publishing: Publishing): Promise<void> {
  const { transaction, dataset, request } = publishing;
  if (request.scope.by !== 'invoice') return;
  const sql = (name: string): SqlText =>
    statement(transaction.dialect, 'agreements', name, { dataset: identifier(dataset) });
  const invoice = scopeText(request.scope);
  const published = await transaction.rows(sql('published streams'), [invoice]);
  const isFull = (stream: string): boolean =>
    published.some((row) => row['stream'] === stream && row['attribute_set'] === 'full');
  const hasLines = isFull('billed_reconciliation');
  const hasBoth = hasLines && isFull('billed_usage');
  const [groups] = hasLines ? await transaction.rows(sql('compare'), [invoice]) : [];
  const compared = groups === undefined ? null : countOf(groups['compared']);
  const differing = groups === undefined ? null : countOf(groups['differing']);
  await transaction.run(sql('keep agreement'), [
    ...[invoice, sqlInstant(request.now)],
    hasBoth ? differing === 0 : null,
    ...(hasBoth ? [compared, differing] : [null, null]),
    groups === undefined ? null : countOf(groups['usage_lines']),
  ]);
}
