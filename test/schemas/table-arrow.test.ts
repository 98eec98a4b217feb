import { describe, expect, it } from 'vitest';
import { arrowSchema } from '../../schemas/table-arrow.js';
import { BILLED_USAGE } from '../../schemas/tables/billed-usage.js';

describe('the Arrow schema of a table', () => {
  const schema = arrowSchema(BILLED_USAGE);

  it('has the declared columns in order, all nullable, then lineage', () => {
    expect(schema.fields.map(({ name }) => name)).toEqual([
      ...BILLED_USAGE.columns.map(({ name }) => name),
      'line_item_key',
      '_row_hash',
      '_line_number',
      '_extra',
    ]);
    expect(schema.fields.filter(({ nullable }) => !nullable).map(({ name }) => name)).toEqual([
      'line_item_key',
      '_row_hash',
      '_line_number',
    ]);
  });

  it('has exact decimals, timestamps of microseconds without a zone, days and text', () => {
    const typeOf = (name: string) => String(schema.fields.find((field) => field.name === name)?.type);
    expect(typeOf('unit_price')).toBe('Decimal[38e+22]');
    expect(typeOf('charge_start_date')).toBe('Timestamp<MICROSECOND>');
    expect(typeOf('usage_date')).toBe('Date32<DAY>');
    expect(typeOf('customer_name')).toBe('Utf8');
    expect(typeOf('line_item_key')).toBe('FixedSizeBinary[16]');
    expect(typeOf('_line_number')).toBe('Int32');
  });

  it('says which table and version it is of', () => {
    expect(Object.fromEntries(schema.metadata)).toEqual({ table: 'billed_usage', version: '1' });
  });
});
