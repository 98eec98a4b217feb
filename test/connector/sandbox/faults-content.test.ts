import { gunzipSync } from 'node:zlib';
import { afterAll, beforeAll, describe, expect, it } from 'vitest';
import type { FaultName, Sandbox } from '../../../connector/sandbox/sandbox.js';
import type { CONTENT_FAULTS } from '../../../connector/sandbox/faults.js';
import { fieldsOf } from '../../../connector/sandbox/line-fields.js';
import type { StreamName } from '../../../schemas/streams.js';
import { INVOICE, manifestOf, rawBlobs, rawField, small, USAGE } from './sandbox-client.js';

interface Seen {
  /** First blob without the fault and with it, as stored and as text. */
  readonly plain: string;
  readonly raw: Buffer;
  readonly text: string;
  readonly stream: StreamName;
}

const isGzip = (bytes: Buffer): boolean => bytes[0] === 0x1f && bytes[1] === 0x8b;
const linesOf = (text: string): string[] => text.split('\n').filter((line) => line.trim() !== '');
const amountOf = (stream: StreamName): string =>
  stream === 'billed_usage' ? 'BillingPreTaxTotal' : 'Subtotal';

/** Only the first line of the first blob differs: in that field, to that value (null: it is missing). */
const firstLineHas =
  (field: string | ((stream: StreamName) => string), value: string | null) =>
  ({ plain, text, stream }: Seen): void => {
    const [first = '', ...others] = linesOf(text);
    const name = typeof field === 'string' ? field : field(stream);
    expect(rawField(first, name)).toBe(value);
    expect(others).toEqual(linesOf(plain).slice(1));
  };

/** Every field of every line, beside what it was; fields that came new have no before. */
function everyField(seen: Seen): { name: string; token: string; before: string | undefined }[] {
  const before = linesOf(seen.plain).map((line) => new Map(fieldsOf(line)));
  return linesOf(seen.text).flatMap((line, index) =>
    fieldsOf(line).map(([name, token]) => ({ name, token, before: before[index]?.get(name) })),
  );
}

const filledWith =
  (token: string) =>
  (seen: Seen): void => {
    const fields = everyField(seen);
    expect(fields.filter(({ before }) => before === undefined).length).toBeGreaterThan(50);
    for (const field of fields) expect(field.token).toBe(field.before ?? token);
  };

const numbersLike =
  (pattern: RegExp, value: (token: string) => number) =>
  (seen: Seen): void => {
    const numbers = everyField(seen).filter(({ before }) => /^-?\d/.test(before ?? ''));
    expect(numbers.length).toBeGreaterThan(100);
    for (const { token, before } of numbers) {
      expect(token).toMatch(pattern);
      expect(value(token)).toBe(Number(before));
    }
  };

const CHECKS: Record<keyof typeof CONTENT_FAULTS, (seen: Seen) => void> = {
  'blob-multi-member': ({ plain, raw, text }) => {
    expect(text).toBe(plain);
    const second = raw.indexOf(Buffer.from([0x1f, 0x8b, 0x08]), 3);
    expect(second).toBeGreaterThan(0);
    expect(plain.startsWith(gunzipSync(raw.subarray(0, second)).toString())).toBe(true);
  },
  'blob-inflated': ({ plain, raw }) => {
    expect(isGzip(raw)).toBe(false);
    expect(raw.toString()).toBe(plain);
  },
  'rows-none': ({ text }) => {
    expect(text).toBe('');
  },
  'rows-crlf': ({ plain, text }) => {
    expect(text).toBe(plain.replaceAll('\n', '\r\n'));
  },
  'rows-no-final-newline': ({ plain, text }) => {
    expect(text).toBe(plain.slice(0, -1));
  },
  'rows-blank-lines': ({ plain, text }) => {
    expect(linesOf(text)).toEqual(linesOf(plain));
    expect(text.split('\n').filter((line) => line === '').length).toBeGreaterThan(10);
    expect(text).toContain('\n  \n');
  },
  'rows-bom': ({ plain, text }) => {
    expect(text).toBe(`\ufeff${plain}`);
  },
  'rows-null-keys': filledWith('null'),
  'rows-empty-strings': filledWith('""'),
  'rows-number-strings': numbersLike(/^"-?\d[\d.E+-]*"$/, (token) => Number(token.slice(1, -1))),
  'rows-exponents': numbersLike(/^-?\d(\.\d+)?E[+-]?\d+$/, Number),
  'rows-22-digits': numbersLike(/^-?\d+\.\d{22}$|E-/, Number),
  'rows-30-digits': firstLineHas('UnitPrice', '0.123456789012345678901234567891'),
  'rows-camel-case': (seen) => {
    const names = linesOf(seen.text).flatMap((line) => fieldsOf(line).map(([name]) => name));
    expect(names.every((name) => /^[a-z]/.test(name))).toBe(true);
    expect(linesOf(seen.text).map((line) => line.length)).toEqual(
      linesOf(seen.plain).map((line) => line.length),
    );
  },
  'rows-alias-names': ({ text, stream }) => {
    expect(text).toContain('"ResellerMpnId":');
    expect(text).not.toContain('"Tier2MpnId":');
    expect(text.includes('"RateOfCredit":')).toBe(stream === 'billed_usage');
    expect(text.includes('"TotalForCustomer":')).toBe(stream === 'billed_reconciliation');
  },
  'rows-fraction-rates': ({ text, plain, stream }) => {
    if (stream === 'billed_usage')
      expect(text.includes('"PartnerEarnedCreditPercentage":0.15,"CreditPercentage":0.15')).toBe(true);
    else expect(text).toBe(plain);
  },
  'rows-unknown-columns': ({ text }) => {
    for (const line of linesOf(text)) {
      expect(line).toMatch(
        /"FutureCode":"ΔX-\d+","FutureAmount":0\.1999968000511991808131,"FutureDetail":\{"b":1\.10,"a":\[1,null\]\}\}$/,
      );
    }
  },
  'rows-long-additional-info': ({ text, plain }) => {
    const [first = '', ...others] = linesOf(text);
    expect(first.length).toBeGreaterThan(1_000_000);
    expect(first).toMatch(/"(AdditionalInfo|PriceAdjustmentDescription)":"\{\\"Note\\":\\"xxx/);
    expect(others).toEqual(linesOf(plain).slice(1));
  },
  'rows-duplicates': ({ text, plain }) => {
    const [first = '', ...others] = linesOf(plain);
    expect(linesOf(text)).toEqual([first, first, first, ...others]);
  },
  'rows-other-invoice': firstLineHas('InvoiceNumber', 'G099999999'),
  'rows-other-tenant': firstLineHas('PartnerId', '11111111-2222-4333-8444-555555555555'),
  'rows-other-month': (seen) => {
    const isUsage = seen.stream === 'billed_usage';
    firstLineHas(
      isUsage ? 'UsageDate' : 'ChargeStartDate',
      isUsage ? '2019-02-14' : '2019-02-01T00:00:00Z',
    )(seen);
  },
  'rows-other-currency': firstLineHas(
    (stream) => (stream === 'billed_usage' ? 'BillingCurrency' : 'Currency'),
    'XTS',
  ),
  'rows-broken-line': ({ text, plain }) => {
    const [first = '', ...others] = linesOf(text);
    expect(linesOf(plain)[0]?.startsWith(first)).toBe(true);
    expect(() => JSON.parse(first) as unknown).toThrow();
    expect(others).toEqual(linesOf(plain).slice(1));
  },
  'rows-bad-number': firstLineHas(amountOf, '12,34'),
  'rows-bad-utf8': ({ raw, text, plain }) => {
    expect(gunzipSync(raw).includes(0xff)).toBe(true);
    expect(linesOf(text)[0]).toContain('Con\ufffdtoso');
    expect(linesOf(text).slice(1)).toEqual(linesOf(plain).slice(1));
  },
  'rows-nul': firstLineHas('CustomerName', 'Con\\u0000toso'),
  'rows-missing-amount': firstLineHas(amountOf, null),
};

const textOf = (bytes: Buffer | undefined): string =>
  bytes === undefined ? '' : (isGzip(bytes) ? gunzipSync(bytes) : bytes).toString();

describe('a fault of the content', () => {
  let sandbox: Sandbox;
  const plainBlobs = new Map<StreamName, Buffer[]>();
  beforeAll(async () => {
    sandbox = await small({ reconciliationRows: 60 });
    for (const stream of ['billed_usage', 'billed_reconciliation'] as const) {
      plainBlobs.set(stream, await rawBlobs(await manifestOf(sandbox, stream, INVOICE)));
    }
  });
  afterAll(() => sandbox.close());

  async function seenOf(name: FaultName, stream: StreamName): Promise<Seen & { readonly others: string[] }> {
    const scope = { ...USAGE, stream };
    sandbox.setFaults([]);
    const plainETag = sandbox.expected(scope).eTag;
    sandbox.setFaults([`${name}:1`]);
    const eTag = sandbox.expected(scope).eTag;
    const faulty = await manifestOf(sandbox, stream, INVOICE);
    const blobs = await rawBlobs(faulty);
    expect(faulty.eTag).toBe(eTag);
    expect(eTag).not.toBe(plainETag);
    expect((await manifestOf(sandbox, stream, INVOICE)).eTag).toBe(plainETag);
    const plain = plainBlobs.get(stream) ?? [];
    const others = [plain.at(-1), blobs.at(-1)].map((bytes) => textOf(bytes));
    return {
      plain: textOf(plain[0]),
      raw: blobs[0] ?? Buffer.alloc(0),
      text: textOf(blobs[0]),
      stream,
      others,
    };
  }

  it.each(Object.entries(CHECKS))(
    '%s is in the usage of one export, with an eTag of its own',
    async (name, check) => {
      const seen = await seenOf(name as FaultName, 'billed_usage');
      check(seen);
      expect(seen.stream).toBe('billed_usage');
    },
  );

  it.each(Object.entries(CHECKS))('%s is in the reconciliation of one export', async (name, check) => {
    const seen = await seenOf(name as FaultName, 'billed_reconciliation');
    check(seen);
    expect(seen.stream).toBe('billed_reconciliation');
  });

  it.each(['rows-broken-line', 'rows-other-tenant', 'rows-missing-amount'] as const)(
    '%s meets one row of the export, not one of every blob',
    async (name) => {
      const { others } = await seenOf(name, 'billed_usage');
      expect(others[1]).toBe(others[0]);
    },
  );
});
