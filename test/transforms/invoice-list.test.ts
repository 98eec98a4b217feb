import fc from 'fast-check';
import { xxhash128 } from 'hash-wasm';
import { describe, expect, it } from 'vitest';
import { DataError, IntegrityError } from '../../schemas/errors.js';
import type { ListedInvoice } from '../../schemas/invoice-record.js';
import { INVOICE_COLUMNS } from '../../schemas/tables/invoices.js';
import { parseInvoiceList } from '../../transforms/invoice-list.js';

const PERIOD =
  '"billingPeriodStartDate":"2026-10-01T00:00:00Z","billingPeriodEndDate":"2026-10-31T23:59:59Z"';

/** A page of the list around the texts of its documents. */
function page(...documents: readonly string[]): string {
  return `{"totalCount":${documents.length},"items":[${documents.join(',')}],"attributes":{"objectType":"Collection"}}`;
}

async function one(document: string): Promise<ListedInvoice> {
  const [only, ...others] = await parseInvoiceList([page(document)]);
  expect(others).toEqual([]);
  if (only === undefined) throw new Error('no document');
  return only;
}

async function valuesOf(members: string): Promise<Readonly<Record<string, string | null>>> {
  return (await one(`{"id":"G1",${members}}`)).record.values;
}

async function failure(pages: readonly string[]): Promise<DataError | IntegrityError> {
  return await parseInvoiceList(pages).then(
    () => {
      throw new Error('expected an error');
    },
    (error: unknown) => error as DataError,
  );
}

function brief(listed: readonly ListedInvoice[]): (string | null | undefined)[][] {
  return listed.map(({ record, billingMonth }) => [
    record.values['invoice_number'],
    record.values['amends_of'],
    billingMonth,
  ]);
}

describe('a document of the invoice list', () => {
  it('becomes a record with every column, exact amounts and kinds in one spelling', async () => {
    const { record, billingMonth } = await one(
      `{"ID":"G016907411","invoiceDate":"2026-11-08T01:22:47.6038951Z",${PERIOD},
        "totalCharges": 12345678901234.1999968000511991808131, "paidAmount": "-1.50E+2", "currencyCode": "gbp",
        "currencySymbol":"£","invoiceDetails":[{"billingProvider":"one_time", "n": 1.0}],"amendments":[],
        "documentType":"Credit Note","amendsOf":"","invoiceType":"OneTime","status":"Active"}`,
    );
    expect(record.values).toEqual({
      invoice_number: 'G016907411',
      amends_of: null,
      document_type: 'credit_note',
      invoice_type: 'one_time',
      status: 'active',
      invoice_date: '2026-11-08T01:22:47.603895',
      billing_period_start: '2026-10-01T00:00:00.000000',
      billing_period_end: '2026-10-31T23:59:59.000000',
      total_charges: '12345678901234.1999968000511991808131',
      paid_amount: '-150',
      currency: 'GBP',
      currency_symbol: '£',
      invoice_details: '[{"billingProvider":"one_time", "n": 1.0}]',
    });
    expect(Object.keys(record.values)).toEqual(INVOICE_COLUMNS.map(({ name }) => name));
    expect(record.extra).toBeNull();
    expect(record.rowHash).toMatch(/^[0-9a-f]{8}(-[0-9a-f]{4}){3}-[0-9a-f]{12}$/);
    expect(billingMonth).toBe('2026-10');
  });

  it('takes absent, null, blank and year-0001 values for null', async () => {
    const values = await valuesOf(
      '"invoiceDate":"0001-01-01T00:00:00","billingPeriodStartDate":null,"documentType":" ","totalCharges":null',
    );
    expect(Object.entries(values).filter(([, value]) => value !== null)).toEqual([['invoice_number', 'G1']]);
  });

  it('keeps unknown members as raw tokens, sorted, and the exact text of a rounded amount', async () => {
    const exact = '0.123456789012345678901234';
    const { record } = await one(`{"id":"G1","Zone":{"a": 1.10},"net":[1e3],"totalCharges":${exact}}`);
    expect(record.extra).toBe(`{"net":[1e3],"totalCharges":${exact},"Zone":{"a": 1.10}}`);
    expect(record.values['total_charges']).toBe('0.1234567890123456789012');
  });

  it('leaves out addresses and attributes at every depth, but nothing else', async () => {
    const links = '"links":{"self":{"uri":"/x?sig=secret"}},"attributes":{"objectType":"x"}';
    const { record } = await one(
      `{"id":"G1",${links},"PdfDownloadLink":"/p?sig=secret","taxReceipts":[{"id":1}],
        "invoiceDetails":[{"billingProvider":"office",${links}}],
        "more":{"a":[{"Links":1,"b":2.50}],"amendments":["kept"]}}`,
    );
    expect(record.values['invoice_details']).toBe('[{"billingProvider":"office"}]');
    expect(record.extra).toBe('{"more":{"a":[{"b":2.50}],"amendments":["kept"]}}');
  });

  it('has a hash that its links do not change and any kept value does', async () => {
    const hash = async (members: string) => (await one(`{"id":"G1"${members}}`)).record.rowHash;
    const plain = await hash('');
    expect(await hash(',"links":{"self":1},"amendments":[],"status":null')).toBe(plain);
    const others = await Promise.all(
      [',"status":"void"', ',"x":1', ',"x":1.0', ',"totalCharges":0'].map(hash),
    );
    expect(new Set([plain, ...others]).size).toBe(5);
    expect(await hash(',"totalCharges":0.00')).toBe(others[3]);
  });

  it('has the hash of architecture: columns in order, then unknown members; recorded hashes depend on it', async () => {
    const { record } = await one(
      '{"id":"G016907411","documentType":"Invoice","totalCharges":"1.10","Zone":1.0}',
    );
    expect(record.rowHash).toBe('2ef2ada3-1932-2b20-b61b-21fef65d4e0a');
    const texts = INVOICE_COLUMNS.map(({ name }) => record.values[name] ?? null);
    const parts = [...texts, 'zone', '1.0'].map((text) => {
      const length = Buffer.alloc(4);
      length.writeUInt32LE(text === null ? 0xffffffff : Buffer.byteLength(text));
      return Buffer.concat([length, Buffer.from(text ?? '')]);
    });
    expect(record.rowHash.replaceAll('-', '')).toBe(await xxhash128(Buffer.concat(parts)));
  });

  it('keeps the value of any decimal', async () => {
    const digits = fc.stringMatching(/^-?(0|[1-9][0-9]{0,15})\.[0-9]{1,21}[1-9]$/);
    await fc.assert(
      fc.asyncProperty(digits, async (text) => {
        expect((await valuesOf(`"totalCharges":${text}`))['total_charges']).toBe(text);
        expect((await valuesOf(`"totalCharges":"${text}"`))['total_charges']).toBe(text);
      }),
      { numRuns: 50 },
    );
  });
});

describe('the month that a document bills', () => {
  it.each([
    ['"billingPeriodStartDate":"2026-10-01T00:00:00Z"', '2026-10'],
    ['"billingPeriodStartDate":"2026-09-30T17:00:00-07:00"', '2026-10'],
    ['"billingPeriodEndDate":"2026-10-31T23:59:59Z"', '2026-10'],
    ['"billingPeriodEndDate":"2026-11-01T00:00:00Z"', '2026-10'],
    ['"billingPeriodStartDate":"0001-01-01T00:00:00","billingPeriodEndDate":"2026-10-31"', '2026-10'],
    ['"invoiceDate":"2026-11-08T00:00:00Z"', null],
  ])('is told by its period: %s bills %s', async (members, month) => {
    expect((await one(`{"id":"G1",${members}}`)).billingMonth).toBe(month);
  });

  it('of an amendment without a period is that of what it amends, wherever that stands', async () => {
    const listed = await parseInvoiceList([
      page('{"id":"G5","amendsOf":"G1"}', '{"id":"G6","amendsOf":"G9"}'),
      page(`{"id":"G1",${PERIOD},"amendments":[{"id":"G2","amendments":[{"id":"G3"}]}]}`),
    ]);
    expect(brief(listed)).toEqual([
      ['G5', 'G1', '2026-10'],
      ['G6', 'G9', null],
      ['G1', null, '2026-10'],
      ['G2', 'G1', '2026-10'],
      ['G3', 'G2', '2026-10'],
    ]);
  });

  it('is unknown where documents amend each other', async () => {
    const listed = await parseInvoiceList([
      page('{"id":"G1","amendsOf":"G2"}', '{"id":"G2","amendsOf":"G1"}'),
    ]);
    expect(brief(listed)).toEqual([
      ['G1', 'G2', null],
      ['G2', 'G1', null],
    ]);
  });
});

describe('a list', () => {
  it('may be empty', async () => {
    expect(await parseInvoiceList([page()])).toEqual([]);
    expect(await parseInvoiceList(['{"totalCount":0,"items":null}', '{"totalCount":0}'])).toEqual([]);
  });

  it('is flattened, with what an amendment says of itself before where it stands', async () => {
    const listed = await parseInvoiceList([
      page(
        `{"id":"G1",${PERIOD},"amendments":[{"id":"G2","amendsOf":"G1"},{"id":"G3","amendsOf":"G2"},{"id":"G4"}]}`,
      ),
    ]);
    expect(brief(listed)).toEqual([
      ['G1', null, '2026-10'],
      ['G2', 'G1', '2026-10'],
      ['G3', 'G2', '2026-10'],
      ['G4', 'G1', '2026-10'],
    ]);
  });

  it('has a document once that comes again with the same content', async () => {
    const pages = [
      page('{"id":"G2","status":"active"}', `{"id":"G1",${PERIOD}}`),
      page(
        `{"id":"G1",${PERIOD},"links":{"self":{"uri":"/2"}},"amendments":[{"status":"Active","id":"G2"}]}`,
      ),
    ];
    const expected = [
      ['G2', 'G1', '2026-10'],
      ['G1', null, '2026-10'],
    ];
    expect(brief(await parseInvoiceList(pages))).toEqual(expected);
    expect(brief(await parseInvoiceList([...pages].reverse())).sort()).toEqual([...expected].sort());
    expect(brief(await parseInvoiceList([...pages, ...pages]))).toEqual(expected);
  });

  it.each([
    ['differ', [page('{"id":"G1","totalCharges":1}'), page('{"id":"G1","totalCharges":1.01}')]],
    [
      'stand below two others',
      [page('{"id":"G1","amendments":[{"id":"G3"}]}', '{"id":"G2","amendments":[{"id":"G3"}]}')],
    ],
  ])('is refused where two documents of one id %s', async (_what, pages) => {
    const error = await failure(pages);
    expect(error).toBeInstanceOf(IntegrityError);
    expect(error.message).toMatch(/^invoice list, page \d, items\[\d\] \(G[12]\)/);
  });

  it.each([
    ['{"status":"active"}', 'items[1]: id: a required field is missing or blank'],
    ['{"id":" "}', 'items[1] ( ): id: a required field is missing or blank'],
    ['"G2"', 'items[1]: id: a required field is missing or blank'],
    ['{"id":"G2","totalCharges":"1,50"}', 'items[1] (G2): totalCharges: the value is no number'],
    [
      '{"id":"G2","totalCharges":{}}',
      'items[1] (G2): totalCharges: the value is no decimal but a JSON object',
    ],
    [
      '{"id":"G2","invoiceDate":"8.11.2026"}',
      'items[1] (G2): invoiceDate: the value is no date in a known form',
    ],
    ['{"id":"G2","Id":"G3"}', 'items[1] (G2): Id: two fields of the record mean the same column'],
    ['{"id":"G2","amendments":{}}', 'items[1] (G2): amendments: it is no list'],
    [
      '{"id":"G2","amendments":[{"id":"G3"},{"id":"G4","paidAmount":"x"}]}',
      'items[1] (G2), amendments[1] (G4): paidAmount: the value is no number',
    ],
  ])('drops nothing: %s names page, document and member', async (document, message) => {
    const error = await failure([page(), page('{"id":"G1"}', document)]);
    expect(error).toBeInstanceOf(DataError);
    expect(error.message).toBe(`invoice list, page 2, ${message}`);
    expect(error.hint).toContain('invoices: [G...]');
  });

  it.each([
    ['[]', 'the line is no JSON object'],
    ['{"items":{}}', 'items: it is no list'],
    ['{"totalCount":1}', 'items: it is no list'],
    ['{"items":[],"Items":[]}', 'Items: the member occurs twice'],
    ['{"items":[{"id":"G\\u0000"}]}', 'items: a string holds the NUL character, which no database text can'],
  ])('that is none is refused: %s', async (text, problem) => {
    const error = await failure([text]);
    expect(error).toBeInstanceOf(IntegrityError);
    expect(error.message).toBe(`invoice list, page 1: ${problem}`);
  });

  it('has every document of any nesting once, under what it stands below', async () => {
    interface Tree {
      readonly below: readonly Tree[];
    }
    const { tree } = fc.letrec<{ tree: Tree }>((tie) => ({
      tree: fc.oneof(
        { maxDepth: 5 },
        fc.constant<Tree>({ below: [] }),
        fc.record({ below: fc.array(tie('tree'), { maxLength: 3 }) }),
      ),
    }));
    await fc.assert(
      fc.asyncProperty(fc.array(tree, { maxLength: 3 }), async (trees) => {
        const expected: (string | null)[][] = [];
        const text = ({ below }: Tree, above: string | null): string => {
          const id = `G${expected.length + 1}`;
          expected.push([id, above]);
          return `{"amendments":[${below.map((one) => text(one, id)).join(',')}],"id":"${id}"}`;
        };
        const listed = await parseInvoiceList([page(...trees.map((one) => text(one, null)))]);
        expect(brief(listed).map(([id, above]) => [id, above])).toEqual(expected);
      }),
      { numRuns: 50 },
    );
  });
});
