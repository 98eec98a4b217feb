/** Cuts a stream into messages: a letter, the length of the rest as four bytes that count themselves, the rest. */
export function messageSplitter(onMessage: (message: Buffer) => void): (chunk: Buffer) => void {
  let kept = Buffer.alloc(0);
  return (chunk) => {
    kept = Buffer.concat([kept, chunk]);
    while (kept.length >= 5) {
      const end = 1 + kept.readInt32BE(1);
      if (kept.length < end) return;
      onMessage(kept.subarray(0, end));
      kept = kept.subarray(end);
    }
  };
}
