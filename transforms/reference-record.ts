import type { Table } from '../schemas/table.js';
import type { BatchRecord } from './batch-builder.js';
import { readJsonObject, type JsonField } from './json-object.js';
import { RecordHasher } from './line-item-key.js';
import { extraText, RecordParser, type ParsedRecord } from './parse-record.js';
import type { Line } from './split-lines.js';
import { canonicalText } from './stored-value.js';

/** A line as the reference decoder reads it. */
export interface ReferenceRecord extends BatchRecord {
  readonly parsed: ParsedRecord;
}

/**
 * The reference decoder of one line: written to be obviously right, and the judge of the fast one. Reading a record takes
 * about fifty times as long here.
 */
export class ReferenceDecoder {
  /** Which fields mean which columns. */
  readonly parser: RecordParser;

  private constructor(
    private readonly table: Table,
    private readonly hasher: RecordHasher,
  ) {
    this.parser = new RecordParser(table);
  }

  /** The reference decoder of a table; asynchronous because the hash function is compiled first. */
  static async of(table: Table): Promise<ReferenceDecoder> {
    return new ReferenceDecoder(table, await RecordHasher.of(table));
  }

  /** The record in a line. @throws RecordRejection as {@link RecordParser.parse} does */
  read(line: Line): ReferenceRecord {
    const parsed = this.parser.parse(line.bytes);
    const { values, extra } = parsed;
    const texts = this.table.columns.map(({ type }, index) => canonicalText(type, values[index] ?? null));
    const hashes = this.hasher.hash(texts, extra);
    return { values, hashes, lineNumber: line.number, extra: extraText(extra), parsed };
  }

  /** The fields of a line that {@link read} accepted. */
  fieldsOf(line: Line): readonly JsonField[] {
    return readJsonObject(line.bytes.toString('utf8'));
  }
}
