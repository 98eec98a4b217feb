/**
 * A digest of rows that does not depend on their order: how many they are, and the sums, modulo 2^64, of the two
 * halves of their `_row_hash`. Twins count twice (an exclusive or would cancel them), and digests of parts add up to
 * the digest of the whole.
 */
export interface RowsDigest {
  readonly rows: number;
  /** Sum of the first eight bytes of each hash, read as a big-endian number, modulo 2^64. */
  readonly high: bigint;
  /** The same of the last eight bytes. */
  readonly low: bigint;
}

/** The digest of no rows. */
export const NO_ROWS: RowsDigest = { rows: 0, high: 0n, low: 0n };

const FORM = /^(0|[1-9]\d{0,15})-([0-9a-f]{16})-([0-9a-f]{16})$/;

/** The digest as text: the rows in decimal and the two sums as 16 lower-case hex digits each, joined by hyphens. */
export function rowsDigestText({ rows, high, low }: RowsDigest): string {
  return `${rows}-${hex(high)}-${hex(low)}`;
}

/** Reads what {@link rowsDigestText} wrote; undefined for any other text. */
export function parseRowsDigest(text: string): RowsDigest | undefined {
  const [, rows, high, low] = FORM.exec(text) ?? [];
  if (rows === undefined || high === undefined || low === undefined) return undefined;
  return { rows: Number(rows), high: BigInt(`0x${high}`), low: BigInt(`0x${low}`) };
}

/** The digest of rows of which `whole` is the digest with `part` among them: its number of rows may be negative. */
export function withoutRows(whole: RowsDigest, part: RowsDigest): RowsDigest {
  return {
    rows: whole.rows - part.rows,
    high: sumOf64(whole.high - part.high),
    low: sumOf64(whole.low - part.low),
  };
}

/** The `_row_hash`, as a UUID, of the one row that a digest is of. */
export function onlyRowHash({ high, low }: RowsDigest): string {
  return (hex(high) + hex(low)).replace(/^(.{8})(.{4})(.{4})(.{4})(.{12})$/, '$1-$2-$3-$4-$5');
}

/** Adds rows up to their digest, one hash after the other, in any order. */
export class RowsDigestSum {
  private rows = 0;
  private high = 0n;
  private low = 0n;

  /** Adds the hashes in `bytes`: 16 bytes each, in canonical (big-endian) order. */
  add(bytes: Uint8Array): void {
    const view = new DataView(bytes.buffer, bytes.byteOffset, bytes.byteLength);
    for (let at = 0; at < bytes.byteLength; at += 16) {
      this.rows += 1;
      this.high += view.getBigUint64(at);
      this.low += view.getBigUint64(at + 8);
    }
  }

  /** The digest of what was added so far. */
  digest(): RowsDigest {
    return { rows: this.rows, high: sumOf64(this.high), low: sumOf64(this.low) };
  }
}

/** A sum of 64-bit numbers, read as signed or as unsigned ones, modulo 2^64. */
export function sumOf64(sum: bigint): bigint {
  return BigInt.asUintN(64, sum);
}

function hex(sum: bigint): string {
  return sum.toString(16).padStart(16, '0');
}
