import { DuckDBDateValue, type DuckDBValue } from '@duckdb/node-api';
import type { Batch } from '../../../schemas/batch.js';
import type { ConstantColumn } from '../../../schemas/row-encoding.js';
import { VALUE_READERS } from './arrow-values.js';
import { fieldOf, type ChunkFilling, type ColumnSource, type StagedColumn } from './staged-columns.js';

/** Puts the values of the rows `from` to `to` (not included) of one column into `values`. */
type ReadValues = (batch: Batch, from: number, to: number, values: DuckDBValue[]) => void;

/** Fills chunks through DuckDB's documented API, value by value. */
export function fillingWithValues(columns: readonly StagedColumn[]): ChunkFilling {
  const readers = columns.map(({ source }) => readerOf(source));
  return {
    fill: (chunk, batch, from, rows) => {
      const values = new Array<DuckDBValue>(rows).fill(null);
      readers.forEach((read, column) => {
        read(batch, from, from + rows, values);
        chunk.setColumnValues(column, values);
      });
    },
  };
}

function readerOf(source: ColumnSource): ReadValues {
  switch (source.from) {
    case 'field': {
      const read = VALUE_READERS[source.reading];
      return (batch, from, to, values) => read(fieldOf(batch, source.index), from, to, values);
    }
    case 'blob name':
      return (batch, _from, _to, values) => values.fill(batch.blobName);
    case 'constant': {
      const value = constantValue(source.constant);
      return (_batch, _from, _to, values) => values.fill(value);
    }
  }
}

function constantValue({ type, value }: ConstantColumn): DuckDBValue {
  return type === 'date' ? dateOf(value) : value;
}

/** The date `yyyy-mm-dd`. */
export function dateOf(text: string): DuckDBDateValue {
  const [year = 0, month = 0, day = 0] = text.split('-').map(Number);
  return DuckDBDateValue.fromParts({ year, month, day });
}
