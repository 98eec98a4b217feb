import fc from 'fast-check';
import { expect, test } from 'vitest';
import { decimalText } from '../../schemas/decimal-text.js';
import { Dataset, failure, type ContractDatabase } from './dataset.js';

const SCALE = 22;
const ONE = 10n ** 22n;
const FACTOR_LIMIT = 10n ** 34n;
const RESULT_LIMIT = 10n ** 26n;

type Pair = readonly [bigint, bigint];

/** The macros that make exact sums: the same answers as arithmetic with integers, on both databases. */
export function describeExactSums(database: () => ContractDatabase): void {
  test('mul and div are the exact product and quotient, rounded half to even to ten decimals, as integers have them', async () => {
    const dataset = await Dataset.migrated(database());
    let ties = 0;
    await fc.assert(
      fc.asyncProperty(fc.array(pairs, { minLength: 300, maxLength: 300 }), async (drawn) => {
        const known = drawn.filter(([a, b]) => isInRange(product(a, b)) && isInRange(quotient(a, b)));
        ties += known.filter(
          ([a, b]) => isTie(a * b, 10n ** 34n) || (b !== 0n && isTie(a * 10n ** 10n, b)),
        ).length;
        const rows = await dataset.rows(
          `SELECT {d}.mul(v.a, v.b) AS product, {d}.mul(v.b, v.a) AS turned, {d}.div(v.a, v.b) AS quotient
           FROM (VALUES ${known.map(([a, b], index) => `(${index}, ${sql(a)}, ${sql(b)})`).join(', ')}) AS v (i, a, b)
           ORDER BY v.i`,
        );
        expect(rows).toEqual(
          known.map(([a, b]) => ({
            product: text(product(a, b), 10),
            turned: text(product(a, b), 10),
            quotient: text(quotient(a, b), 10),
          })),
        );
      }),
      { numRuns: 6 },
    );
    expect(ties).toBeGreaterThan(100);
  }, 120_000);

  test('mul and div give an error where an input or the result is beyond their range, never another number', async () => {
    const dataset = await Dataset.migrated(database());
    const largest = text(FACTOR_LIMIT - 1n, SCALE) ?? '';
    expect(
      await dataset.rows(
        `SELECT {d}.mul(${decimal(largest)}, 9999.999) AS p, {d}.div(${decimal(largest)}, -1) AS q`,
      ),
    ).toEqual([{ p: '9999999000000000', q: '-1000000000000' }]);
    for (const call of [
      'mul(1000000000000, 1)',
      'mul(1, -1000000000000)',
      `mul(${decimal(largest)}, 10000.00001)`,
      `mul(${decimal('99999999999')}, -99999999999)`,
      'mul(9999999999999999, 9999999999999999)',
      'mul(99999999999999999, 0)',
      'mul(10000000000000000000000000000, 1)',
      'div(1000000000000, 1)',
      'div(1, 1000000000000)',
      'div(1, 0.0000000000000000000001)',
      'div(-999999999999, 0.000099999999)',
      'div(1000000, 0.0000000001)',
      "trunc_money(10000000000000000, 'USD')",
    ]) {
      const error = await failure(dataset.rows(`SELECT {d}.${call} AS v`));
      expect([call, error.kind]).toEqual([call, 'config']);
    }
    const rows = await dataset.rows(`SELECT {d}.div(${decimal('999999999999')}, 0.0001) AS v`);
    expect(rows).toEqual([{ v: '9999999999990000' }]);
  });

  test('what is no exact decimal is an error, and null stays null; nothing can be divided by zero', async () => {
    const dataset = await Dataset.migrated(database());
    for (const call of [
      'mul(CAST(1.5 AS double precision), 2)',
      "mul(CAST('2' AS varchar), 2)",
      'div(CAST(0.00000000000000000000001 AS DECIMAL(38, 23)), 2)',
      'pec_rate(CAST(15 AS double precision))',
      "trunc_money(CAST(1 AS real), 'EUR')",
    ])
      expect([call, (await failure(dataset.rows(`SELECT {d}.${call} AS v`))).kind]).toEqual([call, 'config']);
    const nothing = 'CAST(NULL AS DECIMAL(38, 22))';
    const calls = [
      `mul(${nothing}, 2)`,
      `mul(2, ${nothing})`,
      'mul(NULL, NULL)',
      `div(${nothing}, 2)`,
      `div(2, ${nothing})`,
      'div(2, 0)',
      `div(${nothing}, 0)`,
      `trunc_money(${nothing}, 'EUR')`,
      'trunc_money(2, NULL)',
      "trunc_money(2, 'XXX')",
      "trunc_money(2, '')",
      `pec_rate(${nothing})`,
    ];
    const rows = await dataset.rows(
      `SELECT ${calls.map((call, index) => `{d}.${call} AS c${index}`).join(', ')}`,
    );
    expect(Object.values(rows[0] ?? {})).toEqual(calls.map(() => null));
  });

  test('trunc_money cuts toward zero to the smallest unit of the currency, as integers do', async () => {
    const dataset = await Dataset.migrated(database());
    const amounts = fc.tuple(numbers(37), fc.constantFrom(...Object.keys(DECIMALS)));
    await fc.assert(
      fc.asyncProperty(fc.array(amounts, { minLength: 200, maxLength: 200 }), async (drawn) => {
        const rows = await dataset.rows(
          `SELECT {d}.trunc_money(v.amount, v.currency) AS amount, {d}.minor_units(v.currency) AS decimals
           FROM (VALUES ${drawn.map(([amount, code], index) => `(${index}, ${sql(amount)}, '${code}')`).join(', ')}) AS v (i, amount, currency)
           ORDER BY v.i`,
        );
        expect(rows).toEqual(
          drawn.map(([amount, code]) => {
            const decimals = DECIMALS[code] ?? 0;
            const unit = 10n ** BigInt(SCALE - decimals);
            return { amount: text(amount / unit, decimals), decimals: String(decimals) };
          }),
        );
      }),
      { numRuns: 3 },
    );
    expect(
      await dataset.rows(
        `SELECT {d}.trunc_money(-112.259, 'EUR') AS refund, {d}.trunc_money(112.259, 'eur') AS charge`,
      ),
    ).toEqual([{ refund: '-112.25', charge: '112.25' }]);
  }, 60_000);

  test('a currency has the decimals of ISO 4217, and one that it does not list has none', async () => {
    const dataset = await Dataset.migrated(database());
    const codes = Intl.supportedValuesOf('currency');
    const rows = await dataset.rows(
      `SELECT v.code, {d}.minor_units(v.code) AS decimals, {d}.money_unit(v.code) AS unit
       FROM (VALUES ${[...codes, 'XXX', 'ZZZ', 'US', 'USDE'].map((code) => `('${code}')`).join(', ')}) AS v (code)`,
    );
    const decimals = new Map(rows.map(({ code, decimals: found }) => [code, found]));
    expect([...decimals].filter(([, found]) => found === '0').map(([code]) => code)).toEqual(
      expect.arrayContaining(['JPY', 'KRW', 'VND', 'ISK', 'CLP']),
    );
    const current =
      'USD EUR GBP AUD BRL CAD CHF CNY CZK DKK HKD HUF IDR ILS INR MXN MYR NOK NZD PHP PLN SAR SEK SGD THB TRY TWD ZAR';
    for (const code of current.split(' ')) expect([code, decimals.get(code)]).toEqual([code, '2']);
    for (const code of ['XXX', 'ZZZ', 'US', 'USDE']) expect([code, decimals.get(code)]).toEqual([code, null]);
    for (const { decimals: found, unit } of rows)
      expect(unit).toBe(typeof found === 'string' ? decimalText(1n, Number(found)) : null);
  });

  test('15 and 0.15 are the same rate; what is no rate is null', async () => {
    const dataset = await Dataset.migrated(database());
    const raws = [
      '0',
      '15',
      '0.15',
      '15.0',
      '1',
      '100',
      '1.00',
      '12.5',
      '0.0000000000000000000001',
      '33.3333333333333',
      '1.5',
      '-1',
      '-0.15',
      '100.01',
      '1500',
    ];
    const rows = await dataset.rows(
      `SELECT {d}.pec_rate(v.raw) AS rate FROM (VALUES ${raws.map((raw, index) => `(${index}, ${decimal(raw)})`).join(', ')}) AS v (i, raw) ORDER BY v.i`,
    );
    expect(rows.map(({ rate }) => rate)).toEqual([
      '0',
      '0.15',
      '0.15',
      '0.15',
      '1',
      '1',
      '1',
      '0.125',
      '0.0000000000000000000001',
      '0.3333333333',
      '0.015',
      null,
      null,
      null,
      null,
    ]);
  });

  test('a rate above 1 is a hundredth of it, as integers have it, and nothing else is a rate', async () => {
    const dataset = await Dataset.migrated(database());
    const rates = fc.oneof(
      numbers(25),
      fc.constantFrom(0n, 1n, -1n, ONE, ONE + 1n, 100n * ONE, 100n * ONE + 1n),
    );
    await fc.assert(
      fc.asyncProperty(fc.array(rates, { minLength: 300, maxLength: 300 }), async (drawn) => {
        const rows = await dataset.rows(
          `SELECT {d}.pec_rate(v.raw) AS rate
           FROM (VALUES ${drawn.map((raw, index) => `(${index}, ${sql(raw)})`).join(', ')}) AS v (i, raw) ORDER BY v.i`,
        );
        expect(rows).toEqual(
          drawn.map((raw) => {
            if (raw < 0n || raw > 100n * ONE) return { rate: null };
            return { rate: raw <= ONE ? text(raw, SCALE) : text(quotient(raw, 100n * ONE), 10) };
          }),
        );
      }),
      { numRuns: 3 },
    );
  }, 60_000);

  test('the macros can be used in each other, in conditions, and on rows of a table', async () => {
    const dataset = await Dataset.migrated(database());
    const rows = await dataset.rows(
      `SELECT {d}.trunc_money({d}.mul({d}.trunc_money({d}.mul(v.price, v.quantity), 'USD'), {d}.div(v.rate, 3)), 'EUR') AS amount
       FROM (VALUES (1, 2.5415, 32, 3), (2, 9.408, -12, 1.5)) AS v (i, price, quantity, rate)
       WHERE {d}.mul(v.price, v.quantity) <> 0 ORDER BY v.i`,
    );
    expect(rows).toEqual([{ amount: '81.32' }, { amount: '-56.44' }]);
  });

  test('a hundred smallest units are allowed in all where nothing is configured, and no end for all lines of an invoice', async () => {
    const dataset = await Dataset.migrated(database());
    expect(await dataset.rows(ALLOWED)).toEqual([
      { units: '3', capped: '0.03', endless: '0.03', unknown: null },
      { units: '20000', capped: '1', endless: '200', unknown: null },
    ]);
    await dataset.byHand("INSERT INTO {d}._tolerances VALUES ('usage_completeness', 'default', NULL, 5)");
    expect((await dataset.rows(ALLOWED)).map((row) => row['endless'])).toEqual(['0.03', '5']);
  });
}

const ALLOWED = `SELECT v.units,
  {d}.recon_tolerance('usage_vs_invoice', 'USD', v.units) AS capped,
  {d}.recon_tolerance('usage_completeness', 'usd', v.units) AS endless,
  {d}.recon_tolerance('usage_completeness', 'XXX', v.units) AS unknown
FROM (VALUES (3), (20000)) AS v (units) ORDER BY v.units`;

const DECIMALS: Readonly<Record<string, number>> = {
  USD: 2,
  EUR: 2,
  inr: 2,
  JPY: 0,
  KRW: 0,
  KWD: 3,
  TND: 3,
  CLF: 4,
};

const signed = (magnitude: fc.Arbitrary<bigint>): fc.Arbitrary<bigint> =>
  fc.tuple(magnitude, fc.boolean()).map(([n, isNegative]) => (isNegative ? -n : n));

/** Unscaled numbers of up to `digits` digits, small and large ones as often, many with few decimals. */
function numbers(digits: number): fc.Arbitrary<bigint> {
  return fc
    .tuple(fc.integer({ min: 0, max: digits }), fc.integer({ min: 0, max: SCALE }))
    .chain(([length, decimals]) =>
      signed(fc.bigInt({ min: 0n, max: 10n ** BigInt(length) - 1n })).map((n) => {
        const unit = 10n ** BigInt(SCALE - decimals);
        return n >= unit || n <= -unit ? (n / unit) * unit : n;
      }),
    );
}

const anyPair: fc.Arbitrary<Pair> = fc.tuple(numbers(34), numbers(34));
const odd = signed(fc.bigInt({ min: 0n, max: 10n ** 15n }).map((n) => 2n * n + 1n));
const near = fc.constantFrom(0n, 0n, 1n, -1n);
/** A product that lies half-way between two results, or the smallest step beside that. */
const productTie: fc.Arbitrary<Pair> = fc
  .tuple(odd, fc.constantFrom(1n, -1n, 2n, 5n, 10n, 1000n, -100_000n), near)
  .map(([n, power, step]) => [n * 5n * 10n ** 11n + step, ONE / power]);
/** The same for a quotient. */
const quotientTie: fc.Arbitrary<Pair> = fc
  .tuple(odd, signed(fc.bigInt({ min: 1n, max: 10n ** 6n })), near)
  .map(([n, divisor, step]) => [n * divisor * 5n * 10n ** 11n + step, divisor * ONE]);
const edges = fc.constantFrom(
  0n,
  1n,
  -1n,
  ONE,
  -ONE,
  FACTOR_LIMIT - 1n,
  1n - FACTOR_LIMIT,
  10n ** 19n,
  5n * 10n ** 18n,
  10n ** 33n,
);
const pairs: fc.Arbitrary<Pair> = fc
  .oneof(
    anyPair,
    productTie,
    quotientTie,
    fc.tuple(edges, numbers(34)),
    fc.tuple(numbers(34), edges),
    fc.tuple(edges, edges),
  )
  .filter(([a, b]) => [a, b].every((n) => n < FACTOR_LIMIT && n > -FACTOR_LIMIT));

const product = (a: bigint, b: bigint): bigint => halfEven(a * b, 10n ** 34n);
const quotient = (a: bigint, b: bigint): bigint | null => (b === 0n ? null : halfEven(a * 10n ** 10n, b));

function halfEven(dividend: bigint, divisor: bigint): bigint {
  const isNegative = dividend < 0n !== divisor < 0n;
  const [n, d] = [abs(dividend), abs(divisor)];
  const twice = 2n * (n % d);
  const whole = n / d;
  const magnitude = twice > d || (twice === d && whole % 2n === 1n) ? whole + 1n : whole;
  return isNegative ? -magnitude : magnitude;
}

const isTie = (dividend: bigint, divisor: bigint): boolean =>
  2n * (abs(dividend) % abs(divisor)) === abs(divisor);
const isInRange = (result: bigint | null): boolean => result === null || abs(result) < RESULT_LIMIT;
const abs = (n: bigint): bigint => (n < 0n ? -n : n);
const text = (unscaled: bigint | null, scale: number): string | null =>
  unscaled === null ? null : decimalText(unscaled, scale);
const decimal = (value: string): string => `CAST('${value}' AS DECIMAL(38, 22))`;
const sql = (unscaled: bigint): string => decimal(decimalText(unscaled, SCALE));
