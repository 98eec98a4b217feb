/**
 * The types a declared column can have. Everything that depends on a type (Arrow, SQL, hashing, docs) switches
 * over this list and fails to compile when it grows.
 *
 * - `text`: UTF-8 as it came; absent, null and blank are null.
 * - `decimal`: exact, 16 integer digits and 22 fractional ones; no JavaScript number, no database double.
 * - `date`: a calendar date without a zone.
 * - `timestamp`: microseconds without a zone, UTC by contract.
 */
export const COLUMN_TYPES = ['text', 'decimal', 'date', 'timestamp'] as const;

/** One of {@link COLUMN_TYPES}. */
export type ColumnType = (typeof COLUMN_TYPES)[number];

/** Digits of a decimal in all, and after the point: `DECIMAL(38, 22)` in Arrow and DuckDB. */
export const DECIMAL_PRECISION = 38;
/** Digits of a decimal after the point. */
export const DECIMAL_SCALE = 22;
