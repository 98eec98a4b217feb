import type { MonthSize } from '../e2e/generated-month.js';

/** Invoices of the warehouse: one a month, of which the last is looked at. */
export const INVOICES = 10;

/** The size of each invoice of a warehouse of about that many rows of usage: at most 200 customers and 50 meters. */
export function monthSize(rows: number): MonthSize {
  const days = rows / INVOICES / 31;
  const customers = Math.min(200, Math.max(4, Math.ceil(days / 6)));
  const resourcesPerCustomer = Math.max(6, Math.ceil(days / customers));
  return {
    customers,
    resourcesPerCustomer,
    metersPerCustomer: Math.min(50, resourcesPerCustomer - 1),
    eventsPerCustomer: 25,
  };
}

/** Rows of usage that an invoice of that size has before anything is planted into it. */
export function usageRows({ customers, resourcesPerCustomer }: MonthSize): number {
  return customers * resourcesPerCustomer * 31;
}

/** How many different values `of` has over the resources of one customer. */
export function distinctPerCustomer(size: MonthSize, of: (resource: number) => string): number {
  return new Set(Array.from({ length: size.resourcesPerCustomer }, (_, resource) => of(resource))).size;
}
