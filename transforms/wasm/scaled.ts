import { COLUMN_VALUES } from '../decoder-layout';

/** 10^0 to 10^22, each as two u64, the lower one first. */
export const POWERS: usize = memory.data(23 * 16, 16);

/** Fills {@link POWERS}; called once. */
export function initPowers(): void {
  store<u64>(POWERS, 1);
  store<u64>(POWERS, 0, 8);
  for (let i = 1; i <= 22; i++) {
    const at = POWERS + i * 16;
    // Ten times the one before: 8 times and 2 times, each shifted over both words.
    const low = load<u64>(at - 16);
    const high = load<u64>(at - 8);
    const low8 = low << 3;
    const low2 = low << 1;
    const sum = low8 + low2;
    store<u64>(at, sum);
    store<u64>(at, ((high << 3) | (low >> 61)) + ((high << 1) | (low >> 63)) + (sum < low8 ? 1 : 0), 8);
  }
}

/**
 * Stores `head` times 10^headPower plus `tail` times 10^tailPower, or its negative, as 128 bits. Powers are 0 to 22, and the
 * sum is below 10^38.
 */
export function putScaled(
  column: usize,
  row: u32,
  isNegative: bool,
  head: u64,
  headPower: i32,
  tail: u64,
  tailPower: i32,
): void {
  const power = POWERS + headPower * 16;
  multiply(head, load<u64>(power));
  let low = productLow;
  let high = productHigh + head * load<u64>(power, 8);
  if (tail != 0) {
    const tailAt = POWERS + tailPower * 16;
    multiply(tail, load<u64>(tailAt));
    low += productLow;
    high += productHigh + tail * load<u64>(tailAt, 8) + (low < productLow ? 1 : 0);
  }
  if (isNegative) {
    low = ~low + 1;
    high = ~high + (low == 0 ? 1 : 0);
  }
  const at = <usize>load<u32>(column, COLUMN_VALUES) + row * 16;
  store<u64>(at, low);
  store<u64>(at, high, 8);
}

/** The lower and the higher half of the last product. */
export let productLow: u64 = 0;
/** See {@link productLow}. */
export let productHigh: u64 = 0;

/** Multiplies two u64 exactly, into {@link productLow} and {@link productHigh}. */
export function multiply(a: u64, b: u64): void {
  const aLow = a & 0xffffffff;
  const aHigh = a >> 32;
  const bLow = b & 0xffffffff;
  const bHigh = b >> 32;
  const lowLow = aLow * bLow;
  const middle = aHigh * bLow + (lowLow >> 32);
  const middle2 = aLow * bHigh + (middle & 0xffffffff);
  productLow = (middle2 << 32) | (lowLow & 0xffffffff);
  productHigh = aHigh * bHigh + (middle >> 32) + (middle2 >> 32);
}
