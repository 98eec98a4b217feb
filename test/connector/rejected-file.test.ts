import { existsSync } from 'node:fs';
import { mkdir, mkdtemp, readdir, rm, stat, writeFile } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { DuckDBInstance } from '@duckdb/node-api';
import { afterEach, beforeEach, describe, expect, it } from 'vitest';
import { KEPT_REJECTED, RejectedFile } from '../../connector/rejected-file.js';
import type { RejectedRecord } from '../../schemas/batch.js';

let folder: string;
let path: string;

beforeEach(async () => {
  folder = await mkdtemp(join(tmpdir(), 'rejected-'));
  path = join(folder, 'rejected.parquet');
});
afterEach(() => rm(folder, { recursive: true, force: true }));

function rejected(lineNumber: number, change: Partial<RejectedRecord> = {}): RejectedRecord {
  return {
    blobName: 'part-00000.json.gz',
    lineNumber,
    field: 'Quantity',
    reason: 'the value is no number',
    line: `{"Quantity":"${lineNumber},5"}`,
    lineBytes: 20,
    lineSha256: 'ab'.repeat(32),
    ...change,
  };
}

async function query(sql: string): Promise<unknown[][]> {
  const instance = await DuckDBInstance.fromCache(':memory:');
  const connection = await instance.connect();
  try {
    const reader = await connection.runAndReadAll(sql, [path]);
    return reader.getRowsJson();
  } finally {
    connection.closeSync();
  }
}

describe('rejected.parquet', () => {
  it('can be queried in DuckDB, typed, with every text as it was', async () => {
    const records = [
      rejected(1),
      rejected(2, { field: null, line: '', reason: 'the line is no JSON object' }),
      rejected(2_147_483_647, {
        line: 'Größe 株式会社 😀 ｆ \\x00 \u0001 "quoted"',
        lineBytes: 9_007_199_254_740_991,
      }),
      rejected(4, { line: 'é'.repeat(32 * 1024), field: '😀'.repeat(128) }),
    ];
    const file = new RejectedFile(path);
    await file.add(records.slice(0, 1));
    await file.add(records.slice(1));
    await file.close();
    expect(await query('select column_name, column_type from (describe from read_parquet($1))')).toEqual([
      ['blob_name', 'VARCHAR'],
      ['line_number', 'INTEGER'],
      ['field', 'VARCHAR'],
      ['reason', 'VARCHAR'],
      ['line', 'VARCHAR'],
      ['line_bytes', 'BIGINT'],
      ['line_sha256', 'VARCHAR'],
    ]);
    expect(await query('select * from read_parquet($1)')).toEqual(
      records.map((record) => [
        record.blobName,
        record.lineNumber,
        record.field,
        record.reason,
        record.line,
        String(record.lineBytes),
        record.lineSha256,
      ]),
    );
  });

  it('finds text beyond the BMP, which false statistics would hide', async () => {
    const file = new RejectedFile(path);
    const fields = ['a', '😀', 'ｆ', 'z'];
    await file.add(
      Array.from({ length: 1000 }, (_, index) => rejected(index, { field: fields[index % 4] ?? null })),
    );
    await file.close();
    for (const field of fields) {
      expect(await query(`select count(*) from read_parquet($1) where field = '${field}'`)).toEqual([
        ['250'],
      ]);
    }
  });

  it('keeps the first ten thousand and says how many there were', async () => {
    const file = new RejectedFile(path);
    for (let start = 0; start < 12_000; start += 500) {
      await file.add(Array.from({ length: 500 }, (_, index) => rejected(start + index + 1)));
    }
    await file.close();
    expect(await query('select count(*), max(line_number) from read_parquet($1)')).toEqual([
      [String(KEPT_REJECTED), KEPT_REJECTED],
    ]);
    const metadata = await query(
      'select decode(key), decode(value) from parquet_kv_metadata($1) order by decode(key)',
    );
    expect(metadata).toEqual([
      ['records_given', '12000'],
      ['records_kept', '10000'],
    ]);
  });

  it('is written under another name until it is whole, for its owner only', async () => {
    const file = new RejectedFile(path);
    await file.add([rejected(1)]);
    expect(await readdir(folder)).toEqual(['rejected.parquet.partial']);
    await file.close();
    expect(await readdir(folder)).toEqual(['rejected.parquet']);
    expect((await stat(path)).mode & 0o777).toBe(0o600);
  });

  it('is not there where nothing was rejected, and one of an earlier parse is gone', async () => {
    await writeFile(path, 'of an earlier parse');
    const file = new RejectedFile(path);
    await file.add([]);
    await file.close();
    expect(existsSync(path)).toBe(false);
  });

  it('raises what the disk refuses, and leaves nothing half written', async () => {
    const nowhere = new RejectedFile(join(folder, 'missing', 'rejected.parquet'));
    await expect(nowhere.add([rejected(1)])).rejects.toMatchObject({ code: 'ENOENT' });
    await mkdir(path);
    const file = new RejectedFile(path);
    await file.add([rejected(1)]);
    await expect(file.close()).rejects.toMatchObject({ code: 'EISDIR' });
    expect(await readdir(folder)).toEqual(['rejected.parquet']);
  });
});
