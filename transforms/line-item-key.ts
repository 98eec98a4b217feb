import { createXXHash128, type IHasher } from 'hash-wasm';
import { columnNamed, type ColumnList, type Table } from '../schemas/table.js';
import type { ExtraField } from './parse-record.js';
import { Utf8Buffer } from './utf8-buffer.js';

/** The two hashes of a record, 16 bytes each in canonical (big-endian) order, as a UUID shows them. */
export interface RecordHashes {
  /** What identifies the line item: XXH3-128 of the identity columns. */
  readonly lineItemKey: Uint8Array;
  /** What the record says: XXH3-128 of all columns and of `_extra`. */
  readonly rowHash: Uint8Array;
}

const ROOM = 64 * 1024;

/** What hashing needs of a table; where nothing identifies a line item, `lineItemKey` means nothing. */
type HashedTable = ColumnList & Pick<Table, 'identity'>;

/**
 * Hashes records of one table as architecture.md section 3 freezes it: XXH3-128, seed 0, over a row of texts, each
 * as its length in bytes (u32, little endian) and its UTF-8 bytes; null is the length 0xFFFFFFFF and no bytes.
 * Keys already stored depend on it: test/fixtures/line-item-keys.json holds golden vectors.
 */
export class RecordHasher {
  private readonly identity: readonly number[];
  private readonly bytes = new Utf8Buffer(ROOM);

  private constructor(
    table: HashedTable,
    private readonly xxh3: IHasher,
  ) {
    this.identity = table.identity.map((name) => table.columns.indexOf(columnNamed(table, name)));
  }

  /** A hasher for a table; asynchronous because the hash function is compiled first. */
  static async of(table: HashedTable): Promise<RecordHasher> {
    return new RecordHasher(table, await createXXHash128(0, 0));
  }

  /**
   * The hashes of a record.
   * @param texts the canonical texts of its values, one a column in the table's order
   * @param extra what no column holds, in the order of `ParsedRecord.extra`: hashed after the columns as pairs of
   * folded name and raw token
   */
  hash(
    texts: readonly (string | null)[],
    extra: readonly Pick<ExtraField, 'folded' | 'token'>[],
  ): RecordHashes {
    for (const index of this.identity) this.bytes.appendWithLength(texts[index] ?? null);
    const lineItemKey = this.digest();
    for (const text of texts) this.bytes.appendWithLength(text);
    for (const { folded, token } of extra) {
      this.bytes.appendWithLength(folded);
      this.bytes.appendWithLength(token);
    }
    return { lineItemKey, rowHash: this.digest() };
  }

  private digest(): Uint8Array {
    const hash = this.xxh3.init().update(this.bytes.view()).digest('binary');
    this.bytes.clear();
    return Uint8Array.from(hash);
  }
}
