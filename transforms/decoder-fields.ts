import * as layout from './decoder-layout.js';
import type { DecoderColumns } from './decoder-columns.js';
import { MemoryRegion } from './decoder-memory.js';
import { unknownFields, type LineField, type LineFields } from './line-fields.js';

/** Enough for a thousand fields; an order that needs more is not followed. */
const REGION_BYTES = 256 * 1024;
const BLOCK = 16;

interface UnknownEntry {
  readonly field: LineField;
  readonly entry: number;
}

/** The order of fields that a decoder follows, in its memory. */
export class DecoderFields {
  private readonly region: MemoryRegion;
  private unknown: readonly UnknownEntry[] = [];
  private current: LineFields | null = null;

  constructor(private readonly columns: DecoderColumns) {
    this.region = new MemoryRegion(columns.memory, REGION_BYTES);
  }

  /** The order that is followed; null for none. */
  get followed(): LineFields | null {
    return this.current;
  }

  /** Forgets the order. */
  forget(): void {
    this.current = null;
    this.unknown = [];
    this.columns.memory.setState(layout.RUN_UNKNOWN_COUNT, 0);
  }

  /** Follows another order from now on; none where this one does not fit. Counts of unknown fields must be taken. */
  follow(order: LineFields): void {
    const { fields, closing } = order;
    this.forget();
    this.region.clear();
    const { memory } = this.columns;
    const entries = this.region.allocate(fields.length * layout.ENTRY_BYTES);
    const suffix = this.pattern(closing);
    if (entries === null || suffix === null) return;
    const entryOf = (field: LineField): number => entries + fields.indexOf(field) * layout.ENTRY_BYTES;
    if (!fields.every((field) => this.layOut(entryOf(field), field, order))) return;
    const unknown = unknownFields(fields).map((field) => ({ field, entry: entryOf(field) }));
    const list = this.region.allocate(unknown.length * 4);
    if (list === null) return;
    unknown.forEach(({ entry }, index) => memory.setWord(list + index * 4, entry));
    memory.setState(layout.RUN_ENTRIES, entries);
    memory.setState(layout.RUN_ENTRY_COUNT, fields.length);
    memory.setState(layout.RUN_UNKNOWN, list);
    memory.setState(layout.RUN_UNKNOWN_COUNT, unknown.length);
    memory.setState(layout.RUN_SUFFIX, suffix);
    memory.setState(layout.RUN_SUFFIX_LENGTH, closing.length);
    this.unknown = unknown;
    this.current = order;
  }

  /** Hands over how many rows had each unknown field since the last call, in the order in which they are hashed. */
  takeUnknown(count: (name: string, rows: number) => void): void {
    const { memory } = this.columns;
    for (const { field, entry } of this.unknown) {
      const rows = memory.word(entry + layout.ENTRY_COUNT);
      if (rows === 0) continue;
      memory.setWord(entry + layout.ENTRY_COUNT, 0);
      count(field.name, rows);
    }
  }

  /** False where it does not fit. */
  private layOut(entry: number, { key, column, name, folded }: LineField, order: LineFields): boolean {
    const { memory, declared } = this.columns;
    const set = (offset: number, value: number): void => memory.setWord(entry + offset, value);
    const [first, other] = [order.opening, order.separator].map((before) => Buffer.concat([before, key]));
    const firstAt = first === undefined ? null : this.pattern(first);
    const otherAt = other === undefined ? null : this.pattern(other);
    if (first === undefined || other === undefined || firstAt === null || otherAt === null) return false;
    set(layout.ENTRY_FIRST, firstAt);
    set(layout.ENTRY_FIRST_BLOCKS, blocksOf(first));
    set(layout.ENTRY_FIRST_LENGTH, first.length);
    set(layout.ENTRY_PATTERN, otherAt);
    set(layout.ENTRY_BLOCKS, blocksOf(other));
    set(layout.ENTRY_PATTERN_LENGTH, other.length);
    const address = declared[column];
    if (address !== undefined) {
      set(layout.ENTRY_KIND, memory.word(address + layout.COLUMN_KIND));
      set(layout.ENTRY_COLUMN, address);
      return true;
    }
    const jsonName = Buffer.from(`${JSON.stringify(name)}:`);
    const foldedName = Buffer.from(folded);
    const [nameAt, foldedAt] = [this.text(jsonName), this.text(foldedName)];
    if (nameAt === null || foldedAt === null) return false;
    set(layout.ENTRY_KIND, layout.UNKNOWN);
    set(layout.ENTRY_NAME, nameAt);
    set(layout.ENTRY_NAME_LENGTH, jsonName.length);
    set(layout.ENTRY_FOLDED, foldedAt);
    set(layout.ENTRY_FOLDED_LENGTH, foldedName.length);
    return true;
  }

  private text(content: Uint8Array): number | null {
    const address = this.region.allocate(content.length + BLOCK);
    if (address !== null) this.columns.memory.bytes.set(content, address);
    return address;
  }

  /** Writes a pattern with its masks (ENTRY_PATTERN in decoder-layout.ts); null where it does not fit. */
  private pattern(content: Uint8Array): number | null {
    const address = this.region.allocate(blocksOf(content) * 2 * BLOCK);
    if (address === null) return null;
    const { bytes } = this.columns.memory;
    content.forEach((byte, index) => {
      const at = address + Math.floor(index / BLOCK) * 2 * BLOCK + (index % BLOCK);
      bytes[at] = byte;
      bytes[at + BLOCK] = 0xff;
    });
    return address;
  }
}

function blocksOf(pattern: Uint8Array): number {
  return Math.max(1, Math.ceil(pattern.length / BLOCK));
}
