const PIECE_BYTES = 512 * 1024;
const HEX_DIGITS = Buffer.from('0123456789abcdef');

/** Collects bytes into one buffer until it is taken; takes single values of any size. */
export class ByteWriter {
  private buffer = Buffer.allocUnsafe(PIECE_BYTES + 64 * 1024);
  /** Bytes collected and not taken yet. */
  length = 0;

  /** Whether it is time to take what was collected. */
  get isFull(): boolean {
    return this.length >= PIECE_BYTES;
  }

  /** One byte. */
  byte(value: number): void {
    this.room(1);
    this.buffer[this.length] = value;
    this.length += 1;
  }

  /** Bytes as they are. */
  bytes(values: Uint8Array): void {
    this.room(values.length);
    this.buffer.set(values, this.length);
    this.length += values.length;
  }

  /** Text of ASCII characters only. */
  ascii(text: string): void {
    this.room(text.length);
    this.length += this.buffer.write(text, this.length, 'latin1');
  }

  /**
   * Bytes `start` to `end` (not included), with a backslash and a letter in place of each byte for which `escapes`
   * (256 entries) has a letter.
   */
  escaped(values: Uint8Array, start: number, end: number, escapes: Uint8Array): void {
    this.room((end - start) * 2);
    const { buffer } = this;
    let at = this.length;
    for (let index = start; index < end; index += 1) {
      const byte = values[index] as number;
      const escape = escapes[byte];
      if (escape === 0) {
        buffer[at] = byte;
        at += 1;
      } else {
        buffer[at] = 0x5c;
        buffer[at + 1] = escape as number;
        at += 2;
      }
    }
    this.length = at;
  }

  /** Bytes `start` to `end` (not included) as lower-case hexadecimal digits. */
  hex(values: Uint8Array, start: number, end: number): void {
    this.room((end - start) * 2);
    for (let index = start; index < end; index += 1) {
      const byte = values[index] as number;
      this.buffer[this.length] = HEX_DIGITS[byte >> 4] as number;
      this.buffer[this.length + 1] = HEX_DIGITS[byte & 15] as number;
      this.length += 2;
    }
  }

  /** What was collected; the writer begins anew with another buffer. */
  take(): Buffer {
    const taken = this.buffer.subarray(0, this.length);
    this.buffer = Buffer.allocUnsafe(PIECE_BYTES + 64 * 1024);
    this.length = 0;
    return taken;
  }

  private room(bytes: number): void {
    if (this.length + bytes <= this.buffer.length) return;
    const larger = Buffer.allocUnsafe(Math.max(this.buffer.length * 2, this.length + bytes));
    this.buffer.copy(larger, 0, 0, this.length);
    this.buffer = larger;
  }
}
