import { RUN_BYTES } from './decoder-layout.js';

const PAGE_BYTES = 64 * 1024;
/** Addresses are multiples of this, so that typed arrays of any kind can be laid over them. */
const ALIGNMENT = 64;
/** Free bytes behind every allocation: the module reads and writes 16 bytes at a time, and an escape writes 4 more. */
const OVERRUN = 64;

interface DecoderExports {
  readonly memory: WebAssembly.Memory;
  init(): number;
  heapBase(): number;
  decode(): number;
  encodeRows(fields: number, count: number, rows: number, out: number, ends: number): number;
}

/**
 * An instance of the decoder's module (`transforms/wasm`) and its memory. Allocations are never freed: what grows gets a
 * new place, twice as large, so that at most as much lies idle as is used.
 */
export class DecoderMemory {
  /** Address of RUN. */
  readonly run: number;
  /** All of the memory; another array after each {@link allocate}. */
  bytes: Uint8Array<ArrayBuffer>;
  private words: DataView;
  private free: number;
  private readonly exports: DecoderExports;

  /** @param module compiled from the bytes of `decoder.wasm` */
  constructor(module: WebAssembly.Module) {
    const fail = (): never => {
      throw new Error('the decoder gave up on an assertion');
    };
    const instance = new WebAssembly.Instance(module, { env: { abort: fail } });
    this.exports = instance.exports as unknown as DecoderExports;
    this.run = this.exports.init();
    this.free = this.exports.heapBase();
    const { buffer } = this.exports.memory;
    this.bytes = new Uint8Array(buffer);
    this.words = new DataView(buffer);
    this.bytes.fill(0, this.run, this.run + RUN_BYTES);
  }

  /** Decodes as RUN says; returns one of the results in decoder-layout.ts. */
  decode(): number {
    return this.exports.decode();
  }

  /**
   * Encodes the first `rows` rows of the batch by the list of FIELDs at `fields` to `out`, and where each row ends, counted
   * from `out`, to `ends`. Returns how many bytes they are. The caller has made room: see FIELD_ROOM.
   */
  encodeRows(fields: number, count: number, rows: number, out: number, ends: number): number {
    return this.exports.encodeRows(fields, count, rows, out, ends);
  }

  /** The address of so many bytes of zeros, and some more that may be written over. */
  allocate(size: number): number {
    const address = Math.ceil(this.free / ALIGNMENT) * ALIGNMENT;
    this.free = address + size + OVERRUN;
    const missing = this.free - this.bytes.length;
    if (missing > 0) {
      this.exports.memory.grow(Math.ceil(missing / PAGE_BYTES));
      const { buffer } = this.exports.memory;
      this.bytes = new Uint8Array(buffer);
      this.words = new DataView(buffer);
    }
    return address;
  }

  /** The word (u32) at an address. */
  word(address: number): number {
    return this.words.getUint32(address, true);
  }

  /** Writes a word. */
  setWord(address: number, value: number): void {
    this.words.setUint32(address, value, true);
  }

  /** Two words as one number of 64 bits with a sign. */
  long(address: number): bigint {
    return this.words.getBigInt64(address, true);
  }

  /** Writes the lower 64 bits of a number. */
  setLong(address: number, value: bigint): void {
    this.words.setBigInt64(address, BigInt.asIntN(64, value), true);
  }

  /** A word of RUN. */
  state(offset: number): number {
    return this.word(this.run + offset);
  }

  /** Writes a word of RUN. */
  setState(offset: number, value: number): void {
    this.setWord(this.run + offset, value);
  }
}

/** A part of the memory of a decoder that is filled anew from its start as often as needed. */
export class MemoryRegion {
  private readonly start: number;
  private free = 0;

  constructor(
    private readonly memory: DecoderMemory,
    private readonly size: number,
  ) {
    this.start = memory.allocate(size);
  }

  /** Forgets what is in it. */
  clear(): void {
    this.free = 0;
  }

  /** The address of so many bytes of zeros, or null where no more fit. */
  allocate(size: number): number | null {
    const at = Math.ceil(this.free / ALIGNMENT) * ALIGNMENT;
    if (at + size > this.size) return null;
    this.free = at + size;
    const address = this.start + at;
    this.memory.bytes.fill(0, address, address + size);
    return address;
  }
}
