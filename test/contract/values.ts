import fc from 'fast-check';
import { expect, test } from 'vitest';
import { canonicalDecimal } from '../../schemas/decimal-text.js';
import { usageRecord } from '../snapshot.js';
import { Dataset, INVOICE, type ContractDatabase } from './dataset.js';

const HOSTILE = [
  `'; DROP TABLE billed_usage; --`,
  `"quoted" 'single' \`back\``,
  'back\\slash \\N \\. \\t \\\\',
  'tab\tnewline\nreturn\rformfeed\fvertical\v',
  '\\.',
  '\\N',
  'emoji 😀 ｆ e\u0301 \u{1F468}\u200D\u{1F469} \uFFFF \u{10FFFF}',
  '\u001b[31mred\u001b[0m \u0007 \u0001 \u007f \u0085',
  '{{dataset}} $1 %s ${env:HOME} :name',
  'long '.repeat(20_000) + 'end',
];

const decimals = fc
  .tuple(fc.boolean(), fc.bigInt({ min: 0n, max: 10n ** 38n - 1n }), fc.integer({ min: 0, max: 22 }))
  .map(([negative, digits, zeros]) => {
    const text = (digits / 10n ** BigInt(zeros)).toString().padStart(23, '0');
    return canonicalDecimal(`${negative ? '-' : ''}${text.slice(0, -22)}.${text.slice(-22)}`);
  });

/** Values come out as they went in. */
export function describeValues(database: () => ContractDatabase): void {
  test('texts that try to break out of a statement, a format or a terminal are stored exactly', async () => {
    const dataset = await Dataset.migrated(database());
    const records = HOSTILE.map((text, index) =>
      usageRecord({ MeterId: `m${index}`, CustomerName: text, Tags: text }),
    );
    await dataset.publish(INVOICE, records);
    const rows = await dataset.rows('SELECT customer_name, tags FROM {d}.billed_usage ORDER BY _line_number');
    expect(rows).toEqual(HOSTILE.map((text) => ({ customer_name: text, tags: text })));
    const again = await dataset.publish(INVOICE, records);
    expect(again.counts).toMatchObject({ unchanged: HOSTILE.length });
  });

  test("Microsoft's own 22-digit price and the largest decimals are exact, and so are their sums", async () => {
    const dataset = await Dataset.migrated(database());
    const largest = '9999999999999999.9999999999999999999999';
    const prices = [
      '0.1999968000511991808131',
      largest,
      `-${largest}`,
      '0.0000000000000000000001',
      '-0.5',
      '0',
    ];
    await dataset.publish(
      INVOICE,
      prices.map((UnitPrice) => usageRecord({ UnitPrice })),
    );
    const rows = await dataset.rows('SELECT unit_price FROM {d}.billed_usage ORDER BY _line_number');
    expect(rows.map((row) => row['unit_price'])).toEqual(prices);
    const result = await dataset.publish({ ...INVOICE, invoice: 'G2' }, [
      ...Array.from({ length: 3 }, () => usageRecord({ InvoiceNumber: 'G2', BillingPreTaxTotal: largest })),
      usageRecord({ InvoiceNumber: 'G2', BillingPreTaxTotal: '-0.3', BillingCurrency: 'EUR' }),
      usageRecord({ InvoiceNumber: 'G2', BillingPreTaxTotal: '0.1', BillingCurrency: 'EUR' }),
    ]);
    expect(result.sums).toEqual({ EUR: '-0.2', USD: '29999999999999999.9999999999999999999997' });
  });

  test("any decimal's text survives the way in and out", async () => {
    const dataset = await Dataset.migrated(database());
    let invoices = 0;
    await fc.assert(
      fc.asyncProperty(fc.array(decimals, { minLength: 200, maxLength: 200 }), async (values) => {
        invoices += 1;
        const invoice = `G${invoices}`;
        await dataset.publish(
          { ...INVOICE, invoice },
          values.map((Quantity) => usageRecord({ InvoiceNumber: invoice, Quantity })),
        );
        const sql = `SELECT quantity FROM {d}.billed_usage WHERE invoice_number = '${invoice}' ORDER BY _line_number`;
        expect((await dataset.rows(sql)).map((row) => row['quantity'])).toEqual(values);
      }),
      { numRuns: 5 },
    );
  });

  test('dates, timestamps to the microsecond, nulls and unknown fields are stored as they came', async () => {
    const dataset = await Dataset.migrated(database());
    await dataset.publish(INVOICE, [
      usageRecord({
        UsageDate: '2024-02-29T00:00:00Z',
        ChargeStartDate: '1969-12-31T23:59:59.9999991Z',
        ChargeEndDate: '2026-12-31T23:59:59.123456Z',
        PCToBCExchangeRateDate: null,
        MeterId: ' ',
      }),
      '{"InvoiceNumber":"G000001","BillingCurrency":"USD","BillingPreTaxTotal":1.10,"Zeta":1.10,"Alpha":{"b":1e400}}',
    ]);
    const columns =
      'usage_date, charge_start_date, charge_end_date, pc_to_bc_exchange_rate_date, meter_id, _extra';
    expect(await dataset.rows(`SELECT ${columns} FROM {d}.billed_usage ORDER BY _line_number`)).toEqual([
      {
        usage_date: '2024-02-29',
        charge_start_date: '1969-12-31T23:59:59.999999',
        charge_end_date: '2026-12-31T23:59:59.123456',
        pc_to_bc_exchange_rate_date: null,
        meter_id: null,
        _extra: null,
      },
      {
        usage_date: null,
        charge_start_date: null,
        charge_end_date: null,
        pc_to_bc_exchange_rate_date: null,
        meter_id: null,
        _extra: '{"Alpha":{"b":1e400},"Zeta":1.10}',
      },
    ]);
  });
}
