/** Rows of a batch from `from` to `to` (not included), counted from 0. */
export interface RowRange {
  readonly from: number;
  readonly to: number;
}

/** The rows of a batch, told apart by whether their key may have been seen before. Both lists are in order. */
export interface SplitRows {
  /** Rows whose keys nobody saw before, not even earlier in the batch. */
  readonly first: readonly RowRange[];
  /** All others: keys seen before, and now and then one that was not. */
  readonly again: readonly RowRange[];
}

/** 64 bytes, which a processor fetches at once: a key's bits are all in one block. */
const BLOCK_WORDS = 16;

/**
 * Memory of a filter: 32 MiB. A key in ten thousand is mistaken among four million, one in a hundred among twenty
 * million. It is touched as far as keys fall into it, so that a small load takes little.
 */
const FILTER_BYTES = 32 * 2 ** 20;

/**
 * Remembers keys in a fixed memory (a Bloom filter): it never forgets one, and takes a new one for seen now and then.
 * Keys are 16 bytes that are as good as random (XXH3-128), so that their own words choose the bits.
 */
export class SeenKeys {
  private readonly words: Uint32Array;
  private readonly blocks: number;

  /** @param bytes of memory, a power of two of at least 64 */
  constructor(bytes = FILTER_BYTES) {
    this.words = new Uint32Array(bytes / 4);
    this.blocks = this.words.length / BLOCK_WORDS;
    if (bytes < 64 || (bytes & (bytes - 1)) !== 0)
      throw new RangeError(`${bytes} is no power of two from 64 on`);
  }

  /** Tells the rows of a batch apart, and remembers their keys. `keys` are 16 bytes a row, in order. */
  split(keys: Uint8Array): SplitRows {
    const view = new DataView(keys.buffer, keys.byteOffset, keys.byteLength);
    const rows = Math.floor(keys.byteLength / 16);
    const first: RowRange[] = [];
    const again: RowRange[] = [];
    let from = 0;
    let seenRun = false;
    for (let row = 0; row < rows; row += 1) {
      const seen = this.see(view, row * 16);
      if (seen === seenRun) continue;
      if (row > from) (seenRun ? again : first).push({ from, to: row });
      from = row;
      seenRun = seen;
    }
    if (rows > from) (seenRun ? again : first).push({ from, to: rows });
    return { first, again };
  }

  /** Whether the key at `at` may have been seen; it is from now on. */
  private see(view: DataView, at: number): boolean {
    const { words } = this;
    const block = (view.getUint32(at) & (this.blocks - 1)) * BLOCK_WORDS;
    let seen = true;
    for (let word = 4; word < 16; word += 4) {
      const bits = view.getUint32(at + word);
      for (let shift = 0; shift <= 16; shift += 16) {
        const index = block + ((bits >>> (shift + 5)) & (BLOCK_WORDS - 1));
        const bit = 1 << ((bits >>> shift) & 31);
        const found = words[index] as number;
        if ((found & bit) !== 0) continue;
        seen = false;
        words[index] = found | bit;
      }
    }
    return seen;
  }
}
