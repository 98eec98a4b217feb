import { readFileSync } from 'node:fs';
import { gzipSync } from 'node:zlib';
import fc from 'fast-check';
import { afterEach, describe, expect, it, vi } from 'vitest';
import { BILLED_RECONCILIATION } from '../../schemas/tables/billed-reconciliation.js';
import { BILLED_USAGE } from '../../schemas/tables/billed-usage.js';
import { UNBILLED_USAGE } from '../../schemas/tables/unbilled-usage.js';
import { ReferenceDecoder } from '../../transforms/reference-record.js';
import { Decoder } from '../../transforms/decoder.js';
import { parseBlob } from '../../transforms/parse-blob.js';
import { compared, MODULE, parseBoth } from './both-decoders.js';
import { inChunks, usageLine } from './blob-parts.js';
import { spelledBlob } from './spelled-blobs.js';

/** `FUZZ_RUNS=20000 npx vitest run test/transforms/decoders.test.ts` looks longer; a failure prints its seed. */
const RUNS = Number(process.env['FUZZ_RUNS'] ?? 40);
/** Small, so that batches end within a blob, and one in some thousand lines is longer than allowed. */
const LIMITS = { lineBytes: 20_000, batchRows: 9, batchBytes: 12_000, inflationGraceBytes: 1_000_000 };
const TABLES = [BILLED_USAGE, BILLED_RECONCILIATION, UNBILLED_USAGE];

describe('the fast decoder and the reference decoder', () => {
  it.each(TABLES.map((table) => [table.name, table] as const))(
    'read %s the same in every cell, however its lines are written, damaged and cut into chunks',
    async (_, table) => {
      const sizes = fc.array(fc.oneof(fc.integer({ min: 1, max: 40 }), fc.integer({ min: 1, max: 30_000 })), {
        maxLength: 5,
      });
      await fc.assert(
        fc.asyncProperty(spelledBlob(table, 40), sizes, fc.boolean(), async (bytes, chunks, isPacked) => {
          const blob = isPacked ? gzipSync(bytes, { level: 1 }) : bytes;
          await parseBoth(() => inChunks(blob, chunks), 'blob', table, LIMITS).catch(expectedRefusal);
        }),
        { numRuns: RUNS },
      );
      expect(compared.cells).toBeGreaterThan(RUNS * 100);
    },
  );

  it('read the same blob the same at every place where it may be cut in two', async () => {
    const lines = [
      usageLine({ SkuName: 'Ångström \u{1f600} "x" \\', Tags: 'a/b\n', UnitPrice: 1.5 }),
      usageLine({ UnitPrice: '1E-05', NewField: [1, 2], UsageDate: '2026-10-01T00:00:00Z' }),
      '',
      'no json',
    ];
    const bytes = Buffer.from(lines.join('\r\n'));
    const before = compared.cells;
    for (let at = 0; at <= bytes.length; at += 1) {
      await parseBoth(() => inChunks(bytes, [Math.max(at, 1), bytes.length]), 'blob', BILLED_USAGE, LIMITS);
    }
    expect(compared.cells - before).toBe((bytes.length + 1) * 2 * 59);
  });

  afterEach(() => {
    process.stderr.write(`cells compared so far: ${compared.cells}\n`);
  });
});

/** Errors are compared too, and then thrown. */
function expectedRefusal(error: unknown): void {
  expect(error).toMatchObject({ name: expect.stringMatching(/^(IntegrityError)$/) as unknown });
}

describe('the fast way', () => {
  const LINES = 3000;
  /** How many lines of a blob the reference decoder read for the fast one. */
  async function readByReference(line: (index: number) => string): Promise<number> {
    const bytes = Buffer.from(Array.from({ length: LINES }, (_, index) => `${line(index)}\n`).join(''));
    const read = vi.spyOn(ReferenceDecoder.prototype, 'read');
    try {
      await parseBoth(() => inChunks(bytes), 'blob', BILLED_USAGE, {});
      // The reference decoder's own turn reads each line once.
      return read.mock.calls.length - LINES;
    } finally {
      read.mockRestore();
    }
  }
  /** The first hundred are checked, and a few lines teach. */
  const FEW = 110;

  it.each([
    ['as documented', (index: number) => usageLine({ Quantity: index / 7, UsageDate: '2026-10-03' })],
    [
      'in camel case',
      (index: number) => `{"invoiceNumber":"G1","billingCurrency":"USD","billingPreTaxTotal":${index}.5}`,
    ],
    [
      'with numbers in strings',
      (index: number) => usageLine({ BillingPreTaxTotal: `${index}.25`, Quantity: '0.50' }),
    ],
    [
      'with exponents',
      (index: number) => `{"InvoiceNumber":"G1","BillingCurrency":"USD","BillingPreTaxTotal":${index}E-05}`,
    ],
    [
      'with 22 fractional digits',
      (index: number) =>
        `{"InvoiceNumber":"G1","BillingCurrency":"USD","BillingPreTaxTotal":0.${String(index).padStart(22, '1')}}`,
    ],
    [
      'with space between',
      (index: number) =>
        `{ "InvoiceNumber": "G${index}", "BillingCurrency": "USD", "BillingPreTaxTotal": 1 }`,
    ],
    [
      'with escapes',
      (index: number) => usageLine({ Tags: `"env": "${index}"\n\u{1f600}`, ResourceURI: '\u0007\\' }),
    ],
    [
      'with fields that no column is declared for',
      (index: number) => usageLine({ NewField: `x${index}`, Other: 1.5, Flag: true }),
    ],
    ['with nulls', () => usageLine({ Tags: null, Quantity: null, UsageDate: null })],
    ['with numbers in text columns', (index: number) => usageLine({ MpnId: index, Tier2MpnId: -1 })],
    ['with the year-0001 sentinel', () => usageLine({ PCToBCExchangeRateDate: '0001-01-01T00:00:00' })],
    [
      'with fields that come and go',
      (index: number) =>
        usageLine({
          ...(index % 2 === 0 ? { Tags: 'a' } : {}),
          ...(index % 3 === 0 ? { SkuId: '1' } : {}),
          ...(index % 5 === 0 ? { CreditType: 'c', BenefitType: 'Charge' } : {}),
        }),
    ],
  ])('is the way of a blob %s', async (_, line) => {
    expect(await readByReference(line)).toBeLessThan(FEW);
  });

  it('learns another order of fields where the order changes for good', async () => {
    const other = '{"BillingPreTaxTotal":1,"InvoiceNumber":"G1","BillingCurrency":"USD"}';
    expect(await readByReference((index) => (index < 1500 ? usageLine() : other))).toBeLessThan(FEW + 10);
  });

  it('is refused at the first line that the two decoders read in different ways', async () => {
    // A decoder with a defect: one bit of the constants that it hashes with is another.
    const wasm = Buffer.from(readFileSync(MODULE));
    const secret = wasm.indexOf(Buffer.from('b8fe6c3923a44bbe', 'hex'));
    expect(secret).toBeGreaterThan(0);
    wasm[secret] = 0xb9;
    const defective = new Decoder(new Uint8Array(wasm));
    const blob = inChunks(Buffer.from(`${usageLine()}\n`.repeat(150)));
    const parts = parseBlob(blob, 'part', BILLED_USAGE, {}, defective);
    await expect(parts.next()).rejects.toMatchObject({ kind: 'system', facts: { blob: 'part', line: 2 } });
  });
});
