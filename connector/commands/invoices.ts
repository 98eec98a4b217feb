import { LockedError } from '../../schemas/errors.js';
import type { InvoiceStatement } from '../../schemas/invoice-statement.js';
import { applyDeferred } from '../apply-deferred.js';
import type { CommandContext } from '../command-context.js';
import type { LoadedConfig } from '../config.js';
import { discoverInvoices } from '../discover-invoices.js';
import { invoiceRows, invoicesText } from '../invoices-text.js';
import type { RecordedState } from '../load/destination.js';
import { EMPTY_LIST } from '../refresh-invoices.js';
import { EVERYTHING } from '../selection.js';
import { firstMonthWanted } from '../wanted-months.js';
import { readRecorded } from './recorded.js';
import { withDestination } from './with-destination.js';

/** Options of `partner-billing invoices`. */
export interface InvoicesOptions {
  /** Ask Partner Center for the list as it is now. */
  readonly live?: boolean;
  readonly json?: boolean;
}

/**
 * `partner-billing invoices`: the invoice list as it was last recorded, and what is loaded of each document. With
 * `--live` the list is asked for now and shown as the next run will record it. Changes nothing.
 * @throws ConfigError, TransientError, IntegrityError, DataError with `--live`, as reading the list does
 */
export async function invoices(context: CommandContext, options: InvoicesOptions): Promise<number> {
  const loaded = await context.loadConfig();
  const recorded = (await readRecorded(context, loaded)).state;
  const state = options.live === true ? await withLive(context, loaded, recorded) : recorded;
  const rows = invoiceRows(state, await statementsOf(context, loaded));
  if (options.json === true) await context.printJson({ listReadAt: state.invoiceListReadAt, invoices: rows });
  else await context.print(invoicesText(rows, state.invoiceListReadAt));
  return 0;
}

/** Where somebody holds DuckDB's file, the spool does not remember them, and a warning says so. */
async function statementsOf(
  context: CommandContext,
  loaded: LoadedConfig,
): Promise<readonly InvoiceStatement[]> {
  return await withDestination(context, loaded, async (destination) => {
    try {
      const session = await destination.open('read', { waitMs: 0 });
      try {
        return await session.readStatements();
      } finally {
        await session.close();
      }
    } catch (error) {
      if (!(error instanceof LockedError)) throw error;
      await context.warn('what people stated of invoices is not shown while the file is held');
      return [];
    }
  });
}

async function withLive(
  context: CommandContext,
  { config, resolve }: LoadedConfig,
  state: RecordedState,
): Promise<RecordedState> {
  const { clock, signal } = context.io;
  const view = await context.progress();
  try {
    const since = firstMonthWanted(config, EVERYTHING) ?? null;
    const found = await discoverInvoices({
      config,
      resolve,
      clock,
      signal,
      since,
      report: view.report.bind(view),
    });
    if (found.invoices.length === 0) await context.warn(EMPTY_LIST);
    const reading = { ...found, tenantId: config.source.tenant_id, runId: '', loadId: '' };
    const at = found.readAt.toISOString();
    return applyDeferred(state, [{ at, readings: [reading], answers: [], nextChecks: [], runs: [] }]);
  } finally {
    view.stop();
  }
}
