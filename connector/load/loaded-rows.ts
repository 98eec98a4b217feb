import { NO_ROWS, type RowsDigest } from '../../schemas/rows-digest.js';
import { addDecimals } from './add-decimals.js';
import { countOf, hasUsageDate, publishSql, rowsDigestOf, type Publishing } from './publishing.js';
import { nameList, statement, type SqlText } from './sql-text.js';

/** Where the rows of a load are until it is published: in the staging table, or in the table itself. */
export type LoadWay = 'staged' | 'direct';

/** A value of loaded rows and how many have it. */
export interface ValueCount {
  readonly value: string | null;
  readonly records: number;
}

/** What one pass over the rows of a load found in them. The lists of values begin with the most frequent one. */
export interface LoadedRows {
  /** By blob: its rows, and those of them that carry no tenant. */
  readonly blobs: ReadonlyMap<string, { readonly records: number; readonly withoutTenant: number }>;
  /** Tenants in lower case, six at most. */
  readonly tenants: readonly ValueCount[];
  /** Invoice numbers; none for a month scope. */
  readonly invoices: readonly ValueCount[];
  /** Currencies in upper case. */
  readonly currencies: readonly ValueCount[];
  /** Months of use, as `2026-11`; none for an invoice, or where the table has no day of use. */
  readonly months: readonly ValueCount[];
  /** Canonical sum of the amount by currency, currencies in order. */
  readonly sums: Readonly<Record<string, string>>;
  /** Of rows that are in the table; of no rows where they are staged. */
  readonly digest: RowsDigest;
}

/**
 * Reads the rows of a load once: what is proven of them.
 * @param invoices how many different invoice numbers are of interest
 */
export async function readLoaded(
  publishing: Publishing,
  way: LoadWay,
  invoices: number,
): Promise<LoadedRows> {
  const { request, transaction } = publishing;
  const { scope, table } = request;
  const { dialect } = transaction;
  const sql = publishSql(publishing, 'loaded rows', {
    loaded: loadedRows(publishing, way),
    invoice:
      scope.by === 'invoice'
        ? nameList(['invoice_number'], 't')
        : publishSql(publishing, 'no invoice number'),
    used_on:
      scope.by === 'month' && hasUsageDate(table)
        ? nameList(['usage_date'], 't')
        : publishSql(publishing, 'no day of use'),
    digest: way === 'direct' ? statement(dialect, 'proof', 'digest') : publishSql(publishing, 'no digest'),
  });
  if (way === 'direct') await transaction.run(publishSql(publishing, 'read in blocks'));
  const rows = await transaction.rows(sql, [invoices]);
  if (way === 'direct') await transaction.run(publishSql(publishing, 'read as planned'));
  const of = (part: string): typeof rows => rows.filter((row) => row['part'] === part);
  const counts = (part: string): ValueCount[] =>
    of(part).map((row) => ({ value: row['value'] ?? null, records: countOf(row['records']) }));
  const currencies = of('currency').map((row): [string, string] => [
    row['value'] ?? '',
    addDecimals(row['whole'] ?? '0', row['fraction'] ?? '0'),
  ]);
  return {
    blobs: new Map(
      of('blob').map((row) => [
        row['value'] ?? '',
        { records: countOf(row['records']), withoutTenant: countOf(row['without_tenant']) },
      ]),
    ),
    tenants: counts('tenant'),
    invoices: counts('invoice'),
    currencies: counts('currency'),
    months: counts('month'),
    sums: Object.fromEntries(currencies.sort(([a], [b]) => (a < b ? -1 : 1))),
    digest: way === 'direct' ? rowsDigestOf(of('digest')[0]) : NO_ROWS,
  };
}

/** The rows of a load, named `t`, as they stand after FROM. */
export function loadedRows(publishing: Publishing, way: LoadWay): SqlText {
  return publishSql(publishing, `loaded ${way}`);
}
