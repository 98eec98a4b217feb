import fc from 'fast-check';
import { describe, expect, it } from 'vitest';
import { IntegrityError } from '../../schemas/errors.js';
import { LineSplitter } from '../../transforms/split-lines.js';

const MARK = '\ufeff';

function linesOf(chunks: readonly Uint8Array[], maxBytes = 1000): string[] {
  const splitter = new LineSplitter('b', maxBytes);
  const lines: string[] = [];
  for (const chunk of chunks) {
    for (const line of splitter.push(chunk)) lines.push(`${line.number}:${line.bytes.toString('utf8')}`);
  }
  for (const line of splitter.end()) lines.push(`${line.number}:${line.bytes.toString('utf8')}`);
  return lines;
}

function refusalOf(text: string, maxBytes: number, size = text.length): unknown {
  const bytes = Buffer.from(text);
  const chunks = Array.from({ length: Math.ceil(bytes.length / size) }, (_, index) =>
    bytes.subarray(index * size, (index + 1) * size),
  );
  try {
    return linesOf(chunks, maxBytes).length;
  } catch (error) {
    return error instanceof IntegrityError ? error.facts : error;
  }
}

describe('lines', () => {
  it.each([
    ['', []],
    ['\n\n', []],
    ['a', ['1:a']],
    ['a\n', ['1:a']],
    ['a\r\nb\r\n', ['1:a', '2:b']],
    ['a\n\n \t\r\nb', ['1:a', '4:b']],
    [`${MARK}a\nb`, ['1:a', '2:b']],
    [`${MARK}a\r\n${MARK}b\n${MARK}\n${MARK}${MARK}c`, ['1:a', '2:b', `4:${MARK}c`]],
    [' a \r', ['1: a ']],
    ['a\rb\r\r\n', ['1:a\rb\r']],
  ])('of %j are %j', (text, expected) => {
    expect(linesOf([Buffer.from(text)])).toEqual(expected);
  });

  it('are the same however the bytes are cut', () => {
    const piece = fc.constantFrom('a', 'é', '😀', ' ', '\r', '\n', '\r\n', MARK, '{"a":1}');
    fc.assert(
      fc.property(
        fc.array(piece, { maxLength: 40 }),
        fc.array(fc.integer({ min: 1, max: 9 })),
        (pieces, sizes) => {
          const bytes = Buffer.from(pieces.join(''));
          const chunks: Buffer[] = [];
          for (let at = 0, index = 0; at < bytes.length; index += 1) {
            const size = sizes[index % Math.max(1, sizes.length)] ?? bytes.length;
            chunks.push(bytes.subarray(at, at + size));
            at += size;
          }
          expect(linesOf(chunks)).toEqual(linesOf([bytes]));
        },
      ),
    );
  });

  it.each([1, 3, 1000])('longer than the limit refuse the blob, in chunks of %i bytes', (size) => {
    expect(refusalOf(`ok\n${'x'.repeat(100)}\n`, 100, size)).toBe(2);
    expect(refusalOf(`ok\n${MARK}${'x'.repeat(100)}\r\n`, 100, size)).toBe(2);
    const facts = { blob: 'b', line: 2, rule: 'line length', limit: 100 };
    expect(refusalOf(`ok\n${'x'.repeat(101)}\n`, 100, size)).toEqual(facts);
    expect(refusalOf(`ok\n${'x'.repeat(101)}`, 100, size)).toEqual(facts);
    expect(refusalOf(`ok\n${' '.repeat(101)}\nok`, 100, size)).toEqual(facts);
  });

  it('without an end are refused long before they fill memory', () => {
    const splitter = new LineSplitter('b', 1000);
    const chunk = Buffer.alloc(600, 'x');
    expect(() => {
      for (let at = 0; at < 3; at += 1) expect([...splitter.push(chunk)]).toEqual([]);
    }).toThrow(/blob b: line 1 is longer than 1000 bytes/);
  });
});
