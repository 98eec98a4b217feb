import fc from 'fast-check';
import { describe, expect, it } from 'vitest';
import {
  NO_ROWS,
  onlyRowHash,
  parseRowsDigest,
  rowsDigestText,
  RowsDigestSum,
  withoutRows,
  type RowsDigest,
} from '../../schemas/rows-digest.js';

const hashes = fc.array(fc.uint8Array({ minLength: 16, maxLength: 16 }), { maxLength: 40 });

function digestOf(rows: readonly Uint8Array[]): RowsDigest {
  const sum = new RowsDigestSum();
  for (const row of rows) sum.add(row);
  return sum.digest();
}

/** By the definition, in text and unbounded integers. */
function oracle(rows: readonly Uint8Array[]): string {
  const half = (from: number) =>
    rows.reduce(
      (sum, row) =>
        sum +
        BigInt(
          `0x${Buffer.from(row)
            .toString('hex')
            .slice(from, from + 16)}`,
        ),
      0n,
    ) %
    2n ** 64n;
  const hex = (sum: bigint) => sum.toString(16).padStart(16, '0');
  return `${rows.length}-${hex(half(0))}-${hex(half(16))}`;
}

describe('the digest of rows', () => {
  it('is what its definition says, whatever the order', () => {
    fc.assert(
      fc.property(
        hashes.chain((rows) =>
          fc.tuple(fc.constant(rows), fc.shuffledSubarray(rows, { minLength: rows.length })),
        ),
        ([rows, shuffled]) => {
          expect(rowsDigestText(digestOf(rows))).toBe(oracle(rows));
          expect(digestOf(shuffled)).toEqual(digestOf(rows));
        },
      ),
    );
  });

  it('of parts adds up to the digest of the whole, so that it can be kept row by row', () => {
    fc.assert(
      fc.property(hashes, hashes, (some, others) => {
        expect(withoutRows(digestOf([...some, ...others]), digestOf(others))).toEqual(digestOf(some));
        const together = new RowsDigestSum();
        together.add(Buffer.concat([...some, ...others]));
        expect(together.digest()).toEqual(digestOf([...some, ...others]));
      }),
    );
  });

  it('counts twins, names a row that is alone, and is nothing for no rows', () => {
    const row = Uint8Array.from({ length: 16 }, (_, index) => 240 + index);
    expect(digestOf([row, row]).rows).toBe(2);
    expect(digestOf([row, row])).not.toEqual(digestOf([]));
    expect(onlyRowHash(digestOf([row]))).toBe('f0f1f2f3-f4f5-f6f7-f8f9-fafbfcfdfeff');
    expect(rowsDigestText(NO_ROWS)).toBe('0-0000000000000000-0000000000000000');
  });

  it('is read from its text, and from no other', () => {
    fc.assert(
      fc.property(hashes, (rows) => {
        expect(parseRowsDigest(rowsDigestText(digestOf(rows)))).toEqual(digestOf(rows));
      }),
    );
    for (const text of ['', 'none', '1-0-0', '-1-0000000000000000-0000000000000000', `${oracle([])} `]) {
      expect(parseRowsDigest(text)).toBeUndefined();
    }
  });
});
