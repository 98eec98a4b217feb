import { STREAMS, type StreamName } from '../../schemas/streams.js';

/** The lines that are not blank, found the slow way: byte by byte, with nothing of the code under test. */
export function linesTheSlowWay(bytes: Buffer): Buffer[] {
  const lines: Buffer[] = [];
  let line: number[] = [];
  for (const byte of [...bytes, 0x0a]) {
    if (byte !== 0x0a) {
      line.push(byte);
      continue;
    }
    if (line.at(-1) === 0x0d) line.pop();
    if (line[0] === 0xef && line[1] === 0xbb && line[2] === 0xbf) line.splice(0, 3);
    if (line.some((one) => one !== 0x20 && one !== 0x09 && one !== 0x0d)) lines.push(Buffer.from(line));
    line = [];
  }
  return lines;
}

/** Why a line must not be staged, as far as JavaScript's own JSON parser and a look at the names can tell; else null. */
export function mustReject(line: Buffer, stream: StreamName): string | null {
  const text = line.toString('utf8');
  if (!Buffer.from(text).equals(line)) return 'no UTF-8';
  let value: unknown;
  try {
    value = JSON.parse(text);
  } catch {
    return 'no JSON';
  }
  if (typeof value !== 'object' || value === null || Array.isArray(value)) return 'no object';
  if (hasUnstorable(value)) return 'NUL or half a surrogate pair';
  const meanings = topLevelNames(text).map((name) => meaningOf(name, stream));
  return new Set(meanings).size < meanings.length ? 'two members of one meaning' : null;
}

/** What the columns of text must hold of a line that was staged; where this oracle cannot tell, a column is left out. */
export function textsOf(line: Buffer, stream: StreamName): Map<string, string | null> {
  const texts = new Map<string, string | null>();
  for (const { name, type } of STREAMS[stream].table.columns) if (type === 'text') texts.set(name, null);
  for (const [name, value] of Object.entries(JSON.parse(line.toString('utf8')) as object)) {
    const column = meaningOf(name, stream);
    if (!texts.has(column) || value === null) continue;
    if (typeof value !== 'string') texts.delete(column);
    else texts.set(column, /^[\t-\r ]*$/.test(value) ? null : value);
  }
  return texts;
}

const MEANINGS = new Map<StreamName, ReadonlyMap<string, string>>();

function meaningOf(name: string, stream: StreamName): string {
  const known =
    MEANINGS.get(stream) ??
    new Map(
      STREAMS[stream].table.columns.flatMap((column) =>
        [column.source, ...column.aliases].map((one) => [folding(one), column.name] as const),
      ),
    );
  MEANINGS.set(stream, known);
  return known.get(folding(name)) ?? `?${folding(name)}`;
}

/** Only the letters of ASCII have one meaning in both cases. */
function folding(name: string): string {
  return [...name].map((one) => (one >= 'A' && one <= 'Z' ? one.toLowerCase() : one)).join('');
}

function hasUnstorable(value: unknown): boolean {
  if (typeof value === 'string') return value.includes('\u0000') || /\p{Surrogate}/u.test(value);
  if (typeof value !== 'object' || value === null) return false;
  return Object.entries(value).some(([name, inner]) => hasUnstorable(name) || hasUnstorable(inner));
}

/** The member names of an object's text, each as often as it is there: depth and strings are followed, nothing else. */
function topLevelNames(json: string): string[] {
  const names: string[] = [];
  const tokens = json.match(/"(?:[^"\\]|\\.)*"|[{}[\]:,]|[^\s"{}[\]:,]+/g) ?? [];
  let depth = 0;
  tokens.forEach((token, index) => {
    if (token === '{' || token === '[') depth += 1;
    if (token === '}' || token === ']') depth -= 1;
    if (depth === 1 && tokens[index + 1] === ':') names.push(JSON.parse(token) as string);
  });
  return names;
}
