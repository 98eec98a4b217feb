import type { FieldDef } from 'pg';
import { DECIMAL_PRECISION, DECIMAL_SCALE } from '../../../schemas/column-type.js';
import { canonicalDecimal } from '../../../schemas/decimal-text.js';

/** A column of a query's result, by a type name that DuckDB knows too. */
export interface PortableColumn {
  readonly name: string;
  readonly type: string;
  /** A value as the server prints it, in the form in which we print it. */
  readonly format: (text: string) => string;
}

type Portable = Omit<PortableColumn, 'name'>;

const asIs = (text: string): string => text;
/** `2026-11-01 00:00:00` is printed as `2026-11-01T00:00:00`. */
const isoTimestamp = (text: string): string => text.replace(' ', 'T');

/** By the object id of the type, which is the same in every server. */
const TYPES: Readonly<Record<number, Portable>> = {
  16: { type: 'BOOLEAN', format: (text) => (text === 't' ? 'true' : 'false') },
  20: { type: 'BIGINT', format: asIs },
  21: { type: 'SMALLINT', format: asIs },
  23: { type: 'INTEGER', format: asIs },
  114: { type: 'JSON', format: asIs },
  700: { type: 'FLOAT', format: asIs },
  701: { type: 'DOUBLE', format: asIs },
  1082: { type: 'DATE', format: asIs },
  1114: { type: 'TIMESTAMP', format: isoTimestamp },
  // Sessions are in UTC, so the zone is always +00.
  1184: { type: 'TIMESTAMP WITH TIME ZONE', format: (text) => isoTimestamp(text).replace(/\+00$/, 'Z') },
  2950: { type: 'UUID', format: asIs },
  3802: { type: 'JSON', format: asIs },
};
const NUMERIC = 1700;

/** Name, portable type and text form of a column. A type without a portable name is `VARCHAR`. */
export function portableColumn(field: FieldDef): PortableColumn {
  const { name, dataTypeID, dataTypeModifier } = field;
  if (dataTypeID === NUMERIC) return { name, type: decimalType(dataTypeModifier), format: decimalFormat };
  return { name, ...(TYPES[dataTypeID] ?? { type: 'VARCHAR', format: asIs }) };
}

/** `numeric` without bounds, as our columns and their sums are, is shown as the decimal that every value of ours fits. */
function decimalType(modifier: number): string {
  if (modifier < 4) return `DECIMAL(${DECIMAL_PRECISION},${DECIMAL_SCALE})`;
  const precision = ((modifier - 4) >> 16) & 0xffff;
  const scale = (modifier - 4) & 0x7ff;
  if (precision > DECIMAL_PRECISION || scale > precision) return 'VARCHAR';
  return `DECIMAL(${precision},${scale})`;
}

function decimalFormat(text: string): string {
  // NaN and Infinity are possible in a user's own columns.
  return /^-?\d/.test(text) ? canonicalDecimal(text) : text;
}
