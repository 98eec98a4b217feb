import type { ColumnType } from '../schemas/column-type.js';
import { columnNamed, type Table } from '../schemas/table.js';
import * as layout from './decoder-layout.js';
import type { DecoderMemory } from './decoder-memory.js';

/** Bytes of text that a column has room for at first, for each row. */
const TEXT_BYTES_A_ROW = 48;
const SCRATCH_BYTES = 64;

const KINDS: Readonly<Record<ColumnType, number>> = {
  text: layout.TEXT,
  decimal: layout.DECIMAL,
  date: layout.DATE,
  timestamp: layout.TIMESTAMP,
};

/** Bytes that a value takes; of a text its offset. */
const VALUE_BYTES: Readonly<Record<ColumnType, number>> = { text: 4, decimal: 16, date: 4, timestamp: 8 };
const HASH_BYTES = 16;
const LINE_NUMBER_BYTES = 4;

/** The columns of one batch in the memory of a decoder, with the layout of decoder-layout.ts. */
export class DecoderColumns {
  /** Address of each declared column's COLUMN, in the table's order. */
  readonly declared: readonly number[];
  /** Address of the COLUMN of `_extra`. */
  readonly extra: number;
  /** Addresses of the line item keys, the row hashes and the line numbers. */
  readonly keys: number;
  readonly hashes: number;
  readonly lineNumbers: number;

  constructor(
    readonly memory: DecoderMemory,
    readonly table: Table,
    readonly maxRows: number,
  ) {
    const { columns } = table;
    const first = memory.allocate((columns.length + 1) * layout.COLUMN_BYTES);
    this.declared = columns.map((_, index) => first + index * layout.COLUMN_BYTES);
    this.extra = first + columns.length * layout.COLUMN_BYTES;
    columns.forEach(({ type }, index) => this.layOut(this.declared[index] ?? 0, type));
    this.layOut(this.extra, 'text');
    this.keys = memory.allocate(maxRows * HASH_BYTES);
    this.hashes = memory.allocate(maxRows * HASH_BYTES);
    this.lineNumbers = memory.allocate(maxRows * LINE_NUMBER_BYTES);
    this.announce();
  }

  /** Begins a batch: no rows, no text, all validity bits 0. */
  begin(): void {
    const { memory } = this;
    for (const column of [...this.declared, this.extra]) {
      const validity = memory.word(column + layout.COLUMN_VALIDITY);
      memory.bytes.fill(0, validity, validity + Math.ceil(this.maxRows / 8));
      memory.setWord(column + layout.COLUMN_USED, 0);
      memory.setWord(column + layout.COLUMN_NULLS, 0);
      memory.setWord(column + layout.COLUMN_LENGTH, layout.NO_TEXT);
    }
    memory.setState(layout.RUN_ROWS, 0);
    memory.setState(layout.RUN_BYTES_USED, 0);
  }

  /** Gives a text column room for at least `more` bytes behind those that it has; what it has is kept. */
  makeRoom(column: number, more: number): void {
    const { memory } = this;
    const used = memory.word(column + layout.COLUMN_USED);
    const room = memory.word(column + layout.COLUMN_ROOM);
    if (used + more <= room) return;
    const larger = Math.max(2 * room, used + more);
    const from = memory.word(column + layout.COLUMN_BYTES_AT);
    const to = memory.allocate(larger);
    memory.bytes.copyWithin(to, from, from + used);
    memory.setWord(column + layout.COLUMN_BYTES_AT, to);
    memory.setWord(column + layout.COLUMN_ROOM, larger);
  }

  private layOut(column: number, type: ColumnType): void {
    const { memory, maxRows } = this;
    const set = (offset: number, value: number): void => memory.setWord(column + offset, value);
    set(layout.COLUMN_KIND, KINDS[type]);
    set(layout.COLUMN_VALIDITY, memory.allocate(Math.ceil(maxRows / 8)));
    set(layout.COLUMN_VALUES, memory.allocate((maxRows + 1) * VALUE_BYTES[type]));
    set(layout.COLUMN_SCRATCH, memory.allocate(SCRATCH_BYTES));
    set(layout.COLUMN_LENGTH, layout.NO_TEXT);
    if (type !== 'text') return;
    const room = maxRows * TEXT_BYTES_A_ROW;
    set(layout.COLUMN_BYTES_AT, memory.allocate(room));
    set(layout.COLUMN_ROOM, room);
  }

  /** Tells RUN where everything is. */
  private announce(): void {
    const { memory, table } = this;
    const named = (names: readonly string[]): number[] =>
      names.map((name) => this.declared[table.columns.indexOf(columnNamed(table, name))] ?? 0);
    const setList = (list: number, count: number, addresses: readonly number[]): void => {
      const at = memory.allocate(addresses.length * 4);
      addresses.forEach((address, index) => memory.setWord(at + index * 4, address));
      memory.setState(list, at);
      memory.setState(count, addresses.length);
    };
    memory.setState(layout.RUN_MAX_ROWS, this.maxRows);
    memory.setState(layout.RUN_COLUMNS, this.declared[0] ?? 0);
    memory.setState(layout.RUN_COLUMN_COUNT, this.declared.length);
    memory.setState(layout.RUN_EXTRA, this.extra);
    memory.setState(layout.RUN_KEYS, this.keys);
    memory.setState(layout.RUN_HASHES, this.hashes);
    memory.setState(layout.RUN_LINE_NUMBERS, this.lineNumbers);
    memory.setState(layout.RUN_FIXED_BYTES, fixedBytes(table));
    setList(layout.RUN_IDENTITY, layout.RUN_IDENTITY_COUNT, named(table.identity));
    setList(layout.RUN_REQUIRED, layout.RUN_REQUIRED_COUNT, named(table.required));
  }
}

/** Bytes that a row takes beside its texts: values, offsets (of `_extra` too), hashes and line number. */
export function fixedBytes(table: Table): number {
  const values = table.columns.reduce((sum, { type }) => sum + VALUE_BYTES[type], 0);
  return values + VALUE_BYTES.text + 2 * HASH_BYTES + LINE_NUMBER_BYTES;
}
