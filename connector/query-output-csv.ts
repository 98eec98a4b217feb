import type { QueryResult } from './load/destination.js';
import { inPieces, valueKind } from './query-output-type.js';

/**
 * A result as CSV (RFC 4180): a line of names, CRLF line ends, UTF-8 without a byte-order mark. Null is an empty
 * cell, empty text is `""`. Numbers, dates, timestamps and booleans stand as they are. Text that a spreadsheet would
 * run as a formula (it begins with `=`, `+`, `-`, `@`, a tab or a line end, and is no plain number) gets a `'` in front;
 * JSON and Parquet have it exactly.
 */
export function csvText(result: QueryResult): AsyncGenerator<string> {
  return inPieces(csvLines(result));
}

async function* csvLines(result: QueryResult): AsyncGenerator<string> {
  const { columns } = result;
  const isText = columns.map(({ type }) => valueKind(type) === 'text');
  yield csvLine(columns.map(({ name }) => textCell(name)));
  for await (const row of result.rows()) {
    yield csvLine(row.map((value, column) => cell(value, isText[column] ?? true)));
  }
}

function csvLine(cells: readonly string[]): string {
  return `${cells.join(',')}\r\n`;
}

function cell(value: string | null, isText: boolean): string {
  if (value === null) return '';
  return isText ? textCell(value) : value;
}

function textCell(text: string): string {
  const guarded = isFormula(text) ? `'${text}` : text;
  return guarded === '' || /[",\r\n]|^\s|\s$/.test(guarded) ? `"${guarded.replaceAll('"', '""')}"` : guarded;
}

/** With a blank before it too, and in the wide letters of East Asia: some spreadsheets take them for the narrow ones. */
function isFormula(text: string): boolean {
  return (
    /^(?:[\t\r\n]|\s*[=+\-@\uff1d\uff0b\uff0d\uff20])/.test(text) && !/^ *[+-]?\d+(\.\d+)? *$/.test(text)
  );
}
