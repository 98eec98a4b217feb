import { createHash } from 'node:crypto';
import { gzipSync } from 'node:zlib';
import { RecordBatchReader, RecordBatchStreamWriter } from 'apache-arrow';
import fc from 'fast-check';
import { describe, expect, it } from 'vitest';
import { IntegrityError } from '../../schemas/errors.js';
import { arrowSchema } from '../../schemas/table-arrow.js';
import { BILLED_USAGE } from '../../schemas/tables/billed-usage.js';
import { parseBlob } from '../../transforms/parse-blob.js';
import { gather, inChunks, parseBytes, parseLines, rawUsageLine, usageLine } from './blob-parts.js';

const LINES = Array.from({ length: 200 }, (_, index) =>
  usageLine({ MeterId: `m${index}`, Quantity: index / 8 }),
);
const TEXT = LINES.map((line) => `${line}\n`).join('');

async function refusalOf(bytes: Buffer, sizes: readonly number[] = []): Promise<unknown> {
  const parts: string[] = [];
  try {
    for await (const part of parseBlob(inChunks(bytes, sizes), 'b', BILLED_USAGE, { batchRows: 10 })) {
      parts.push(part.kind);
    }
  } catch (error) {
    // Nothing may ever have said that the blob is whole.
    if (error instanceof IntegrityError && !parts.includes('counts')) return error.facts;
    throw error;
  }
  return parts.join(' ');
}

describe('a blob', () => {
  it('is counted and digested as it came', async () => {
    const bytes = gzipSync(TEXT);
    const { counts, rows } = await parseBytes(bytes);
    expect(counts).toEqual({
      blobName: 'blob',
      bytes: bytes.length,
      inflatedBytes: TEXT.length,
      sha256: createHash('sha256').update(bytes).digest('hex'),
      recordsRead: 200,
      recordsStaged: 200,
      recordsRejected: 0,
      unknownFields: {},
      roundedNumbers: 0,
    });
    expect(rows[199]).toMatchObject({ meter_id: 'm199', quantity: '24.875', _line_number: '200' });
  });

  it('may have several members, a mark, CR LF, blank lines, and no last line end', async () => {
    const members = [
      `\ufeff${usageLine({ MeterId: 'a' })}\r\n\r\n`,
      '',
      `\ufeff${usageLine({ MeterId: 'b' }).slice(0, 20)}`,
      `${usageLine({ MeterId: 'b' }).slice(20)}\n  \n${usageLine({ MeterId: 'c' })}`,
    ];
    const { rows, counts } = await parseBytes(Buffer.concat(members.map((text) => gzipSync(text))));
    expect(rows.map((row) => `${row['_line_number']} ${row['meter_id']}`)).toEqual(['1 a', '3 b', '5 c']);
    expect(counts).toMatchObject({ recordsRead: 3, inflatedBytes: Buffer.byteLength(members.join('')) });
  });

  it('may come inflated already', async () => {
    const { counts, rows } = await parseBytes(Buffer.from(TEXT), { sizes: [1, 7, 4096] });
    expect(rows).toHaveLength(200);
    expect(counts).toMatchObject({ bytes: TEXT.length, inflatedBytes: TEXT.length });
  });

  it.each(['', '\n', '\r\n \n'])('may hold no record: gzip of %j', async (text) => {
    const { counts, kinds } = await parseBytes(gzipSync(text));
    expect(kinds).toEqual(['counts']);
    expect(counts).toMatchObject({ recordsRead: 0, recordsStaged: 0, recordsRejected: 0 });
  });

  it('gives the same batches however its bytes are cut', async () => {
    const bytes = Buffer.concat([gzipSync(`\ufeff${TEXT}\r\n`), gzipSync(`bad\n${TEXT}{"x`)]);
    const limits = { batchRows: 64 };
    const whole = await parseBytes(bytes, { limits });
    expect(whole.batches.map(({ numRows }) => numRows)).toEqual([64, 64, 64, 64, 64, 64, 16]);
    expect(whole.rejected).toHaveLength(2);
    await fc.assert(
      fc.asyncProperty(
        fc.array(fc.integer({ min: 1, max: 300 }), { minLength: 1, maxLength: 5 }),
        async (sizes) => {
          const cut = await parseBytes(bytes, { limits, sizes });
          // As text: a deep comparison of thousands of values takes longer than parsing them.
          expect(JSON.stringify(cut.rows)).toBe(JSON.stringify(whole.rows));
          expect(cut.rejected).toEqual(whole.rejected);
          expect(cut.counts).toEqual(whole.counts);
          expect(cut.kinds).toEqual(whole.kinds);
          expect(cut.batches.map(({ numRows }) => numRows)).toEqual(
            whole.batches.map(({ numRows }) => numRows),
          );
        },
      ),
      { numRuns: 25 },
    );
  });

  it('makes batches full by rows or by bytes', async () => {
    const byBytes = await parseLines(LINES, { limits: { batchBytes: 10_000 } });
    const sizes = byBytes.batches.map(({ numRows }) => numRows);
    expect(sizes.reduce((sum, size) => sum + size, 0)).toBe(200);
    expect(new Set(sizes.slice(0, -1)).size).toBe(1);
    expect(sizes[0]).toBeLessThan(60);
    const one = await parseLines([usageLine({ Tags: 'x'.repeat(50_000) }), ...LINES], {
      limits: { batchBytes: 10_000 },
    });
    expect(one.batches[0]?.numRows).toBe(1);
    expect(one.rows[0]?.['tags']).toHaveLength(50_000);
  });

  it('makes batches with the Arrow schema of the table, which survive Arrow IPC', async () => {
    const { batches, rows } = await parseLines([...LINES, rawUsageLine('"New":1,"UsageDate":"2024-02-29"')]);
    const [batch] = batches;
    if (batch === undefined) throw new Error('no batch');
    expect(batch.schema.fields.map(String)).toEqual(arrowSchema(BILLED_USAGE).fields.map(String));
    expect([...batch.schema.metadata]).toEqual([...arrowSchema(BILLED_USAGE).metadata]);
    const [again] = [...RecordBatchReader.from(RecordBatchStreamWriter.writeAll([batch]).toUint8Array(true))];
    expect(again?.numRows).toBe(201);
    expect(again?.toArray().map(String)).toEqual(batch.toArray().map(String));
    expect(rows[200]).toMatchObject({ usage_date: '2024-02-29', _extra: '{"New":1}' });
  });

  it.each([[[]], [[1000]], [[1]]])('that is damaged never counts, in chunks of %j', async (sizes) => {
    const whole = gzipSync(TEXT);
    const flipped = Buffer.from(whole);
    flipped.writeUInt8(flipped.readUInt8(whole.length - 8) ^ 1, whole.length - 8);
    const damaged = { blob: 'b', rule: 'gzip', line: expect.any(Number) as number };
    expect(await refusalOf(whole.subarray(0, -1), sizes)).toEqual(damaged);
    expect(await refusalOf(whole.subarray(0, whole.length / 2), sizes)).toEqual(damaged);
    expect(await refusalOf(whole.subarray(0, 5), sizes)).toEqual(damaged);
    expect(await refusalOf(flipped, sizes)).toEqual(damaged);
    expect(await refusalOf(Buffer.concat([whole, Buffer.from('garbage')]), sizes)).toEqual(damaged);
    expect(await refusalOf(Buffer.concat([whole, Buffer.from([0x1f])]), sizes)).toEqual(damaged);
    expect(await refusalOf(Buffer.concat([whole, Buffer.alloc(3)]), sizes)).toEqual(damaged);
    expect(await refusalOf(Buffer.concat([whole, Buffer.alloc(3), whole]), sizes)).toEqual(damaged);
    expect(await refusalOf(Buffer.concat([whole, whole.subarray(0, -3)]), sizes)).toEqual(damaged);
  });

  it('that is neither gzip nor lines of JSON is damaged', async () => {
    const damaged = { blob: 'b', rule: 'gzip', line: 1 };
    expect(await refusalOf(Buffer.alloc(0))).toEqual(damaged);
    expect(await refusalOf(Buffer.from('<?xml version="1.0"?><Error/>'))).toEqual(damaged);
    const altered = gzipSync(TEXT);
    altered.writeUInt8(0x1e, 0);
    expect(await refusalOf(altered)).toMatchObject({ rule: 'gzip' });
    expect(await refusalOf(gzipSync('<html>\n'))).toBe('rejected counts');
    expect(await refusalOf(Buffer.from(' \n\t{"a":1}\n<html>\n'))).toBe('rejected counts');
  });

  it('that is damaged says at which line', async () => {
    const lines = Array.from({ length: 10_000 }, (_, index) =>
      createHash('md5').update(String(index)).digest('hex'),
    );
    const bytes = gzipSync(lines.join('\n'));
    const error: unknown = await gather(
      parseBlob(inChunks(bytes.subarray(0, bytes.length - 10)), 'b', BILLED_USAGE),
    ).catch((thrown: unknown) => thrown);
    expect(error).toBeInstanceOf(IntegrityError);
    expect(String(error)).toMatch(/blob b is damaged at line \d{4,5}: unexpected end of file/);
  });

  it('that inflates too much is refused, after the grace', async () => {
    const bomb = gzipSync(`${' '.repeat(64 * 1024 - 1)}\n`.repeat(128));
    const limits = { inflationGraceBytes: 4 * 1024 * 1024 };
    await expect(parseBytes(bomb, { limits })).rejects.toMatchObject({
      facts: { blob: 'blob', rule: 'inflation ratio' },
      kind: 'integrity',
    });
    const { counts } = await parseBytes(bomb);
    expect(counts.inflatedBytes).toBe(8 * 1024 * 1024);
    const { counts: allowed } = await parseBytes(bomb, { limits: { ...limits, inflationRatio: 2000 } });
    expect(allowed).toEqual(counts);
  });

  it('with a line over the limit is refused by name and number', async () => {
    await expect(
      parseLines([usageLine(), usageLine({ Tags: 'x'.repeat(2000) })], { limits: { lineBytes: 1000 } }),
    ).rejects.toMatchObject({ facts: { blob: 'blob', line: 2, rule: 'line length' } });
  });

  it('whose reading fails passes the error on, and stops reading when it is left', async () => {
    const broken = async function* (): AsyncGenerator<Uint8Array> {
      yield await Promise.resolve(gzipSync(TEXT).subarray(0, 100));
      throw new TypeError('the disk is gone');
    };
    await expect(gather(parseBlob(broken(), 'b', BILLED_USAGE))).rejects.toThrow(TypeError);
    let closed = false;
    const endless = async function* (): AsyncGenerator<Uint8Array> {
      try {
        for (;;) yield await Promise.resolve(gzipSync(TEXT));
      } finally {
        closed = true;
      }
    };
    for await (const part of parseBlob(endless(), 'b', BILLED_USAGE, { batchRows: 10 })) {
      expect(part.kind).toBe('batch');
      break;
    }
    await expect.poll(() => closed).toBe(true);
  });

  it('of random damaged lines accounts for every line', async () => {
    const damage = fc.tuple(fc.nat(400), fc.nat(4), fc.uint8Array({ maxLength: 4 }));
    const base = Buffer.from(
      usageLine({ Quantity: 1.5, UsageDate: '2024-08-01', Tags: 'é😀\\', New: [{ a: null }] }),
    );
    await fc.assert(
      fc.asyncProperty(fc.array(damage, { minLength: 1, maxLength: 30 }), async (damages) => {
        const lines = damages.map(([at, cut, put]) => {
          const start = at % base.length;
          return Buffer.concat([base.subarray(0, start), put, base.subarray(start + cut)]);
        });
        const text = Buffer.concat(lines.flatMap((line) => [line, Buffer.from('\n')]));
        const notBlank = text
          .toString('latin1')
          .split('\n')
          .filter((line) => /[^ \t\r]/.test(line)).length;
        const { rows, rejected, counts } = await parseBytes(gzipSync(text));
        expect(counts.recordsRead).toBe(notBlank);
        expect(rows.length + rejected.length).toBe(notBlank);
        expect(counts).toMatchObject({ recordsStaged: rows.length, recordsRejected: rejected.length });
      }),
      { numRuns: 150 },
    );
  });

  it("keeps any unknown field's raw token through parse and back", async () => {
    const token = fc.oneof(
      fc.json({ maxDepth: 3 }).filter((text) => !/\\u(0000|d[89a-f])/i.test(text)),
      fc.constantFrom('1.0', '-0', '1E+400', '0.10', '[ 1 ,2]', '"\\u00e9\\/"', '{"a" : 1, "a":2}'),
    );
    await fc.assert(
      fc.asyncProperty(fc.array(token, { minLength: 1, maxLength: 5 }), async (tokens) => {
        const members = tokens.map((text, index) => `"x${index}":${text}`).join(',');
        const { rows, rejected } = await parseLines([rawUsageLine(members)]);
        expect(rejected).toEqual([]);
        expect(rows[0]?.['_extra']).toBe(`{${members}}`);
      }),
    );
  });
});
