import { readFileSync } from 'node:fs';
import type { RecordBatch } from 'apache-arrow';
import { expect } from 'vitest';
import type { ParsedPart } from '../../schemas/batch.js';
import type { Table } from '../../schemas/table.js';
import { Decoder } from '../../transforms/decoder.js';
import { parseBlob, type ParseLimits } from '../../transforms/parse-blob.js';

/** The fast decoder's module, as `npm run build` made it. */
export const MODULE = new URL('../../dist/transforms/decoder.wasm', import.meta.url);

/** The fast decoder that the tests share. */
export const fastDecoder = new Decoder(new Uint8Array(readFileSync(MODULE)));

/** Cells that were compared so far. */
export const compared = { cells: 0 };

/**
 * Parses a blob by the reference decoder and by the fast one, expects the same of both, cell by cell and error by error,
 * and returns what it was.
 * @param chunks the blob's bytes, from their start each time it is called
 */
export async function parseBoth(
  chunks: () => AsyncIterable<Uint8Array>,
  blobName: string,
  table: Table,
  limits: Partial<ParseLimits> = {},
): Promise<readonly ParsedPart[]> {
  const reference = await outcome(parseBlob(chunks(), blobName, table, limits));
  const fast = await outcome(parseBlob(chunks(), blobName, table, limits, fastDecoder));
  expect(fast.parts.map(described)).toEqual(reference.parts.map(described));
  reference.parts.forEach((part, index) => {
    const other = fast.parts[index];
    if (part.kind === 'batch' && other?.kind === 'batch') {
      expectSameBatch(other.batch.records, part.batch.records);
    } else {
      expect(other).toEqual(part);
    }
  });
  expect(errorOf(fast.error)).toEqual(errorOf(reference.error));
  if (reference.error !== undefined) throw reference.error;
  return reference.parts;
}

interface Outcome {
  readonly parts: readonly ParsedPart[];
  readonly error: Error | undefined;
}

async function outcome(parts: AsyncIterable<ParsedPart>): Promise<Outcome> {
  const found: ParsedPart[] = [];
  try {
    for await (const part of parts) found.push(part);
    return { parts: found, error: undefined };
  } catch (error) {
    if (!(error instanceof Error)) throw error;
    return { parts: found, error };
  }
}

function described(part: ParsedPart): string {
  switch (part.kind) {
    case 'batch':
      return `${part.batch.records.numRows} records of ${part.batch.blobName}`;
    case 'rejected':
      return `rejected ${part.rejected.map(({ lineNumber }) => lineNumber).join(' ')}`;
    case 'counts':
      return 'counts';
  }
}

function errorOf(error: Error | undefined): unknown {
  return error && { ...error, name: error.name, message: error.message, cause: undefined };
}

/** Every value, and every null, is the same in every bit. */
function expectSameBatch(found: RecordBatch, expected: RecordBatch): void {
  expect(found.schema.toString()).toBe(expected.schema.toString());
  expected.data.children.forEach((column, index) => {
    const other = found.data.children[index];
    const name = expected.schema.fields[index]?.name;
    const bytes = (view: unknown): Buffer => {
      const { buffer, byteOffset, byteLength } = view as Uint8Array;
      return Buffer.from(buffer, byteOffset, byteLength);
    };
    const rows = column.length;
    compared.cells += rows;
    expect([name, other?.length, other?.nullCount]).toEqual([name, rows, column.nullCount]);
    const same =
      bytes(other?.values).equals(bytes(column.values)) &&
      (column.nullCount === 0 || bits(other?.nullBitmap, rows) === bits(column.nullBitmap, rows)) &&
      offsetsOf(other?.valueOffsets) === offsetsOf(column.valueOffsets);
    expect([name, same]).toEqual([name, true]);
  });
}

/** The bits of rows only: those behind the last row mean nothing. */
function bits(bitmap: Uint8Array | undefined, rows: number): string {
  return Array.from({ length: rows }, (_, row) => ((bitmap?.[row >> 3] ?? 0) >> (row & 7)) & 1).join('');
}

function offsetsOf(offsets: unknown): string {
  return offsets instanceof Int32Array ? offsets.join() : '';
}
