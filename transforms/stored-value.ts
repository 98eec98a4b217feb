import type { ColumnType } from '../schemas/column-type.js';
import { decimalText } from '../schemas/decimal-text.js';
import { SystemError } from '../schemas/errors.js';
import { dateText, timestampText } from './timestamp.js';

/**
 * A value as a column stores it: text, a decimal times 10^22 (bigint), a date in days since 1970-01-01 (number),
 * a timestamp in microseconds since then (bigint), or null.
 */
export type StoredValue = string | bigint | number | null;

/**
 * The canonical text of a stored value, which is what is hashed (architecture.md section 3): text as stored,
 * decimals in plain notation, dates `YYYY-MM-DD`, instants `YYYY-MM-DDTHH:MM:SS.ffffff`; null stays null.
 */
export function canonicalText(type: ColumnType, value: StoredValue): string | null {
  if (value === null) return null;
  switch (type) {
    case 'text':
      if (typeof value === 'string') return value;
      break;
    case 'decimal':
      if (typeof value === 'bigint') return decimalText(value);
      break;
    case 'date':
      if (typeof value === 'number') return dateText(value);
      break;
    case 'timestamp':
      if (typeof value === 'bigint') return timestampText(value);
      break;
  }
  throw wrongValue(type, value);
}

/** The defect of a value that its column's type cannot have. Names the types only. */
export function wrongValue(type: ColumnType, value: StoredValue): SystemError {
  return new SystemError({
    message: `a column of type ${type} was given a ${value === null ? 'null' : typeof value}`,
    hint: 'this is a defect of the connector; report it',
  });
}
