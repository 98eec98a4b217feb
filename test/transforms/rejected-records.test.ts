import { createHash } from 'node:crypto';
import fc from 'fast-check';
import { describe, expect, it } from 'vitest';
import { KEPT_LINE_BYTES, printableLine } from '../../transforms/rejected-records.js';
import { parseBytes, parseLines, rawUsageLine, usageLine } from './blob-parts.js';

describe('a rejected record', () => {
  it('says where it stands, what failed and what the line was', async () => {
    const line = rawUsageLine('"Quantity":"1,5"');
    const { rejected, rows, counts, kinds } = await parseLines(['', usageLine(), line, usageLine()]);
    expect(rejected).toEqual([
      {
        blobName: 'blob',
        lineNumber: 3,
        field: 'Quantity',
        reason: 'the value is no number',
        line,
        lineBytes: line.length,
        lineSha256: createHash('sha256').update(line).digest('hex'),
      },
    ]);
    expect(rows.map((row) => row['_line_number'])).toEqual(['2', '4']);
    expect(counts).toMatchObject({ recordsRead: 3, recordsStaged: 2, recordsRejected: 1 });
    expect(kinds).toEqual(['rejected', 'batch', 'counts']);
  });

  it('shows NUL and bytes that are no UTF-8 as \\xNN', async () => {
    const bytes = Buffer.concat([
      Buffer.from(`${usageLine()}\n{"a":"`),
      Buffer.from([0x00, 0xff, 0xc3, 0x28, 0xed, 0xa0, 0x80, 0xf0, 0x9f, 0x98]),
      Buffer.from('é😀"}'),
    ]);
    const { rejected } = await parseBytes(bytes);
    expect(rejected).toMatchObject([
      {
        lineNumber: 2,
        field: null,
        reason: 'the line holds bytes that are no UTF-8',
        line: String.raw`{"a":"\x00\xff\xc3(\xed\xa0\x80\xf0\x9f\x98é😀"}`,
        lineBytes: 6 + 10 + 6 + 2,
      },
    ]);
  });

  it('keeps 64 KiB of its line and the length and digest of the whole', async () => {
    const line = `{"a":"${'é'.repeat(100_000)}`;
    const { rejected } = await parseLines([line]);
    const [kept] = rejected;
    expect(kept?.line.startsWith('{"a":"éé')).toBe(true);
    expect(Buffer.byteLength(kept?.line ?? '')).toBe(KEPT_LINE_BYTES);
    expect(kept?.lineBytes).toBe(200_006);
    expect(kept?.lineSha256).toBe(createHash('sha256').update(line).digest('hex'));
  });

  it('keeps the beginning of a name that has no end', async () => {
    const { rejected } = await parseLines([rawUsageLine(`"${'😀'.repeat(1000)}x":"\\u0000"`)]);
    expect(rejected[0]?.field).toBe('😀'.repeat(128));
  });

  it('is counted beyond the number that is kept', async () => {
    const lines = Array.from({ length: 1000 }, (_, index) =>
      index % 2 === 0 ? usageLine() : `bad ${index}`,
    );
    const { rejected, counts, rows } = await parseLines(lines, { limits: { keptRejected: 300 } });
    expect(rejected).toHaveLength(300);
    expect(rejected.at(-1)?.lineNumber).toBe(600);
    expect(counts).toMatchObject({ recordsRead: 1000, recordsStaged: 500, recordsRejected: 500 });
    expect(rows).toHaveLength(500);
  });

  it('comes in parts of bounded size', async () => {
    const lines = Array.from({ length: 250 }, () => `bad ${'x'.repeat(40_000)}`);
    const { kinds, rejected } = await parseLines([usageLine(), ...lines]);
    expect(rejected).toHaveLength(250);
    expect(kinds.filter((kind) => kind === 'rejected').length).toBeGreaterThan(2);
  });
});

describe('a line made printable', () => {
  it('is valid text without NUL, at most 64 KiB, for any bytes', () => {
    fc.assert(
      fc.property(fc.uint8Array({ maxLength: 200 }), (array) => {
        const text = printableLine(Buffer.from(array));
        expect(Buffer.from(text).toString('utf8')).toBe(text);
        expect(text).not.toContain('\0');
        expect(text).not.toMatch(/\p{Surrogate}/u);
      }),
    );
    expect(printableLine(Buffer.alloc(1_000_000))).toBe('\\x00'.repeat(KEPT_LINE_BYTES / 4));
  });

  it('is the line itself where that is text', () => {
    fc.assert(
      fc.property(fc.string({ unit: 'grapheme' }), (text) => {
        const plain = text.replaceAll('\0', '');
        expect(printableLine(Buffer.from(plain))).toBe(plain);
      }),
    );
  });
});
