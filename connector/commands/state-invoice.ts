import { randomUUID } from 'node:crypto';
import { userInfo } from 'node:os';
import { ConfigError } from '../../schemas/errors.js';
import { isExportable } from '../../schemas/invoice-kind.js';
import type { CommandContext } from '../command-context.js';
import { addDecimals } from '../load/add-decimals.js';
import type { RecordedState } from '../load/destination.js';
import { withSession } from './with-destination.js';

/** Options of `partner-billing invoices set`. Amounts are canonical decimal text. */
export interface StateInvoiceOptions {
  readonly preTax: string;
  readonly tax: string;
  /** The user's name where not said. */
  readonly by?: string;
  /** Keep them also where they do not add up to the listed total. */
  readonly totalDiffers?: boolean;
}

/**
 * `partner-billing invoices set G... --pre-tax N --tax N`: adds what a person read in the invoice's PDF to
 * `invoice_statements`, from where `recon_invoice_tieout` compares pre-tax and tax apart. What was stated last holds.
 * @throws ConfigError for an invoice that is not known, and where the two do not add up to the total that is listed
 */
export async function stateInvoice(
  context: CommandContext,
  invoice: string,
  options: StateInvoiceOptions,
): Promise<number> {
  const statedBy = nameOf(options.by);
  const loaded = await context.loadConfig();
  const { preTax, tax } = options;
  // Read first: writing would make a DuckDB file where there is none.
  const state = await withSession(context, loaded, 'read', (session) => session.readState());
  const currency = currencyOf(state, invoice);
  if (options.totalDiffers !== true) refuseOtherTotal(state, invoice, options);
  await withSession(context, loaded, 'write', async (session) => {
    const pending = await session.pendingMigrations();
    if (pending.length > 0 && loaded.config.destination.migrate === 'manual')
      throw behind(pending.map(({ name }) => name));
    if (pending.length > 0) await session.migrate();
    const statedAt = context.io.clock.now().toISOString();
    await session.keepStatement(randomUUID(), { invoice, currency, preTax, tax, statedBy, statedAt });
  });
  await context.tell(`${invoice}: ${currency} ${preTax} before tax and ${tax} of tax, stated by ${statedBy}`);
  return 0;
}

function nameOf(by: string | undefined): string {
  const name = (by ?? userName()).trim();
  if (name !== '') return name;
  throw new ConfigError({ message: 'nobody is named who states it', hint: 'say who: --by "Ada Lovelace"' });
}

/** Empty where the system knows no name, as in a container whose user has none. */
function userName(): string {
  try {
    return userInfo().username;
  } catch {
    return '';
  }
}

/** The currency that the invoice list has, else the one that its published records are all in. */
function currencyOf(state: RecordedState, invoice: string): string {
  const listed = state.invoices.find((document) => document.invoice === invoice);
  const scopes = state.scopes.filter(({ scope }) => scope.by === 'invoice' && scope.invoice === invoice);
  const isKnown = listed !== undefined || scopes.length > 0;
  if (!isKnown || !isExportable(invoice)) {
    throw new ConfigError({
      message: isKnown
        ? `${invoice} is a legacy document: Graph has no lines that could be held against it`
        : `${invoice} is not known: it is not in the invoice list, and was never asked for`,
      hint: 'see `partner-billing invoices` for what is known; sync reads the list, and loads the invoices that it is told',
      facts: { invoice },
    });
  }
  const loaded = new Set(scopes.flatMap(({ snapshot }) => Object.keys(snapshot?.sums ?? {})));
  const [only] = loaded;
  const currency = listed?.currency ?? (loaded.size === 1 ? only : undefined);
  if (currency !== undefined) return currency.toUpperCase();
  throw new ConfigError({
    message: `the currency of ${invoice} is not known: no list tells it, and its published records are in ${loaded.size === 0 ? 'none' : [...loaded].join(' and ')}`,
    hint: 'load the invoice, or the invoice list, first',
    facts: { invoice },
  });
}

function refuseOtherTotal(
  state: RecordedState,
  invoice: string,
  { preTax, tax }: Pick<StateInvoiceOptions, 'preTax' | 'tax'>,
): void {
  const listed = state.invoices.find((document) => document.invoice === invoice)?.totalCharges ?? null;
  const sum = addDecimals(preTax, tax);
  if (listed === null || addDecimals(listed, '0') === sum) return;
  throw new ConfigError({
    message: `${preTax} before tax and ${tax} of tax are ${sum}, and the invoice list has ${listed} for ${invoice}`,
    hint: 'look at the PDF again; where it does say so, add --total-differs',
    facts: { invoice, stated: sum, listed },
  });
}

function behind(pending: readonly string[]): ConfigError {
  return new ConfigError({
    message: `the destination lacks ${pending.join(', ')}, and destination.migrate is manual`,
    hint: 'run `partner-billing migrate` first',
  });
}
