import { z } from 'zod';

const DURATION_UNITS: Readonly<Record<string, number>> = {
  ms: 1,
  s: 1000,
  m: 60_000,
  h: 3_600_000,
  d: 86_400_000,
};
const SIZE_UNITS: Readonly<Record<string, number>> = { B: 1, KiB: 1024, MiB: 1024 ** 2, GiB: 1024 ** 3 };
const LONGEST_DURATION_MS = 20 * 86_400_000;
const LARGEST_SIZE_BYTES = 64 * 1024 ** 4;

/*
 * Every value of the configuration states what is allowed as one noun phrase, whatever is wrong with it, so that an
 * error can say "must be <phrase>".
 */

/** Text of at least one character; `allowed` is the noun phrase that errors quote. */
export function textOf(allowed: string): z.ZodString {
  return z.string(allowed).min(1, allowed);
}

/** Text that matches a pattern (without flags: JSON Schema has none); `allowed` is the noun phrase that errors quote. */
export function textLike(pattern: RegExp, allowed: string): z.ZodString {
  return z.string(allowed).regex(pattern, allowed);
}

/** A whole number from `min` to `max`, both inclusive. */
export function wholeNumber(min: number, max: number): z.ZodInt {
  const allowed = `a whole number from ${min} to ${max}`;
  return z.int(allowed).min(min, allowed).max(max, allowed);
}

/** A length of time such as `90s`, `5m` or `2h`, at most 20 days; parsed to whole milliseconds. */
export const durationSchema = textLike(
  /^\d{1,9}(ms|s|m|h|d)$/,
  'a length of time such as 90s, 5m or 2h, at most 20d',
)
  .transform((text) => amountOf(text, DURATION_UNITS))
  .refine((ms) => ms <= LONGEST_DURATION_MS, 'a length of time such as 90s, 5m or 2h, at most 20d');

/** A size such as `16MiB` or `1GiB`; parsed to whole bytes. */
export const sizeSchema = textLike(/^\d{1,9}(B|KiB|MiB|GiB)$/, 'a size such as 512KiB, 16MiB or 1GiB')
  .transform((text) => amountOf(text, SIZE_UNITS))
  .refine(
    (bytes) => bytes >= 1024 && bytes <= LARGEST_SIZE_BYTES,
    'a size such as 512KiB, 16MiB or 1GiB, from 1KiB to 65536GiB',
  );

function amountOf(text: string, units: Readonly<Record<string, number>>): number {
  const [, count = '0', unit = ''] = /^(\d+)(\D+)$/.exec(text) ?? [];
  return Number.parseInt(count, 10) * (units[unit] ?? 1);
}

/** A GUID; parsed to lower case. */
export const guidSchema = textLike(
  /^[0-9a-fA-F]{8}-([0-9a-fA-F]{4}-){3}[0-9a-fA-F]{12}$/,
  'a GUID such as 0e195b37-4574-4539-bc42-0e539b9684c0',
).transform((text) => text.toLowerCase());

/** An address of http or https; `allowed` is the noun phrase that errors quote. */
export function webAddress(protocol: RegExp, allowed: string): z.ZodURL {
  return z.url({ protocol, error: allowed });
}

/** Whether a host name of a URL is this machine's loopback: `localhost`, `127.0.0.0/8`, `[::1]`. */
export function isLoopback(hostname: string): boolean {
  return hostname === 'localhost' || hostname === '[::1]' || /^127(\.\d{1,3}){3}$/.test(hostname);
}
