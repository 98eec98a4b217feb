import { interrupted } from './interruption.js';
import { discoverInvoices } from './discover-invoices.js';
import type { Scope } from '../schemas/scope.js';
import type { InvoiceListChanges } from './load/invoice-list-reading.js';
import type { Run } from './run-context.js';
import { atStep } from './run-step.js';
import { errorSummary, type InvoiceListSummary } from './run-summary.js';
import { firstMonthWanted } from './wanted-months.js';

/** What reading the invoice list came to in a run. */
export interface InvoiceListResult {
  readonly summary: InvoiceListSummary;
  /** Unbilled scopes that it superseded: the list of their month became complete. */
  readonly superseded: readonly Scope[];
}

/**
 * Reads Partner Center's invoice list and keeps it, where a selected stream discovers its invoices; null where none
 * does. A failure stops nothing: the run goes on with the invoices that are recorded, and has its exit code.
 */
export async function refreshInvoices(run: Run): Promise<InvoiceListResult | null> {
  const since = firstMonthWanted(run.loaded.config, run.selection);
  if (since === undefined) return null;
  try {
    const { runId, loaded } = run;
    const found = await discoverInvoices({ ...run, ...loaded, since });
    atStep('invoice list read');
    const reading = { ...found, tenantId: loaded.config.source.tenant_id, runId, loadId: run.newId() };
    const kept = await run.dataset.keepInvoiceList(reading);
    atStep('invoice list recorded');
    const documents = reading.invoices.length;
    const warnings = documents === 0 ? [EMPTY_LIST] : [];
    for (const message of warnings) run.report({ event: 'warning', message, hint: '' });
    const outcome = documents === 0 ? 'empty' : 'read';
    const summary = { outcome, exitCode: 0, documents, changes: changesOf(kept), warnings } as const;
    return { summary, superseded: kept?.superseded ?? [] };
  } catch (thrown) {
    const error = interrupted(thrown, run.signal);
    const { exitCode } = error;
    const failure = { outcome: 'failed', exitCode, documents: null, changes: null, warnings: [] } as const;
    return { summary: { ...failure, error: errorSummary(error) }, superseded: [] };
  }
}

/** What a list without any document means. */
export const EMPTY_LIST =
  'the invoice list is empty; what is recorded of it is kept. An indirect reseller has no invoices of its own: its indirect provider has them';

function changesOf(kept: InvoiceListChanges | null): InvoiceListSummary['changes'] {
  if (kept === null) return null;
  const { inserted, updated, deleted, unchanged } = kept;
  return { inserted, updated, deleted, unchanged };
}
