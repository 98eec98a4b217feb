import { dirname } from 'node:path';
import {
  DECIMAL,
  DuckDBDataChunk,
  DuckDBDecimalValue,
  VARCHAR,
  type DuckDBAppender,
  type DuckDBType,
  type DuckDBValue,
} from '@duckdb/node-api';
import { ConfigError } from '../schemas/errors.js';
import type { QueryResult } from './load/destination.js';
import { openInMemory, type DuckdbLimits } from './load/duckdb/database.js';
import { duckdbError } from './load/duckdb/duckdb-error.js';
import { identifier } from './load/sql-text.js';
import { decimalOf, uniqueNames, valueKind } from './query-output-type.js';

/** Rows that one DuckDB data chunk holds at most. */
const CHUNK_ROWS = 2048;

/**
 * Writes a result as typed Parquet (zstd) to a new file: decimals as `DECIMAL`, dates and timestamps as such,
 * everything without a Parquet type of its own as text. DuckDB writes it, from a table in memory that spills beside
 * the file. Decimals are made from their digits: DuckDB's own way from text to a wide decimal is very slow.
 * @throws ConfigError when a number does not fit its column's decimal type
 */
export async function writeParquet(
  result: QueryResult,
  path: string,
  limits: Pick<DuckdbLimits, 'memoryLimit' | 'threads'>,
): Promise<void> {
  const database = await openInMemory({ ...limits, tempDirectory: `${dirname(path)}/spilled` });
  const columns = parquetColumns(result.columns);
  try {
    const { connection } = database;
    await connection.run(createTable(columns));
    const appender = await connection.createAppender('result');
    await appendRows(appender, columns, result.rows());
    appender.closeSync();
    await connection.run(copyTable(columns), [path]);
  } catch (error) {
    throw duckdbError(error, { doing: 'query: writing Parquet', path });
  } finally {
    database.close();
  }
}

interface ParquetColumn {
  /** Name in the file. */
  readonly name: string;
  /** Name in the table in memory. */
  readonly held: string;
  readonly type: DuckDBType;
  /** Type that the held text is cast to on the way into the file; undefined where it is written as it is held. */
  readonly cast: string | undefined;
  readonly value: (text: string) => DuckDBValue;
}

function parquetColumns(columns: QueryResult['columns']): ParquetColumn[] {
  const names = uniqueNames(columns.map(({ name }) => name));
  return columns.map(({ type }, index) => {
    const name = names[index] ?? '';
    const held = `column${index}`;
    const decimal = decimalOf(type);
    if (decimal === undefined) {
      const cast = valueKind(type) === 'text' && !OTHER_CASTS.has(type) ? undefined : type;
      return { name, held, type: VARCHAR, cast, value: (text) => text };
    }
    const { precision, scale } = decimal;
    const value = (text: string): DuckDBDecimalValue => exactDecimal(text, precision, scale, name);
    return { name, held, type: DECIMAL(precision, scale), cast: undefined, value };
  });
}

/** Types beside numbers, booleans, dates and timestamps that Parquet has. */
const OTHER_CASTS: ReadonlySet<string> = new Set(['UUID', 'BLOB']);

function exactDecimal(text: string, precision: number, scale: number, column: string): DuckDBDecimalValue {
  const [, sign = '', whole = '', fraction = ''] = /^(-?)(\d+)(?:\.(\d+))?$/.exec(text) ?? [];
  const digits = `${whole}${fraction.padEnd(scale, '0')}`.replace(/^0+(?=\d)/, '');
  if (whole === '' || fraction.length > scale || digits.length > precision) {
    throw new ConfigError({
      message: `query: a value of column ${column} does not fit DECIMAL(${precision},${scale})`,
      hint: 'round it or cast it to text in the query, or write csv or json',
      facts: { column },
    });
  }
  return new DuckDBDecimalValue(BigInt(`${sign}${digits}`), precision, scale);
}

function createTable(columns: readonly ParquetColumn[]): string {
  const held = columns.map(({ held: name, type }) => `${identifier(name)} ${type.toString()}`);
  return `CREATE TABLE result (${held.join(', ')})`;
}

function copyTable(columns: readonly ParquetColumn[]): string {
  const written = columns.map(({ name, held, cast }) => {
    const value = cast === undefined ? identifier(held) : `CAST(${identifier(held)} AS ${cast})`;
    return `${value} AS ${identifier(name)}`;
  });
  return `COPY (SELECT ${written.join(', ')} FROM result) TO $1 (FORMAT parquet, COMPRESSION zstd)`;
}

async function appendRows(
  appender: DuckDBAppender,
  columns: readonly ParquetColumn[],
  rows: AsyncIterable<readonly (string | null)[]>,
): Promise<void> {
  const chunk = DuckDBDataChunk.create(columns.map(({ type }) => type));
  let waiting: (readonly (string | null)[])[] = [];
  const append = (): void => {
    chunk.reset();
    chunk.rowCount = waiting.length;
    columns.forEach(({ value }, column) => {
      const texts = waiting.map((row) => row[column] ?? null);
      chunk.setColumnValues(
        column,
        texts.map((text) => (text === null ? null : value(text))),
      );
    });
    appender.appendDataChunk(chunk);
    appender.flushSync();
    waiting = [];
  };
  for await (const row of rows) {
    waiting.push(row);
    if (waiting.length === CHUNK_ROWS) append();
  }
  if (waiting.length > 0) append();
}
