import type { IncomingMessage } from 'node:http';

const LONGEST = 64 * 1024;

/** The body of a request as text; null where it is longer than 64 KiB. */
export async function readBody(request: IncomingMessage): Promise<string | null> {
  const chunks: Buffer[] = [];
  let length = 0;
  for await (const chunk of request as AsyncIterable<Buffer>) {
    length += chunk.length;
    if (length <= LONGEST) chunks.push(chunk);
  }
  return length > LONGEST ? null : Buffer.concat(chunks).toString('utf8');
}
