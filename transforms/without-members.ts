import { foldFieldName } from './field-name.js';
import { readJsonArray, readJsonObject, type JsonElement } from './json-object.js';

/**
 * The raw token of a JSON value without the members of some names, at whatever depth they stand. What holds none of
 * them stays as it was written; around what is taken out the space between values goes too, never a digit.
 * @param names folded by `foldFieldName`
 * @throws RecordRejection where the token is no JSON value
 */
export function withoutMembers({ kind, token }: JsonElement, names: ReadonlySet<string>): string {
  if (kind === 'array') {
    const elements = readJsonArray(token);
    const kept = elements.map((element) => withoutMembers(element, names));
    return kept.every((one, index) => one === elements[index]?.token) ? token : `[${kept.join(',')}]`;
  }
  if (kind !== 'object') return token;
  const fields = readJsonObject(token);
  const kept = fields
    .filter(({ name }) => !names.has(foldFieldName(name)))
    .map((field) => ({ ...field, kept: withoutMembers(field, names) }));
  if (kept.length === fields.length && kept.every((field) => field.kept === field.token)) return token;
  return `{${kept.map((field) => `${JSON.stringify(field.name)}:${field.kept}`).join(',')}}`;
}
