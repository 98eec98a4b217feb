import fc from 'fast-check';
import { describe, expect, it } from 'vitest';
import { BILLED_USAGE } from '../../schemas/tables/billed-usage.js';
import { RecordHasher } from '../../transforms/line-item-key.js';
import { extraText, RecordParser } from '../../transforms/parse-record.js';
import { canonicalText } from '../../transforms/stored-value.js';
import { canonicalOfPrinted, StoredRowHasher } from '../../transforms/stored-row.js';

const { columns } = BILLED_USAGE;
const parser = new RecordParser(BILLED_USAGE);
const name = fc.stringMatching(/^[A-Za-z"\\ é😀]{1,12}$/u);

describe('the hashes of a stored row', () => {
  it('are those of the record that it came from, unknown fields and rounded numbers included', async () => {
    const [hasher, stored] = await Promise.all([
      RecordHasher.of(BILLED_USAGE),
      StoredRowHasher.of(BILLED_USAGE),
    ]);
    fc.assert(
      fc.property(
        fc.dictionary(name, fc.jsonValue({ maxDepth: 2 }), { maxKeys: 4 }),
        fc.constantFrom('1', '-0.10', '1e-30', '0.00000000000000000000015', '9999999999999999.5'),
        fc.constantFrom('2026-10-05T00:00:00Z', '1969-12-31T23:59:59.999999Z', '2026-10-05T18:30:06.6'),
        (unknown, price, start) => {
          const known = { InvoiceNumber: 'G1', BillingCurrency: 'USD', BillingPreTaxTotal: '1.50' };
          const record = { ...unknown, ...known, UnitPrice: price, ChargeStartDate: start };
          let parsed;
          try {
            parsed = parser.parse(Buffer.from(JSON.stringify(record)));
          } catch {
            return fc.pre(false);
          }
          const texts = parsed.values.map((value, at) => canonicalText(columns[at]?.type ?? 'text', value));
          const printed = texts.map((text, at) =>
            columns[at]?.type === 'timestamp' ? withBlank(text) : text,
          );
          expect(stored.hash(printed, extraText(parsed.extra))).toEqual(hasher.hash(texts, parsed.extra));
        },
      ),
    );
  });

  it('are other ones where _extra was made no JSON object, and nothing is thrown', async () => {
    const stored = await StoredRowHasher.of(BILLED_USAGE);
    const texts = columns.map(() => null);
    const seen = [null, '{}', '[1]', '{"a":1', ''].map((extra) =>
      Buffer.from(stored.hash(texts, extra).rowHash).toString('hex'),
    );
    expect(seen[0]).toBe(seen[1]);
    expect(new Set(seen).size).toBe(4);
  });
});

describe('what a database prints', () => {
  it('becomes the canonical text, and stays as it is where no value of ours looks like it', () => {
    expect(canonicalOfPrinted('decimal', '1.500')).toBe('1.5');
    expect(canonicalOfPrinted('decimal', 'NaN')).toBe('NaN');
    expect(canonicalOfPrinted('timestamp', '2026-10-05 18:30:06.6')).toBe('2026-10-05T18:30:06.600000');
    expect(canonicalOfPrinted('timestamp', '2026-10-05T18:30:06')).toBe('2026-10-05T18:30:06.000000');
    expect(canonicalOfPrinted('timestamp', 'infinity')).toBe('infinity');
    expect(canonicalOfPrinted('date', '2026-10-05')).toBe('2026-10-05');
    expect(canonicalOfPrinted('text', null)).toBeNull();
  });
});

/** As both databases print it: a blank, and no zeros at the end. */
function withBlank(text: string | null): string | null {
  return text?.replace('T', ' ').replace(/\.?0+$/, '') ?? null;
}
