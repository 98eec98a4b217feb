import { existsSync, mkdtempSync, readFileSync, readdirSync, rmSync, statSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { PassThrough, Writable } from 'node:stream';
import { afterEach, beforeEach, describe, expect, test } from 'vitest';
import type { QueryResult } from '../../connector/load/destination.js';
import { writeResult, type QueryFormat } from '../../connector/query-output.js';
import { ConfigError } from '../../schemas/errors.js';

const LIMITS = { memoryLimit: 128 * 1024 ** 2, threads: 1 };

type Row = readonly (string | null)[];

let folder: string;

beforeEach(() => {
  folder = mkdtempSync(join(tmpdir(), 'query-output-'));
});
afterEach(() => rmSync(folder, { recursive: true, force: true }));

function resultOf(
  columns: Readonly<Record<string, string>> | QueryResult['columns'],
  rows: readonly Row[],
): QueryResult {
  return {
    columns: Array.isArray(columns)
      ? (columns as QueryResult['columns'])
      : Object.entries(columns).map(([name, type]) => ({ name, type: String(type) })),
    rows: async function* () {
      for (const row of rows) yield await Promise.resolve(row);
    },
  };
}

async function written(format: QueryFormat, result: QueryResult): Promise<string> {
  const stdout = new PassThrough();
  const pieces: Buffer[] = [];
  stdout.on('data', (piece: Buffer) => pieces.push(piece));
  await writeResult(result, { format, file: undefined, stdout, limits: LIMITS });
  return Buffer.concat(pieces).toString();
}

describe('csv', () => {
  test('quotes what needs it, ends lines as RFC 4180 says, and tells null from empty text', async () => {
    const columns = { 'a,b': 'VARCHAR', amount: 'DECIMAL(38,22)', at: 'TIMESTAMP' };
    const text = await written(
      'csv',
      resultOf(columns, [
        ['say "hi"', '-1.5', '2026-11-01T00:00:00'],
        ['two\nlines', null, null],
        ['', '0', null],
        [null, null, null],
        [' spaced', '1', null],
      ]),
    );
    expect(text).toBe(
      '"a,b",amount,at\r\n"say ""hi""",-1.5,2026-11-01T00:00:00\r\n"two\nlines",,\r\n"",0,\r\n,,\r\n" spaced",1,\r\n',
    );
  });

  test('takes the teeth out of formulas in text, and never touches a number, wherever it stands', async () => {
    const texts = [
      '=1+1',
      '+cmd',
      '-cmd',
      '@SUM(A1)',
      '\tx',
      '-1',
      '+1.50',
      '-1-1',
      '=HYPERLINK("x")',
      'a=b',
      ' =1+1',
      '\n=1',
      '\uff1d1+1',
      ' -12.30 ',
      '-12.30',
    ];
    const text = await written(
      'csv',
      resultOf(
        { t: 'VARCHAR', d: 'DECIMAL(10,2)' },
        texts.map((one) => [one, '-7.25']),
      ),
    );
    expect(text.split('\r\n').slice(1, -1)).toEqual([
      "'=1+1,-7.25",
      "'+cmd,-7.25",
      "'-cmd,-7.25",
      "'@SUM(A1),-7.25",
      "'\tx,-7.25",
      '-1,-7.25',
      '+1.50,-7.25',
      "'-1-1,-7.25",
      '"\'=HYPERLINK(""x"")",-7.25',
      'a=b,-7.25',
      "' =1+1,-7.25",
      '"\'\n=1",-7.25',
      "'\uff1d1+1,-7.25",
      '" -12.30 ",-7.25',
      '-12.30,-7.25',
    ]);
  });
});

describe('json', () => {
  test('keeps decimals and large integers as strings, and what JSON has as itself', async () => {
    const columns = {
      d: 'DECIMAL(38,22)',
      i: 'INTEGER',
      n: 'BIGINT',
      big: 'HUGEINT',
      f: 'DOUBLE',
      nan: 'DOUBLE',
      yes: 'BOOLEAN',
      t: 'VARCHAR',
      j: 'JSON',
      nothing: 'VARCHAR',
    };
    const text = await written(
      'json',
      resultOf(columns, [
        [
          '0.1999968000511991808131',
          '-7',
          '9007199254740991',
          '9007199254740993',
          '1e+21',
          'NaN',
          'true',
          '"é\n',
          '{"a":1.10}',
          null,
        ],
      ]),
    );
    expect(JSON.parse(text)).toEqual([
      {
        d: '0.1999968000511991808131',
        i: -7,
        n: Number.MAX_SAFE_INTEGER,
        big: '9007199254740993',
        f: 1e21,
        nan: 'NaN',
        yes: true,
        t: '"é\n',
        j: '{"a":1.10}',
        nothing: null,
      },
    ]);
  });

  test('loses no column whose name occurs twice, or is a special one', async () => {
    const columns = ['a', 'a', 'a_1', '__proto__'].map((name) => ({ name, type: 'INTEGER' }));
    const text = await written('json', resultOf(columns, [['1', '2', '3', '4']]));
    expect(text).toBe('[\n{"a":1,"a_2":2,"a_1":3,"__proto__":4}\n]\n');
  });

  test('is an empty array where there are no rows', async () => {
    expect(await written('json', resultOf({ a: 'INTEGER' }, []))).toBe('[]\n');
  });
});

describe('table', () => {
  test('lines columns up, numbers to the right, and counts the rows', async () => {
    const text = await written(
      'table',
      resultOf({ stream: 'VARCHAR', amount: 'DECIMAL(38,22)' }, [
        ['billed_usage', '1204.5'],
        ['漢字', null],
      ]),
    );
    expect(text.split('\n')).toEqual([
      'stream        amount',
      'billed_usage  1204.5',
      '漢字            NULL',
      '(2 rows)',
      '',
    ]);
  });

  test('shows what would move the cursor or turn text around as escapes', async () => {
    const text = await written(
      'table',
      resultOf({ 'na\u001bme': 'VARCHAR' }, [
        ['\u001b[2J\u001b]0;x\u0007'],
        ['a\tb\r\nc'],
        ['abc\u202edef\u200b'],
        ['\u009b31m'],
      ]),
    );
    expect(text).not.toMatch(/[^\P{Cc}\n]|\u202e|\u200b/u);
    expect(text).toContain('na\\u{1b}me');
    expect(text).toContain('\\u{1b}[2J\\u{1b}]0;x\\u{7}');
    expect(text).toContain('a\\tb\\r\\nc');
    expect(text).toContain('abc\\u{202e}def\\u{200b}');
  });

  test('of many rows comes as several tables and counts them together', async () => {
    const rows = Array.from({ length: 2500 }, (_, index) => [String(index)]);
    const text = await written('table', resultOf({ id: 'BIGINT' }, rows));
    expect(text.match(/id\n/g)).toHaveLength(3);
    expect(text).toMatch(/\n2499\n\(2500 rows\)\n$/);
  });

  test('without rows still shows its columns', async () => {
    expect(await written('table', resultOf({ id: 'BIGINT', x: 'VARCHAR' }, []))).toBe('id  x\n(0 rows)\n');
  });
});

describe('a file', () => {
  const toFile = (file: string, result: QueryResult, format: QueryFormat = 'csv'): Promise<void> =>
    writeResult(result, { format, file, stdout: new PassThrough(), limits: LIMITS });

  test('replaces an older one when it is whole, for its owner only, and leaves nothing else behind', async () => {
    const file = join(folder, 'result.csv');
    writeFileSync(file, 'old', { mode: 0o644 });
    await toFile(file, resultOf({ a: 'INTEGER' }, [['1']]));
    expect(readFileSync(file, 'utf8')).toBe('a\r\n1\r\n');
    expect(statSync(file).mode & 0o777).toBe(0o600);
    expect(readdirSync(folder)).toEqual(['result.csv']);
  });

  test.each(['csv', 'parquet'] as const)(
    'stays as it was when the result fails in the middle: %s',
    async (format) => {
      const file = join(folder, 'result');
      writeFileSync(file, 'old');
      const failing: QueryResult = {
        columns: [{ name: 'a', type: 'INTEGER' }],
        rows: async function* () {
          yield await Promise.resolve(['1']);
          throw new ConfigError({ message: 'the server went away', hint: 'try again' });
        },
      };
      await expect(toFile(file, failing, format)).rejects.toThrow('the server went away');
      expect(readFileSync(file, 'utf8')).toBe('old');
      expect(readdirSync(folder)).toEqual(['result']);
    },
  );

  test('that cannot be written says which and why', async () => {
    for (const file of [folder, join(folder, 'missing', 'result.csv')]) {
      await expect(toFile(file, resultOf({ a: 'INTEGER' }, [['1']]))).rejects.toMatchObject({
        kind: 'config',
        message: expect.stringContaining(file) as string,
      });
    }
  });
});

describe('standard output', () => {
  test('is written no faster than it is read', async () => {
    let asked = 0;
    const result: QueryResult = {
      columns: [{ name: 'a', type: 'VARCHAR' }],
      rows: async function* () {
        for (; asked < 2000; asked += 1) yield await Promise.resolve(['x'.repeat(1000)]);
      },
    };
    const seen: number[] = [];
    const stdout = new Writable({
      highWaterMark: 1,
      write: (_piece, _encoding, done) => {
        seen.push(asked);
        setImmediate(done);
      },
    });
    await writeResult(result, { format: 'csv', file: undefined, stdout, limits: LIMITS });
    expect(seen[0]).toBeLessThan(100);
    expect(stdout.writableEnded).toBe(false);
  });

  test('that is closed by its reader ends the output without an error, and without reading on', async () => {
    let asked = 0;
    const result: QueryResult = {
      columns: [{ name: 'a', type: 'VARCHAR' }],
      rows: async function* () {
        for (; asked < 100_000; asked += 1) yield await Promise.resolve(['x'.repeat(1000)]);
      },
    };
    const stdout = new Writable({
      write: (_piece, _encoding, done) => done(Object.assign(new Error('write EPIPE'), { code: 'EPIPE' })),
    });
    await writeResult(result, { format: 'csv', file: undefined, stdout, limits: LIMITS });
    expect(asked).toBeLessThan(1000);
  });

  test('on a terminal gets no Parquet', async () => {
    const stdout = Object.assign(new PassThrough(), { isTTY: true });
    const writing = writeResult(resultOf({ a: 'INTEGER' }, []), {
      format: 'parquet',
      file: undefined,
      stdout,
      limits: LIMITS,
    });
    await expect(writing).rejects.toMatchObject({
      kind: 'config',
      hint: expect.stringContaining('--output') as string,
    });
    expect(existsSync(join(folder, 'result.parquet'))).toBe(false);
  });
});
