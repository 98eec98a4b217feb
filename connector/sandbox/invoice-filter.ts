import { z } from 'zod';

const COMPARE: Readonly<Record<string, (date: number, value: number) => boolean>> = {
  greater_than: (date, value) => date > value,
  greater_than_or_equals: (date, value) => date >= value,
  less_than: (date, value) => date < value,
  less_than_or_equals: (date, value) => date <= value,
  equals: (date, value) => date === value,
  not_equals: (date, value) => date !== value,
};

interface Compound {
  readonly Operator: 'and' | 'or';
  readonly LeftFilter: Filter;
  readonly RightFilter: Filter;
}
type Filter = Compound | { readonly Field: 'InvoiceDate'; readonly Value: string; readonly Operator: string };

const filterSchema: z.ZodType<Filter> = z.union([
  z.object({
    Field: z.literal('InvoiceDate'),
    Value: z.string().refine((text) => !Number.isNaN(Date.parse(text))),
    Operator: z.string().refine((operator) => Object.hasOwn(COMPARE, operator)),
  }),
  z.object({
    Operator: z.enum(['and', 'or']),
    LeftFilter: z.lazy(() => filterSchema),
    RightFilter: z.lazy(() => filterSchema),
  }),
]);

/**
 * What the `filter` of a query lets through, by `invoiceDate`: a comparison, or two joined by `and` or `or`
 * (api-contract.md 11.1). Everything without a filter; null where the text is no filter.
 */
export function invoiceFilter(text: string | null): ((invoiceDate: string) => boolean) | null {
  if (text === null) return () => true;
  let filter: Filter;
  try {
    filter = filterSchema.parse(JSON.parse(text));
  } catch {
    return null;
  }
  return (invoiceDate) => passes(filter, Date.parse(invoiceDate));
}

function passes(filter: Filter, date: number): boolean {
  if ('Field' in filter) return COMPARE[filter.Operator]?.(date, Date.parse(filter.Value)) ?? false;
  const sides = [filter.LeftFilter, filter.RightFilter];
  return filter.Operator === 'and'
    ? sides.every((side) => passes(side, date))
    : sides.some((side) => passes(side, date));
}
