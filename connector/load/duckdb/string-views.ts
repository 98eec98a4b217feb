import type { Address } from './vector-memory.js';

const WORDS = 4;
const INLINE_BYTES = 12;
const TWO_32 = 2 ** 32;

/** Bytes that must be readable after the last text: views are read in words. */
export const READ_AHEAD_BYTES = 12;

/** By length of a short text: which bits of its first, second and third word belong to it. */
const MASKS = Array.from({ length: WORDS - 1 }, (_, word) =>
  Int32Array.from({ length: INLINE_BYTES + 1 }, (__, length) => {
    const own = Math.min(Math.max(length - word * 4, 0), 4);
    return own === 4 ? -1 : 2 ** (8 * own) - 1;
  }),
) as [Int32Array, Int32Array, Int32Array];

/**
 * Writes the 16 bytes by which DuckDB knows a text, for `rows` texts: its length, then either its up to 12 bytes
 * followed by zeros, or its first four and its address. Machines are little endian wherever DuckDB's bindings are.
 * @param offsets Arrow's: text `i` is `offsets[i]` to `offsets[i + 1]`
 * @param from the first row
 * @param bytes the texts from `offsets[from]` on, and {@link READ_AHEAD_BYTES} more
 * @param address where DuckDB keeps these bytes, without those; not looked at where all texts are short
 * @param views at least four words a row
 */
export function writeStringViews(
  offsets: Int32Array,
  from: number,
  rows: number,
  bytes: DataView,
  address: Address,
  views: Int32Array,
): void {
  const [first, second, third] = MASKS;
  const origin = offsets[from] as number;
  let begin = 0;
  for (let row = 0, at = 0; row < rows; row += 1, at += WORDS) {
    const end = (offsets[from + row + 1] as number) - origin;
    const length = end - begin;
    views[at] = length;
    if (length > INLINE_BYTES) {
      const low = address.low + begin;
      views[at + 1] = bytes.getInt32(begin, true);
      views[at + 2] = low | 0;
      views[at + 3] = low < TWO_32 ? address.high : address.high + 1;
    } else {
      views[at + 1] = bytes.getInt32(begin, true) & (first[length] as number);
      views[at + 2] = bytes.getInt32(begin + 4, true) & (second[length] as number);
      views[at + 3] = bytes.getInt32(begin + 8, true) & (third[length] as number);
    }
    begin = end;
  }
}
