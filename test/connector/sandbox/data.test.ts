import { describe, expect, it } from 'vitest';
import { canonicalDecimal } from '../../../schemas/decimal-text.js';
import { STREAMS, type StreamName } from '../../../schemas/streams.js';
import type { Sandbox, SandboxOptions } from '../../../connector/sandbox/sandbox.js';
import { fieldsOf } from '../../../connector/sandbox/line-fields.js';
import { INVOICE, linesOf, manifestOf, rawBlobs, rawField, small, USAGE } from './sandbox-client.js';

const SCALE = 30;

/** The exact value of a JSON number, exponents and all, times 10^30. */
function exact(token: string | null): bigint {
  const [, sign = '', whole = '', fraction = '', exponent = '0'] =
    /^(-?)(\d+)(?:\.(\d+))?(?:E([+-]?\d+))?$/.exec(token ?? '') ?? [];
  const digits = BigInt(`${sign}${whole}${fraction}`);
  return digits * 10n ** BigInt(SCALE - fraction.length + Number.parseInt(exponent, 10));
}

function sumOf(lines: readonly string[], field: string): bigint {
  return lines.reduce((sum, line) => sum + exact(rawField(line, field)), 0n);
}

function groupsOf(lines: readonly string[]): Map<string, string[]> {
  const groups = new Map<string, string[]>();
  for (const line of lines) {
    const key = ['CustomerId', 'SubscriptionId', 'ProductId', 'SkuId', 'AvailabilityId']
      .map((name) => rawField(line, name))
      .join(' ');
    groups.set(key, [...(groups.get(key) ?? []), line]);
  }
  return groups;
}

async function using<T>(options: SandboxOptions, task: (sandbox: Sandbox) => Promise<T>): Promise<T> {
  const sandbox = await small(options);
  try {
    return await task(sandbox);
  } finally {
    await sandbox.close();
  }
}

const BODIES: Readonly<Record<StreamName, object>> = {
  billed_usage: INVOICE,
  billed_reconciliation: INVOICE,
  unbilled_usage: { billingPeriod: 'current', currencyCode: 'EUR' },
  unbilled_reconciliation: { billingPeriod: 'last', currencyCode: 'EUR' },
};

describe('the data of the sandbox', () => {
  it('is the same bytes for the same seed and other bytes for another', async () => {
    const bytes = (seed: number) =>
      using({ seed }, async (sandbox) => {
        const manifests = [];
        for (const stream of ['billed_usage', 'billed_reconciliation'] as const) {
          manifests.push(await manifestOf(sandbox, stream, INVOICE));
        }
        const blobs = await Promise.all(manifests.map((manifest) => rawBlobs(manifest)));
        const names = manifests.flatMap(({ eTag, blobs: list }) => [eTag, ...list.map(({ name }) => name)]);
        return { names, hex: blobs.flat().map((blob) => blob.toString('hex')) };
      });
    const [one, same, other] = [await bytes(7), await bytes(7), await bytes(8)];
    expect(same).toEqual(one);
    expect(other.hex).not.toEqual(one.hex);
    expect(other.names).not.toEqual(one.names);
  });

  it.each(['full', 'basic'] as const)(
    'has the columns of the attribute set %s, in the declared order, and no null',
    async (attributeSet) => {
      await using({ usageRows: 600 }, async (sandbox) => {
        for (const stream of Object.keys(BODIES) as StreamName[]) {
          const lines = await linesOf(sandbox, stream, { ...BODIES[stream], attributeSet });
          const declared = STREAMS[stream].table.columns
            .filter(({ inBasic }) => inBasic || attributeSet === 'full')
            .map(({ source }) => source);
          const seen = new Set<string>();
          for (const line of lines) {
            const names = fieldsOf(line).map(([name]) => name);
            expect(Object.keys(JSON.parse(line) as object)).toEqual(names);
            expect(names).toEqual(declared.filter((name) => names.includes(name)));
            expect(fieldsOf(line).some(([, token]) => token === 'null')).toBe(false);
            for (const name of names) seen.add(name);
          }
          expect(seen.size).toBeGreaterThan(declared.length - 8);
        }
      });
    },
  );

  it('has full usage lines of about 1.8 KB', async () => {
    await using({ usageRows: 600 }, async (sandbox) => {
      const lines = await linesOf(sandbox, 'billed_usage', INVOICE);
      const bytes = lines.reduce((sum, line) => sum + Buffer.byteLength(line), 0) / lines.length;
      expect(bytes).toBeGreaterThan(1600);
      expect(bytes).toBeLessThan(2000);
    });
  });

  it('says exactly what it holds: records and sums of every stream, in canonical text', async () => {
    await using({}, async (sandbox) => {
      const scopes = [
        [USAGE, 'BillingPreTaxTotal', 'USD'],
        [{ stream: 'billed_reconciliation', invoice: 'G016907411' }, 'Subtotal', 'USD'],
        [{ stream: 'unbilled_usage', month: '2026-11', currency: 'EUR' }, 'BillingPreTaxTotal', 'EUR'],
        [{ stream: 'unbilled_reconciliation', month: '2026-10', currency: 'EUR' }, 'Subtotal', 'EUR'],
      ] as const;
      for (const [scope, field, currency] of scopes) {
        const lines = await linesOf(sandbox, scope.stream, BODIES[scope.stream]);
        const expected = sandbox.expected(scope);
        expect(lines).toHaveLength(expected.records);
        expect(Object.keys(expected.sums)).toEqual([currency]);
        const sum = expected.sums[currency] ?? '';
        expect(canonicalDecimal(sum)).toBe(sum);
        expect(sumOf(lines, field)).toBe(exact(sum));
      }
    });
  });

  it('ties usage to the lines of its invoice by less than a cent a line, in both currencies', async () => {
    await using({ usageRows: 3000 }, async (sandbox) => {
      for (const invoiceId of ['G016907411', 'G016907412']) {
        const usage = groupsOf(await linesOf(sandbox, 'billed_usage', { invoiceId }));
        const lines = groupsOf(await linesOf(sandbox, 'billed_reconciliation', { invoiceId }));
        const cent = exact('0.01');
        let tied = 0;
        for (const [key, rows] of usage) {
          const rowSum = sumOf(rows, 'BillingPreTaxTotal');
          const billed = lines.get(key);
          if (billed === undefined) {
            expect(rows.every((row) => exact(rawField(row, 'EffectiveUnitPrice')) === 0n)).toBe(true);
            continue;
          }
          const difference = rowSum - sumOf(billed, 'Subtotal');
          expect(difference < 0n ? -difference : difference).toBeLessThan(cent * BigInt(billed.length));
          tied++;
        }
        expect(tied).toBeGreaterThan(20);
      }
    });
  });

  it('computes a usage amount as price x quantity x rate, cut to ten decimals', async () => {
    await using({ usageRows: 400 }, async (sandbox) => {
      const lines = await linesOf(sandbox, 'billed_usage', { invoiceId: 'G016907412' });
      const one = 10n ** BigInt(SCALE);
      const step = 10n ** BigInt(SCALE - 10);
      for (const line of lines) {
        const product = ['EffectiveUnitPrice', 'Quantity', 'PCToBCExchangeRate'].reduce(
          (value, name) => value * exact(rawField(line, name)),
          1n,
        );
        expect(exact(rawField(line, 'BillingPreTaxTotal'))).toBe((product / one / one / step) * step);
      }
    });
  });

  it('adds subtotal and tax to the total, cut to cents, and the totals to the invoice’s total charges', async () => {
    await using({}, async (sandbox) => {
      const lines = await linesOf(sandbox, 'billed_reconciliation', INVOICE);
      const cent = exact('0.01');
      for (const line of lines) {
        const [subtotal, tax, total] = ['Subtotal', 'TaxTotal', 'Total'].map((name) =>
          exact(rawField(line, name)),
        );
        expect((subtotal ?? 0n) + (tax ?? 0n)).toBe(total);
        expect([(subtotal ?? 0n) % cent, (tax ?? 0n) % cent]).toEqual([0n, 0n]);
      }
      expect(sumOf(lines, 'Total')).toBe(exact(sandbox.totalCharges('G016907411')));
    });
  });

  it('has what real data has: awkward prices, refunds, free tiers, covered usage, twins, names of the world', async () => {
    await using({ usageRows: 4000 }, async (sandbox) => {
      const lines = await linesOf(sandbox, 'billed_usage', INVOICE);
      const text = lines.join('\n');
      expect(text).toContain('"EffectiveUnitPrice":0.1999968000511991808131');
      expect(text).toContain('"UnitPrice":1.0E-5');
      expect(text).toContain('"EffectiveUnitPrice":8.5E-6');
      expect(text).toMatch(/"BillingPreTaxTotal":-\d/);
      expect(text).toMatch(/"UnitPrice":0,.*"MeterId"|"MeterId".*"UnitPrice":0,/);
      expect(text).toMatch(/"BillingPreTaxTotal":0,.*"BenefitType":"SavingsPlan"/);
      expect(text).toContain('\\"ReservationOrderId\\":');
      expect(text).toContain('東京データ株式会社');
      expect(text).toContain('Partner Earned Credit Applied');
      expect(text).toContain('"MeterId":"1core"');
      expect(new Set(lines).size).toBeLessThan(lines.length);
      expect(new Set(lines.map((line) => rawField(line, 'CustomerId'))).size).toBeGreaterThan(5);
      expect(new Set(lines.map((line) => rawField(line, 'UsageDate'))).size).toBe(31);
    });
  });

  it('has what real invoices have: seat changes, halves of E5, credits, software without an end, tiers', async () => {
    await using({ usageRows: 2000 }, async (sandbox) => {
      const lines = await linesOf(sandbox, 'billed_reconciliation', INVOICE);
      const having = (pattern: RegExp) => lines.filter((line) => pattern.test(line));
      expect(having(/"ChargeType":"removeQuantity".*"EffectiveUnitPrice":-/).length).toBeGreaterThan(0);
      expect(having(/"ProductName":"Microsoft 365 E5"/).length % 2).toBe(0);
      expect(having(/"Subtotal":-28\.38,.*"CreditReasonCode":"Azure Credit Offer"/).length).toBeGreaterThan(
        0,
      );
      expect(
        having(/"ProductCategory":"Software"/).every((line) => rawField(line, 'ChargeEndDate') === null),
      ).toBe(true);
      expect(having(/"OrderDate":"[0-9T:-]+\.\d{7}Z"/).length).toBeGreaterThan(0);
      expect(having(/"ChargeStartDate":"[0-9T:.-]+-08:00"/).length).toBeGreaterThan(0);
      expect(having(/"ProductQualifiers":\["AddOn","Trial"\]/).length).toBeGreaterThan(0);
      expect(having(/"PublisherId":"21223810"/).length).toBeGreaterThan(0);
      expect(new Set(lines).size).toBeLessThan(lines.length);
      const tiered = [...groupsOf(lines).values()].filter(
        (group) => group.length > 1 && group.some((line) => /"UnitPrice":0,.*"MeterDescription"/.test(line)),
      );
      expect(tiered.length).toBeGreaterThan(0);
    });
  });

  it('links savings plans and reservations to their lines by the order id', async () => {
    await using({ usageRows: 4000 }, async (sandbox) => {
      const usage = await linesOf(sandbox, 'billed_usage', INVOICE);
      const lines = await linesOf(sandbox, 'billed_reconciliation', INVOICE);
      const orders = new Set(lines.map((line) => rawField(line, 'ReservationOrderId')));
      const plans = new Set(
        usage.map((line) => rawField(line, 'BenefitOrderID')).filter((id) => id !== null),
      );
      const reservations = new Set(
        usage
          .map((line) => /\\"ReservationOrderId\\":\\"([^\\]+)/.exec(line)?.[1])
          .filter((id) => id !== undefined),
      );
      expect(plans.size).toBeGreaterThan(0);
      expect(reservations.size).toBeGreaterThan(0);
      for (const order of [...plans, ...reservations]) expect(orders.has(order)).toBe(true);
    });
  });

  it('gives an open month no invoice number, its share of days, and no lines of usage', async () => {
    await using({ usageRows: 310 }, async (sandbox) => {
      const current = await linesOf(sandbox, 'unbilled_usage', BODIES.unbilled_usage);
      const last = await linesOf(sandbox, 'unbilled_usage', { billingPeriod: 'last', currencyCode: 'EUR' });
      const lines = await linesOf(sandbox, 'unbilled_reconciliation', BODIES.unbilled_reconciliation);
      expect([...current, ...lines].some((line) => line.includes('"InvoiceNumber"'))).toBe(false);
      expect(last).toHaveLength(310);
      expect(current).toHaveLength(11 * 23);
      expect(current.every((line) => (rawField(line, 'UsageDate') ?? '') <= '2026-11-23')).toBe(true);
      expect(lines.some((line) => line.includes('"ProductCategory":"Azure"'))).toBe(false);
    });
  });

  it('can be empty, and can have fewer rows than blobs', async () => {
    await using({ usageRows: 0, reconciliationRows: 0 }, async (sandbox) => {
      const manifest = await manifestOf(sandbox);
      expect([manifest.blobCount, await linesOf(sandbox, 'billed_usage', INVOICE)]).toEqual([1, []]);
      expect(sandbox.expected(USAGE)).toMatchObject({ records: 0, sums: {} });
    });
    await using({ usageRows: 2, blobs: 5 }, async (sandbox) => {
      expect((await manifestOf(sandbox)).blobCount).toBe(2);
      expect(await linesOf(sandbox, 'billed_usage', INVOICE)).toHaveLength(2);
    });
  });
});

describe('restating a scope', () => {
  it.each(['billed_usage', 'billed_reconciliation'] as const)(
    'changes, removes and adds exactly so many rows of %s, the same ones every time',
    async (stream) => {
      const scope = { stream, invoice: 'G016907411' };
      const change = { changed: 5, removed: 3, added: 2 };
      const run = () =>
        using({}, async (sandbox) => {
          const before = await linesOf(sandbox, stream, INVOICE);
          const eTag = sandbox.expected(scope).eTag;
          sandbox.restate(scope, change);
          const after = await linesOf(sandbox, stream, INVOICE);
          const expected = sandbox.expected(scope);
          expect(expected.eTag).not.toBe(eTag);
          return { before, after, expected };
        });
      const { before, after, expected } = await run();
      expect((await run()).after).toEqual(after);
      const left = new Map<string, number>();
      for (const line of before) left.set(line, (left.get(line) ?? 0) + 1);
      let fresh = 0;
      for (const line of after) {
        const count = left.get(line) ?? 0;
        if (count === 0) fresh++;
        else left.set(line, count - 1);
      }
      expect(after).toHaveLength(before.length - 3 + 2);
      expect(fresh).toBe(5 + 2);
      expect(after).toHaveLength(expected.records);
      const amount = stream === 'billed_usage' ? 'BillingPreTaxTotal' : 'Subtotal';
      expect(sumOf(after, amount)).toBe(exact(expected.sums['USD'] ?? ''));
      expect(sumOf(after, amount)).not.toBe(sumOf(before, amount));
    },
  );

  it('keeps what identifies a changed row', async () => {
    await using({ usageRows: 200 }, async (sandbox) => {
      const identity = (line: string) =>
        ['ResourceURI', 'UsageDate', 'MeterId', 'ChargeType', 'CreditType']
          .map((name) => rawField(line, name))
          .join(' ');
      const before = await linesOf(sandbox, 'billed_usage', INVOICE);
      sandbox.restate(USAGE, { changed: 10 });
      const after = await linesOf(sandbox, 'billed_usage', INVOICE);
      expect(after.map(identity).sort()).toEqual(before.map(identity).sort());
      expect(after.filter((line) => !before.includes(line))).toHaveLength(10);
    });
  });

  it('charges one line of few licences too much by 1, in the line and in the header', async () => {
    await using({ usageRows: 40, reconciliationRows: 40 }, async (sandbox) => {
      const before = await linesOf(sandbox, 'billed_reconciliation', INVOICE);
      const header = exact(sandbox.totalCharges('G016907411'));
      sandbox.overcharge('G016907411');
      const after = await linesOf(sandbox, 'billed_reconciliation', INVOICE);
      const [wrong, ...others] = after.filter((line) => !before.includes(line));
      const [right] = before.filter((line) => !after.includes(line));
      expect(others).toEqual([]);
      const difference = (field: string) =>
        exact(rawField(wrong ?? '', field)) - exact(rawField(right ?? '', field));
      expect(difference('Subtotal')).toBe(exact('1'));
      expect(exact(sandbox.totalCharges('G016907411')) - header).toBe(difference('Total'));
      expect(exact(rawField(wrong ?? '', 'BillableQuantity')) <= exact('20')).toBe(true);
    });
  });

  it('touches no other scope and stops when no row is left', async () => {
    const sandbox = await small({ usageRows: 4 });
    const other = { stream: 'billed_usage', invoice: 'G016907412' } as const;
    const before = sandbox.expected(other);
    sandbox.restate(USAGE, { removed: 10 });
    const [after, untouched] = [sandbox.expected(USAGE), sandbox.expected(other)];
    await sandbox.close();
    expect(after).toMatchObject({ records: 0, sums: {} });
    expect(untouched).toEqual(before);
  });
});
