import { multiply, productHigh, productLow } from './scaled';

/*
 * XXH3-128 with seed 0 of 17 bytes and more, as https://github.com/Cyan4973/xxHash/blob/dev/doc/xxhash_spec.md has it.
 * Rows are longer than 16 bytes: every value takes four for its length.
 */

const P32_1: u64 = 0x9e3779b1;
const P32_2: u64 = 0x85ebca77;
const P32_3: u64 = 0xc2b2ae3d;
const P64_1: u64 = 0x9e3779b185ebca87;
const P64_2: u64 = 0xc2b2ae3d27d4eb4f;
const P64_3: u64 = 0x165667b19e3779f9;
const P64_4: u64 = 0x85ebca77c2b2ae63;
const P64_5: u64 = 0x27d4eb2f165667c5;
const MIXER: u64 = 0x165667919e3779f9;

const STRIPE: usize = 64;
const STRIPES_OF_BLOCK: u32 = 16;
const BLOCK: usize = 1024;
const SECRET_BYTES: usize = 192;

const SECRET: usize = memory.data<u8>([
  0xb8, 0xfe, 0x6c, 0x39, 0x23, 0xa4, 0x4b, 0xbe, 0x7c, 0x01, 0x81, 0x2c, 0xf7, 0x21, 0xad, 0x1c, 0xde, 0xd4,
  0x6d, 0xe9, 0x83, 0x90, 0x97, 0xdb, 0x72, 0x40, 0xa4, 0xa4, 0xb7, 0xb3, 0x67, 0x1f, 0xcb, 0x79, 0xe6, 0x4e,
  0xcc, 0xc0, 0xe5, 0x78, 0x82, 0x5a, 0xd0, 0x7d, 0xcc, 0xff, 0x72, 0x21, 0xb8, 0x08, 0x46, 0x74, 0xf7, 0x43,
  0x24, 0x8e, 0xe0, 0x35, 0x90, 0xe6, 0x81, 0x3a, 0x26, 0x4c, 0x3c, 0x28, 0x52, 0xbb, 0x91, 0xc3, 0x00, 0xcb,
  0x88, 0xd0, 0x65, 0x8b, 0x1b, 0x53, 0x2e, 0xa3, 0x71, 0x64, 0x48, 0x97, 0xa2, 0x0d, 0xf9, 0x4e, 0x38, 0x19,
  0xef, 0x46, 0xa9, 0xde, 0xac, 0xd8, 0xa8, 0xfa, 0x76, 0x3f, 0xe3, 0x9c, 0x34, 0x3f, 0xf9, 0xdc, 0xbb, 0xc7,
  0xc7, 0x0b, 0x4f, 0x1d, 0x8a, 0x51, 0xe0, 0x4b, 0xcd, 0xb4, 0x59, 0x31, 0xc8, 0x9f, 0x7e, 0xc9, 0xd9, 0x78,
  0x73, 0x64, 0xea, 0xc5, 0xac, 0x83, 0x34, 0xd3, 0xeb, 0xc3, 0xc5, 0x81, 0xa0, 0xff, 0xfa, 0x13, 0x63, 0xeb,
  0x17, 0x0d, 0xdd, 0x51, 0xb7, 0xf0, 0xda, 0x49, 0xd3, 0x16, 0x55, 0x26, 0x29, 0xd4, 0x68, 0x9e, 0x2b, 0x16,
  0xbe, 0x58, 0x7d, 0x47, 0xa1, 0xfc, 0x8f, 0xf8, 0xb8, 0xd1, 0x7a, 0xd0, 0x31, 0xce, 0x45, 0xcb, 0x3a, 0x8f,
  0x95, 0x16, 0x04, 0x28, 0xaf, 0xd7, 0xfb, 0xca, 0xbb, 0x4b, 0x40, 0x7e,
]);

/** The eight accumulators of a long input. */
const ACCUMULATORS: usize = memory.data(64, 16);

let low: u64 = 0;
let high: u64 = 0;

/** Hashes `length` bytes, 17 at least, and stores the 16 bytes of the hash in canonical (big-endian) order. */
export function storeHash(input: usize, length: u32, out: usize): void {
  if (length > 240) hashLong(input, length);
  else hashMiddle(input, length);
  store<u64>(out, bswap(high));
  store<u64>(out, bswap(low), 8);
}

function hashMiddle(input: usize, length: u32): void {
  const end = input + length;
  low = <u64>length * P64_1;
  high = 0;
  if (length > 128) {
    for (let i: usize = 0; i < 128; i += 32) mix32(input + i, input + i + 16, SECRET + i);
    low = avalanche(low);
    high = avalanche(high);
    for (let i: usize = 160; i <= <usize>length; i += 32) {
      mix32(input + i - 32, input + i - 16, SECRET + 3 + i - 160);
    }
    mix32(end - 16, end - 32, SECRET + 103);
  } else {
    if (length > 96) mix32(input + 48, end - 64, SECRET + 96);
    if (length > 64) mix32(input + 32, end - 48, SECRET + 64);
    if (length > 32) mix32(input + 16, end - 32, SECRET + 32);
    mix32(input, end - 16, SECRET);
  }
  const sum = low + high;
  high = 0 - avalanche(low * P64_1 + high * P64_4 + <u64>length * P64_2);
  low = avalanche(sum);
}

function mix32(a: usize, b: usize, secret: usize): void {
  low =
    (low + fold(load<u64>(a) ^ load<u64>(secret), load<u64>(a, 8) ^ load<u64>(secret, 8))) ^
    (load<u64>(b) + load<u64>(b, 8));
  high =
    (high + fold(load<u64>(b) ^ load<u64>(secret, 16), load<u64>(b, 8) ^ load<u64>(secret, 24))) ^
    (load<u64>(a) + load<u64>(a, 8));
}

function hashLong(input: usize, length: u32): void {
  v128.store(ACCUMULATORS, i64x2(P32_3, P64_1));
  v128.store(ACCUMULATORS, i64x2(P64_2, P64_3), 16);
  v128.store(ACCUMULATORS, i64x2(P64_4, P32_2), 32);
  v128.store(ACCUMULATORS, i64x2(P64_5, P32_1), 48);
  let p = input;
  const end = input + length;
  for (; p + BLOCK < end; p += BLOCK) {
    accumulate(p, SECRET, STRIPES_OF_BLOCK);
    scramble();
  }
  accumulate(p, SECRET, <u32>(end - 1 - p) / <u32>STRIPE);
  accumulate(end - STRIPE, SECRET + SECRET_BYTES - STRIPE - 7, 1);
  low = merge(SECRET + 11, <u64>length * P64_1);
  high = merge(SECRET + SECRET_BYTES - STRIPE - 11, ~(<u64>length * P64_2));
}

/** Takes stripes of 64 bytes in, two lanes of 64 bits at a time; the secret moves on by eight bytes a stripe. */
function accumulate(p: usize, secret: usize, stripes: u32): void {
  let a = v128.load(ACCUMULATORS);
  let b = v128.load(ACCUMULATORS, 16);
  let c = v128.load(ACCUMULATORS, 32);
  let d = v128.load(ACCUMULATORS, 48);
  for (let i: u32 = 0; i < stripes; i++) {
    a = lane(a, v128.load(p), v128.load(secret));
    b = lane(b, v128.load(p, 16), v128.load(secret, 16));
    c = lane(c, v128.load(p, 32), v128.load(secret, 32));
    d = lane(d, v128.load(p, 48), v128.load(secret, 48));
    p += STRIPE;
    secret += 8;
  }
  v128.store(ACCUMULATORS, a);
  v128.store(ACCUMULATORS, b, 16);
  v128.store(ACCUMULATORS, c, 32);
  v128.store(ACCUMULATORS, d, 48);
}

/** Each half's data goes to the other half's sum; the product of its keyed halves to its own. */
function lane(sum: v128, data: v128, secret: v128): v128 {
  const keyed = v128.xor(data, secret);
  const swapped = i64x2.shuffle(data, data, 1, 0);
  const lows = i32x4.shuffle(keyed, keyed, 0, 2, 0, 2);
  const highs = i32x4.shuffle(keyed, keyed, 1, 3, 1, 3);
  return i64x2.add(i64x2.add(sum, swapped), i64x2.extmul_low_i32x4_u(lows, highs));
}

function scramble(): void {
  for (let i: usize = 0; i < 64; i += 8) {
    let sum = load<u64>(ACCUMULATORS + i);
    sum ^= sum >> 47;
    sum ^= load<u64>(SECRET + SECRET_BYTES - STRIPE + i);
    store<u64>(ACCUMULATORS + i, sum * P32_1);
  }
}

function merge(secret: usize, start: u64): u64 {
  let sum = start;
  for (let i: usize = 0; i < 64; i += 16) {
    sum += fold(
      load<u64>(ACCUMULATORS + i) ^ load<u64>(secret + i),
      load<u64>(ACCUMULATORS + i, 8) ^ load<u64>(secret + i, 8),
    );
  }
  return avalanche(sum);
}

/** The two halves of a product, one over the other. */
function fold(a: u64, b: u64): u64 {
  multiply(a, b);
  return productLow ^ productHigh;
}

function avalanche(hash: u64): u64 {
  hash ^= hash >> 37;
  hash *= MIXER;
  return hash ^ (hash >> 32);
}
