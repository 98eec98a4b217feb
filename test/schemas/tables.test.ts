import { describe, expect, it } from 'vitest';
import { STREAM_NAMES, STREAMS } from '../../schemas/streams.js';
import { column, columnNamed, defineTable, primaryKey, type Table } from '../../schemas/table.js';
import { BILLED_RECONCILIATION } from '../../schemas/tables/billed-reconciliation.js';
import { BILLED_USAGE } from '../../schemas/tables/billed-usage.js';
import { RECONCILIATION_COLUMNS } from '../../schemas/tables/reconciliation-columns.js';
import { UNBILLED_RECONCILIATION } from '../../schemas/tables/unbilled-reconciliation.js';
import { UNBILLED_USAGE } from '../../schemas/tables/unbilled-usage.js';
import { USAGE_COLUMNS } from '../../schemas/tables/usage-columns.js';

/** How a documented attribute is spelled as a column (architecture.md section 3). */
function snakeCase(attribute: string): string {
  return attribute
    .replace(/^PCToBC/, 'PcToBc')
    .replace(/(URI|ID)$/, (letters) => letters.charAt(0) + letters.slice(1).toLowerCase())
    .replace(/(?!^)([A-Z])/g, '_$1')
    .toLowerCase();
}

describe('the declared tables', () => {
  it('have the documented numbers of columns, in all and in basic', () => {
    const counts = (columns: Table['columns']) => [
      columns.length,
      columns.filter(({ inBasic }) => inBasic).length,
    ];
    expect(counts(USAGE_COLUMNS)).toEqual([55, 30]);
    expect(counts(RECONCILIATION_COLUMNS)).toEqual([47, 35]);
  });

  it('are one a stream, of its name', () => {
    for (const name of STREAM_NAMES) {
      expect(STREAMS[name].name).toBe(name);
      expect(STREAMS[name].table.name).toBe(name);
      expect(STREAMS[name].exportPath).toMatch(
        /^\/reports\/partners\/billing\/(usage|reconciliation)\/(un)?billed\/export$/,
      );
    }
  });

  it('spell columns as the attributes are spelled, in snake case', () => {
    for (const { name, source } of [...USAGE_COLUMNS, ...RECONCILIATION_COLUMNS]) {
      expect(name).toBe(snakeCase(source));
    }
    const names = new Set(USAGE_COLUMNS.map(({ name }) => name));
    for (const name of [
      'pc_to_bc_exchange_rate',
      'pc_to_bc_exchange_rate_date',
      'resource_uri',
      'tier2_mpn_id',
      'benefit_order_id',
      'service_info1',
    ]) {
      expect(names).toContain(name);
    }
  });

  it('type money as decimals, UsageDate as a date, all other dates as timestamps, all else as text', () => {
    const decimal = /(price|quantity|total|subtotal|percentage|exchange_rate)$/;
    for (const { name, type } of [...USAGE_COLUMNS, ...RECONCILIATION_COLUMNS]) {
      const expected = decimal.test(name)
        ? 'decimal'
        : name === 'usage_date'
          ? 'date'
          : name.endsWith('_date')
            ? 'timestamp'
            : 'text';
      expect([name, type]).toEqual([name, expected]);
    }
  });

  it('identify line items by the frozen lists', () => {
    const usage =
      'customer_id subscription_id entitlement_id product_id sku_id availability_id meter_id resource_uri usage_date ' +
      'charge_start_date charge_type unit_type billing_currency pricing_currency benefit_order_id benefit_id ' +
      'benefit_type credit_type';
    const reconciliation =
      'customer_id subscription_id order_id order_date product_id sku_id availability_id charge_type ' +
      'charge_start_date charge_end_date reference_id reservation_order_id alternate_id currency promotion_id ' +
      'credit_reason_code';
    expect(BILLED_USAGE.identity.join(' ')).toBe(usage);
    expect(UNBILLED_USAGE.identity.join(' ')).toBe(usage);
    expect(BILLED_RECONCILIATION.identity.join(' ')).toBe(reconciliation);
    expect(UNBILLED_RECONCILIATION.identity.join(' ')).toBe(reconciliation);
  });

  it('are keyed by scope, line item and occurrence', () => {
    const rest = ['line_item_key', 'line_item_occurrence'];
    expect(primaryKey(BILLED_USAGE)).toEqual(['invoice_number', ...rest]);
    expect(primaryKey(BILLED_RECONCILIATION)).toEqual(['invoice_number', ...rest]);
    expect(primaryKey(UNBILLED_USAGE)).toEqual(['billing_month', 'billing_currency', ...rest]);
    expect(primaryKey(UNBILLED_RECONCILIATION)).toEqual(['billing_month', 'currency', ...rest]);
  });

  it('require the scope, the currency and the amount', () => {
    expect(BILLED_USAGE.required).toEqual(['invoice_number', 'billing_currency', 'billing_pre_tax_total']);
    expect(UNBILLED_USAGE.required).toEqual(['billing_currency', 'billing_pre_tax_total']);
    expect(BILLED_RECONCILIATION.required).toEqual(['invoice_number', 'currency', 'subtotal']);
    expect(UNBILLED_RECONCILIATION.required).toEqual(['currency', 'subtotal']);
    for (const name of STREAM_NAMES) {
      const { table } = STREAMS[name];
      for (const required of table.required) expect(columnNamed(table, required).inBasic).toBe(true);
    }
  });
});

describe('a declaration', () => {
  const table: Table = { ...BILLED_USAGE };

  it('that names a column, a field or an alias twice is a defect', () => {
    const more = (extra: Table['columns']) => () =>
      defineTable({ ...table, columns: [...table.columns, ...extra] });
    expect(more([column('partner_id', 'Other', 'text', 'full', 'x')])).toThrow(
      /partner_id is declared twice/,
    );
    expect(more([column('other', 'partnerID', 'text', 'full', 'x')])).toThrow(
      /partnerid belongs to two columns/,
    );
    expect(more([column('other', 'Other', 'text', 'full', 'x', ['UnitOfMeasure'])])).toThrow(/two columns/);
    expect(more([column('other', 'Other', 'text', 'full', 'x', ['OTHER'])])).not.toThrow();
  });

  it('that lists a column which is not there is a defect', () => {
    expect(() => defineTable({ ...table, identity: ['nothing'] })).toThrow(/nothing is no column/);
    expect(() => defineTable({ ...table, amount: 'nothing' })).toThrow(/nothing is no column/);
    expect(() => columnNamed(table, 'nothing')).toThrow(/nothing is no column/);
  });
});
