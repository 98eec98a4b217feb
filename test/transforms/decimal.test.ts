import fc from 'fast-check';
import { describe, expect, it } from 'vitest';
import { canonicalDecimal, decimalText } from '../../schemas/decimal-text.js';
import { parseDecimal } from '../../transforms/decimal.js';

const LARGEST = '9999999999999999.9999999999999999999999';

function textOf(text: string): string {
  const parsed = parseDecimal(text);
  if ('rejected' in parsed) return parsed.rejected;
  return `${decimalText(parsed.unscaled)}${parsed.rounded ? ' (rounded)' : ''}`;
}

describe('a decimal', () => {
  it.each([
    ['0', '0'],
    ['-0', '0'],
    ['-0.000', '0'],
    ['1', '1'],
    ['-1.50', '-1.5'],
    ['007.10', '7.1'],
    ['14.4', '14.4'],
    ['0.1999968000511991808131', '0.1999968000511991808131'],
    ['0.1835431430074643112595', '0.1835431430074643112595'],
    ['9223372036854780', '9223372036854780'],
    ['1E-05', '0.00001'],
    ['1.0E-5', '0.00001'],
    ['0E-20', '0'],
    ['0e999999999', '0'],
    ['1E+3', '1000'],
    ['1e3', '1000'],
    ['-2.5e1', '-25'],
    ['1234567890123456e-22', '0.0000001234567890123456'],
    ['0.0000000000000000000001e37', '1000000000000000'],
    ['1e15', '1000000000000000'],
    [LARGEST, LARGEST],
    [`-${LARGEST}`, `-${LARGEST}`],
    ['1e0000000000000000000003', '1000'],
    ['1.00000000000000000000000000000000', '1'],
    [`${'0'.repeat(50)}1.5`, '1.5'],
    ['0.00000000000000000000010', '0.0000000000000000000001'],
  ])('%s is %s exactly', (text, expected) => {
    expect(textOf(text)).toBe(expected);
  });

  it.each([
    ['0.12345678901234567890125', '0.1234567890123456789012 (rounded)'],
    ['0.12345678901234567890135', '0.1234567890123456789014 (rounded)'],
    ['0.12345678901234567890134999', '0.1234567890123456789013 (rounded)'],
    ['0.123456789012345678901250001', '0.1234567890123456789013 (rounded)'],
    ['-0.12345678901234567890125', '-0.1234567890123456789012 (rounded)'],
    ['-0.12345678901234567890126', '-0.1234567890123456789013 (rounded)'],
    ['5e-23', '0 (rounded)'],
    ['15e-23', '0.0000000000000000000002 (rounded)'],
    ['50001e-27', '0.0000000000000000000001 (rounded)'],
    ['4.9e-23', '0 (rounded)'],
    ['9e-23', '0.0000000000000000000001 (rounded)'],
    ['9e-24', '0 (rounded)'],
    ['-1e-999999999', '0 (rounded)'],
    [`1e-${'9'.repeat(400)}`, '0 (rounded)'],
  ])('%s is rounded half to even: %s', (text, expected) => {
    expect(textOf(text)).toBe(expected);
  });

  it.each([
    '10000000000000000',
    '1e16',
    '-99999999999999999',
    '9999999999999999.99999999999999999999995',
    '1e999999999',
    `1e${'9'.repeat(400)}`,
    `0.001e${'9'.repeat(20)}`,
    '9223372036854780000',
  ])('%s is rejected because a column cannot hold it', (text) => {
    expect(textOf(text)).toBe('the value has more than 16 digits before the decimal point');
  });

  it.each([
    ...[
      '',
      ' ',
      '1,5',
      '1.234,56',
      '1 000',
      ' 1',
      '1 ',
      '+1',
      '.5',
      '5.',
      '-',
      '--1',
      '1e',
      '1e+',
      '1e1.5',
      'e5',
    ],
    ...[
      '0x10',
      'NaN',
      'Infinity',
      '-Infinity',
      '1_000',
      '1n',
      'twelve',
      '１',
      '1\n',
      "'12.30",
      '12€',
      'null',
    ],
  ])('%j is no number', (text) => {
    expect(textOf(text)).toBe('the value is no number');
  });

  it('takes no longer for a huge exponent or millions of digits', () => {
    const digits = '123456789'.repeat(1_000_000);
    const before = performance.now();
    expect(textOf(`0.${digits}e5`)).toBe('12345.6789123456789123456789 (rounded)');
    expect(textOf(`${digits}e-9000000`)).toBe('0.1234567891234567891235 (rounded)');
    expect(textOf(digits)).toMatch(/more than 16 digits/);
    expect(textOf(`${'0'.repeat(9_000_000)}.5`)).toBe('0.5');
    expect(textOf('1e-999999999999')).toBe('0 (rounded)');
    expect(performance.now() - before).toBeLessThan(5_000);
  });

  it('agrees with a slow and obvious fraction of big integers', () => {
    const decimal = fc.record({
      negative: fc.boolean(),
      digits: fc.stringMatching(/^[0-9]{1,45}$/),
      point: fc.nat(45),
      exponent: fc.integer({ min: -40, max: 40 }),
      written: fc.constantFrom('e', 'E', 'e+', 'E+'),
    });
    fc.assert(
      fc.property(decimal, ({ negative, digits, point, exponent, written }) => {
        const whole = digits.slice(0, Math.max(1, digits.length - point)) || '0';
        const fraction = digits.slice(whole.length);
        const mark = exponent < 0 ? written.charAt(0) : written;
        const text = `${negative ? '-' : ''}${whole}${fraction === '' ? '' : `.${fraction}`}${mark}${exponent}`;
        expect(textOf(text)).toBe(oracle(negative, BigInt(digits), exponent - fraction.length));
      }),
      { numRuns: 2000 },
    );
  });

  it('survives as text: what is printed is read back, and is canonical already', () => {
    const unscaled = fc.bigInt({ min: -(10n ** 38n) + 1n, max: 10n ** 38n - 1n });
    fc.assert(
      fc.property(unscaled, (value) => {
        const text = decimalText(value);
        expect(parseDecimal(text)).toEqual({ unscaled: value, rounded: false });
        expect(canonicalDecimal(text)).toBe(text);
      }),
      { numRuns: 1000 },
    );
  });
});

/** The value digits * 10^exponent at scale 22, worked out with fractions of any size. */
function oracle(negative: boolean, digits: bigint, exponent: number): string {
  const numerator = digits * 10n ** BigInt(Math.max(0, exponent + 22));
  const denominator = 10n ** BigInt(Math.max(0, -exponent - 22));
  const floor = numerator / denominator;
  const twice = (numerator % denominator) * 2n;
  const up = twice > denominator || (twice === denominator && floor % 2n === 1n);
  const unscaled = up ? floor + 1n : floor;
  if (unscaled >= 10n ** 38n) return 'the value has more than 16 digits before the decimal point';
  return `${decimalText(negative ? -unscaled : unscaled)}${twice === 0n ? '' : ' (rounded)'}`;
}
