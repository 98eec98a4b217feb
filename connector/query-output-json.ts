import type { QueryResult } from './load/destination.js';
import { visibleJson } from './visible-text.js';
import { inPieces, uniqueNames, valueKind, type ValueKind } from './query-output-type.js';

/**
 * A result as one JSON array of objects, a row a line. Decimals are strings, so that no reader makes doubles of
 * them; integers are numbers up to 2^53 and strings beyond; floating-point numbers are numbers where JSON has them;
 * everything else, JSON columns too, is the text. A name that occurs twice gets `_1`, `_2`, ...
 */
export function jsonText(result: QueryResult): AsyncGenerator<string> {
  return inPieces(jsonLines(result));
}

async function* jsonLines(result: QueryResult): AsyncGenerator<string> {
  const { columns } = result;
  const kinds = columns.map(({ type }) => valueKind(type));
  const keys = uniqueNames(columns.map(({ name }) => name)).map((name) => visibleJson(JSON.stringify(name)));
  let before = '[\n';
  for await (const row of result.rows()) {
    const members = row.map(
      (value, column) => `${keys[column] ?? ''}:${jsonValue(value, kinds[column] ?? 'text')}`,
    );
    yield `${before}{${members.join(',')}}`;
    before = ',\n';
  }
  yield before === '[\n' ? '[]\n' : '\n]\n';
}

const JSON_NUMBER = /^-?(0|[1-9]\d*)(\.\d+)?([eE][+-]?\d+)?$/;

function jsonValue(value: string | null, kind: ValueKind): string {
  if (value === null) return 'null';
  if (kind === 'boolean' && (value === 'true' || value === 'false')) return value;
  if (kind === 'integer' && /^-?\d+$/.test(value) && Number.isSafeInteger(Number(value))) return value;
  if (kind === 'float' && JSON_NUMBER.test(value)) return value;
  return visibleJson(JSON.stringify(value));
}
