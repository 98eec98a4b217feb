import { isUtf8 } from 'node:buffer';
import type { ColumnType } from '../schemas/column-type.js';
import { columnNamed, type Column, type ColumnList, type Table } from '../schemas/table.js';
import { parseDecimal } from './decimal.js';
import { foldFieldName } from './field-name.js';
import { readJsonObject, type JsonField, type JsonKind } from './json-object.js';
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
/** A field's name as it is compared, and which column it means; -1 where it means none. */
export interface FieldMeaning {
  readonly folded: string;
  readonly index: number;
}

/**
 * Turns lines into records of one table. Fields meet columns through source names and aliases without regard to
 * (ASCII) letter case; absent, null and blank text are null; text columns keep text as it came, and any other JSON
 * value as its raw token; unknown fields are kept as raw tokens (architecture.md section 3).
 */
export class RecordParser {
  /** By folded name, and by the documented spelling so that usual names need no folding. */
  private readonly meanings = new Map<string, FieldMeaning>();
  private readonly required: readonly { readonly index: number; readonly column: Column }[];

  constructor(private readonly table: ColumnList & Pick<Table, 'required'>) {
    table.columns.forEach(({ source, aliases }, index) => {
      for (const name of [source, ...aliases]) {
        const meaning = { folded: foldFieldName(name), index };
        this.meanings.set(name, meaning).set(meaning.folded, meaning);
      }
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
    return this.parseFields(readJsonObject(line.toString('utf8')));
  }

  /** The record that fields of one JSON object make. @throws RecordRejection as {@link RecordParser.parse} does. */
  parseFields(fields: readonly JsonField[]): ParsedRecord {
    const { columns } = this.table;
    const values: StoredValue[] = columns.map(() => null);
    const extra: ExtraField[] = [];
    const filled = columns.map(() => false);
    const unknown = new Set<string>();
    let rounded = 0;
    for (const { name, kind, token, text } of fields) {
      const { folded, index } = this.meaningOf(name);
      const column = columns[index];
      if (column === undefined) {
        if (unknown.has(folded)) throw new RecordRejection(name, 'the field occurs twice');
        unknown.add(folded);
        extra.push({ name, folded, token, unknown: true });
        continue;
      }
      if (filled[index] === true) {
        throw new RecordRejection(name, 'two fields of the record mean the same column');
      }
      filled[index] = true;
      const stored = storedValue(column.type, name, kind, text);
      values[index] = stored.value;
      if (stored.rounded) {
        rounded += 1;
        extra.push({ name, folded, token, unknown: false });
      }
    }
    for (const { index, column } of this.required) {
      if (values[index] === null)
        throw new RecordRejection(column.source, 'a required field is missing or blank');
    }
    return { values, extra: extra.sort(byFoldedName), rounded };
  }

  /** Which column a field of that name means, and the name as it is compared. */
  meaningOf(name: string): FieldMeaning {
    const documented = this.meanings.get(name);
    if (documented !== undefined) return documented;
    const folded = foldFieldName(name);
    return this.meanings.get(folded) ?? { folded, index: -1 };
  }
}

/** The JSON text of `_extra`: names in the order given, each value its raw token; null where there is no field. */
export function extraText(extra: readonly ExtraField[]): string | null {
  if (extra.length === 0) return null;
  return `{${extra.map(({ name, token }) => `${JSON.stringify(name)}:${token}`).join(',')}}`;
}

/**
 * The fields in a text that {@link extraText} made, in its order; none where it is null.
 * @throws RecordRejection where it is no JSON object
 */
export function extraFields(text: string | null): readonly Pick<ExtraField, 'folded' | 'token'>[] {
  if (text === null) return [];
  return readJsonObject(text).map(({ name, token }) => ({ folded: foldFieldName(name), token }));
}

/** Order of the UTF-8 bytes, which no language's string comparison can disagree about. */
function byFoldedName(a: ExtraField, b: ExtraField): number {
  return Buffer.compare(Buffer.from(a.folded), Buffer.from(b.folded));
}

interface Stored {
  readonly value: StoredValue;
  readonly rounded: boolean;
}

function storedValue(type: ColumnType, name: string, kind: JsonKind, text: string): Stored {
  if (kind === 'null' || (kind === 'string' && isBlank(text))) return { value: null, rounded: false };
  if (type === 'text') return { value: text, rounded: false };
  if (kind !== 'string' && (kind !== 'number' || type !== 'decimal')) {
    throw new RecordRejection(name, `the value is no ${type} but a JSON ${kind}`);
  }
  const parsed = parseValue(type, text);
  if ('rejected' in parsed) throw new RecordRejection(name, parsed.rejected);
  return parsed;
}

/** Whether there is nothing but ASCII white space; the first character mostly tells. */
function isBlank(text: string): boolean {
  return !(text.charCodeAt(0) > 0x20) && BLANK.test(text);
}

function parseValue(type: Exclude<ColumnType, 'text'>, text: string): Stored | { readonly rejected: string } {
  switch (type) {
    case 'decimal': {
      const parsed = parseDecimal(text);
      return 'rejected' in parsed ? parsed : { value: parsed.unscaled, rounded: parsed.rounded };
    }
    case 'date': {
      const parsed = parseDate(text);
      return 'rejected' in parsed ? parsed : { value: parsed.days, rounded: false };
    }
    case 'timestamp': {
      const parsed = parseTimestamp(text);
      return 'rejected' in parsed ? parsed : { value: parsed.micros, rounded: false };
    }
  }
}
