import { isUtf8 } from 'node:buffer';
import * as layout from './decoder-layout.js';
import type { DecoderMemory } from './decoder-memory.js';

/** As much of a blob as is decoded at once, beside the line that is not finished. */
const BLOCK_BYTES = 1024 * 1024;
/** Beside a line's own bytes, what is hashed has lengths and longer forms of numbers: at most so much a column. */
const HASHED_BYTES_A_COLUMN = 64;
const LF = 0x0a;

/** The lines that a decoder reads, in its memory: complete ones, and behind them the beginning of the next. */
export class DecoderInput {
  private address = 0;
  private room = 0;
  private used = 0;
  private complete = 0;

  constructor(
    private readonly memory: DecoderMemory,
    private readonly columns: number,
  ) {
    this.reserve(2 * BLOCK_BYTES);
  }

  /** How many bytes of an unfinished line are in it. */
  get unfinished(): number {
    return this.used - this.complete;
  }

  /** Forgets what is in it. */
  clear(): void {
    this.used = 0;
    this.complete = 0;
  }

  /** Cuts bytes into parts that {@link add} can take. */
  static *parts(chunk: Uint8Array): Generator<Uint8Array> {
    for (let at = 0; at < chunk.length; at += BLOCK_BYTES) yield chunk.subarray(at, at + BLOCK_BYTES);
  }

  /** Adds bytes behind the unfinished line; the lines before it must have been decoded. */
  add(part: Uint8Array): void {
    const { memory } = this;
    memory.bytes.copyWithin(this.address, this.address + this.complete, this.address + this.used);
    this.used -= this.complete;
    this.reserve(this.used + part.length);
    memory.bytes.set(part, this.address + this.used);
    // Nothing before the new bytes can end the line that was unfinished.
    const end = Buffer.from(part.buffer, part.byteOffset, part.length).lastIndexOf(LF);
    this.complete = end === -1 ? 0 : this.used + end + 1;
    this.used += part.length;
  }

  /** The lines that are complete, from where to where; each run of lines that are UTF-8, or are not, by itself. */
  *runs(): Generator<{ readonly from: number; readonly to: number; readonly isUtf8: boolean }> {
    const [start, end] = [this.address, this.address + this.complete];
    if (start === end) return;
    if (isUtf8(this.memory.bytes.subarray(start, end))) {
      yield { from: start, to: end, isUtf8: true };
      return;
    }
    for (let from = start; from < end;) {
      const to = this.memory.bytes.indexOf(LF, from) + 1;
      yield { from, to, isUtf8: isUtf8(this.memory.bytes.subarray(from, to)) };
      from = to;
    }
  }

  /** The bytes of the line at an address, without its LF: a copy. */
  line(from: number): Buffer {
    const { bytes } = this.memory;
    return Buffer.from(bytes.subarray(from, bytes.indexOf(LF, from)));
  }

  /** Makes room for so many bytes; what is in it is kept. */
  private reserve(size: number): void {
    if (size <= this.room) return;
    const { memory } = this;
    const room = Math.max(size, 2 * this.room);
    const address = memory.allocate(room);
    memory.bytes.copyWithin(address, this.address, this.address + this.used);
    this.address = address;
    this.room = room;
    memory.setState(layout.RUN_HASHED, memory.allocate(room + this.columns * HASHED_BYTES_A_COLUMN));
  }
}
