import type { ColumnType } from '../schemas/column-type.js';
import { canonicalDecimal } from '../schemas/decimal-text.js';
import type { ColumnList, Table } from '../schemas/table.js';
import { RecordHasher, type RecordHashes } from './line-item-key.js';
import { extraFields } from './parse-record.js';
import { RecordRejection } from './record-rejection.js';

const PLAIN_DECIMAL = /^-?\d+(\.\d+)?$/;
const INSTANT = /^(\d{4}-\d\d-\d\d)[T ](\d\d:\d\d:\d\d)(?:\.(\d{1,6}))?$/;

/** Recomputes the hashes of a table's rows from what a database prints of them. */
export class StoredRowHasher {
  private constructor(
    private readonly types: readonly ColumnType[],
    private readonly hasher: RecordHasher,
  ) {}

  /** A hasher for rows of a table; asynchronous because the hash function is compiled first. */
  static async of(table: ColumnList & Pick<Table, 'identity'>): Promise<StoredRowHasher> {
    const types = table.columns.map(({ type }) => type);
    return new StoredRowHasher(types, await RecordHasher.of(table));
  }

  /**
   * The hashes that a record with these values has: those of the row, unless somebody changed it.
   * @param texts the values of the table's columns in their order, as Postgres or DuckDB prints them
   * @param extra the text of `_extra`; one that we cannot have written is hashed as a field of no name
   */
  hash(texts: readonly (string | null)[], extra: string | null): RecordHashes {
    const canonical = this.types.map((type, index) => canonicalOfPrinted(type, texts[index] ?? null));
    return this.hasher.hash(canonical, fieldsOf(extra));
  }
}

/**
 * The canonical text of a value that a database printed: a decimal with whatever zeros, a timestamp with a blank or a
 * `T` and with or without a fraction. What no value of ours looks like (`NaN`, `infinity`) stays as it is.
 */
export function canonicalOfPrinted(type: ColumnType, text: string | null): string | null {
  if (text === null) return null;
  switch (type) {
    case 'text':
    case 'date':
      return text;
    case 'decimal':
      return PLAIN_DECIMAL.test(text) ? canonicalDecimal(text) : text;
    case 'timestamp': {
      const [, date, time, fraction = ''] = INSTANT.exec(text) ?? [];
      return date === undefined || time === undefined ? text : `${date}T${time}.${fraction.padEnd(6, '0')}`;
    }
  }
}

function fieldsOf(extra: string | null): ReturnType<typeof extraFields> {
  try {
    return extraFields(extra);
  } catch (error) {
    if (!(error instanceof RecordRejection)) throw error;
    return [{ folded: '', token: extra ?? '' }];
  }
}
