/** What a column of a query's result holds, by the name of its type, as far as output depends on it. */
export type ValueKind = 'integer' | 'decimal' | 'float' | 'boolean' | 'moment' | 'text';

const KINDS: ReadonlyMap<string, ValueKind> = new Map([
  ...['TINYINT', 'SMALLINT', 'INTEGER', 'BIGINT', 'HUGEINT'].map((name) => [name, 'integer'] as const),
  ...['UTINYINT', 'USMALLINT', 'UINTEGER', 'UBIGINT', 'UHUGEINT'].map((name) => [name, 'integer'] as const),
  ...['FLOAT', 'DOUBLE'].map((name) => [name, 'float'] as const),
  ...['DATE', 'TIME', 'TIMESTAMP', 'TIMESTAMP_S', 'TIMESTAMP_MS', 'TIMESTAMP_NS'].map(
    (name) => [name, 'moment'] as const,
  ),
  ['TIMESTAMP WITH TIME ZONE', 'moment'],
  ['BOOLEAN', 'boolean'],
]);

/** The kind of a type by its name in a `QueryResult`; a name that is not known holds text. */
export function valueKind(type: string): ValueKind {
  return decimalOf(type) === undefined ? (KINDS.get(type) ?? 'text') : 'decimal';
}

/** Digits of a decimal type in all and after the point; undefined for any other type. */
export function decimalOf(type: string): { readonly precision: number; readonly scale: number } | undefined {
  const [, precision, scale] = /^DECIMAL\((\d{1,2}),\s?(\d{1,2})\)$/.exec(type) ?? [];
  return precision === undefined ? undefined : { precision: Number(precision), scale: Number(scale) };
}

/** The names, made different from each other: a name that occurred before gets `_1`, `_2`, ... */
export function uniqueNames(names: readonly string[]): string[] {
  const taken = new Set(names);
  const used = new Set<string>();
  return names.map((name) => {
    let unique = name;
    for (let count = 1; used.has(unique) || (unique !== name && taken.has(unique)); count += 1) {
      unique = `${name}_${count}`;
    }
    used.add(unique);
    return unique;
  });
}

/** Joins lines to pieces of about 64 KiB, so that writing them is not one call a row. */
export async function* inPieces(lines: AsyncIterable<string>): AsyncGenerator<string> {
  let piece = '';
  for await (const line of lines) {
    piece += line;
    if (piece.length < 65_536) continue;
    yield piece;
    piece = '';
  }
  if (piece !== '') yield piece;
}
