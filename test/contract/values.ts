import fc from 'fast-check';
import { expect, test } from 'vitest';
import { canonicalDecimal } from '../../schemas/decimal-text.js';
import { STREAMS } from '../../schemas/streams.js';
import { lineRecord, usageRecord } from '../snapshot.js';
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
  '{{dataset}} $1 %s %n %x ${env:HOME} :name $$body$$',
  '\u202egnp.exe \u2066isolated\u2069 \u200f \ufeff \u2028 \u009b2J \u001b]0;title\u0007',
  '=HYPERLINK("http://example.test","x")',
  '+1+cmd|calc!A0',
  '-12.30',
  '@SUM(A1:A9)',
  'long '.repeat(20_000) + 'end',
];
const SHORT = HOSTILE.filter((text) => text.length < 1000);

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

  test('hostile text is exact in every column of text, of usage and of lines', async () => {
    const dataset = await Dataset.migrated(database());
    for (const stream of ['billed_usage', 'billed_reconciliation'] as const) {
      const { columns, required } = STREAMS[stream].table;
      const texts = columns.filter(
        ({ name, type }) => type === 'text' && !required.includes(name) && name !== 'partner_id',
      );
      // Each column gets another one, so that a value in its neighbour's column shows.
      const expected = HOSTILE.map((_, row) =>
        Object.fromEntries(texts.map(({ name }, at) => [name, SHORT[(row + at) % SHORT.length] ?? ''])),
      );
      const records = expected.map((values) => {
        const members = Object.fromEntries(texts.map(({ name, source }) => [source, values[name]]));
        return stream === 'billed_usage' ? usageRecord(members) : lineRecord(members);
      });
      await dataset.publish({ ...INVOICE, stream }, records);
      const names = texts.map(({ name }) => name);
      const sql = `SELECT ${names.join(', ')} FROM {d}.${stream} ORDER BY _line_number`;
      expect(await dataset.rows(sql)).toEqual(expected);
    }
  });

  test('NUL, half a surrogate pair and a name twice make a rejected record on every destination', async () => {
    const dataset = await Dataset.migrated(database());
    const bad = [
      '"Tags":"a\\u0000b"',
      '"Tags":"a\u0000b"',
      '"New":{"deep":["\\u0000"]}',
      '"New":"\\ud800"',
      '"tags":"a","TAGS":"b"',
      '"Unit":"a","UnitOfMeasure":"b"',
      '"New":1,"NEW":2',
    ];
    const lines = bad.map(
      (members) => `{"InvoiceNumber":"G000001","BillingCurrency":"USD","BillingPreTaxTotal":1,${members}}`,
    );
    const { counts } = await dataset.publish(INVOICE, [usageRecord({ Tags: '\\u0000 as text' }), ...lines], {
      rejectedLimit: 100,
    });
    expect([counts.staged, counts.rejected]).toEqual([1, bad.length]);
    expect(await dataset.rows('SELECT tags FROM {d}.billed_usage')).toEqual([{ tags: '\\u0000 as text' }]);
    const kept = await dataset.rows('SELECT field, line FROM {d}._rejected_records ORDER BY line_number');
    expect(kept.map(({ field }) => field)).toEqual([
      'Tags',
      'Tags',
      'New',
      'New',
      'TAGS',
      'UnitOfMeasure',
      'NEW',
    ]);
    // What a database cannot hold is written as \\xNN there, the rest of the line as it came.
    expect(kept.map(({ line }) => line)).toEqual(lines.map((line) => line.replace('\u0000', '\\x00')));
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
