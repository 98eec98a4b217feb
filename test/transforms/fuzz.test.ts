import { gunzipSync, gzipSync } from 'node:zlib';
import fc from 'fast-check';
import { afterAll, beforeAll, describe, expect, it } from 'vitest';
import type { Sandbox } from '../../connector/sandbox/sandbox.js';
import { IntegrityError } from '../../schemas/errors.js';
import { STREAMS } from '../../schemas/streams.js';
import { linesOf, small } from '../connector/sandbox/sandbox-client.js';
import { gather, inChunks, type Parsed } from './blob-parts.js';
import { parseBoth } from './both-decoders.js';
import { linesTheSlowWay, mustReject, textsOf } from './fuzz-oracle.js';

/** `FUZZ_RUNS=20000 npx vitest run test/transforms/fuzz.test.ts` looks longer; a failure prints its seed. */
const RUNS = Number(process.env['FUZZ_RUNS'] ?? 150);
/** Small, so that every limit is met within a few lines. */
const LIMITS = { lineBytes: 8192, batchRows: 7, batchBytes: 20_000, inflationGraceBytes: 200_000 };
const KINDS = ['billed_usage', 'billed_reconciliation'] as const;

let sandbox: Sandbox;
/** Lines as the service writes them, of usage and of reconciliation. */
const corpus: Record<(typeof KINDS)[number], readonly Buffer[]> = {
  billed_usage: [],
  billed_reconciliation: [],
};

beforeAll(async () => {
  sandbox = await small({ usageRows: 20, reconciliationRows: 20 });
  for (const stream of KINDS) {
    const lines = await linesOf(sandbox, stream, { invoiceId: 'G016907411', attributeSet: 'full' });
    corpus[stream] = lines.map((line) => Buffer.from(line));
  }
});
afterAll(() => sandbox.close());

const SNIPPETS = [
  '\u0000',
  '\\u0000',
  '\\ud800',
  '\\udc00\\ud800',
  '\\uD83D\\uDE00',
  '\ufeff',
  '\r',
  '\n',
  '\r\n',
  '\u2028',
  '"',
  '\\',
  '{',
  '}',
  '[',
  ']',
  ':',
  ',',
  '{}',
  '[]',
  'null',
  'true',
  '-',
  '1e999999999',
  '-0',
  '.5',
  '00',
  '1,5',
  'NaN',
  '"a":1,',
  '"A":2,',
  '"InvoiceNumber":"x",',
  '"invoicenumber":"y",',
  '"Unit":"a","unitofmeasure":"b",',
  '"Tags":{"a":[1,{}]},',
  '\u001b[2J',
  ' ',
  '\t',
].map((text) => Buffer.from(text));
const RAW = [
  Buffer.of(0xff),
  Buffer.of(0xc0, 0x80),
  Buffer.of(0xed, 0xa0, 0x80),
  Buffer.of(0xf0, 0x9f),
  Buffer.of(0x80),
];

interface Mutation {
  readonly how: 'flip' | 'cut' | 'insert' | 'repeat' | 'swap';
  readonly at: number;
  readonly length: number;
  readonly put: Uint8Array;
}

const mutation: fc.Arbitrary<Mutation> = fc.record({
  how: fc.constantFrom('flip', 'cut', 'insert', 'repeat', 'swap'),
  at: fc.nat(),
  length: fc.oneof(fc.nat(4), fc.nat(400)),
  put: fc.oneof(fc.constantFrom(...SNIPPETS, ...RAW), fc.uint8Array({ minLength: 1, maxLength: 6 })),
});

function mutated(bytes: Buffer, { how, at, length, put }: Mutation): Buffer {
  const from = bytes.length === 0 ? 0 : at % bytes.length;
  const [before, piece, after] = [
    bytes.subarray(0, from),
    bytes.subarray(from, from + length),
    bytes.subarray(from + length),
  ];
  switch (how) {
    case 'flip':
      return Buffer.concat([before, piece.map((byte) => byte ^ (put[0] ?? 1)), after]);
    case 'cut':
      return Buffer.concat([before, after]);
    case 'insert':
      return Buffer.concat([before, put, piece, after]);
    case 'repeat':
      return Buffer.concat([before, piece, piece, after]);
    case 'swap':
      return Buffer.concat([after, piece, before]);
  }
}

/** What parsing came to: everything it yielded, or the refusal; any other error is a failure. */
async function parsed(
  bytes: Buffer,
  stream: (typeof KINDS)[number],
  sizes: readonly number[] = [],
): Promise<Parsed | IntegrityError> {
  try {
    return await gather(await parseBoth(() => inChunks(bytes, sizes), 'b', STREAMS[stream].table, LIMITS));
  } catch (error) {
    if (error instanceof IntegrityError) return error;
    throw error;
  }
}

/** Every line is a row or a rejected record, at its own number and with its own values. */
function accountFor(result: Parsed, content: Buffer, stream: (typeof KINDS)[number]): void {
  const lines = linesTheSlowWay(content);
  const { rows, rejected, counts } = result;
  expect([counts.recordsRead, counts.recordsStaged, counts.recordsRejected, counts.inflatedBytes]).toEqual([
    lines.length,
    rows.length,
    rejected.length,
    content.length,
  ]);
  const rejectedLines = new Set(rejected.map(({ lineNumber }) => lineNumber));
  const numbers = [...rows.map((row) => Number(row['_line_number'])), ...rejectedLines];
  expect(new Set(numbers).size).toBe(lines.length);
  // Both keep the order of the lines, so what is no rejected record is the next row.
  const order = numbers.sort((a, b) => a - b);
  const staged = rows.values();
  lines.forEach((line, index) => {
    if (rejectedLines.has(order[index] ?? -1)) return;
    const row = staged.next().value ?? {};
    expect(mustReject(line, stream)).toBeNull();
    for (const [name, text] of textsOf(line, stream)) if (row[name] !== text) expect(row[name]).toBe(text);
  });
}

const blobOf = (count: number) =>
  fc
    .constantFrom(...KINDS)
    .chain((stream) =>
      fc.record({
        stream: fc.constant(stream),
        picks: fc.array(fc.nat(), { minLength: 1, maxLength: count }),
        end: fc.constantFrom('\n', '\r\n', '\n\n', '\n \t\r\n', '\n\ufeff'),
      }),
    )
    .map(({ stream, picks, end }) => {
      const lines = picks.map((pick) => corpus[stream][pick % corpus[stream].length] ?? Buffer.alloc(0));
      return { stream, bytes: Buffer.concat(lines.flatMap((line) => [line, Buffer.from(end)])) };
    });
const sizes = fc.array(fc.integer({ min: 1, max: 5000 }), { maxLength: 3 });

describe('lines of the service', () => {
  it('are all staged as they came, to begin with', async () => {
    for (const stream of KINDS) {
      const content = Buffer.concat(corpus[stream].flatMap((line) => [line, Buffer.from('\n')]));
      const result = await parsed(gzipSync(content), stream);
      if (result instanceof IntegrityError) throw result;
      expect(result.rejected).toEqual([]);
      expect(result.rows.length).toBeGreaterThanOrEqual(10);
      accountFor(result, content, stream);
    }
  });

  it('changed anywhere, are each a row with the values it says, a rejected record, or the blob is refused', async () => {
    const seen = { rows: 0, rejected: 0, refused: 0 };
    const damages = fc.array(mutation, { minLength: 1, maxLength: 6 });
    await fc.assert(
      fc.asyncProperty(blobOf(4), damages, sizes, async ({ stream, bytes }, all, cut) => {
        const content = all.reduce(mutated, bytes);
        const result = await parsed(gzipSync(content), stream, cut);
        if (result instanceof IntegrityError) {
          seen.refused += 1;
          expect(result.facts['rule']).toBe('line length');
          expect(linesTheSlowWay(content).some((line) => line.length > LIMITS.lineBytes)).toBe(true);
          return;
        }
        seen.rows += result.rows.length;
        seen.rejected += result.rejected.length;
        accountFor(result, content, stream);
      }),
      { numRuns: RUNS },
    );
    // A fuzzer whose every input ends the same way tests nothing.
    expect(Math.min(seen.rows, seen.rejected)).toBeGreaterThan(RUNS / 10);
  });

  it('with a member twice, in any letter case or under another name, are never staged', async () => {
    let refused = 0;
    const columns = STREAMS.billed_usage.table.columns;
    const twice = fc.constantFrom(...columns).chain(({ source, aliases }) =>
      fc.tuple(
        fc.constantFrom(source, ...aliases).chain((name) => fc.mixedCase(fc.constant(name))),
        fc.constantFrom('null', '""', '"x"', '1', '{"a":1}'),
        fc.nat(),
      ),
    );
    await fc.assert(
      fc.asyncProperty(twice, fc.nat(), async ([name, value, place], pick) => {
        const line = (corpus.billed_usage[pick % corpus.billed_usage.length] ?? Buffer.alloc(0)).toString();
        // A second member before, between or after the others; strings of these lines hold no `,"` of their own.
        const seams = [1, line.length - 1];
        const seam = seams[place % seams.length] ?? 1;
        const member = `${JSON.stringify(name)}:${value}`;
        const text = seam === 1 ? `{${member},${line.slice(1)}` : `${line.slice(0, -1)},${member}}`;
        const result = await parsed(gzipSync(text), 'billed_usage');
        if (result instanceof IntegrityError) throw result;
        if (mustReject(Buffer.from(text), 'billed_usage') !== null) refused += 1;
        accountFor(result, Buffer.from(text), 'billed_usage');
      }),
      { numRuns: RUNS },
    );
    expect(refused).toBeGreaterThan(RUNS / 2);
  });
});

describe('a gzip file that is changed anywhere', () => {
  it('is refused, or holds what zlib says it holds', async () => {
    const seen = { whole: 0, refused: 0 };
    const damages = fc.array(mutation, { minLength: 1, maxLength: 3 });
    const members = fc.array(blobOf(2), { minLength: 1, maxLength: 3 });
    await fc.assert(
      fc.asyncProperty(members, damages, sizes, async (all, changes, cut) => {
        const stream = all[0]?.stream ?? 'billed_usage';
        const bytes = changes.reduce(mutated, Buffer.concat(all.map((one) => gzipSync(one.bytes))));
        const result = await parsed(bytes, stream, cut);
        if (result instanceof IntegrityError) {
          seen.refused += 1;
          expect(['gzip', 'line length', 'inflation ratio']).toContain(result.facts['rule']);
          return;
        }
        seen.whole += 1;
        const isGzip = bytes[0] === 0x1f && bytes[1] === 0x8b;
        accountFor(result, isGzip ? gunzipSync(bytes) : bytes, stream);
      }),
      { numRuns: RUNS },
    );
    expect(seen.refused).toBeGreaterThan(RUNS / 2);
    expect(seen.whole + seen.refused).toBe(RUNS);
  });
});
