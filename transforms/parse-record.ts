import { isUtf8 } from 'node:buffer';
import type { ColumnType } from '../schemas/column-type.js';
import { columnNamed, type Column, type Table } from '../schemas/table.js';
import { parseDecimal } from './decimal.js';
import { foldFieldName } from './field-name.js';
import { readJsonObject, type JsonField } from './json-object.js';
import { RecordRejection } from './record-rejection.js';
import type { StoredValue } from './stored-value.js';
import { parseDate, parseTimestamp } from './timestamp.js';

/** A field that is kept in `_extra`: one that no column holds, or a number that a column holds only rounded. */
export interface ExtraField {
  /** As the source spells it. */
  readonly name: string;
  /** The name as compared, sorted and hashed ({@link foldFieldName}). */
  readonly folded: string;
  /** The value exactly as it was written. */
  readonly token: string;
  /** Whether no column is declared for it (drift). */
  readonly unknown: boolean;
}

/** A record: one value a column, in the order of the table's columns, and what no column holds. */
export interface ParsedRecord {
  readonly values: readonly StoredValue[];
  /** Sorted by folded name, which occurs once. */
  readonly extra: readonly ExtraField[];
  /** How many numbers were rounded to what their column holds; their exact text is in `extra`. */
  readonly rounded: number;
}

const BLANK = /^[\t-\r ]*$/;

/**
 * Turns lines into records of one table. Fields meet columns through source names and aliases without regard to
 * (ASCII) letter case; absent, null and blank text are null; text columns keep text as it came, and any other JSON
 * value as its raw token; unknown fields are kept as raw tokens (architecture.md section 3).
 */
export class RecordParser {
  private readonly columnOf = new Map<string, number>();
  private readonly required: readonly { readonly index: number; readonly column: Column }[];

  constructor(private readonly table: Table) {
    table.columns.forEach(({ source, aliases }, index) => {
      for (const name of [source, ...aliases]) this.columnOf.set(foldFieldName(name), index);
    });
    this.required = table.required.map((name) => {
      const column = columnNamed(table, name);
      return { index: table.columns.indexOf(column), column };
    });
  }

  /**
   * The record in the bytes of one line, its end and a byte-order mark removed.
   * @throws RecordRejection where they are no record: not UTF-8, not one JSON object, two fields for one column or
   * two unknown fields of one name, a value that its column cannot hold, a required field missing or blank.
   */
  parse(line: Buffer): ParsedRecord {
    if (!isUtf8(line)) throw new RecordRejection(null, 'the line holds bytes that are no UTF-8');
    const values: StoredValue[] = this.table.columns.map(() => null);
    const extra: ExtraField[] = [];
    const seen = new Set<number | string>();
    let rounded = 0;
    for (const field of readJsonObject(line.toString('utf8'))) {
      const folded = foldFieldName(field.name);
      const index = this.columnOf.get(folded);
      if (seen.has(index ?? folded)) throw new RecordRejection(field.name, twice(index));
      seen.add(index ?? folded);
      const column = index === undefined ? undefined : this.table.columns[index];
      if (index === undefined || column === undefined) {
        extra.push({ name: field.name, folded, token: field.token, unknown: true });
        continue;
      }
      const stored = storedValue(column.type, field);
      values[index] = stored.value;
      if (stored.rounded) {
        rounded += 1;
        extra.push({ name: field.name, folded, token: field.token, unknown: false });
      }
    }
    for (const { index, column } of this.required) {
      if (values[index] === null)
        throw new RecordRejection(column.source, 'a required field is missing or blank');
    }
    return { values, extra: extra.sort(byFoldedName), rounded };
  }
}

/** The JSON text of `_extra`: names in the order given, each value its raw token; null where there is no field. */
export function extraText(extra: readonly ExtraField[]): string | null {
  if (extra.length === 0) return null;
  return `{${extra.map(({ name, token }) => `${JSON.stringify(name)}:${token}`).join(',')}}`;
}

function twice(index: number | undefined): string {
  return index === undefined ? 'the field occurs twice' : 'two fields of the record mean the same column';
}

/** Order of the UTF-8 bytes, which no language's string comparison can disagree about. */
function byFoldedName(a: ExtraField, b: ExtraField): number {
  return Buffer.compare(Buffer.from(a.folded), Buffer.from(b.folded));
}

function storedValue(type: ColumnType, field: JsonField): { value: StoredValue; rounded: boolean } {
  const isNull = field.kind === 'null' || (field.kind === 'string' && BLANK.test(field.text));
  if (isNull) return { value: null, rounded: false };
  switch (type) {
    case 'text':
      return { value: field.text, rounded: false };
    case 'decimal':
      return decimalValue(field);
    case 'date': {
      const parsed = parseDate(dateOf(field));
      if ('rejected' in parsed) throw new RecordRejection(field.name, parsed.rejected);
      return { value: parsed.days, rounded: false };
    }
    case 'timestamp': {
      const parsed = parseTimestamp(dateOf(field));
      if ('rejected' in parsed) throw new RecordRejection(field.name, parsed.rejected);
      return { value: parsed.micros, rounded: false };
    }
  }
}

function decimalValue(field: JsonField): { value: bigint; rounded: boolean } {
  const isText = field.kind === 'number' || field.kind === 'string';
  const parsed = isText
    ? parseDecimal(field.text)
    : { rejected: `the value is no number but a JSON ${field.kind}` };
  if ('rejected' in parsed) throw new RecordRejection(field.name, parsed.rejected);
  return { value: parsed.unscaled, rounded: parsed.rounded };
}

function dateOf(field: JsonField): string {
  if (field.kind === 'string') return field.text;
  throw new RecordRejection(field.name, `the value is no date but a JSON ${field.kind}`);
}
