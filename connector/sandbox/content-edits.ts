import type { AttributeSet } from '../../schemas/streams.js';
import { columnNamed, type Table } from '../../schemas/table.js';
import type { ContentFault } from './faults.js';
import { fieldsOf, lineOf, withField, type LineField } from './line-fields.js';

/** Where a line stands. */
export interface LinePlace {
  readonly table: Table;
  readonly attributeSet: AttributeSet;
  readonly blob: number;
  /** Number of the line in its blob, from 0. */
  readonly ordinal: number;
}

type FieldEdit = (fields: readonly LineField[], place: LinePlace) => readonly LineField[];

const SOURCE = (table: Table, column: string): string => columnNamed(table, column).source;
const isNumber = (token: string): boolean => /^-?\d/.test(token);
const onNumbers =
  (change: (token: string) => string): FieldEdit =>
  (fields) =>
    fields.map(([name, token]) => [name, isNumber(token) ? change(token) : token]);
const firstOfBlob =
  (edit: FieldEdit): FieldEdit =>
  (fields, place) =>
    place.ordinal === 0 ? edit(fields, place) : fields;
const firstOfAll =
  (edit: FieldEdit): FieldEdit =>
  (fields, place) =>
    place.ordinal === 0 && place.blob === 0 ? edit(fields, place) : fields;
const setField = (name: (table: Table) => string, token: string | null): FieldEdit =>
  firstOfAll((fields, { table }) => withField(fields, name(table), token));

/** What faults do to the fields of a line; those that are not here change whole lines or blobs. */
const FIELD_EDITS: Partial<Record<ContentFault, FieldEdit>> = {
  'rows-null-keys': filled('null'),
  'rows-empty-strings': filled('""'),
  'rows-number-strings': onNumbers((token) => `"${token}"`),
  'rows-exponents': onNumbers(withExponent),
  'rows-22-digits': onNumbers(withZeros),
  'rows-30-digits': firstOfBlob((fields) =>
    withField(fields, 'UnitPrice', '0.123456789012345678901234567891'),
  ),
  'rows-camel-case': (fields) =>
    fields.map(([name, token]) => [name.charAt(0).toLowerCase() + name.slice(1), token]),
  'rows-alias-names': (fields, { table }) =>
    fields.map(([name, token]) => {
      const alias = table.columns.find(({ source }) => source === name)?.aliases[0];
      return [alias ?? name, token];
    }),
  'rows-fraction-rates': (fields) =>
    fields.map(([name, token]) => [
      name,
      name.endsWith('CreditPercentage') || name === 'CreditPercentage'
        ? `${Number.parseInt(token, 10) / 100}`
        : token,
    ]),
  'rows-unknown-columns': (fields, { ordinal }) => [
    ...fields,
    ['FutureCode', `"ΔX-${ordinal}"`],
    ['FutureAmount', '0.1999968000511991808131'],
    ['FutureDetail', '{"b":1.10,"a":[1,null]}'],
  ],
  'rows-long-additional-info': firstOfBlob((fields, { table }) => {
    const long = table.columns.some(({ source }) => source === 'AdditionalInfo')
      ? 'AdditionalInfo'
      : 'PriceAdjustmentDescription';
    return withField(fields, long, JSON.stringify(`{"Note":"${'x'.repeat(1_000_000)}"}`));
  }),
  'rows-other-invoice': setField((table) => SOURCE(table, 'invoice_number'), '"G099999999"'),
  'rows-other-tenant': setField(
    (table) => SOURCE(table, table.tenant),
    '"11111111-2222-4333-8444-555555555555"',
  ),
  'rows-other-month': firstOfAll((fields, { table }) => {
    const daily = table.columns.some(({ source }) => source === 'UsageDate');
    return daily
      ? withField(fields, 'UsageDate', '"2019-02-14"')
      : withField(fields, 'ChargeStartDate', '"2019-02-01T00:00:00Z"');
  }),
  'rows-other-currency': setField((table) => SOURCE(table, table.currency), '"XTS"'),
  'rows-bad-number': setField((table) => SOURCE(table, table.amount), '"12,34"'),
  'rows-missing-amount': setField((table) => SOURCE(table, table.amount), null),
  'rows-nul': setField(() => 'CustomerName', '"Con\\u0000toso"'),
};

/** A line as the faults leave it: none, one or several lines, without newlines. */
export function editedLines(
  line: string,
  place: LinePlace,
  faults: readonly ContentFault[],
): readonly Buffer[] {
  const edits = faults.flatMap((fault) => FIELD_EDITS[fault] ?? []);
  const edited =
    edits.length === 0
      ? line
      : lineOf(edits.reduce((fields, edit) => edit(fields, place), fieldsOf(line) as readonly LineField[]));
  const isFirst = place.ordinal === 0;
  const isOnly = isFirst && place.blob === 0;
  if (isOnly && faults.includes('rows-broken-line')) {
    return [Buffer.from(edited.slice(0, Math.floor(edited.length / 2)))];
  }
  const bytes = isOnly && faults.includes('rows-bad-utf8') ? withBadUtf8(edited) : Buffer.from(edited);
  return isFirst && faults.includes('rows-duplicates') ? [bytes, bytes, bytes] : [bytes];
}

function filled(token: string): FieldEdit {
  return (fields, { table, attributeSet }) => {
    const known = new Map(fields);
    const columns = table.columns.filter(({ inBasic }) => inBasic || attributeSet === 'full');
    return columns.map(({ source }) => [source, known.get(source) ?? token]);
  };
}

/** The same number with one digit before the point and an exponent: `24.5` is `2.45E+1`. */
function withExponent(token: string): string {
  const match = /^(-?)(\d+)(?:\.(\d+))?$/.exec(token);
  if (match === null) return token;
  const [, sign = '', whole = '', fraction = ''] = match;
  const digits = (whole + fraction).replace(/^0+/, '');
  if (digits === '') return `${sign}0E-${20}`;
  const exponent = digits.length - fraction.length - 1;
  return `${sign}${digits.charAt(0)}.${digits.slice(1) || '0'}E${exponent < 0 ? '' : '+'}${exponent}`;
}

function withZeros(token: string): string {
  const match = /^(-?\d+)(?:\.(\d+))?$/.exec(token);
  return match === null ? token : `${match[1] ?? ''}.${(match[2] ?? '').padEnd(22, '0')}`;
}

function withBadUtf8(line: string): Buffer {
  const fields = fieldsOf(line);
  const marked = Buffer.from(lineOf(withField(fields, 'CustomerName', '"Con\u0001toso"')));
  marked[marked.indexOf(1)] = 0xff;
  return marked;
}
