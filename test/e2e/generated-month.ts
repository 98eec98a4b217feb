import type { SqlTransaction } from '../../connector/load/destination.js';

/** The invoice that {@link generateMonth} makes, of October 2026, in euros, with usage priced in dollars. */
export const INVOICE = 'G000777';

/** How large a generated month is. */
export interface MonthSize {
  readonly customers: number;
  /** Resources of a customer, each used on each of 31 days; at least as many as `metersPerCustomer`. */
  readonly resourcesPerCustomer: number;
  readonly metersPerCustomer: number;
  /** Events that are charged in two lines each and have nothing to do with usage. */
  readonly eventsPerCustomer: number;
}

/** Inserts what `columns` says, `expression AS column`, one a line: not every database inserts by name. */
function insert(table: string, columns: string, from: string): string {
  const expressions = columns
    .trim()
    .split(/\n/)
    .map((line) => line.trim());
  const names = expressions.map((expression) => /(\w+)$/.exec(expression)?.[1] ?? '');
  return `INSERT INTO csp.${table} (${names.join(', ')})\nSELECT\n${expressions.join(',\n')}\n${from}`;
}

/** A table of `count` numbers from 0. */
const numbers = (count: number, names: string): string => `generate_series(0, ${count - 1}) AS ${names}`;

/** What is recorded of the two snapshots, each of one blob, once their rows are there. */
const SNAPSHOTS = [
  insert(
    '_snapshots',
    `load_id
    'run' AS run_id
    stream
    '${INVOICE}' AS scope
    DATE '2026-10-01' AS billing_month
    'e1' AS etag
    'full' AS attribute_set
    1 AS table_version
    'test' AS connector_version
    'tenant' AS tenant_id
    'manifest' AS manifest_id
    '[]' AS request_ids
    'root' AS root_directory
    1 AS blobs
    records AS records_read
    records AS records_staged
    0 AS records_rejected
    'published' AS outcome
    TIMESTAMP '2026-11-20' AS recorded_at
    TIMESTAMP '2026-11-20' AS published_at`,
    `FROM (
      SELECT 'usage' AS load_id, 'billed_usage' AS stream, count(*) AS records FROM csp.billed_usage
      UNION ALL
      SELECT 'lines', 'billed_reconciliation', count(*) FROM csp.billed_reconciliation
    ) AS loaded`,
  ),
  insert(
    '_blobs',
    `load_id
    'part' AS blob_name
    1 AS bytes
    1 AS inflated_bytes
    'digest' AS sha256
    records_read
    records_staged
    records_rejected
    0 AS numbers_rounded
    '{}' AS unknown_fields`,
    'FROM csp._snapshots',
  ),
  insert(
    '_scopes',
    `stream
    scope
    'published' AS state
    etag
    load_id
    published_at AS last_checked_at`,
    'FROM csp._snapshots',
  ),
];

/** Prices have 6 decimals, quantities 3, the rate 9: their product is exact, and cut to the ten decimals of usage. */
function usageSql({ customers, resourcesPerCustomer, metersPerCustomer }: MonthSize): string {
  return insert(
    'billed_usage',
    `'customer ' || c AS customer_id
    'Customer ' || c AS customer_name
    '${INVOICE}' AS invoice_number
    'product ' || meter AS product_id
    '000' || meter AS sku_id
    'availability ' || meter AS availability_id
    'Sku ' || meter AS sku_name
    'Product ' || meter AS product_name
    'Microsoft' AS publisher_name
    'plan ' || c AS subscription_id
    'azure ' || c || '/' || resource % 2 AS entitlement_id
    DATE '2026-10-01' + CAST(day AS INTEGER) AS usage_date
    'new' AS charge_type
    unit_price
    price * used * rate - (price * used * rate) % 0.0000000001 AS billing_pre_tax_total
    price AS effective_unit_price
    used AS quantity
    rate AS pc_to_bc_exchange_rate
    TIMESTAMP '2026-10-01' AS pc_to_bc_exchange_rate_date
    'EUR' AS billing_currency
    'USD' AS pricing_currency
    CASE WHEN meter % 5 = 4 THEN 0 ELSE 15 END AS partner_earned_credit_percentage
    'vm ' || c || '/' || resource AS resource_uri
    CAST(md5('usage ' || c || '/' || resource || '/' || day) AS UUID) AS line_item_key
    1 AS line_item_occurrence
    CAST(md5('usage row ' || c || '/' || resource || '/' || day) AS UUID) AS _row_hash
    'usage' AS _load_id
    'usage' AS _first_load_id
    'part' AS _blob_name
    1 AS _line_number`,
    `FROM (
      SELECT
        c, resource, day, meter,
        CAST(0.0137 * (meter + 1) AS DECIMAL(10, 6)) AS unit_price,
        CAST(0.0137 * (meter + 1) * CASE WHEN meter % 5 = 4 THEN 1 ELSE 0.85 END AS DECIMAL(10, 6)) AS price,
        CAST(((c * 7919 + resource * 104729 + day * 31) % 24000 + 1) * 0.001 AS DECIMAL(9, 3)) AS used,
        CAST(0.846202666 AS DECIMAL(10, 9)) AS rate
      FROM (
        SELECT c, resource, day, resource % ${metersPerCustomer} AS meter
        FROM ${numbers(customers, 'a (c)')}, ${numbers(resourcesPerCustomer, 'b (resource)')}, ${numbers(31, 'd (day)')}
      ) AS used_by_day
    ) AS priced`,
  );
}

/** Makes the lines of usage anew from what the usage is now: one for each plan, meter and price. */
export const USAGE_LINES = [
  'DELETE FROM csp.billed_reconciliation WHERE meter_description IS NOT NULL',
  insert(
    'billed_reconciliation',
    `customer_id
    max(customer_name) AS customer_name
    invoice_number
    'order of ' || subscription_id AS order_id
    product_id
    sku_id
    availability_id
    max(sku_name) AS sku_name
    max(product_name) AS product_name
    'new' AS charge_type
    '67890' AS tier2_mpn_id
    max(unit_price) AS unit_price
    1 AS quantity
    effective_unit_price
    sum(quantity) AS billable_quantity
    sum(billing_pre_tax_total) - sum(billing_pre_tax_total) % 0.01 AS subtotal
    'EUR' AS currency
    subscription_id
    TIMESTAMP '2026-10-01' AS charge_start_date
    'USD' AS pricing_currency
    max(pc_to_bc_exchange_rate) AS pc_to_bc_exchange_rate
    TIMESTAMP '2026-10-01' AS pc_to_bc_exchange_rate_date
    'Meter' AS meter_description
    CAST(md5('line ' || subscription_id || sku_id || CAST(effective_unit_price AS DECIMAL(10, 6))) AS UUID) AS line_item_key
    1 AS line_item_occurrence
    CAST(md5('row of line ' || subscription_id || sku_id || CAST(effective_unit_price AS DECIMAL(10, 6))) AS UUID) AS _row_hash
    'lines' AS _load_id
    'lines' AS _first_load_id
    'part' AS _blob_name
    1 AS _line_number`,
    `FROM csp.billed_usage
    GROUP BY customer_id, invoice_number, subscription_id, product_id, sku_id, availability_id, effective_unit_price`,
  ),
];

/** Two lines an event: seats, a change of seats (refund and charge by days), a credit with its charge, software in dollars. */
function otherLinesSql({ customers, eventsPerCustomer }: MonthSize): string {
  return insert(
    'billed_reconciliation',
    `'customer ' || c AS customer_id
    'Customer ' || c AS customer_name
    '${INVOICE}' AS invoice_number
    'order ' || c || '/' || event AS order_id
    'licence ' || event % 7 AS product_id
    '000' || event % 7 AS sku_id
    'offer ' || event % 7 AS availability_id
    'Seat' AS sku_name
    'Licence ' || event % 7 AS product_name
    CASE WHEN kind = 2 AND half = 0 THEN 'customerCredit' WHEN kind = 1 THEN 'addQuantity' ELSE 'cycleCharge' END AS charge_type
    '67890' AS tier2_mpn_id
    price * 31 AS unit_price
    seats AS quantity
    price * days AS effective_unit_price
    seats AS billable_quantity
    amount - amount % 0.01 AS subtotal
    'EUR' AS currency
    'licences of ' || c AS subscription_id
    TIMESTAMP '2026-10-01' AS order_date
    CAST(DATE '2026-10-01' + CAST(31 - abs(days) AS INTEGER) AS TIMESTAMP) AS charge_start_date
    TIMESTAMP '2026-10-31' AS charge_end_date
    'One-Year commitment' AS term_and_billing_cycle
    CASE WHEN kind = 3 THEN 'USD' ELSE 'EUR' END AS pricing_currency
    rate AS pc_to_bc_exchange_rate
    CASE WHEN kind = 3 THEN TIMESTAMP '2026-10-01' END AS pc_to_bc_exchange_rate_date
    'event ' || c || '/' || event AS reference_id
    CAST(md5('event ' || c || '/' || event || '/' || half) AS UUID) AS line_item_key
    1 AS line_item_occurrence
    CAST(md5('event row ' || c || '/' || event || '/' || half) AS UUID) AS _row_hash
    'lines' AS _load_id
    'lines' AS _first_load_id
    'part' AS _blob_name
    1 AS _line_number`,
    // Recipe 'product': cut in the pricing currency first.
    `FROM (
      SELECT
        c, event, half, kind, price, days, seats, rate,
        CAST(price * days * seats - (price * days * seats) % 0.01 AS DECIMAL(18, 2)) * rate AS amount
      FROM (
        SELECT
          c, event, half, event % 4 AS kind,
          CASE WHEN event % 4 = 3 THEN CAST(0.846202666 AS DECIMAL(10, 9)) ELSE 1 END AS rate,
          CAST(0.3123 + (event % 7) * 0.0411 AS DECIMAL(8, 4)) AS price,
          CAST(CASE WHEN event % 4 IN (1, 2) AND half = 0 THEN -1 ELSE 1 END
            * CASE WHEN event % 4 = 1 THEN 7 + event % 20 ELSE 31 END AS DECIMAL(3, 0)) AS days,
          CAST(1 + (c * 13 + event * 7) % 300
            + CASE WHEN event % 4 IN (0, 1) THEN half * 3 ELSE 0 END AS DECIMAL(6, 0)) AS seats
        FROM ${numbers(customers, 'a (c)')}, ${numbers(eventsPerCustomer, 'b (event)')}, ${numbers(2, 'h (half)')}
      ) AS bought
    ) AS charged`,
  );
}

/** Makes tax and totals of the lines, and the invoice's header, anew from what the subtotals are now. */
export const HEADER = [
  `UPDATE csp.billed_reconciliation SET tax_total = csp.trunc_money(csp.mul(subtotal, 0.19), 'EUR')`,
  'UPDATE csp.billed_reconciliation SET total = subtotal + tax_total',
  'DELETE FROM csp.invoices',
  insert(
    'invoices',
    `invoice_number
    'invoice' AS document_type
    'active' AS status
    sum(total) AS total_charges
    'EUR' AS currency
    TIMESTAMP '2026-11-08' AS invoice_date
    DATE '2026-10-01' AS billing_month
    CAST(md5('header') AS UUID) AS _row_hash
    'list' AS _load_id
    'list' AS _first_load_id`,
    'FROM csp.billed_reconciliation GROUP BY invoice_number',
  ),
];

/**
 * A month of one invoice in a migrated dataset `csp`, made in the database: usage, the lines that charge it, licences and
 * others, and the header, all of which tie by construction. The same rows in both databases.
 */
export async function generateMonth(on: Pick<SqlTransaction, 'run'>, size: MonthSize): Promise<void> {
  await runAll(on, [usageSql(size), ...USAGE_LINES, otherLinesSql(size), ...HEADER, ...SNAPSHOTS]);
  await runAll(on, ['ANALYZE csp.billed_usage', 'ANALYZE csp.billed_reconciliation']);
}

/** Runs statements one after the other. */
export async function runAll(on: Pick<SqlTransaction, 'run'>, statements: readonly string[]): Promise<void> {
  for (const statement of statements) await on.run(statement);
}
