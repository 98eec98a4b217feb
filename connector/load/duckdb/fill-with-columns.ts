import type { Value } from '@duckdb/node-bindings';
import type { ConstantColumn } from '../../../schemas/row-encoding.js';
import { dateOf } from './fill-with-values.js';
import { fieldOf, type ChunkFilling, type StagedColumn } from './staged-columns.js';
import { fillVector } from './vector-filling.js';
import { dateValue, integerValue, repeatValue, textValue, vectorOf } from './vector-memory.js';

/** Fills chunks with whole columns, copied into DuckDB's vectors: some thirty times as fast as value by value. */
export function fillingWithColumns(columns: readonly StagedColumn[]): ChunkFilling {
  const constants = columns.map(({ source }) =>
    source.from === 'constant' ? constantValue(source.constant) : undefined,
  );
  let blobName: { readonly name: string; readonly value: Value } | undefined;
  return {
    fill: (chunk, batch, from, rows) => {
      if (blobName?.name !== batch.blobName) {
        blobName = { name: batch.blobName, value: textValue(batch.blobName) };
      }
      for (const [column, { source }] of columns.entries()) {
        const vector = vectorOf(chunk, column);
        if (source.from === 'field') {
          fillVector(vector, source.reading, fieldOf(batch, source.index), from, rows);
        } else {
          repeatValue(vector, constants[column] ?? blobName.value);
        }
      }
    },
  };
}

function constantValue({ type, value }: ConstantColumn): Value {
  if (type === 'integer') return integerValue(value);
  return type === 'date' ? dateValue(dateOf(value).days) : textValue(value);
}
