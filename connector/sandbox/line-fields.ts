/** A field of a line we wrote ourselves: its name and the JSON text of its value. */
export type LineField = readonly [name: string, token: string];

/** Splits a flat JSON object that the sandbox wrote (no blanks between tokens) into its fields, tokens untouched. */
export function fieldsOf(line: string): LineField[] {
  const fields: LineField[] = [];
  const field = /"([A-Za-z0-9_]+)":("(?:[^"\\]|\\.)*"|\[[^\]]*\]|[^,}]+)[,}]/y;
  field.lastIndex = 1;
  for (let match = field.exec(line); match !== null; match = field.exec(line)) {
    fields.push([match[1] ?? '', match[2] ?? '']);
  }
  return fields;
}

/** The line of some fields. */
export function lineOf(fields: readonly LineField[]): string {
  return `{${fields.map(([name, token]) => `"${name}":${token}`).join(',')}}`;
}

/** Fields with one value replaced, added at the end where it was missing, or left out (null). */
export function withField(fields: readonly LineField[], name: string, token: string | null): LineField[] {
  const others = fields.filter(([other]) => other !== name);
  if (token === null) return others;
  if (others.length === fields.length) return [...fields, [name, token]];
  return fields.map((field) => (field[0] === name ? [name, token] : field));
}
