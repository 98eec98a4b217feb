/** Bytes from `start` to `end`, both inclusive. */
export interface ByteRange {
  readonly start: number;
  readonly end: number;
}

/**
 * The range that a `Range` or `x-ms-range` header asks for in a blob of that length: null where it asks for none
 * that storage knows (`bytes=start-` and `bytes=start-end`), `unsatisfiable` where it begins behind the end.
 */
export function byteRange(header: string, length: number): ByteRange | 'unsatisfiable' | null {
  const match = /^bytes=(\d{1,15})-(\d{1,15})?$/.exec(header.trim());
  if (match === null) return null;
  const start = Number.parseInt(match[1] ?? '', 10);
  const end = match[2] === undefined ? length - 1 : Number.parseInt(match[2], 10);
  if (end < start && match[2] !== undefined) return null;
  if (start >= length) return 'unsatisfiable';
  return { start, end: Math.min(end, length - 1) };
}
