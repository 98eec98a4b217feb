import { ConfigError } from '../schemas/errors.js';
import type { InvoiceListReading } from './load/invoice-list-reading.js';

/** Reads Partner Center's invoice list. @throws ConfigError always: reading it is on its way in the next commits */
export function discoverInvoices(_options: object): Promise<InvoiceListReading> {
  return Promise.reject(
    new ConfigError({ message: 'invoices: discover is not available yet', hint: 'list invoice ids instead' }),
  );
}
