/** Whether a byte is an ASCII digit. */
export function isDigit(byte: u32): bool {
  return byte - 0x30 < 10;
}

/** The address behind the JSON number at `p`; 0 where there is none. */
export function skipNumber(p: usize): usize {
  if (load<u8>(p) == 0x2d) p++;
  if (load<u8>(p) == 0x30) p++;
  else if ((p = skipDigits(p)) == 0) return 0;
  if (load<u8>(p) == 0x2e && (p = skipDigits(p + 1)) == 0) return 0;
  if ((load<u8>(p) | 0x20) == 0x65) {
    p++;
    if (load<u8>(p) == 0x2b || load<u8>(p) == 0x2d) p++;
    p = skipDigits(p);
  }
  return p;
}

/** The address behind the digits at `p`; 0 where there is none. */
function skipDigits(p: usize): usize {
  if (!isDigit(load<u8>(p))) return 0;
  while (isDigit(load<u8>(p))) p++;
  return p;
}
