import { createHash } from 'node:crypto';

/**
 * An unsigned 32-bit number that looks random and depends on nothing but its inputs (unsigned 32-bit numbers).
 * The same inputs give the same number on every machine; not for secrets.
 */
export function mix(seed: number, value: number): number {
  let hash = Math.imul(seed ^ Math.imul(value + 1, 0x9e3779b1), 0x85ebca6b);
  hash = Math.imul(hash ^ (hash >>> 15), 0x2c1b3c6d);
  hash = Math.imul(hash ^ (hash >>> 12), 0x297a2d39);
  return (hash ^ (hash >>> 15)) >>> 0;
}

/** One entry of a list that is not empty, chosen by a number from {@link mix}. */
export function pick<T>(list: readonly T[], number: number): T {
  const chosen = list[number % list.length];
  if (chosen === undefined) throw new RangeError('nothing to pick from');
  return chosen;
}

/** An unsigned 32-bit seed from a text. */
export function seedOf(text: string): number {
  return createHash('md5').update(text).digest().readUInt32BE(0);
}

/** A lower-case GUID that depends on the text only. */
export function guidOf(text: string): string {
  const hex = createHash('md5').update(text).digest('hex');
  const variant = pick(['8', '9', 'a', 'b'], Number.parseInt(hex.charAt(16), 16));
  return `${hex.slice(0, 8)}-${hex.slice(8, 12)}-4${hex.slice(13, 16)}-${variant}${hex.slice(17, 20)}-${hex.slice(20)}`;
}

/** An opaque text of letters and digits in both cases, as Graph's eTags are (17 long), from a text only. */
export function opaqueOf(text: string, length = 17): string {
  const alphabet = 'ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz0123456789';
  const bytes = createHash('sha256').update(text).digest();
  return Array.from(bytes.subarray(0, length), (byte) => alphabet.charAt(byte % alphabet.length)).join('');
}

/** Upper-case letters and digits from a text only, as product and order ids have them. */
export function codeOf(text: string, length: number): string {
  const alphabet = '0123456789BCDFGHJKLMNPQRSTVWXZ';
  const bytes = createHash('sha256').update(text).digest();
  return Array.from(bytes.subarray(0, length), (byte) => alphabet.charAt(byte % alphabet.length)).join('');
}
