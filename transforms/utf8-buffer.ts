/** A UTF-16 unit becomes at most three bytes of UTF-8. */
const BYTES_PER_UNIT = 3;
/** Up to this length a loop is faster than the call of a native function. */
const SHORT_UNITS = 48;

/** Bytes that grow at their end: UTF-8 texts one after the other. */
export class Utf8Buffer {
  private bytes: Buffer;
  private used = 0;

  /** @param room bytes that fit before it has to grow */
  constructor(room: number) {
    this.bytes = Buffer.allocUnsafe(room);
  }

  /** How many bytes are in it. */
  get length(): number {
    return this.used;
  }

  /** Appends the UTF-8 bytes of a text that has no unpaired surrogates; returns how many they are. */
  appendText(text: string): number {
    const start = this.used;
    this.reserve(text.length * BYTES_PER_UNIT);
    if (text.length > SHORT_UNITS || !this.appendAscii(text))
      this.used = start + this.bytes.write(text, start);
    return this.used - start;
  }

  /** Appends a text behind its length in bytes (u32, little endian); null is the length 0xFFFFFFFF and no bytes. */
  appendWithLength(text: string | null): void {
    this.reserve(4);
    const at = this.used;
    this.used = at + 4;
    const length = text === null ? 0xffffffff : this.appendText(text);
    const { bytes } = this;
    bytes[at] = length & 0xff;
    bytes[at + 1] = (length >>> 8) & 0xff;
    bytes[at + 2] = (length >>> 16) & 0xff;
    bytes[at + 3] = length >>> 24;
  }

  /** The bytes in it, not copied: valid until the next change. */
  view(): Uint8Array {
    return this.bytes.subarray(0, this.used);
  }

  /** Forgets the bytes in it. */
  clear(): void {
    this.used = 0;
  }

  /** Appends the text if it is ASCII; otherwise leaves `used` as it was and returns false. */
  private appendAscii(text: string): boolean {
    const { bytes, used } = this;
    for (let at = 0; at < text.length; at += 1) {
      const unit = text.charCodeAt(at);
      if (unit > 0x7f) return false;
      bytes[used + at] = unit;
    }
    this.used = used + text.length;
    return true;
  }

  private reserve(more: number): void {
    if (this.used + more <= this.bytes.length) return;
    const larger = Buffer.allocUnsafe(2 * (this.used + more));
    this.bytes.copy(larger, 0, 0, this.used);
    this.bytes = larger;
  }
}
