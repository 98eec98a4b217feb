import { describe, expect, it } from 'vitest';
import { BILLED_RECONCILIATION } from '../../schemas/tables/billed-reconciliation.js';
import { BILLED_USAGE } from '../../schemas/tables/billed-usage.js';
import { UNBILLED_USAGE } from '../../schemas/tables/unbilled-usage.js';
import { parseLines, rawUsageLine, usageLine } from './blob-parts.js';

async function rowOf(members: string): Promise<Record<string, string | null>> {
  const { rows, rejected } = await parseLines([rawUsageLine(members)]);
  expect(rejected).toEqual([]);
  return rows[0] ?? {};
}

async function rejectionOf(line: string, table = BILLED_USAGE): Promise<string> {
  const { rejected, counts } = await parseLines([line], { table });
  expect(counts).toMatchObject({ recordsRead: 1, recordsStaged: 0, recordsRejected: 1 });
  return `${rejected[0]?.field ?? '-'}: ${rejected[0]?.reason}`;
}

describe('a record', () => {
  it("keeps Microsoft's 22-digit price exactly, as number and as text", async () => {
    const price = '0.1999968000511991808131';
    expect((await rowOf(`"EffectiveUnitPrice":${price}`))['effective_unit_price']).toBe(price);
    expect((await rowOf(`"EffectiveUnitPrice":"${price}"`))['effective_unit_price']).toBe(price);
    expect((await rowOf(`"EffectiveUnitPrice":-${price}`))['effective_unit_price']).toBe(`-${price}`);
  });

  it('meets its columns through names and aliases in any letter case', async () => {
    expect(
      await rowOf(
        '"mpnid":"1","RESELLERMPNID":"2","unitOfMeasure":"1 Hour","resourceUri":"/x","BenefitOrderId":"b",' +
          '"rateOfPartnerEarnedCredit":0.15,"rateOfCredit":"1.00","pcToBCExchangeRateDate":"2024-08-01"',
      ),
    ).toMatchObject({
      mpn_id: '1',
      tier2_mpn_id: '2',
      unit: '1 Hour',
      resource_uri: '/x',
      benefit_order_id: 'b',
      partner_earned_credit_percentage: '0.15',
      credit_percentage: '1',
      pc_to_bc_exchange_rate_date: '2024-08-01T00:00:00.000000',
      _extra: null,
    });
    const { rows } = await parseLines(
      ['{"InvoiceNumber":"G1","currency":"EUR","SubTotal":1,"totalForCustomer":2}'],
      {
        table: BILLED_RECONCILIATION,
      },
    );
    expect(rows[0]).toMatchObject({ currency: 'EUR', subtotal: '1', total: '2' });
  });

  it('does not take a look-alike letter for the one of a column', async () => {
    const row = await rowOf('"S\u212auId":"x"');
    expect(row).toMatchObject({ sku_id: null, _extra: '{"S\u212auId":"x"}' });
  });

  it.each(['null', '""', '"   "', '" \\t\\r\\n"'])(
    'takes %s for null in a column of any type',
    async (value) => {
      const row = await rowOf(
        `"CustomerName":${value},"Quantity":${value},"UsageDate":${value},"ChargeStartDate":${value}`,
      );
      expect(row).toMatchObject({
        customer_name: null,
        quantity: null,
        usage_date: null,
        charge_start_date: null,
      });
    },
  );

  it('keeps text as it came: blanks around it, leading zeros, no-break spaces, embedded JSON', async () => {
    const info = '{"VMName": "vm1",  "UsageType": null}';
    expect(
      await rowOf(
        `"SkuId":"0002","CustomerName":" Contoso ","MeterName":"\u00a0","AdditionalInfo":${JSON.stringify(info)}`,
      ),
    ).toMatchObject({
      sku_id: '0002',
      customer_name: ' Contoso ',
      meter_name: '\u00a0',
      additional_info: info,
    });
  });

  it('keeps any other JSON value of a text column as it was written', async () => {
    expect(
      await rowOf('"Tier2MpnId":0,"MpnId":1.50,"Tags":{"a": [1, 2.0]},"ServiceInfo1":[],"ServiceInfo2":true'),
    ).toMatchObject({
      tier2_mpn_id: '0',
      mpn_id: '1.50',
      tags: '{"a": [1, 2.0]}',
      service_info1: '[]',
      service_info2: 'true',
    });
  });

  it('keeps unknown fields in _extra, names sorted, each value as it was written', async () => {
    const row = await rowOf('"zeta":1.10,"Beta":{"x" : [1e5,"\\u00e9"]},"alpha":null,"a\\"b":"","Ä":1');
    expect(row['_extra']).toBe('{"a\\"b":"","alpha":null,"Beta":{"x" : [1e5,"\\u00e9"]},"zeta":1.10,"Ä":1}');
  });

  it('keeps the exact text of a number that its column rounds, and counts it', async () => {
    const { rows, counts } = await parseLines([
      rawUsageLine(
        '"UnitPrice":0.12345678901234567890125,"rateofcredit":"1e-30","Quantity":0.10000000000000000000000000',
      ),
      rawUsageLine('"UnitPrice":1'),
    ]);
    expect(rows[0]).toMatchObject({
      unit_price: '0.1234567890123456789012',
      credit_percentage: '0',
      quantity: '0.1',
      _extra: '{"rateofcredit":"1e-30","UnitPrice":0.12345678901234567890125}',
    });
    expect(counts).toMatchObject({ roundedNumbers: 2, unknownFields: {} });
  });

  it('counts unknown fields by the name that the source gives them', async () => {
    const { counts } = await parseLines([
      rawUsageLine('"New":1,"__proto__":2'),
      rawUsageLine('"New":null'),
      rawUsageLine('"new":1'),
      'bad',
    ]);
    expect(Object.entries(counts.unknownFields).sort()).toEqual([
      ['New', 2],
      ['__proto__', 1],
      ['new', 1],
    ]);
  });

  it('counts names that are made of data together, from the thousandth on', async () => {
    const lines = Array.from({ length: 1200 }, (_, index) => rawUsageLine(`"name-${index}":1`));
    const { counts } = await parseLines(lines);
    expect(Object.keys(counts.unknownFields)).toHaveLength(1001);
    expect(counts.unknownFields['(other names)']).toBe(200);
  });

  it.each([
    ['"Quantity":"1,5"', 'Quantity: the value is no number'],
    ['"quantity":"n/a"', 'quantity: the value is no number'],
    ['"Quantity":true', 'Quantity: the value is no decimal but a JSON boolean'],
    ['"Quantity":[1]', 'Quantity: the value is no decimal but a JSON array'],
    ['"Quantity":1e16', 'Quantity: the value has more than 16 digits before the decimal point'],
    ['"UsageDate":"10/3/2020"', 'UsageDate: the value is no date in a known form'],
    ['"UsageDate":20240801', 'UsageDate: the value is no date but a JSON number'],
    ['"ChargeEndDate":"2023-02-29"', 'ChargeEndDate: the value is no day of the calendar'],
    ['"ChargeEndDate":{}', 'ChargeEndDate: the value is no timestamp but a JSON object'],
    ['"invoicenumber":"G2"', 'invoicenumber: two fields of the record mean the same column'],
    ['"Unit":"a","UnitOfMeasure":null', 'UnitOfMeasure: two fields of the record mean the same column'],
    ['"New":1,"NEW":2', 'NEW: the field occurs twice'],
    [
      '"CustomerName":"a\\u0000b"',
      'CustomerName: a string holds the NUL character, which no database text can',
    ],
    ['"New":["\\ud800"]', 'New: a string holds half of a surrogate pair'],
  ])('with %s is rejected: %s', async (members, expected) => {
    expect(await rejectionOf(rawUsageLine(members))).toBe(expected);
  });

  it('is rejected where a required field is missing, null or blank', async () => {
    const reason = 'a required field is missing or blank';
    expect(await rejectionOf('{"BillingCurrency":"USD","BillingPreTaxTotal":1}')).toBe(
      `InvoiceNumber: ${reason}`,
    );
    expect(await rejectionOf(usageLine({ BillingCurrency: ' ' }))).toBe(`BillingCurrency: ${reason}`);
    expect(await rejectionOf(usageLine({ BillingPreTaxTotal: null }))).toBe(`BillingPreTaxTotal: ${reason}`);
    expect(await rejectionOf('{}', BILLED_RECONCILIATION)).toBe(`InvoiceNumber: ${reason}`);
    const { rows } = await parseLines(['{"BillingCurrency":"USD","BillingPreTaxTotal":0}'], {
      table: UNBILLED_USAGE,
    });
    expect(rows[0]).toMatchObject({ invoice_number: null, billing_pre_tax_total: '0' });
  });
});
