import { ConfigError } from '../../schemas/errors.js';
import type { StreamName } from '../../schemas/streams.js';
import { calendarInvoiceScope, calendarMonthScope } from './billing-calendar.js';
import { invoiceScope, isBilled, monthScope, type DataScope, type ScopeName } from './data-scope.js';
import type { Settings } from './options.js';

/** The scope of an invoice or note as of `now`; null where an export of it ends with code 5000. */
export function presentInvoiceScope(settings: Settings, stream: StreamName, id: string): DataScope | null {
  return settings.calendar === null
    ? invoiceScope(settings, stream, id)
    : calendarInvoiceScope(settings, settings.calendar, stream, id);
}

/** The scope of an open month in a currency as of `now`; null where an export of it ends with code 5000. */
export function presentMonthScope(
  settings: Settings,
  stream: StreamName,
  month: string,
  currency: string,
): DataScope | null {
  return settings.calendar === null
    ? monthScope(settings, stream, month, currency)
    : calendarMonthScope(settings, settings.calendar, stream, month, currency);
}

/**
 * The scope that a caller names, as of `now`.
 * @throws ConfigError when the sandbox has no such scope, or no data of it now.
 */
export function namedScope(settings: Settings, name: ScopeName): DataScope {
  const found = foundScope(settings, name);
  if (found !== null && /^\d{4}-\d{2}$/.test(found.month)) return found;
  throw new ConfigError({
    message: `sandbox: there is no scope ${JSON.stringify(name)}`,
    hint: `name an invoice (${settings.invoices.map(({ id }) => id).join(', ')}) of a billed stream, or a month and a currency (${settings.currencies.join(', ')}) of an unbilled one`,
  });
}

/** The scope that a caller names, as of `now`; null where an export of it ends with code 5000. */
export function foundScope(settings: Settings, name: ScopeName): DataScope | null {
  return isBilled(name.stream)
    ? presentInvoiceScope(settings, name.stream, name.invoice ?? '')
    : presentMonthScope(settings, name.stream, name.month ?? '', (name.currency ?? '').toUpperCase());
}
