import type { QueryResult } from './load/destination.js';
import { valueKind } from './query-output-type.js';
import { textTable, type TextColumn } from './text-table.js';

/** Rows whose widths are looked at together; a longer result comes as several tables. */
const ROWS_PER_TABLE = 1000;

/**
 * A result as a table for people: numbers to the right, null as `NULL`, and the number of rows below. What could
 * move the cursor, hide or reverse text (control characters, direction marks) is shown as an escape.
 */
export async function* tableText(result: QueryResult): AsyncGenerator<string> {
  const { columns } = result;
  const titles = columns.map(({ name, type }) => ({ title: name, align: alignment(type) }));
  let waiting: string[][] = [];
  let count = 0;
  for await (const row of result.rows()) {
    if (waiting.length === ROWS_PER_TABLE) {
      yield `${textTable(titles, waiting)}\n\n`;
      waiting = [];
    }
    waiting.push(row.map((value) => value ?? 'NULL'));
    count += 1;
  }
  yield `${textTable(titles, waiting)}\n(${count} ${count === 1 ? 'row' : 'rows'})\n`;
}

function alignment(type: string): NonNullable<TextColumn['align']> {
  return ['integer', 'decimal', 'float'].includes(valueKind(type)) ? 'right' : 'left';
}
