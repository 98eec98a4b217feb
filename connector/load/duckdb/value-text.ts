import {
  DuckDBArrayValue,
  DuckDBDateValue,
  DuckDBDecimalValue,
  DuckDBListValue,
  DuckDBMapValue,
  DuckDBStructValue,
  DuckDBTimestampMillisecondsValue,
  DuckDBTimestampNanosecondsValue,
  DuckDBTimestampSecondsValue,
  DuckDBTimestampTZValue,
  DuckDBTimestampValue,
  DuckDBTypeId,
  DuckDBUnionValue,
  DuckDBVariantValue,
  type DuckDBType,
  type DuckDBValue,
} from '@duckdb/node-api';
import { decimalText } from '../../../schemas/decimal-text.js';

const DAY_MICROS = 86_400_000_000n;
const INFINITE = 2n ** 63n - 1n;

/**
 * The text of a value as DuckDB holds it, null for null. Decimals are canonical (no trailing zeros) and exact;
 * dates are `YYYY-MM-DD`, timestamps `YYYY-MM-DDTHH:MM:SS` with the fractional digits that are not zero, without a
 * zone (`TIMESTAMP WITH TIME ZONE` in UTC with a `Z`); lists, structs, maps and unions are JSON in which decimals
 * and integers beyond 2^53 are strings. Numbers of type `FLOAT` and `DOUBLE` are the shortest text that gives them back.
 */
export function valueText(value: DuckDBValue, type: DuckDBType): string | null {
  if (typeof value === 'number' && type.typeId === DuckDBTypeId.FLOAT) return floatText(value);
  return value === null ? null : text(value);
}

function text(value: NonNullable<DuckDBValue>): string {
  if (typeof value === 'string') return value;
  if (value instanceof DuckDBDecimalValue) return decimalText(value.value, value.scale);
  if (value instanceof DuckDBTimestampValue) return instantText(value.micros, 6);
  if (value instanceof DuckDBDateValue) return dateText(value);
  return timestampText(value) ?? nestedText(value) ?? value.toString();
}

/** A timestamp of another precision than microseconds, or with a zone; undefined for any other value. */
function timestampText(value: DuckDBValue): string | undefined {
  if (value instanceof DuckDBTimestampTZValue) return instantText(value.micros, 6, 'Z');
  if (value instanceof DuckDBTimestampSecondsValue) return instantText(value.seconds, 0);
  if (value instanceof DuckDBTimestampMillisecondsValue) return instantText(value.millis, 3);
  if (value instanceof DuckDBTimestampNanosecondsValue) return instantText(value.nanos, 9);
  return undefined;
}

/** An instant given as a count of 10^-`digits` seconds since 1970. */
function instantText(count: bigint, digits: number, zone = ''): string {
  if (count === INFINITE) return 'infinity';
  if (count === -INFINITE) return '-infinity';
  const dayUnits = (DAY_MICROS * 10n ** BigInt(digits)) / 1_000_000n;
  const inDay = ((count % dayUnits) + dayUnits) % dayUnits;
  const date = dateText(new DuckDBDateValue(Number((count - inDay) / dayUnits)));
  const unit = 10n ** BigInt(digits);
  const fraction = digits === 0 ? '' : (inDay % unit).toString().padStart(digits, '0').replace(/0+$/, '');
  const seconds = Number(inDay / unit);
  const clock = [Math.floor(seconds / 3600), Math.floor(seconds / 60) % 60, seconds % 60];
  const time = clock.map((part) => String(part).padStart(2, '0')).join(':');
  return `${date}T${time}${fraction === '' ? '' : `.${fraction}`}${zone}`;
}

function dateText(value: DuckDBDateValue): string {
  if (value.days === DuckDBDateValue.PosInf.days) return 'infinity';
  if (value.days === DuckDBDateValue.NegInf.days) return '-infinity';
  return value.toString();
}

/** A list, struct, map, union or variant as JSON text; undefined for any other value. */
function nestedText(value: DuckDBValue): string | undefined {
  const isNested =
    value instanceof DuckDBListValue ||
    value instanceof DuckDBArrayValue ||
    value instanceof DuckDBStructValue ||
    value instanceof DuckDBMapValue ||
    value instanceof DuckDBUnionValue ||
    value instanceof DuckDBVariantValue;
  return isNested ? JSON.stringify(jsonValue(value)) : undefined;
}

type JsonValue = null | boolean | number | string | JsonValue[] | { [key: string]: JsonValue };

function jsonValue(value: DuckDBValue): JsonValue {
  if (value === null || typeof value === 'boolean' || typeof value === 'string') return value;
  if (typeof value === 'number') return Number.isFinite(value) ? value : String(value);
  if (typeof value === 'bigint')
    return Number.isSafeInteger(Number(value)) ? Number(value) : value.toString();
  if (value instanceof DuckDBListValue || value instanceof DuckDBArrayValue)
    return value.items.map(jsonValue);
  if (value instanceof DuckDBStructValue) return jsonObject(Object.entries(value.entries));
  if (value instanceof DuckDBMapValue) {
    return value.entries.map(({ key, value: held }) => ({ key: jsonValue(key), value: jsonValue(held) }));
  }
  if (value instanceof DuckDBUnionValue) return { [value.tag]: jsonValue(value.value) };
  if (value instanceof DuckDBVariantValue) return jsonValue(value.value);
  return text(value);
}

function jsonObject(entries: readonly (readonly [string, DuckDBValue])[]): JsonValue {
  return Object.fromEntries(entries.map(([key, held]) => [key, jsonValue(held)]));
}

/** The shortest text that gives the same 32-bit float back. */
function floatText(value: number): string {
  for (let digits = 6; digits < 9; digits += 1) {
    const text = value.toPrecision(digits);
    if (Math.fround(Number(text)) === value) return String(Number(text));
  }
  return String(value);
}
