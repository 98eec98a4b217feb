import type { JsonField } from './json-object.js';
import type { RecordParser } from './parse-record.js';

/** A field as the lines of a blob write it. */
export interface LineField {
  /** Its name as the source spells it. */
  readonly name: string;
  /** The bytes from its name to its value: `"PartnerId":` or `"PartnerId": `. */
  readonly key: Buffer;
  /** Index of its column in the table; -1 where none is declared. */
  readonly column: number;
  /** Its name as it is compared and hashed. */
  readonly folded: string;
}

/** The fields that lines have, in an order that holds for all of them, and what stands around them. */
export interface LineFields {
  readonly fields: readonly LineField[];
  /** Which field was seen right before which: the order is no more than what follows from that. */
  readonly seen: readonly (readonly [before: LineField, after: LineField])[];
  /** The bytes before the first name: `{`. */
  readonly opening: Buffer;
  /** The bytes between a value and the next name: `,`. */
  readonly separator: Buffer;
  /** The bytes behind the last value: `}`. */
  readonly closing: Buffer;
}

const QUOTE = 0x22;
const BACKSLASH = 0x5c;
const COLON = 0x3a;
const SPACE = new Set([0x20, 0x09, 0x0a, 0x0d]);
/** Longer ones are nothing that a service writes; comparing and keeping them costs. */
const MAX_KEY_BYTES = 300;
const MAX_AROUND_BYTES = 16;
/** Where names are made of data, a line is read faster without expecting all that came before. */
const MAX_UNKNOWN = 64;

/**
 * How the fields of a line follow each other, byte for byte. Null where there is nothing to learn from it: no fields, or
 * bytes between them that differ or are too many.
 * @param line a line of which the fields were read
 * @param fields its fields, as `readJsonObject` gave them
 */
export function lineFields(
  line: Buffer,
  fields: readonly JsonField[],
  parser: Pick<RecordParser, 'meaningOf'>,
): LineFields | null {
  const found: LineField[] = [];
  const between: Buffer[] = [];
  let at = 0;
  for (const { name, token } of fields) {
    const quote = line.indexOf(QUOTE, at);
    const value = valueStart(line, quote);
    const { folded, index } = parser.meaningOf(name);
    between.push(line.subarray(at, quote));
    found.push({ name, key: line.subarray(quote, value), column: index, folded });
    at = value + Buffer.byteLength(token);
  }
  const closing = line.subarray(at);
  const [opening, separator = Buffer.from(','), ...others] = between;
  if (opening === undefined || found.some(({ key }) => key.length > MAX_KEY_BYTES)) return null;
  if (others.some((other) => !other.equals(separator))) return null;
  if ([opening, separator, closing].some((bytes) => bytes.length > MAX_AROUND_BYTES)) return null;
  if (unknownFields(found).length > MAX_UNKNOWN) return null;
  return { fields: found, seen: neighbours(found), opening, separator, closing };
}

/**
 * The fields of both, in one order that holds for both: fields without a value are left out of their lines, so that each
 * line shows a part. Null where no order holds for both, or they are written in different ways.
 */
export function mergeFields(known: LineFields, more: LineFields): LineFields | null {
  const around = (of: LineFields): Buffer => Buffer.concat([of.opening, of.separator, of.closing]);
  if (!around(known).equals(around(more))) return null;
  const fields = [...known.fields];
  for (const field of more.fields) {
    const other = fields.find((candidate) => meansSame(candidate, field));
    if (other === undefined) fields.push(field);
    // Two spellings of one field are two orders.
    else if (!other.key.equals(field.key)) return null;
  }
  if (unknownFields(fields).length > MAX_UNKNOWN) return null;
  const own = (field: LineField): LineField => fields.find((one) => meansSame(one, field)) ?? field;
  const isKnown = ([before, after]: readonly [LineField, LineField]): boolean =>
    known.seen.some((pair) => pair[0] === before && pair[1] === after);
  const seen = more.seen.map(([before, after]) => [own(before), own(after)] as const);
  const all = [...known.seen, ...seen.filter((pair) => !isKnown(pair))];
  const ordered = inOrder(fields, all);
  return ordered === null ? null : { ...known, fields: ordered, seen: all };
}

function neighbours(fields: readonly LineField[]): LineFields['seen'] {
  return fields.slice(1).map((field, index) => [fields[index] ?? field, field] as const);
}

/** The fields in an order in which each stands behind those seen before it, else as in the table; null where none does. */
function inOrder(fields: readonly LineField[], seen: LineFields['seen']): readonly LineField[] | null {
  const place = ({ column }: LineField): number => (column === -1 ? Infinity : column);
  const left = [...fields].sort((a, b) => (place(a) < place(b) ? -1 : place(a) > place(b) ? 1 : 0));
  const waits = new Map(left.map((field) => [field, new Set<LineField>()]));
  for (const [before, after] of seen) waits.get(after)?.add(before);
  const ordered: LineField[] = [];
  while (left.length > 0) {
    const next = left.findIndex((field) => waits.get(field)?.size === 0);
    const [field] = next === -1 ? [] : left.splice(next, 1);
    if (field === undefined) return null;
    ordered.push(field);
    for (const before of waits.values()) before.delete(field);
  }
  return ordered;
}

/** Fields that no column is declared for, in the order in which they are hashed. */
export function unknownFields(fields: readonly LineField[]): readonly LineField[] {
  const bytes = ({ folded }: LineField): Buffer => Buffer.from(folded);
  return fields.filter(({ column }) => column === -1).sort((a, b) => Buffer.compare(bytes(a), bytes(b)));
}

function meansSame(a: LineField, b: LineField): boolean {
  return a.column === -1 ? a.folded === b.folded : a.column === b.column;
}

/** Where the value begins of the member whose name begins with the quote at `quote`. */
function valueStart(line: Buffer, quote: number): number {
  let closing = quote + 1;
  while (line[closing] !== QUOTE) closing += line[closing] === BACKSLASH ? 2 : 1;
  let start = line.indexOf(COLON, closing) + 1;
  while (SPACE.has(line[start] ?? 0)) start += 1;
  return start;
}
