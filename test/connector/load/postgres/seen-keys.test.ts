import { randomBytes } from 'node:crypto';
import fc from 'fast-check';
import { expect, test } from 'vitest';
import { SeenKeys, type RowRange } from '../../../../connector/load/postgres/seen-keys.js';

/** Batches of keys, each a number: few numbers, so that keys repeat in a batch and between two. */
const batches = fc.array(fc.array(fc.integer({ min: 0, max: 40 }), { maxLength: 30 }), { maxLength: 8 });

test('every row is in one list, in order, and a row whose key was seen before is never among the first', () => {
  let again = 0;
  fc.assert(
    fc.property(batches, fc.constantFrom(64, 128, 1024, 2 ** 20), (numbers, bytes) => {
      const seen = new SeenKeys(bytes);
      const oracle = new Set<number>();
      for (const batch of numbers) {
        const split = seen.split(keysOf(batch));
        const firstRows = rowsOf(split.first);
        const againRows = rowsOf(split.again);
        expect([...firstRows, ...againRows].sort((a, b) => a - b)).toEqual(batch.map((_, row) => row));
        expect(firstRows).toEqual([...firstRows].sort((a, b) => a - b));
        expect(againRows).toEqual([...againRows].sort((a, b) => a - b));
        batch.forEach((number, row) => {
          if (oracle.has(number)) {
            again += 1;
            expect(againRows).toContain(row);
          }
          oracle.add(number);
        });
      }
    }),
    { numRuns: 300 },
  );
  expect(again).toBeGreaterThan(0);
});

test('of many different keys hardly any is taken for one that was seen', () => {
  const seen = new SeenKeys(2 ** 20);
  let mistaken = 0;
  for (let batch = 0; batch < 10; batch += 1) {
    mistaken += rowsOf(seen.split(randomBytes(16 * 5000)).again).length;
  }
  // 168 bits a key; expected are a handful of 50,000.
  expect(mistaken).toBeLessThan(50);
});

test('a part of a larger buffer, at any address, is read as well as a whole one', () => {
  const keys = keysOf([1, 2, 1]);
  const shifted = Buffer.concat([Buffer.from([7]), keys]).subarray(1);
  expect(new SeenKeys().split(shifted)).toEqual({
    first: [{ from: 0, to: 2 }],
    again: [{ from: 2, to: 3 }],
  });
});

test.each([0, 32, 100, 2 ** 20 + 64])('a filter of %i bytes is refused', (bytes) => {
  expect(() => new SeenKeys(bytes)).toThrow(/power of two/);
});

/** Keys that differ in all of their words, as hashes do. */
function keysOf(numbers: readonly number[]): Uint8Array {
  const words = numbers.flatMap((number) =>
    [0, 1, 2, 3].map((word) => Math.imul(number + 1, 2_654_435_761 + word * 2)),
  );
  return new Uint8Array(Uint32Array.from(words).buffer);
}

function rowsOf(ranges: readonly RowRange[]): number[] {
  return ranges.flatMap(({ from, to }) => Array.from({ length: to - from }, (_, index) => from + index));
}
