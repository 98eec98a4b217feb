import { readFileSync } from 'node:fs';
import fc from 'fast-check';
import { createXXHash128 } from 'hash-wasm';
import { describe, expect, it } from 'vitest';
import { STREAM_NAMES, STREAMS, type StreamName } from '../../schemas/streams.js';
import { parseLines, rawUsageLine, usageLine } from './blob-parts.js';

interface GoldenVector {
  readonly table: StreamName;
  readonly name: string;
  readonly line: string;
  readonly line_item_key: string;
  readonly row_hash: string;
  readonly extra: string | null;
}

/** Worked out by a program of its own from architecture.md section 3; stored keys depend on every one of them. */
const GOLDEN = JSON.parse(
  readFileSync(new URL('../fixtures/line-item-keys.json', import.meta.url), 'utf8'),
) as GoldenVector[];

/** The input of xxHash's own test vectors: the top bytes of PRIME32 * PRIME64^n. */
function sanityBuffer(length: number): Buffer {
  let generator = 2654435761n;
  return Buffer.from(
    Array.from({ length }, () => {
      const byte = Number(generator >> 56n);
      generator = BigInt.asUintN(64, generator * 11400714785074694797n);
      return byte;
    }),
  );
}

async function hashesOf(line: string): Promise<{ key: unknown; hash: unknown }> {
  const { rows } = await parseLines([line]);
  return { key: rows[0]?.['line_item_key'], hash: rows[0]?.['_row_hash'] };
}

describe('the hash function', () => {
  it.each([
    [0, '99aa06d3014798d86001c324468d497f'],
    [1, 'a6cd5e9392000f6ac44bdff4074eecdb'],
    [403, '1b6de21e332dd73dcdeb804d65c6dea4'],
    [512, '18d2d110dcc9bca1617e49599013cb6b'],
    [2048, 'f736557fd47073a5dd59e2c3a5f038e0'],
    [2240, 'ccb134fbfa7ce49d6e73a90539cf2948'],
  ])('is XXH3-128 with seed 0: published vector of %i bytes', async (length, expected) => {
    const hasher = await createXXHash128(0, 0);
    const hash = hasher.init().update(sanityBuffer(length)).digest('binary');
    expect(Buffer.from(hash).toString('hex')).toBe(expected);
  });
});

describe('line_item_key and _row_hash', () => {
  it.each(GOLDEN)('are frozen for $table: $name', async (vector) => {
    const { rows, rejected } = await parseLines([vector.line], { table: STREAMS[vector.table].table });
    expect(rejected).toEqual([]);
    expect(rows[0]).toMatchObject({
      line_item_key: vector.line_item_key,
      _row_hash: vector.row_hash,
      _extra: vector.extra,
    });
  });

  it('have golden vectors for every stream', () => {
    expect(new Set(GOLDEN.map(({ table }) => table))).toEqual(new Set(STREAM_NAMES));
  });

  it('do not depend on the order of lines, nor of fields in a line', async () => {
    const lines = Array.from({ length: 40 }, (_, index) =>
      usageLine({ MeterId: `m${index % 7}`, Quantity: `${index % 5}.50`, NewField: { index } }),
    );
    const hashes = async (ordered: readonly string[]) => {
      const { rows } = await parseLines(ordered);
      return rows.map((row) => `${row['line_item_key']} ${row['_row_hash']}`).sort();
    };
    const expected = await hashes(lines);
    const turned = lines.map((line) =>
      JSON.stringify(Object.fromEntries(Object.entries(JSON.parse(line) as object).reverse())),
    );
    await fc.assert(
      fc.asyncProperty(fc.shuffledSubarray(turned, { minLength: turned.length }), async (shuffled) => {
        expect(await hashes(shuffled)).toEqual(expected);
      }),
      { numRuns: 20 },
    );
  });

  it('stay when the same value is written differently', async () => {
    const expected = await hashesOf(
      rawUsageLine('"Quantity":10,"UsageDate":"2024-08-01","ChargeStartDate":"2024-08-01","UnitType":null'),
    );
    const same = [
      '"quantity":"10.00","USAGEDATE":"2024-08-01T00:00:00Z","chargeStartDate":"2024-08-01T02:00:00+02:00"',
      '"Quantity":1E+1,"UsageDate":"2024-08-01T23:00:00-08:00","ChargeStartDate":"2024-08-01 00:00:00","UnitType":" "',
      '"Quantity":"0010.0","UsageDate":"2024-08-01T00:00:00","ChargeStartDate":"2024-08-01T00:00:00.0000009Z"',
    ];
    for (const members of same) expect(await hashesOf(rawUsageLine(members))).toEqual(expected);
  });

  it('tell apart what is not the same', async () => {
    const lines = [
      rawUsageLine('"MeterId":"a"'),
      rawUsageLine('"MeterId":"A"'),
      rawUsageLine('"MeterId":"a "'),
      rawUsageLine('"MeterId":"a","New":1'),
      rawUsageLine('"MeterId":"a","New":1.0'),
      rawUsageLine('"MeterId":"a","New":"1"'),
      rawUsageLine('"MeterId":"a","New":null'),
      rawUsageLine('"MeterId":"a","Quantity":1'),
      rawUsageLine('"MeterName":"a"'),
      rawUsageLine('"MeterId":"ab","SkuId":"c"'),
      rawUsageLine('"MeterId":"a","SkuId":"bc"'),
    ];
    const { rows } = await parseLines(lines);
    expect(new Set(rows.map((row) => row['_row_hash'])).size).toBe(lines.length);
    const keys = rows.map((row) => row['line_item_key']);
    expect(new Set(keys.slice(3, 8))).toEqual(new Set(keys.slice(0, 1)));
    expect(new Set(keys).size).toBe(6);
  });

  it('compare unknown names without regard to ASCII case, and keep how they are spelled', async () => {
    const { rows } = await parseLines([rawUsageLine('"NewField":1'), rawUsageLine('"newfield":1')]);
    expect(rows[0]?.['_row_hash']).toBe(rows[1]?.['_row_hash']);
    expect(rows.map((row) => row['_extra'])).toEqual(['{"NewField":1}', '{"newfield":1}']);
  });
});
