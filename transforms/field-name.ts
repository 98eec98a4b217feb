/**
 * A field's name as names are compared, sorted and hashed: its ASCII capitals made small, all else as it is.
 * Only ASCII, so that no version of Unicode can change a stored hash or make a foreign letter match a column.
 */
export function foldFieldName(name: string): string {
  return name.replace(/[A-Z]+/g, (capitals) => capitals.toLowerCase());
}
