import { HEADER, INVOICE, USAGE_LINES } from '../e2e/generated-month.js';
import { INVOICES } from './large-size.js';

/*
 * How the generated month becomes a warehouse of ten invoices, a month each: statements of DuckDB. The month is in a
 * database of its own, where it is planted into and widened; the warehouse then has it attached as `source`.
 */

const seat = (customer: number): string => `(
  SELECT line_item_key FROM csp.billed_reconciliation
  WHERE meter_description IS NULL AND customer_id = 'customer ${customer}' AND charge_type = 'cycleCharge'
    AND pricing_currency = 'EUR'
  ORDER BY line_item_key LIMIT 1
)`;

/**
 * What the checks must find: for each customer two equal rows of usage; two equal lines; a day on which a meter had no
 * credit, which the invoice charges; a line whose price is not what it was charged by; and a lost row of usage.
 */
export const PLANT: readonly string[] = [
  `INSERT INTO csp.billed_usage
    SELECT * REPLACE (2 AS line_item_occurrence) FROM csp.billed_usage
    WHERE usage_date = '2026-10-05' AND resource_uri LIKE 'vm %/0'`,
  `UPDATE csp.billed_usage SET
      partner_earned_credit_percentage = 0,
      effective_unit_price = unit_price,
      billing_pre_tax_total = csp.mul(csp.mul(unit_price, quantity), pc_to_bc_exchange_rate)
    WHERE customer_id = 'customer 3' AND sku_id = '0002' AND usage_date = '2026-10-09'`,
  ...USAGE_LINES,
  `INSERT INTO csp.billed_reconciliation
    SELECT * REPLACE (2 AS line_item_occurrence) FROM csp.billed_reconciliation WHERE line_item_key = ${seat(0)}`,
  ...HEADER,
  `UPDATE csp.billed_reconciliation SET effective_unit_price = effective_unit_price + 1 WHERE line_item_key = ${seat(1)}`,
  `DELETE FROM csp.billed_usage WHERE line_item_key = (
    SELECT line_item_key FROM csp.billed_usage WHERE customer_id = 'customer 2' AND usage_date = '2026-10-03' AND billing_pre_tax_total > 0.1
    ORDER BY billing_pre_tax_total, line_item_key LIMIT 1
  )`,
];

const guid = (text: string): string => `CAST(CAST(md5(${text}) AS UUID) AS VARCHAR)`;

/** Ids and texts as long as an export has them: about a kilobyte a row. Rows come day by day, in no order within one. */
export const WIDEN: readonly string[] = [
  `CREATE TABLE csp.wide_usage AS
    SELECT * EXCLUDE (resource_number) REPLACE (
      ${guid("'partner'")} AS partner_id, 'Example Partner GmbH' AS partner_name,
      ${guid('customer_id')} AS customer_id, 'c' || md5(customer_id)[:12] || '.onmicrosoft.com' AS customer_domain_name,
      'DE' AS customer_country, '4521973' AS mpn_id, '67890' AS tier2_mpn_id,
      'DZH318Z0' || upper(md5(product_id)[:4]) AS product_id, 'DZH318Z0' || upper(md5(availability_id)[:4]) AS availability_id,
      ${guid('subscription_id')} AS subscription_id, ${guid('entitlement_id')} AS entitlement_id,
      'Azure subscription ' || entitlement_id AS entitlement_description, 'Azure plan' AS subscription_description,
      TIMESTAMP '2026-10-01' AS charge_start_date, TIMESTAMP '2026-10-31' AS charge_end_date,
      'Unit' AS meter_type, 'Virtual Machines ' || CAST(sku_id AS INTEGER) % 10 AS meter_category, ${guid('sku_id')} AS meter_id,
      'Dv5 Series Linux' AS meter_sub_category, 'D' || CAST(sku_id AS INTEGER) || ' v5' AS meter_name, 'EU West' AS meter_region,
      '1 Hour' AS unit, '1 Hour' AS unit_type, 'westeurope' AS resource_location, 'Microsoft.Compute' AS consumed_service,
      'rg-production-' || resource_number % 20 AS resource_group,
      '/subscriptions/' || ${guid('entitlement_id')} || '/resourceGroups/rg-production-' || resource_number % 20
        || '/providers/Microsoft.Compute/virtualMachines/' || replace(replace(resource_uri, ' ', '-'), '/', '-') AS resource_uri,
      '{"environment":"production","costCenter":"' || 10000 + resource_number % 20 || '","owner":"platform@example.com"}' AS tags,
      '{"ImageType":"Canonical","ServiceType":"Standard_D' || CAST(sku_id AS INTEGER) || 's_v5","VMName":"'
        || replace(resource_uri, ' ', '-') || '","UsageType":"ComputeHR"}' AS additional_info,
      CAST(billing_pre_tax_total / 0.846202666 AS DECIMAL(18, 10)) AS pricing_pre_tax_total,
      'Microsoft' AS publisher_id, '' AS service_info1, '' AS service_info2,
      'part-0000' || day(usage_date) % 8 || '-' || ${guid("'blob'")} || '.json.gz' AS _blob_name
    )
    FROM (SELECT *, CAST(split_part(resource_uri, '/', 2) AS INTEGER) AS resource_number FROM csp.billed_usage)
    ORDER BY usage_date, line_item_key`,
  `CREATE TABLE csp.wide_lines AS
    SELECT * REPLACE (
      ${guid("'partner'")} AS partner_id, ${guid('customer_id')} AS customer_id,
      'c' || md5(customer_id)[:12] || '.onmicrosoft.com' AS customer_domain_name, 'DE' AS customer_country, '4521973' AS mpn_id,
      CASE WHEN meter_description IS NULL THEN product_id ELSE 'DZH318Z0' || upper(md5(product_id)[:4]) END AS product_id,
      CASE WHEN meter_description IS NULL THEN availability_id ELSE 'DZH318Z0' || upper(md5(availability_id)[:4]) END
        AS availability_id,
      ${guid('order_id')} AS order_id, ${guid('subscription_id')} AS subscription_id
    )
    FROM csp.billed_reconciliation
    ORDER BY line_item_key`,
];

/** An invoice of the warehouse, from 0; the last is the generated one. */
function invoiceOf(index: number): { readonly number: string; readonly month: string; readonly ago: number } {
  const ago = INVOICES - 1 - index;
  const month = new Date(Date.UTC(2026, 9 - ago, 1)).toISOString().slice(0, 10);
  return { number: ago === 0 ? INVOICE : `${INVOICE.slice(0, -3)}${600 + index}`, month, ago };
}

/** Restated by the second snapshot: a day of usage changed, some rows of another added, the lines of a customer changed. */
const CHANGED = `t.usage_date = '2026-10-20'`;
const ADDED = `(t.usage_date = '2026-10-21' AND t.line_item_occurrence = 1 AND t.resource_uri LIKE '%-2')`;
const LINE_CHANGED = `t.customer_name = 'Customer 0'`;

/** The rows of one invoice, and what they were before its second snapshot, which also removed as many as it added. */
export function fillInvoice(index: number): readonly string[] {
  const { number, month, ago } = invoiceOf(index);
  const keyed = (column: string, salt: string): string =>
    salt === '0' ? column : `CAST(md5(${column} || '${salt}') AS UUID)`;
  const select = (
    from: string,
    condition: string,
    values: Readonly<Record<string, string>>,
    more = '',
  ): string => {
    const own = { invoice_number: `'${number}'`, _row_hash: keyed('t._row_hash', `${ago}`), ...values };
    const list = Object.entries(own).map(([name, value]) => `${value} AS ${name}`);
    return `SELECT t.* REPLACE (${list.join(', ')})${more} FROM source.csp.${from} t WHERE ${condition}`;
  };
  const loads = (stream: string, isNew: string, isAdded: string): Record<string, string> => ({
    _load_id: `CASE WHEN ${isNew} THEN '${stream} 2 ${number}' ELSE '${stream} 1 ${number}' END`,
    _first_load_id: `CASE WHEN ${isAdded} THEN '${stream} 2 ${number}' ELSE '${stream} 1 ${number}' END`,
  });
  const replacedBy = (stream: string, change: string): string =>
    `, '${stream} 2 ${number}' AS _replaced_by_load_id, '${change}' AS _change`;
  const usage = {
    usage_date: `CAST(t.usage_date - to_months(${ago}) AS DATE)`,
    line_item_key: keyed('t.line_item_key', `${ago}`),
  };
  const lines = { line_item_key: keyed('t.line_item_key', `${ago}`) };
  return [
    `INSERT INTO csp.billed_usage BY NAME
      ${select('wide_usage', 'true', { ...usage, ...loads('usage', `(${CHANGED} OR ${ADDED})`, ADDED) })}`,
    `INSERT INTO csp.billed_usage_history BY NAME
      ${select(
        'wide_usage',
        CHANGED,
        {
          ...usage,
          ...loads('usage', 'false', 'false'),
          billing_pre_tax_total: 't.billing_pre_tax_total + 1',
        },
        replacedBy('usage', 'changed'),
      )}
      UNION ALL
      ${select(
        'wide_usage',
        ADDED,
        {
          ...{ ...usage, ...loads('usage', 'false', 'false') },
          line_item_key: keyed('t.line_item_key', `removed ${ago}`),
        },
        replacedBy('usage', 'removed'),
      )}`,
    `INSERT INTO csp.billed_reconciliation BY NAME
      ${select('wide_lines', 'true', { ...lines, ...loads('lines', LINE_CHANGED, 'false') })}`,
    `INSERT INTO csp.billed_reconciliation_history BY NAME
      ${select(
        'wide_lines',
        LINE_CHANGED,
        { ...lines, ...loads('lines', 'false', 'false'), subtotal: 't.subtotal + 1' },
        replacedBy('lines', 'changed'),
      )}`,
    `INSERT INTO csp.invoices BY NAME
      SELECT t.* REPLACE (
        '${number}' AS invoice_number, DATE '${month}' AS billing_month,
        CAST(DATE '${month}' + to_months(1) + to_days(7) AS TIMESTAMP) AS invoice_date
      )
      FROM source.csp.invoices t`,
    ...recorded(number, month),
  ];
}

/** Two snapshots of each stream, before and after the 15th of the month after, and two estimates of each of the month. */
function recorded(number: string, month: string): readonly string[] {
  const snapshot = `
    'run' AS run_id, DATE '${month}' AS billing_month, 'full' AS attribute_set, 1 AS table_version,
    'bench' AS connector_version, 'tenant' AS tenant_id, '[]' AS request_ids, 'root' AS root_directory, 1 AS blobs,
    0 AS records_rejected, 0 AS numbers_rounded, 'published' AS outcome, 'digest' AS rows_digest, 'digest' AS proof_sha256,
    1 AS proof_version, load_id AS manifest_id, 'etag ' || nth AS etag,
    CAST(DATE '${month}' + to_months(1) + to_days(CASE WHEN nth = 1 THEN 7 ELSE 19 END) AS TIMESTAMP) AS published_at,
    published_at AS recorded_at`;
  const sides = (usage: string, lines: string): string => `(
    SELECT '${usage}' AS stream, count(*) AS records, sum(billing_pre_tax_total) AS amount FROM csp.billed_usage
    WHERE invoice_number = '${number}'
    UNION ALL
    SELECT '${lines}', count(*), sum(subtotal) FROM csp.billed_reconciliation WHERE invoice_number = '${number}'
  ), range(1, 3) r (nth)`;
  const estimated = `${month.slice(0, 7)}-EUR`;
  return [
    `INSERT INTO csp._snapshots BY NAME
      SELECT
        stream, '${number}' AS scope, replace(replace(stream, 'billed_usage', 'usage'), 'billed_reconciliation', 'lines')
          || ' ' || nth || ' ${number}' AS load_id,
        records AS records_read, records AS records_staged, json_array('${number}') AS invoice_numbers,
        json_object('EUR', CAST(amount AS VARCHAR)) AS sums, ${snapshot}
      FROM ${sides('billed_usage', 'billed_reconciliation')}`,
    `INSERT INTO csp._snapshots BY NAME
      SELECT
        stream, '${estimated}' AS scope, stream || ' ' || nth || ' ${estimated}' AS load_id,
        records AS records_read, records AS records_staged, '[]' AS invoice_numbers,
        json_object('EUR', CAST(amount - 1000 * (2 - nth) AS VARCHAR)) AS sums, ${snapshot}
      FROM ${sides('unbilled_usage', 'unbilled_reconciliation')}`,
    `INSERT INTO csp._blobs BY NAME
      SELECT
        load_id, 'part' AS blob_name, 1 AS bytes, 1 AS inflated_bytes, 'digest' AS sha256, records_read, records_staged,
        records_rejected, 0 AS numbers_rounded, '{}' AS unknown_fields
      FROM csp._snapshots WHERE scope IN ('${number}', '${estimated}')`,
    `INSERT INTO csp._scopes BY NAME
      SELECT
        stream, scope, CASE WHEN stream LIKE 'un%' THEN 'superseded' ELSE 'published' END AS state, etag, load_id,
        published_at AS last_asked_at, published_at AS last_checked_at
      FROM csp._snapshots WHERE scope IN ('${number}', '${estimated}') AND etag = 'etag 2'`,
  ];
}
